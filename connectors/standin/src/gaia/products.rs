//! Products of single sources: spectra and light curves, and the ZIP they come in.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::encode::{Format, encode};
use super::sources::Source;
use super::value::{Table, Value, read_columns};
use super::votable::About;

const SOLUTION_ID: i64 = 4_545_469_030_156_206_080;
const TIMESYS: &str = "<TIMESYS ID=\"time_frame\" refposition=\"BARYCENTER\" timeorigin=\"2455197.5\" timescale=\"TCB\"/>\n";
const N_COEFFICIENTS: usize = 55;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    EpochPhotometry,
    XpContinuous,
    XpSampled,
    Rvs,
}

/// How the products of several sources are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Structure {
    /// A file for each source.
    Single,
    /// One file; a row for each source, with arrays.
    Raw,
    /// One file; the rows of all sources one after the other.
    Combined,
}

impl Structure {
    pub(crate) fn read(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "" | "INDIVIDUAL" | "DATAMODEL_STANDARD" => Self::Single,
            "RAW" | "DATAMODEL_GAIA" => Self::Raw,
            "COMBINED" => Self::Combined,
            _ => return None,
        })
    }
}

const EPOCH_PHOTOMETRY: &str = "source_id|long||meta.id;meta.main|Number of the source
transit_id|long||meta.version|Passage over the focal plane
band|char||instr.bandpass|G, BP or RP
time|double|d|time.epoch|Barycentric JD in TCB, less 2455197.5 d
mag|double|mag|phot.mag;em.opt|Magnitude
flux|double|'electron'.s**-1|phot.flux;em.opt|Flux
flux_error|double|'electron'.s**-1|stat.error;phot.flux;em.opt|Standard error of the flux
flux_over_error|float||stat.snr;phot.flux;em.opt|Flux divided by its error
rejected_by_photometry|boolean||meta.code.status|Left out by the photometry
rejected_by_variability|boolean||meta.code.status|Left out by the variability analysis
other_flags|long||meta.code.status|Further flags
solution_id|long||meta.version|Which run of the processing made this row";
const SAMPLED: &str = "wavelength|double|nm|em.wl|Wavelength
flux|float|W.m**-2.nm**-1|phot.flux;em.opt|Flux
flux_error|float|W.m**-2.nm**-1|stat.error;phot.flux;em.opt|Standard error of the flux";
const RVS: &str = "wavelength|double|nm|em.wl|Wavelength
flux|float||phot.flux;em.opt.I|Flux, the continuum being 1
flux_error|float||stat.error;phot.flux;em.opt.I|Standard error of the flux";
const OF_SOURCE: &str = "source_id|long||meta.id;meta.main|Number of the source
solution_id|long||meta.version|Which run of the processing made this row
ra|double|deg|pos.eq.ra|Right ascension
dec|double|deg|pos.eq.dec|Declination";

impl Product {
    pub(crate) const ALL: [Self; 4] = [
        Self::EpochPhotometry,
        Self::XpContinuous,
        Self::XpSampled,
        Self::Rvs,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EpochPhotometry => "EPOCH_PHOTOMETRY",
            Self::XpContinuous => "XP_CONTINUOUS",
            Self::XpSampled => "XP_SAMPLED",
            Self::Rvs => "RVS",
        }
    }

    /// The products of a RETRIEVAL_TYPE; MCMC samples are known but no source here has them.
    pub(crate) fn read(types: &str) -> Result<Vec<Self>, String> {
        let mut products = Vec::new();
        for name in types
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match name.to_ascii_uppercase().as_str() {
                "ALL" => return Ok(Self::ALL.to_vec()),
                "MCMC_GSPPHOT" | "MCMC_MSC" => {}
                upper => match Self::ALL
                    .into_iter()
                    .find(|product| product.name() == upper)
                {
                    Some(product) => products.push(product),
                    None => return Err(format!("the RETRIEVAL_TYPE `{name}` is not known")),
                },
            }
        }
        if types.trim().is_empty() {
            Ok(Self::ALL.to_vec())
        } else {
            Ok(products)
        }
    }

    pub(crate) fn is_of(self, source: &Source) -> bool {
        match self {
            Self::EpochPhotometry => source.is_variable,
            Self::XpContinuous | Self::XpSampled => source.has_xp(),
            Self::Rvs => source.has_rvs(),
        }
    }

    /// The rows of one source, without what is the same in all of them.
    fn rows(self, source: &Source, valid_only: bool) -> Table {
        match self {
            Self::EpochPhotometry => light_curve(source, valid_only),
            Self::XpContinuous => continuous(source),
            Self::XpSampled => sampled(source),
            Self::Rvs => rvs(source),
        }
    }

    /// Whether source and solution are parameters of the table in VOTable and columns elsewhere.
    fn is_spectrum(self) -> bool {
        matches!(self, Self::XpSampled | Self::Rvs)
    }
}

fn sampled(source: &Source) -> Table {
    let mut dice = source.dice(2);
    let teff = 4600.0 / (0.42 * source.bp_rp.max(-0.5) + 0.5);
    let scale = 2.5e-11 * 10_f64.powf(-0.4 * source.g);
    let planck = |nm: f64| (nm / 550.0).powi(-5) / ((14_387_769.0 / (nm * teff)).exp() - 1.0);
    let rows = (0..=342).map(|n| {
        let wavelength = f64::from(336 + 2 * n);
        let flux = scale * planck(wavelength) / planck(620.0);
        let error = flux * 0.01 + scale * 2e-3;
        vec![
            Value::Float(wavelength),
            Value::float(flux + error * dice.normal()),
            Value::float(error),
        ]
    });
    Table {
        columns: read_columns(SAMPLED),
        rows: rows.collect(),
    }
}

/// 846 to 870 nm in steps of 0.01, with the lines of the calcium triplet.
fn rvs(source: &Source) -> Table {
    let mut dice = source.dice(3);
    let rows = (0..=2400).map(|n| {
        let wavelength = 846.0 + f64::from(n) * 0.01;
        let line =
            |centre: f64, depth: f64| depth * (-((wavelength - centre) / 0.12).powi(2)).exp();
        let flux = 1.0 - line(850.035, 0.4) - line(854.444, 0.6) - line(866.452, 0.5);
        vec![
            Value::Float(wavelength),
            Value::float(flux + 0.01 * dice.normal()),
            Value::float(0.01),
        ]
    });
    Table {
        columns: read_columns(RVS),
        rows: rows.collect(),
    }
}

fn continuous(source: &Source) -> Table {
    let mut dice = source.dice(4);
    let mut list = String::from(
        "source_id|long||meta.id;meta.main|Number of the source\nsolution_id|long||meta.version|Which run of the processing made this row\n",
    );
    let mut row = vec![Value::Int(source.source_id), Value::Int(SOLUTION_ID)];
    for (band, basis) in [("bp", 56), ("rp", 57)] {
        for (name, kind, about) in [
            ("basis_function_id", "short", "Which basis functions"),
            ("degrees_of_freedom", "short", "Degrees of freedom"),
            ("n_parameters", "short", "Number of coefficients"),
            ("n_measurements", "short", "Number of measurements"),
            ("n_rejected_measurements", "short", "Measurements left out"),
            (
                "standard_deviation",
                "float",
                "Standard deviation of the fit",
            ),
            ("chi_squared", "float", "Chi squared of the fit"),
            ("coefficients", "double[]", "Coefficients"),
            ("coefficient_errors", "float[]", "Their errors"),
            ("coefficient_correlations", "float[]", "Their correlations"),
            ("n_relevant_bases", "short", "Coefficients that matter"),
            (
                "relative_shrinking",
                "float",
                "What is lost without the others",
            ),
        ] {
            list += &format!("{band}_{name}|{kind}|||{about}\n");
        }
        let n = 400 + (dice.unit() * 3000.0) as i64;
        let flux = 10_f64.powf(0.4 * (22.0 - source.g));
        let coefficients = (0..N_COEFFICIENTS)
            .map(|n| flux * 0.6_f64.powi(n as i32) * dice.between(-1.0, 1.0))
            .collect();
        let errors = (0..N_COEFFICIENTS)
            .map(|_| flux * 1e-3 * dice.between(0.5, 1.5))
            .collect();
        let correlations = (0..N_COEFFICIENTS * (N_COEFFICIENTS - 1) / 2)
            .map(|_| dice.between(-0.3, 0.3))
            .collect();
        row.extend([
            Value::Int(basis),
            Value::Int(n - N_COEFFICIENTS as i64),
            Value::Int(N_COEFFICIENTS as i64),
            Value::Int(n),
            Value::Int(n / 200),
            Value::float(1.05),
            Value::float(1.1 * n as f64),
            Value::Array(coefficients),
            Value::Array(errors),
            Value::Array(correlations),
            Value::Int(12),
            Value::float(0.02),
        ]);
    }
    Table {
        columns: read_columns(&list),
        rows: vec![row],
    }
}

/// 34 months of transits in three bands; some are marked as rejected.
fn light_curve(source: &Source, valid_only: bool) -> Table {
    let mut dice = source.dice(6);
    let period_d = dice.between(0.3, 40.0);
    let amplitude = dice.between(0.05, 0.6);
    let mut rows = Vec::new();
    for n in 0..42 {
        let time = 1666.0 + 24.0 * f64::from(n) + dice.between(0.0, 12.0);
        let offset = amplitude * (std::f64::consts::TAU * time / period_d).sin();
        for (band, colour, zero_point) in [
            ("G", 0.0, 25.6874),
            ("BP", 0.46, 25.3385),
            ("RP", -0.54, 24.7479),
        ] {
            let mag = source.g + colour * source.bp_rp + offset + 0.004 * dice.normal();
            let flux = 10_f64.powf(0.4 * (zero_point - mag));
            let is_rejected = dice.unit() < 0.05;
            let error = flux * 0.004;
            if valid_only && is_rejected {
                continue;
            }
            rows.push(vec![
                Value::Int(source.source_id),
                Value::Int(17_091_923_342_681_275 + 1000 * i64::from(n)),
                Value::text(band),
                Value::Float(time),
                Value::Float(mag),
                Value::Float(flux),
                Value::Float(error),
                Value::float(flux / error),
                Value::Bool(is_rejected),
                Value::Bool(false),
                Value::Int(1),
                Value::Int(SOLUTION_ID),
            ]);
        }
    }
    Table {
        columns: read_columns(EPOCH_PHOTOMETRY),
        rows,
    }
}

fn of_source(source: &Source) -> Vec<Value> {
    vec![
        Value::Int(source.source_id),
        Value::Int(SOLUTION_ID),
        Value::Float(source.ra),
        Value::Float(source.dec),
    ]
}

/// One file of an answer.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// What is asked of `data-server/data`.
#[derive(Debug)]
pub(crate) struct Retrieval<'s> {
    pub(crate) sources: Vec<&'s Source>,
    pub(crate) products: Vec<Product>,
    pub(crate) structure: Structure,
    pub(crate) format: Format,
    pub(crate) valid_only: bool,
}

impl Retrieval<'_> {
    /// The files; a source without a product has none.
    pub(crate) fn members(&self) -> Result<Vec<Member>, String> {
        let mut members = Vec::new();
        for product in &self.products {
            let having: Vec<&Source> = self
                .sources
                .iter()
                .copied()
                .filter(|source| product.is_of(source))
                .collect();
            match self.structure {
                _ if having.is_empty() => {}
                Structure::Single => {
                    for source in having {
                        members.push(self.single(*product, source)?);
                    }
                }
                Structure::Raw => members.push(self.file(
                    *product,
                    raw(*product, &having, self.valid_only),
                    "RAW",
                )?),
                Structure::Combined => {
                    let tables = having.iter().map(|source| {
                        with_source(product.rows(source, self.valid_only), source, *product)
                    });
                    members.push(self.file(*product, joined(tables), "COMBINED")?);
                }
            }
        }
        Ok(members)
    }

    fn single(&self, product: Product, source: &Source) -> Result<Member, String> {
        let rows = product.rows(source, self.valid_only);
        let is_votable = matches!(self.format, Format::Votable | Format::VotablePlain);
        let (table, parameters) = if is_votable && product.is_spectrum() {
            (rows, parameters(source))
        } else {
            (with_source(rows, source, product), String::new())
        };
        let name = format!(
            "{}-Gaia DR3 {}.{}",
            product.name(),
            source.source_id,
            self.extension()
        );
        self.member(name, &table, &parameters)
    }

    fn file(&self, product: Product, table: Table, structure: &str) -> Result<Member, String> {
        self.member(
            format!("{}_{structure}.{}", product.name(), self.extension()),
            &table,
            "",
        )
    }

    fn member(&self, name: String, table: &Table, parameters: &str) -> Result<Member, String> {
        let about = About {
            before_table: TIMESYS.to_owned(),
            in_table: parameters.to_owned(),
            resource_attributes: " utype=\"spec:Spectrum\" xmlns:spec=\"http://www.ivoa.net/xml/SpectrumModel/v1.01\"",
            ..About::default()
        };
        let bytes = encode(table, &about, self.format).map_err(|error| error.to_string())?;
        Ok(Member { name, bytes })
    }

    fn extension(&self) -> &'static str {
        match self.format {
            Format::Votable | Format::VotablePlain | Format::VotableGzip => "xml",
            format => format.extension(),
        }
    }
}

fn parameters(source: &Source) -> String {
    format!(
        "<PARAM datatype=\"long\" name=\"source_id\" ucd=\"meta.id;meta.main\" value=\"{}\"/>\n\
         <PARAM datatype=\"long\" name=\"solution_id\" ucd=\"meta.version\" value=\"{SOLUTION_ID}\"/>\n\
         <PARAM arraysize=\"2\" datatype=\"double\" name=\"spatialLocation\" ucd=\"pos.eq\" unit=\"deg\" value=\"{:?} {:?}\"/>\n",
        source.source_id, source.ra, source.dec
    )
}

/// Puts number, solution and place before the columns of a spectrum.
fn with_source(mut table: Table, source: &Source, product: Product) -> Table {
    if product.is_spectrum() {
        table.columns.splice(0..0, read_columns(OF_SOURCE));
        for row in &mut table.rows {
            row.splice(0..0, of_source(source));
        }
    }
    table
}

fn joined(tables: impl Iterator<Item = Table>) -> Table {
    let mut joined = Table::default();
    for table in tables {
        joined.columns = table.columns;
        joined.rows.extend(table.rows);
    }
    joined
}

/// A row for each source; columns of numbers become arrays.
fn raw(product: Product, sources: &[&Source], valid_only: bool) -> Table {
    if !product.is_spectrum() {
        return joined(
            sources
                .iter()
                .map(|source| product.rows(source, valid_only)),
        );
    }
    let mut columns = read_columns(OF_SOURCE);
    columns.extend(read_columns(
        "flux|float[]|||Flux\nflux_error|float[]|||Standard error of the flux",
    ));
    let rows = sources.iter().map(|source| {
        let table = product.rows(source, valid_only);
        let array = |n: usize| {
            Value::Array(
                table
                    .rows
                    .iter()
                    .filter_map(|row| row[n].as_f64())
                    .collect(),
            )
        };
        let mut row = of_source(source);
        row.extend([array(1), array(2)]);
        row
    });
    Table {
        columns,
        rows: rows.collect(),
    }
}

/// A ZIP of the files.
pub(crate) fn zip(members: &[Member]) -> Result<Vec<u8>, String> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for member in members {
        writer
            .start_file(member.name.as_str(), SimpleFileOptions::default())
            .map_err(|error| error.to_string())?;
        writer
            .write_all(&member.bytes)
            .map_err(|error| error.to_string())?;
    }
    writer
        .finish()
        .map(Cursor::into_inner)
        .map_err(|error| error.to_string())
}
