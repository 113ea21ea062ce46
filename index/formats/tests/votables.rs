//! The VOTables of `$GANTRY_REAL_DATA`: version, serialisation, tables, rows, columns and status as other tools measured.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;

use gantry_formats::votable::{Limits, QueryStatus, Reader, Table, Value, VotableError};

/// A VOTable that can be read: file, version, serialisation of its tables, status, tables.
type Fact = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Said,
    &'static [Measured],
);

/// Rows, columns, names of the first columns.
type Measured = (u64, usize, &'static [&'static str]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Ok,
    Overflow,
    Error(&'static str),
}

const CELLS: Option<&str> = Some("TABLEDATA");
const BINARY: Option<&str> = Some("BINARY");
const BINARY2: Option<&str> = Some("BINARY2");

const LINKS: &[&str] = &["ID", "access_url", "service_def", "error_message"];
const LISTED: &[&str] = &["my_votable_fits_oid", "source_id", "ra", "dec"];
const XP: &[&str] = &["source_id", "solution_id", "bp_basis_function_id"];
const REGRESSION: &[&str] = &["string test", "fixed string test", "unicode_test"];

#[rustfmt::skip]
const FACTS: &[Fact] = &[
    ("gaia/1710099405832VAL-result.vot", "1.4", CELLS, Said::Ok, &[(2, 152, &["solution_id", "designation", "source_id", "random_index", "ref_epoch", "ra"])]),
    ("gaia/1744351221317O-result.vot", "1.4", BINARY2, Said::Ok, &[(2, 4, LISTED)]),
    ("gaia/1744351221317O-result_plain.vot", "1.4", CELLS, Said::Ok, &[(2, 4, LISTED)]),
    ("gaia/test_job_results.xml", "1.3", BINARY2, Said::Ok, &[(5, 57, &["solution_id", "source_id", "random_index", "ref_epoch", "ra", "ra_error"])]),
    ("gaia/TS_gaia_ESAC.xml", "1.3", CELLS, Said::Nothing, &[(251, 12, &["source_id", "transit_id", "band", "time", "mag", "flux"])]),
    ("gaia/XP_CONTINUOUS_RAW.xml", "1.4", BINARY2, Said::Nothing, &[(2, 26, XP)]),
    ("gaia/XP_CONTINUOUS_RAW_plain.xml", "1.4", CELLS, Said::Nothing, &[(2, 26, XP)]),
    ("gaia/XP_SAMPLED_RAW_votable_dr3int6.xml", "1.4", BINARY2, Said::Nothing, &[(2, 6, &["source_id", "solution_id", "ra", "dec", "flux", "flux_error"])]),
    ("votable/alma-datalink.xml", "1.4", CELLS, Said::Nothing, &[(9, 9, LINKS)]),
    ("votable/binary2_masked_strings.xml", "1.3", BINARY2, Said::Ok, &[(3, 6, &["source_id", "ra", "dec", "a_g_val", "datalink_url", "epoch_photometry_url"])]),
    ("votable/binary2_variable_length_char.xml", "1.4", BINARY2, Said::Ok, &[(1, 1, &["access_format"])]),
    ("votable/coosys.xml", "1.5", CELLS, Said::Nothing, &[(1, 4, &["RA", "Dec", "OtherDec", "Name"])]),
    ("votable/cutout1.xml", "1.4", CELLS, Said::Ok, &[(6, 9, LINKS)]),
    ("votable/datalink.xml", "1.3", CELLS, Said::Nothing, &[(4, 8, LINKS)]),
    ("votable/dataLink_003.xml", "1.4", CELLS, Said::Nothing, &[(7, 9, LINKS)]),
    ("votable/datalink_noaccess.xml", "1.3", CELLS, Said::Nothing, &[(1, 9, LINKS)]),
    ("votable/dataset.xml", "1.3", CELLS, Said::Ok, &[(1, 34, &["calib_level", "obs_publisher_did", "obs_collection", "facility_name"])]),
    ("votable/empty_table.xml", "1.2", None, Said::Nothing, &[(0, 2, &["unsignedByte", "short"])]),
    ("votable/errorstatus.xml", "1.4", CELLS, Said::Error("ERROR"), &[(3, 2, &["1", "2"])]),
    ("votable/IMCCE.with_namespace.vot", "1.3", CELLS, Said::Ok, &[(14, 15, &["Num", "Name", "RA", "DEC", "Class", "Mv"])]),
    ("votable/irsa-nph-error.xml", "v1.0", None, Said::Error("\"Either wrong or missing coordinate/object name.\""), &[]),
    ("votable/missingtable.xml", "1.4", None, Said::Ok, &[]),
    ("votable/mivot_annotated_table.xml", "1.4", CELLS, Said::Ok, &[(2, 4, &["source_id", "phot_g_mean_mag", "phot_rp_mean_mag", "phot_bp_mean_mag"])]),
    ("votable/nonstandard_units.xml", "1.1", None, Said::Nothing, &[(0, 1, &["Flux"])]),
    ("votable/obscore-image.xml", "1.3", CELLS, Said::Nothing, &[(10, 36, &["dataproduct_type", "dataproduct_subtype", "calib_level"])]),
    ("votable/obscore.vot", "1.3", BINARY, Said::Ok, &[(1259, 38, &["dataproduct_type", "dataproduct_subtype", "calib_level"])]),
    ("votable/overflowstatus.xml", "1.4", CELLS, Said::Overflow, &[(3, 2, &["1", "2"])]),
    ("votable/proc.xml", "1.3", CELLS, Said::Nothing, &[(5, 8, LINKS)]),
    ("votable/regression.xml", "1.1", CELLS, Said::Ok, &[(5, 29, REGRESSION), (1, 29, REGRESSION), (0, 29, REGRESSION)]),
    ("votable/rootinfo.xml", "1.4", CELLS, Said::Ok, &[(3, 2, &["1", "2"])]),
    ("votable/sdss12.vot", "1.4", CELLS, Said::Overflow, &[(50, 23, &["RA_ICRS", "DE_ICRS", "mode", "q_mode", "class", "SDSS12"])]),
    ("votable/test_query_by_target_name_vizier_error.vot", "1.4", CELLS, Said::Nothing, &[(1, 11, &["MAIN_ID", "RA", "DEC", "RA_PREC", "DEC_PREC"])]),
    ("votable/timesys.xml", "1.4", CELLS, Said::Nothing, &[(1, 4, &["obs_time", "flux", "mag", "flux_error"])]),
    ("votable/unicode.vot", "1.6", CELLS, Said::Nothing, &[(4, 9, &["chr1", "txt", "word10", "words", "uchr1", "utxt", "uword10", "uwords", "ialph"])]),
    ("votable/vizier_b2_votable.xml", "1.4", BINARY, Said::Overflow, &[(20, 12, &["n_PNG", "PNG", "Name", "RAJ2000", "DEJ2000", "MajDiam"])]),
    ("votable/vot_with_cdata.vot", "1.1", CELLS, Said::Nothing, &[(584, 40, &["main_id", "ra", "dec", "coo_err_maj", "coo_err_min", "coo_err_angle"])]),
];

/// What is no VOTable, or one that cannot be read, and the sentence that says why.
const REFUSED: &[(&str, &str)] = &[
    (
        "gaia/test_jobs_async.xml",
        "not a VOTable: it begins with `jobs`",
    ),
    (
        "gaia/test_tables.xml",
        "not a VOTable: it begins with `tableset`",
    ),
    (
        "gaia/test_tables_gaia.xml",
        "not a VOTable: it begins with `tableset`",
    ),
    (
        "votable/availability.xml",
        "not a VOTable: it begins with `availability`",
    ),
    (
        "votable/capabilities-priv.xml",
        "not a VOTable: it begins with `capabilities`",
    ),
    (
        "votable/capabilities.xml",
        "not a VOTable: it begins with `capabilities`",
    ),
    (
        "votable/completed_job.xml",
        "not a VOTable: it begins with `job`",
    ),
    (
        "votable/datatypes_tap.xml",
        "not a VOTable: it begins with `tableset`",
    ),
    (
        "votable/datatypes_votable.xml",
        "not a VOTable: it begins with `tableset`",
    ),
    (
        "votable/job-implicit-v1.0.xml",
        "not a VOTable: it begins with `job`",
    ),
    (
        "votable/job-with-duplicate-elements.xml",
        "not a VOTable: it begins with `job`",
    ),
    (
        "votable/job-with-nested-jobinfo.xml",
        "not a VOTable: it begins with `job`",
    ),
    ("votable/job.xml", "not a VOTable: it begins with `job`"),
    ("votable/no_resource.xml", "a VOTable without a RESOURCE"),
    (
        "votable/parquet_binary.xml",
        "rows serialised as PARQUET are not read here",
    ),
    (
        "votable/sia2_capabilities.xml",
        "not a VOTable: it begins with `capabilities`",
    ),
    (
        "votable/too_many_columns.xml.gz",
        "row 0 has 45 cells where there are 41 fields",
    ),
];

/// Files of other formats beside them.
const OTHERS: &[&str] = &[
    "gaia/1744351221317O-result.csv",
    "gaia/1744351221317O-result.ecsv",
    "gaia/1744351221317O-result.fits",
    "gaia/1744351221317O-result.json",
    "gaia/XP_CONTINUOUS_RAW.csv",
    "gaia/XP_CONTINUOUS_RAW.ecsv",
    "gaia/XP_CONTINUOUS_RAW.fits",
    "gaia/XP_CONTINUOUS_RAW_missing_BP_dr3int6.fits",
    "gaia/XP_SAMPLED_RAW_dr3int6.csv",
    "gaia/cone_search.json",
    "gaia/gaia_dr3_source_id_5937083312263887616_dl_products_csv.zip",
    "gaia/gaia_dr3_source_id_5937083312263887616_dl_products_vot.zip",
    "gaia/job_2.vot.gz",
    "gaia/launch_job.json",
    "gaia/regular_single_source.avro",
    "votable/parquet_binary.xml.parquet",
];

#[test]
fn every_votable_is_read_as_it_was_measured() {
    let Some(root) = real_data() else { return };
    for (file, version, serialisation, said, measured) in FACTS {
        let read = Whole::read(&root, file).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(read.version.as_deref(), Some(*version), "{file}");
        assert_eq!(read.status, status_of(*said), "{file}");
        assert_eq!(read.tables.len(), measured.len(), "{file}");
        for ((table, rows), (n_rows, n_columns, names)) in read.tables.iter().zip(*measured) {
            assert_eq!(rows.len() as u64, *n_rows, "{file}");
            assert_eq!(table.fields.len(), *n_columns, "{file}");
            assert_eq!(table.serialisation.as_deref(), *serialisation, "{file}");
            let first = table.fields.iter().map(|field| field.name.as_str());
            assert_eq!(
                first.take(names.len()).collect::<Vec<_>>(),
                *names,
                "{file}"
            );
        }
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    let Some(root) = real_data() else { return };
    for (file, sentence) in REFUSED {
        let error = Whole::read(&root, file).err();
        assert_eq!(
            error.map(|error| error.to_string()).as_deref(),
            Some(*sentence),
            "{file}"
        );
    }
    for file in OTHERS {
        assert!(Whole::read(&root, file).is_err(), "{file}");
    }
}

#[test]
fn no_file_of_the_folders_is_left_out() {
    let Some(root) = real_data() else { return };
    let facts = FACTS.iter().map(|fact| fact.0);
    let refused = REFUSED.iter().map(|(file, _)| *file);
    let known: BTreeSet<&str> = facts.chain(refused).chain(OTHERS.iter().copied()).collect();
    for folder in ["gaia", "votable"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let name = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
            assert!(known.contains(name.as_str()), "{name} is not in the tables");
        }
    }
}

#[test]
fn the_serialisations_of_one_answer_hold_the_same_values() {
    let Some(root) = real_data() else { return };
    let pairs = [
        (
            "gaia/1744351221317O-result.vot",
            "gaia/1744351221317O-result_plain.vot",
        ),
        (
            "gaia/XP_CONTINUOUS_RAW.xml",
            "gaia/XP_CONTINUOUS_RAW_plain.xml",
        ),
    ];
    for (binary, plain) in pairs {
        let [binary, plain] = [binary, plain].map(|file| Whole::read(&root, file).unwrap());
        for ((_, binary), (table, plain)) in binary.tables.iter().zip(&plain.tables) {
            assert_eq!(binary.len(), plain.len());
            for (binary, plain) in binary.iter().zip(plain) {
                for ((binary, plain), field) in binary.iter().zip(plain).zip(&table.fields) {
                    assert_eq!(binary, plain, "{}", field.name);
                }
            }
        }
    }
}

#[test]
fn ids_of_64_bits_and_nulls_come_out_exactly() {
    let Some(root) = real_data() else { return };
    let read = Whole::read(&root, "gaia/1744351221317O-result.vot").unwrap();
    let rows = &read.tables[0].1;
    // The same query's CSV says these.
    assert_eq!(rows[0][1], Value::Int(3_834_447_128_563_320_320));
    assert_eq!(rows[0][2], Value::Float(149.867_867_787_131_8));
    assert_eq!(rows[1][1], Value::Int(3_834_447_162_923_057_280));

    let read = Whole::read(&root, "votable/binary2_masked_strings.xml").unwrap();
    let rows = &read.tables[0].1;
    assert!(rows.iter().all(|row| row[3].is_null() && row[5].is_null()));
    assert!(rows.iter().all(|row| {
        row[4]
            .as_text()
            .unwrap()
            .starts_with("http://geadata.esac.esa.int/")
    }));
}

#[test]
fn the_odd_cells_of_the_regression_file_are_read() {
    let Some(root) = real_data() else { return };
    let read = Whole::read(&root, "votable/regression.xml").unwrap();
    let (table, rows) = &read.tables[0];
    let cell = |row: usize, id: &str| {
        let named = |field: &&gantry_formats::votable::Field| field.id.as_deref() == Some(id);
        let field = table.fields.iter().rfind(named).unwrap();
        &rows[row][table
            .fields
            .iter()
            .position(|other| other == field)
            .unwrap()]
    };
    assert_eq!(rows[0][0], Value::Text("String & test".to_owned()));
    assert_eq!(
        rows[1][0],
        Value::Text("String &amp; test".to_owned()),
        "CDATA is as it is"
    );
    assert_eq!(*cell(0, "float"), Value::Float(1.0), "a cell in base64");
    assert_eq!(*cell(3, "int"), Value::Int(0x0fff_ffff), "hexadecimal");
    assert_eq!(
        *cell(1, "nulls"),
        Value::Null,
        "the value that stands for nothing"
    );
    assert_eq!(*cell(1, "boolean"), Value::Bool(false), "FaLsE");
    let list = |numbers: [Value; 4]| Value::List(numbers.to_vec());
    assert_eq!(
        *cell(2, "nulls_array"),
        list([Value::Null, Value::Int(0), Value::Null, Value::Int(1)])
    );
    let (yes, unknown) = (Value::Bool(true), Value::Null);
    assert_eq!(
        *cell(2, "booleanArray"),
        list([yes.clone(), yes.clone(), unknown, yes])
    );
}

#[test]
fn services_and_systems_of_time_are_told() {
    let Some(root) = real_data() else { return };
    let read = Whole::read(&root, "votable/proc.xml").unwrap();
    let service = read.services.first().unwrap();
    assert_eq!(
        service.param("accessURL"),
        Some("http://example.com/proc_ds")
    );
    assert_eq!(
        service.param("standardID"),
        Some("ivo://ivoa.net/std/SODA#sync-1.0")
    );
    let inputs: Vec<_> = service
        .params
        .iter()
        .filter(|(is_input, _)| *is_input)
        .collect();
    assert!(inputs.iter().any(|(_, param)| param.name == "BAND"));

    let read = Whole::read(&root, "votable/timesys.xml").unwrap();
    let frame = read
        .systems
        .iter()
        .find(|system| system.id == "time_frame")
        .unwrap();
    assert_eq!(frame.attribute("timeorigin"), Some("2455197.5"));
    assert_eq!(frame.attribute("timescale"), Some("TCB"));
    assert_eq!(
        read.tables[0].0.fields[0].reference.as_deref(),
        Some("time_frame")
    );
}

/// All that a VOTable holds.
struct Whole {
    version: Option<String>,
    status: QueryStatus,
    tables: Vec<(Table, Vec<Vec<Value>>)>,
    services: Vec<gantry_formats::votable::Resource>,
    systems: Vec<gantry_formats::votable::System>,
}

impl Whole {
    fn read(root: &std::path::Path, file: &str) -> Result<Self, VotableError> {
        let mut reader = Reader::new(File::open(root.join(file)).unwrap(), Limits::default())?;
        let mut tables = Vec::new();
        while let Some(table) = reader.next_table()? {
            let (mut row, mut rows) = (Vec::new(), Vec::new());
            while reader.next_row(&mut row)? {
                rows.push(row.clone());
            }
            tables.push((table, rows));
        }
        let services = reader
            .resources()
            .iter()
            .filter(|resource| resource.is_service());
        Ok(Self {
            version: reader.version().map(ToOwned::to_owned),
            status: reader.status(),
            tables,
            services: services.cloned().collect(),
            systems: reader.systems().to_vec(),
        })
    }
}

fn status_of(said: Said) -> QueryStatus {
    match said {
        Said::Nothing => QueryStatus::Unsaid,
        Said::Ok => QueryStatus::Ok,
        Said::Overflow => QueryStatus::Overflow,
        Said::Error(text) => QueryStatus::Error(text.to_owned()),
    }
}

fn real_data() -> Option<PathBuf> {
    let root = std::env::var_os("GANTRY_REAL_DATA").map(PathBuf::from);
    if root.is_none() {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
    }
    root
}
