//! The VOTables of `$GANTRY_REAL_DATA`: version, serialisation, tables, rows, columns and status as other tools measured.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::path::PathBuf;

use Status::{Failed, Ok as Well, Overflow, Unsaid};
use gantry_formats::votable::{Limits, QueryStatus, Reader, Table, Value, VotableError};
use proptest::prelude::*;

/// What was said of the query, without its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Unsaid,
    Ok,
    Overflow,
    Failed,
}

/// What is known of a file; of each table the rows, the columns and the names of the first columns.
struct Fact {
    file: &'static str,
    version: &'static str,
    serialisation: Option<&'static str>,
    status: Status,
    n_tables: usize,
    tables: &'static [(usize, usize, &'static str)],
}

const fn fact(
    file: &'static str,
    version: &'static str,
    serialisation: Option<&'static str>,
    status: Status,
    n_tables: usize,
    tables: &'static [(usize, usize, &'static str)],
) -> Fact {
    Fact {
        file,
        version,
        serialisation,
        status,
        n_tables,
        tables,
    }
}

const FACTS: &[Fact] = &[
    fact(
        "gaia/1710099405832VAL-result.vot",
        "1.4",
        Some("TABLEDATA"),
        Well,
        1,
        &[(
            2,
            152,
            "solution_id, designation, source_id, random_index, ref_epoch, ra",
        )],
    ),
    fact(
        "gaia/1744351221317O-result.vot",
        "1.4",
        Some("BINARY2"),
        Well,
        1,
        &[(2, 4, "my_votable_fits_oid, source_id, ra, dec")],
    ),
    fact(
        "gaia/1744351221317O-result_plain.vot",
        "1.4",
        Some("TABLEDATA"),
        Well,
        1,
        &[(2, 4, "my_votable_fits_oid, source_id, ra, dec")],
    ),
    fact(
        "gaia/test_job_results.xml",
        "1.3",
        Some("BINARY2"),
        Well,
        1,
        &[(
            5,
            57,
            "solution_id, source_id, random_index, ref_epoch, ra, ra_error",
        )],
    ),
    fact(
        "gaia/TS_gaia_ESAC.xml",
        "1.3",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(251, 12, "source_id, transit_id, band, time, mag, flux")],
    ),
    fact(
        "gaia/XP_CONTINUOUS_RAW.xml",
        "1.4",
        Some("BINARY2"),
        Unsaid,
        1,
        &[(
            2,
            26,
            "source_id, solution_id, bp_basis_function_id, bp_degrees_of_freedom, bp_n_parameters, bp_n_measurements",
        )],
    ),
    fact(
        "gaia/XP_CONTINUOUS_RAW_plain.xml",
        "1.4",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(
            2,
            26,
            "source_id, solution_id, bp_basis_function_id, bp_degrees_of_freedom, bp_n_parameters, bp_n_measurements",
        )],
    ),
    fact(
        "gaia/XP_SAMPLED_RAW_votable_dr3int6.xml",
        "1.4",
        Some("BINARY2"),
        Unsaid,
        1,
        &[(2, 6, "source_id, solution_id, ra, dec, flux, flux_error")],
    ),
    fact(
        "votable/alma-datalink.xml",
        "1.4",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(
            9,
            9,
            "ID, access_url, service_def, error_message, semantics, description",
        )],
    ),
    fact(
        "votable/binary2_masked_strings.xml",
        "1.3",
        Some("BINARY2"),
        Well,
        1,
        &[(
            3,
            6,
            "source_id, ra, dec, a_g_val, datalink_url, epoch_photometry_url",
        )],
    ),
    fact(
        "votable/binary2_variable_length_char.xml",
        "1.4",
        Some("BINARY2"),
        Well,
        1,
        &[(1, 1, "access_format")],
    ),
    fact(
        "votable/coosys.xml",
        "1.5",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(1, 4, "RA, Dec, OtherDec, Name")],
    ),
    fact(
        "votable/cutout1.xml",
        "1.4",
        Some("TABLEDATA"),
        Well,
        1,
        &[(
            6,
            9,
            "ID, access_url, service_def, error_message, semantics, description",
        )],
    ),
    fact(
        "votable/datalink.xml",
        "1.3",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(
            4,
            8,
            "ID, access_url, service_def, error_message, description, semantics",
        )],
    ),
    fact(
        "votable/dataLink_003.xml",
        "1.4",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(
            7,
            9,
            "ID, access_url, service_def, error_message, semantics, description",
        )],
    ),
    fact(
        "votable/datalink_noaccess.xml",
        "1.3",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(
            1,
            9,
            "ID, access_url, service_def, error_message, description, semantics",
        )],
    ),
    fact(
        "votable/dataset.xml",
        "1.3",
        Some("TABLEDATA"),
        Well,
        1,
        &[(
            1,
            34,
            "calib_level, obs_publisher_did, obs_collection, facility_name, instrument_name, obs_id",
        )],
    ),
    fact(
        "votable/empty_table.xml",
        "1.2",
        None,
        Unsaid,
        1,
        &[(0, 2, "unsignedByte, short")],
    ),
    fact(
        "votable/errorstatus.xml",
        "1.4",
        Some("TABLEDATA"),
        Failed,
        1,
        &[(3, 2, "1, 2")],
    ),
    fact(
        "votable/IMCCE.with_namespace.vot",
        "1.3",
        Some("TABLEDATA"),
        Well,
        1,
        &[(14, 15, "Num, Name, RA, DEC, Class, Mv")],
    ),
    fact("votable/irsa-nph-error.xml", "v1.0", None, Failed, 0, &[]),
    fact("votable/missingtable.xml", "1.4", None, Well, 0, &[]),
    fact(
        "votable/mivot_annotated_table.xml",
        "1.4",
        Some("TABLEDATA"),
        Well,
        1,
        &[(
            2,
            4,
            "source_id, phot_g_mean_mag, phot_rp_mean_mag, phot_bp_mean_mag",
        )],
    ),
    fact(
        "votable/nonstandard_units.xml",
        "1.1",
        None,
        Unsaid,
        1,
        &[(0, 1, "Flux")],
    ),
    fact(
        "votable/obscore-image.xml",
        "1.3",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(
            10,
            36,
            "dataproduct_type, dataproduct_subtype, calib_level, obs_collection, obs_id, obs_title",
        )],
    ),
    fact(
        "votable/obscore.vot",
        "1.3",
        Some("BINARY"),
        Well,
        1,
        &[(
            1259,
            38,
            "dataproduct_type, dataproduct_subtype, calib_level, obs_collection, obs_id, obs_title",
        )],
    ),
    fact(
        "votable/overflowstatus.xml",
        "1.4",
        Some("TABLEDATA"),
        Overflow,
        1,
        &[(3, 2, "1, 2")],
    ),
    fact(
        "votable/proc.xml",
        "1.3",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(
            5,
            8,
            "ID, access_url, service_def, error_message, description, semantics",
        )],
    ),
    fact(
        "votable/regression.xml",
        "1.1",
        Some("TABLEDATA"),
        Well,
        3,
        &[
            (
                5,
                29,
                "string test, fixed string test, unicode_test, unicode test, string array test, unsignedByte",
            ),
            (
                1,
                29,
                "string test, fixed string test, unicode_test, unicode test, string array test, unsignedByte",
            ),
        ],
    ),
    fact(
        "votable/rootinfo.xml",
        "1.4",
        Some("TABLEDATA"),
        Well,
        1,
        &[(3, 2, "1, 2")],
    ),
    fact(
        "votable/sdss12.vot",
        "1.4",
        Some("TABLEDATA"),
        Overflow,
        1,
        &[(50, 23, "RA_ICRS, DE_ICRS, mode, q_mode, class, SDSS12")],
    ),
    fact(
        "votable/test_query_by_target_name_vizier_error.vot",
        "1.4",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(1, 11, "MAIN_ID, RA, DEC, RA_PREC, DEC_PREC, COO_ERR_MAJA")],
    ),
    fact(
        "votable/timesys.xml",
        "1.4",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(1, 4, "obs_time, flux, mag, flux_error")],
    ),
    fact(
        "votable/vizier_b2_votable.xml",
        "1.4",
        Some("BINARY"),
        Overflow,
        1,
        &[(20, 12, "n_PNG, PNG, Name, RAJ2000, DEJ2000, MajDiam")],
    ),
    fact(
        "votable/vot_with_cdata.vot",
        "1.1",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(
            584,
            40,
            "main_id, ra, dec, coo_err_maj, coo_err_min, coo_err_angle",
        )],
    ),
    fact(
        "votable/unicode.vot",
        "1.6",
        Some("TABLEDATA"),
        Unsaid,
        1,
        &[(
            4,
            9,
            "chr1, txt, word10, words, uchr1, utxt, uword10, uwords",
        )],
    ),
];

/// A table and its rows.
type Whole = (Table, Vec<Vec<Value>>);

fn real(name: &str) -> Option<File> {
    match std::env::var_os("GANTRY_REAL_DATA") {
        Some(root) => Some(File::open(PathBuf::from(root).join(name)).unwrap()),
        None => {
            eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
            None
        }
    }
}

fn read_all(reader: &mut Reader<'_>) -> Result<Vec<Whole>, VotableError> {
    let mut all = Vec::new();
    while let Some(table) = reader.next_table()? {
        let (mut rows, mut row) = (Vec::new(), Vec::new());
        while reader.next_row(&mut row)? {
            rows.push(row.clone());
        }
        all.push((table, rows));
    }
    Ok(all)
}

fn tables(name: &str) -> Option<Vec<Whole>> {
    let mut reader = Reader::new(real(name)?, Limits::default()).unwrap();
    Some(read_all(&mut reader).unwrap())
}

fn fault(name: &str) -> Option<String> {
    let read = |file| read_all(&mut Reader::new(file, Limits::default())?);
    Some(read(real(name)?).unwrap_err().to_string())
}

#[test]
fn every_table_comes_out_as_other_tools_measured_it() {
    for fact in FACTS {
        let Some(file) = real(fact.file) else { return };
        check(fact, file);
    }
}

fn check(fact: &Fact, file: File) {
    let name = fact.file;
    let mut reader = Reader::new(file, Limits::default()).unwrap();
    assert_eq!(reader.version(), Some(fact.version), "{name}");
    let all = read_all(&mut reader).unwrap_or_else(|error| panic!("{name}: {error}"));
    let status = match reader.status() {
        QueryStatus::Unsaid => Unsaid,
        QueryStatus::Ok => Well,
        QueryStatus::Overflow => Overflow,
        QueryStatus::Error(_) => Failed,
    };
    assert_eq!(status, fact.status, "{name}");
    assert_eq!(all.len(), fact.n_tables, "{name}");
    for ((table, rows), (n_rows, n_columns, first)) in all.iter().zip(fact.tables) {
        assert_eq!(table.serialisation.as_deref(), fact.serialisation, "{name}");
        assert_eq!(rows.len(), *n_rows, "{name}");
        assert_eq!(table.fields.len(), *n_columns, "{name}");
        let names: Vec<&str> = table
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        let first: Vec<&str> = first.split(", ").collect();
        assert_eq!(names[..first.len()], first[..], "{name}");
    }
    for (_, rows) in all.iter().skip(fact.tables.len()) {
        assert_eq!(rows.len(), 0, "{name}");
    }
}

#[test]
fn broken_tables_are_refused_by_a_sentence() {
    let expected = [
        ("votable/no_resource.xml", "a VOTable without a RESOURCE"),
        (
            "votable/parquet_binary.xml",
            "rows serialised as PARQUET are not read here",
        ),
        (
            "votable/too_many_columns.xml.gz",
            "cells where there are 41 fields",
        ),
        ("votable/job.xml", "not a VOTable: it begins with `job`"),
    ];
    for (name, sentence) in expected {
        let Some(found) = fault(name) else { return };
        assert!(found.contains(sentence), "{name}: {found}");
    }
}

#[test]
fn what_an_old_service_calls_an_error_is_one() {
    let Some(file) = real("votable/irsa-nph-error.xml") else {
        return;
    };
    let mut reader = Reader::new(file, Limits::default()).unwrap();
    assert!(reader.next_table().unwrap().is_none());
    let QueryStatus::Error(text) = reader.status() else {
        panic!("{:?}", reader.status());
    };
    assert!(text.contains("missing coordinate/object name"), "{text}");
}

#[test]
fn identifiers_are_exact_whatever_the_serialisation() {
    for name in [
        "1744351221317O-result.vot",
        "1744351221317O-result_plain.vot",
    ] {
        let Some(all) = tables(&format!("gaia/{name}")) else {
            return;
        };
        let rows = &all[0].1;
        assert_eq!(rows[0][1], Value::Int(3_834_447_128_563_320_320), "{name}");
        assert_eq!(rows[1][1], Value::Int(3_834_447_162_923_057_280), "{name}");
        assert_eq!(rows[0][2], Value::Float(149.867_867_787_131_8), "{name}");
        assert_eq!(rows[1][3], Value::Float(1.134_571_268_242_643_4), "{name}");
    }
}

#[test]
fn spectra_are_the_same_as_bytes_and_as_text() {
    let Some(bytes) = tables("gaia/XP_CONTINUOUS_RAW.xml") else {
        return;
    };
    let text = tables("gaia/XP_CONTINUOUS_RAW_plain.xml").unwrap();
    let mut n_numbers = 0;
    for (a, b) in bytes[0].1.iter().flatten().zip(text[0].1.iter().flatten()) {
        let items = |value: &Value| match value {
            Value::List(items) => items.clone(),
            value => vec![value.clone()],
        };
        assert_eq!(items(a).len(), items(b).len());
        for (a, b) in items(a).iter().zip(&items(b)) {
            // Text of a `float` is its shortest form, which as a double differs beyond seven digits.
            let (a, b) = (a.as_float().unwrap(), b.as_float().unwrap());
            assert!((a - b).abs() <= 1e-6 * a.abs(), "{a} {b}");
            n_numbers += 1;
        }
    }
    assert!(n_numbers > 2000, "{n_numbers}");
}

#[test]
fn flags_of_binary2_are_nulls() {
    let Some(all) = tables("votable/binary2_masked_strings.xml") else {
        return;
    };
    let (table, rows) = &all[0];
    let epoch = table.column("epoch_photometry_url").unwrap();
    let extinction = table.column("a_g_val").unwrap();
    let link = table.column("datalink_url").unwrap();
    for row in rows {
        assert!(row[epoch].is_null(), "{row:?}");
        assert!(
            row[link]
                .as_text()
                .unwrap()
                .starts_with("http://geadata.esac.esa.int/")
        );
    }
    assert!(rows[2][extinction].is_null());
}

fn ints(items: &[i64]) -> Value {
    Value::List(items.iter().map(|item| Value::Int(*item)).collect())
}

#[test]
fn every_datatype_is_read_as_it_is_written() {
    let Some(all) = tables("votable/regression.xml") else {
        return;
    };
    let (table, rows) = &all[0];
    let cell = |row: usize, name: &str| {
        let by_id = |field: &gantry_formats::votable::Field| field.id.as_deref() == Some(name);
        rows[row][table.fields.iter().position(by_id).unwrap()].clone()
    };
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(rows[0][0], text("String & test"));
    assert_eq!(rows[1][0], text("String &amp; test"));
    assert_eq!(cell(1, "unicode_test"), text("வணக்கம்"));
    assert_eq!(cell(0, "string_array_test"), text("ab cd"));
    assert_eq!(cell(3, "unsignedByte"), Value::Int(255));
    assert_eq!(cell(2, "short"), Value::Int(-4096));
    assert_eq!(cell(3, "short"), Value::Int(-1));
    assert_eq!(cell(3, "int"), Value::Int(268_435_455));
    assert_eq!(cell(2, "long"), Value::Int(-1_152_921_504_606_846_976));
    assert_eq!(cell(0, "double"), Value::Float(8.999_023_437_5));
    assert_eq!(cell(4, "double"), Value::Float(f64::NEG_INFINITY));
    assert_eq!(cell(0, "float"), Value::Float(1.0));
    assert_eq!(cell(0, "array"), Value::Null);
    assert_eq!(cell(1, "array"), ints(&[42, 32, 12, 32]));
    assert_eq!(
        cell(3, "array"),
        Value::List(vec![Value::Null, Value::Int(23)])
    );
    assert_eq!(
        cell(4, "array"),
        Value::List(vec![Value::Int(31), Value::Null])
    );
    assert_eq!(cell(0, "bit"), Value::Int(1));
    assert_eq!(cell(0, "bitarray"), ints(&[1, 0, 1, 1, 0, 1]));
    assert_eq!(cell(2, "floatComplex"), Value::Complex(0.0, -1.0));
    let zero = Value::Complex(0.0, 0.0);
    assert_eq!(
        cell(0, "doubleComplexArrayFixed"),
        Value::List(vec![zero.clone(), zero])
    );
    assert_eq!(cell(1, "boolean"), Value::Bool(false));
    let (yes, nothing) = (Value::Bool(true), Value::Null);
    assert_eq!(
        cell(2, "booleanArray"),
        Value::List(vec![yes.clone(), yes.clone(), nothing.clone(), yes])
    );
    assert_eq!(cell(1, "nulls"), Value::Null);
    let nulls = vec![nothing.clone(), Value::Int(0), nothing, Value::Int(1)];
    assert_eq!(cell(2, "nulls_array"), Value::List(nulls));
    assert_eq!(
        table.description.as_deref(),
        Some("This describes the table.")
    );
    assert_eq!(rows[0][0], all[1].1[0][0]);
}

#[test]
fn the_length_of_strings_in_arrays_counts_bytes() {
    let Some(all) = tables("votable/unicode.vot") else {
        return;
    };
    let (table, rows) = &all[0];
    let list = |a: &str, b: &str| Value::List(vec![Value::Text(a.into()), Value::Text(b.into())]);
    let words = table.column("words").unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[1][words], list("Βητα..", "beta......"));
    assert_eq!(rows[2][words], list("Γꙮ😀 ", "ABCDEFGHIJ"));
    let words = table.column("uwords").unwrap();
    assert_eq!(rows[1][words], list("Βητα.", "beta."));
    assert!(rows[3].iter().all(Value::is_null));
}

#[test]
fn a_row_may_not_take_more_memory_than_is_allowed() {
    let bits = "1".repeat(10_000);
    let document = format!(
        "<VOTABLE><RESOURCE><TABLE><FIELD name='b' datatype='bit' arraysize='*'/><DATA><TABLEDATA><TR><TD>{bits}</TD></TR>\
        </TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    );
    let limits = Limits {
        row_bytes: 100_000,
        ..Limits::default()
    };
    let error = read_all(&mut Reader::new(document.as_bytes(), limits).unwrap()).unwrap_err();
    assert!(
        matches!(error, VotableError::CellTooLong { row: 0, .. }),
        "{error}"
    );
}

#[test]
fn services_and_systems_of_time_are_told() {
    let Some(file) = real("votable/proc.xml") else {
        return;
    };
    let mut reader = Reader::new(file, Limits::default()).unwrap();
    read_all(&mut reader).unwrap();
    let service = reader.resources().iter().find(|known| known.is_service());
    let service = service.unwrap();
    let param = |name| service.param(name);
    assert_eq!(param("accessURL"), Some("http://example.com/proc_ds"));
    assert_eq!(
        param("standardID"),
        Some("ivo://ivoa.net/std/SODA#sync-1.0")
    );
    let is_input = |name| {
        service
            .params
            .iter()
            .any(|(of_group, param)| *of_group && param.name == name)
    };
    assert!(is_input("BAND") && !is_input("accessURL"));

    let mut reader = Reader::new(real("votable/timesys.xml").unwrap(), Limits::default()).unwrap();
    let table = reader.next_table().unwrap().unwrap();
    let frame = reader
        .systems()
        .iter()
        .find(|system| system.id == "time_frame");
    assert_eq!(frame.unwrap().attribute("timeorigin"), Some("2455197.5"));
    assert_eq!(frame.unwrap().attribute("timescale"), Some("TCB"));
    assert_eq!(table.fields[0].reference.as_deref(), Some("time_frame"));
}

#[test]
fn no_file_of_the_folders_is_left_out() {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    for folder in ["gaia", "votable"] {
        for entry in std::fs::read_dir(PathBuf::from(&root).join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            let is_known = FACTS.iter().any(|fact| fact.file == name);
            let mut reader = match Reader::new(File::open(entry.path()).unwrap(), Limits::default())
            {
                Ok(reader) => reader,
                Err(_) => continue,
            };
            assert_eq!(
                read_all(&mut reader).is_ok(),
                is_known,
                "{name} is not in the facts"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        kind in 0..3_usize,
    ) {
        if let Ok(mut reader) = Reader::new(&bytes[..], Limits::default()) {
            let _ = read_all(&mut reader);
        }
        let name = ["TABLEDATA", "BINARY", "BINARY2"][kind];
        let mut document = format!(
            "<VOTABLE><RESOURCE><TABLE><FIELD name='a' datatype='bit' arraysize='3x*'/>\
            <FIELD name='b' datatype='char' arraysize='2x*'/><FIELD name='c' datatype='long'/><DATA><{name}>"
        ).into_bytes();
        document.extend_from_slice(if kind == 0 { b"<TR><TD>" } else { b"<STREAM>" });
        if kind == 0 {
            document.extend_from_slice(&bytes);
        } else {
            const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            document.extend(bytes.iter().map(|byte| DIGITS[usize::from(byte % 64)]));
            document.extend_from_slice(b"</STREAM>");
        }
        if let Ok(mut reader) = Reader::new(&document[..], Limits::default()) {
            let _ = read_all(&mut reader);
        }
    }
}
