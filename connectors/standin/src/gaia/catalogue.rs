//! The catalogue: the tables that can be queried, and what `tap_schema` says of them.

use super::sources::{Source, columns};
use super::value::{Column, Kind, Table, Value, read_columns};

/// A table with what the archive says of it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// With its schema, such as `gaiadr3.gaia_source`.
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    /// Rows in the real archive; the stand-in has only a few thousand.
    pub(crate) size: u64,
    pub(crate) hierarchy: &'static str,
    pub(crate) table: Table,
}

/// All tables.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) entries: Vec<Entry>,
}

/// Schemas in order, with what they hold.
pub(crate) const SCHEMAS: [(&str, &str); 5] = [
    ("external", "Catalogues of others"),
    ("gaiadr2", "Gaia Data Release 2"),
    ("gaiadr3", "Gaia Data Release 3"),
    ("ivoa", "Observations"),
    ("tap_schema", "What can be queried here"),
];

const XP_SUMMARY: &str = "source_id|long||meta.id;meta.main|Number of the source
solution_id|long||meta.version|Which run of the processing made this row
bp_n_relevant_bases|short||meta.number|Coefficients that matter, BP
bp_n_measurements|short||meta.number|Measurements, BP
bp_standard_deviation|float||stat.stdev|Standard deviation of the fit, BP
rp_n_relevant_bases|short||meta.number|Coefficients that matter, RP
rp_n_measurements|short||meta.number|Measurements, RP
rp_standard_deviation|float||stat.stdev|Standard deviation of the fit, RP";
const DISTANCE: &str = "source_id|long||meta.id;meta.main|Number of the source
r_med_geo|float|pc|pos.distance;stat.median|Distance from the parallax, median
r_lo_geo|float|pc|pos.distance;stat.min|Distance from the parallax, 16th percentile
r_hi_geo|float|pc|pos.distance;stat.max|Distance from the parallax, 84th percentile
r_med_photogeo|float|pc|pos.distance;stat.median|Distance from parallax and colour, median
r_lo_photogeo|float|pc|pos.distance;stat.min|Distance from parallax and colour, 16th percentile
r_hi_photogeo|float|pc|pos.distance;stat.max|Distance from parallax and colour, 84th percentile
flag|char||meta.code|How it was found";

impl Catalogue {
    pub(crate) fn of(sources: &[Source]) -> Self {
        let gaia_source = gaia_source(sources, columns(), "Gaia DR3", 2016.0);
        let lite = projected(&gaia_source, is_lite);
        let dr2 = gaia_source_dr2(sources);
        let entry = |name, description, size, hierarchy, table| Entry {
            name,
            description,
            size,
            hierarchy,
            table,
        };
        Self::with(vec![
            entry(
                "external.gaiaedr3_distance",
                "Distances of EDR3 sources",
                1_467_744_818,
                "Other/External catalogues",
                distances(sources),
            ),
            entry(
                "gaiadr2.gaia_source",
                "The main table of the release",
                1_692_919_135,
                "Gaia DR2/Main tables",
                dr2,
            ),
            entry(
                "gaiadr3.gaia_source",
                "The main table of the release: one row for each source",
                1_811_709_771,
                "Gaia DR3/Main tables",
                gaia_source,
            ),
            entry(
                "gaiadr3.gaia_source_lite",
                "The columns of gaia_source that are used most",
                1_811_709_771,
                "Gaia DR3/Main tables",
                lite,
            ),
            entry(
                "gaiadr3.xp_summary",
                "BP/RP spectra in short",
                219_197_643,
                "Gaia DR3/Spectroscopy",
                xp_summary(sources),
            ),
        ])
    }

    /// These tables, and those that tell of them.
    pub(crate) fn with(mut entries: Vec<Entry>) -> Self {
        entries.extend(tap_schema(&entries));
        Self { entries }
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.entry(name).map(|entry| &entry.table)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.name.eq_ignore_ascii_case(name))
    }
}

impl Entry {
    pub(crate) fn schema(&self) -> &'static str {
        self.name.split('.').next().unwrap_or_default()
    }
}

fn gaia_source(sources: &[Source], columns: Vec<Column>, release: &str, ref_epoch: f64) -> Table {
    let rows = sources
        .iter()
        .map(|source| source.row(&columns, release, ref_epoch))
        .collect();
    Table { columns, rows }
}

fn gaia_source_dr2(sources: &[Source]) -> Table {
    let later = [
        "has_",
        "in_",
        "non_single",
        "classprob",
        "ipd_",
        "grvs",
        "vbroad",
        "_gspphot",
        "scan_",
        "rv_",
        "pseudocolour",
    ];
    let mut columns = columns();
    columns.retain(|column| {
        !later.iter().any(|part| column.name.contains(part))
            && column.name != "ruwe"
            && column.name != "pm"
    });
    gaia_source(sources, columns, "Gaia DR2", 2015.5)
}

fn is_lite(name: &str) -> bool {
    let is_error_of_astrometry =
        name.ends_with("_error") && !name.starts_with("phot") && !name.starts_with("pseudo");
    is_error_of_astrometry
        || [
            "source_id",
            "random_index",
            "ref_epoch",
            "ra",
            "dec",
            "parallax",
            "parallax_over_error",
            "pm",
            "pmra",
            "pmdec",
            "ruwe",
            "phot_g_mean_mag",
            "phot_bp_mean_mag",
            "phot_rp_mean_mag",
            "bp_rp",
            "radial_velocity",
            "l",
            "b",
            "has_xp_continuous",
            "has_xp_sampled",
            "has_rvs",
            "has_epoch_photometry",
        ]
        .contains(&name)
}

fn projected(table: &Table, keeps: impl Fn(&str) -> bool) -> Table {
    let kept: Vec<usize> = (0..table.columns.len())
        .filter(|n| keeps(&table.columns[*n].name))
        .collect();
    Table {
        columns: kept.iter().map(|n| table.columns[*n].clone()).collect(),
        rows: table
            .rows
            .iter()
            .map(|row| kept.iter().map(|n| row[*n].clone()).collect())
            .collect(),
    }
}

fn xp_summary(sources: &[Source]) -> Table {
    let with_xp = sources.iter().filter(|source| source.has_xp());
    let row = |source: &Source| {
        let mut dice = source.dice(5);
        let mut count = |low, high| Value::Int(dice.between(low, high) as i64);
        let (bp_bases, bp_n, rp_bases, rp_n) = (
            count(3.0, 55.0),
            count(300.0, 4000.0),
            count(3.0, 55.0),
            count(300.0, 4000.0),
        );
        vec![
            Value::Int(source.source_id),
            Value::Int(4_545_469_030_156_206_080),
            bp_bases,
            bp_n,
            Value::float(dice.between(0.9, 1.3)),
            rp_bases,
            rp_n,
            Value::float(dice.between(0.9, 1.3)),
        ]
    };
    Table {
        columns: read_columns(XP_SUMMARY),
        rows: with_xp.map(row).collect(),
    }
}

fn distances(sources: &[Source]) -> Table {
    let columns = columns();
    let place = columns
        .iter()
        .position(|column| column.name == "parallax")
        .unwrap_or_default();
    let row = |source: &Source| {
        let parallax = source.row(&columns, "", 2016.0)[place].as_f64()?;
        let distance = 1000.0 / parallax.max(0.15);
        let of = |factor: f64| Value::float(distance * factor);
        Some(vec![
            Value::Int(source.source_id),
            of(1.0),
            of(0.97),
            of(1.03),
            of(0.99),
            of(0.97),
            of(1.02),
            Value::text("10033"),
        ])
    };
    Table {
        columns: read_columns(DISTANCE),
        rows: sources.iter().filter_map(row).collect(),
    }
}

const TAP_SCHEMA: [(&str, &str, &[&str]); 5] = [
    (
        "tap_schema.schemas",
        "Schemas",
        &["schema_name", "utype", "description", "schema_index#"],
    ),
    (
        "tap_schema.tables",
        "Tables",
        &[
            "schema_name",
            "table_name",
            "table_type",
            "utype",
            "description",
            "table_index#",
        ],
    ),
    (
        "tap_schema.columns",
        "Columns",
        &[
            "table_name",
            "column_name",
            "datatype",
            "arraysize",
            "size#",
            "xtype",
            "description",
            "utype",
            "unit",
            "ucd",
            "indexed#",
            "principal#",
            "std#",
            "column_index#",
        ],
    ),
    (
        "tap_schema.keys",
        "Which tables can be joined",
        &[
            "key_id",
            "from_table",
            "target_table",
            "utype",
            "description",
        ],
    ),
    (
        "tap_schema.key_columns",
        "By which columns they can",
        &["key_id", "from_column", "target_column"],
    ),
];

fn tap_schema(entries: &[Entry]) -> Vec<Entry> {
    let mut made: Vec<Entry> = TAP_SCHEMA
        .iter()
        .map(|(name, description, columns)| {
            let columns = columns.iter().map(|name| match name.strip_suffix('#') {
                Some(name) => Column::new(name, Kind::Int),
                None => Column::new(name, Kind::Char),
            });
            let table = Table {
                columns: columns.collect(),
                rows: Vec::new(),
            };
            Entry {
                name,
                description,
                size: 0,
                hierarchy: "TAP schema",
                table,
            }
        })
        .collect();
    let all: Vec<&Entry> = entries.iter().chain(&made).collect();
    let text = |text: &str| {
        if text.is_empty() {
            Value::Null
        } else {
            Value::text(text)
        }
    };
    let there = SCHEMAS
        .iter()
        .filter(|(name, _)| all.iter().any(|entry| entry.schema() == *name));
    let schemas = there.zip(0..).map(|((name, description), n)| {
        vec![text(name), Value::Null, text(description), Value::Int(n)]
    });
    let tables = all.iter().zip(0..).map(|(entry, n)| {
        vec![
            text(entry.schema()),
            text(entry.name),
            text("table"),
            Value::Null,
            text(entry.description),
            Value::Int(n),
        ]
    });
    let columns = all.iter().flat_map(|entry| {
        entry.table.columns.iter().zip(0..).map(|(column, n)| {
            vec![
                text(entry.name),
                text(&column.name),
                text(column.kind.datatype()),
                text(column.kind.arraysize().unwrap_or_default()),
                Value::Null,
                Value::Null,
                text(&column.description),
                Value::Null,
                text(&column.unit),
                text(&column.ucd),
                Value::Int(i64::from(is_indexed(&column.name))),
                Value::Int(i64::from(is_principal(&column.name))),
                Value::Int(0),
                Value::Int(n),
            ]
        })
    });
    let keys = ["gaiadr3.xp_summary", "external.gaiaedr3_distance"];
    let key_rows = keys.iter().zip(1..).map(|(from, n)| {
        vec![
            Value::text(format!("key_{n}")),
            text(from),
            text("gaiadr3.gaia_source"),
            Value::Null,
            Value::Null,
        ]
    });
    let key_columns = (1..=2).map(|n| {
        vec![
            Value::text(format!("key_{n}")),
            text("source_id"),
            text("source_id"),
        ]
    });
    let rows = [
        schemas.collect(),
        tables.collect(),
        columns.collect(),
        key_rows.collect(),
        key_columns.collect::<Vec<_>>(),
    ];
    for (entry, rows) in made.iter_mut().zip(rows) {
        entry.size = rows.len() as u64;
        entry.table.rows = rows;
    }
    made
}

pub(crate) fn is_indexed(name: &str) -> bool {
    [
        "source_id",
        "random_index",
        "ra",
        "dec",
        "parallax",
        "phot_g_mean_mag",
        "bp_rp",
    ]
    .contains(&name)
}

fn is_principal(name: &str) -> bool {
    [
        "source_id",
        "ra",
        "dec",
        "parallax",
        "pmra",
        "pmdec",
        "phot_g_mean_mag",
        "bp_rp",
    ]
    .contains(&name)
}
