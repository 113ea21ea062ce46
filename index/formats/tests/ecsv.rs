//! Tables of text in `$GANTRY_REAL_DATA`, and such as are written here.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use gantry_formats::ecsv::{EcsvError, Reader, Writer};
use gantry_formats::votable::{Field, Limits, Value};
use proptest::prelude::*;

fn read(reader: impl Read) -> Result<(Vec<Field>, Vec<Vec<Value>>), EcsvError> {
    let mut reader = Reader::new(reader, Limits::default())?;
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    while reader.next_row(&mut row)? {
        rows.push(row.clone());
    }
    Ok((reader.fields().to_vec(), rows))
}

#[test]
fn the_tables_of_the_gaia_archive_are_read() {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    let open = |name: &str| File::open(PathBuf::from(&root).join("gaia").join(name)).unwrap();
    for (name, n_columns) in [
        ("1744351221317O-result.csv", 3),
        ("1744351221317O-result.ecsv", 3),
        ("XP_CONTINUOUS_RAW.csv", 26),
        ("XP_CONTINUOUS_RAW.ecsv", 26),
        ("XP_SAMPLED_RAW_dr3int6.csv", 6),
    ] {
        let (fields, rows) = read(open(name)).unwrap();
        assert_eq!((fields.len(), rows.len()), (n_columns, 2), "{name}");
    }
    let (fields, rows) = read(open("1744351221317O-result.ecsv")).unwrap();
    assert_eq!(fields[1].unit.as_deref(), Some("deg"));
    assert_eq!(fields[1].ucd.as_deref(), Some("pos.eq.ra;meta.main"));
    assert_eq!(rows[0][0], Value::Int(3_834_447_128_563_320_320));
    let (fields, rows) = read(open("XP_CONTINUOUS_RAW.ecsv")).unwrap();
    let at = fields
        .iter()
        .position(|field| field.name == "bp_coefficients")
        .unwrap();
    assert!(
        rows[0][at]
            .as_text()
            .unwrap()
            .starts_with("[56947.03696840172,")
    );
}

#[test]
fn blanks_quotes_and_nulls_are_told_apart() {
    let text = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\n# - {name: b, datatype: string}\n\
        a b\n1 \"x \"\"y\"\"\nz\"\n\"\" null\nnull \"null\"\n";
    let (_, rows) = read(text.as_bytes()).unwrap();
    let word = |text: &str| Value::Text(text.to_owned());
    assert_eq!(rows[0], [Value::Int(1), word("x \"y\"\nz")]);
    assert_eq!(rows[1], [Value::Null, Value::Null]);
    assert_eq!(rows[2], [Value::Null, word("null")]);
}

#[test]
fn what_is_wrong_is_said_with_its_row() {
    let sentence = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        sentence("a,b\n1\n"),
        "row 0 has 1 cells where there are 2 fields"
    );
    assert_eq!(sentence("a\n\"x\n"), "row 0: a quote does not end");
    assert_eq!(sentence(""), "the header names no columns");
}

proptest! {
    #[test]
    fn no_bytes_make_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), is_ecsv: bool) {
        let mut text = if is_ecsv { b"# %ECSV 1.0\n# ".to_vec() } else { Vec::new() };
        text.extend_from_slice(&bytes);
        let _ = read(&text[..]);
    }
}

#[test]
fn what_is_written_is_read_back() {
    let double = Field {
        utype: Some("a:b".to_owned()),
        ..Field::new("ra", "double").unit("deg").ucd("pos.eq.ra")
    };
    let fields = [
        Field::new("id", "long").description("its id: #1, \"quoted\"\nand more"),
        double,
        Field::new("mag", "float"),
        Field::new("seen", "boolean"),
        Field::new("name, in full", "char").arraysize("*"),
        Field::new("flux", "double").arraysize("*"),
    ];
    let rows = [
        vec![
            Value::Int(i64::MAX),
            Value::Float(0.1),
            Value::Float(f64::from(1.1_f32)),
            Value::Bool(true),
            Value::Text("null".to_owned()),
            Value::List(vec![Value::Float(1.5), Value::Null]),
        ],
        vec![
            Value::Null,
            Value::Float(-1e300),
            Value::Null,
            Value::Bool(false),
            Value::Text(" \"a\", b\r\nc ".to_owned()),
            Value::Null,
        ],
    ];
    let mut writer = Writer::ecsv(Vec::new(), &fields).unwrap();
    for row in &rows {
        writer.row(row).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let (read_fields, read_rows) = read(&bytes[..]).unwrap();
    for (read, field) in read_fields.iter().zip(&fields) {
        assert_eq!(
            (
                &read.name,
                &read.unit,
                &read.ucd,
                &read.utype,
                &read.description
            ),
            (
                &field.name,
                &field.unit,
                &field.ucd,
                &field.utype,
                &field.description
            )
        );
    }
    // Arrays stay the text that they are written as.
    assert_eq!(read_rows[0][5], Value::Text("[1.5,null]".to_owned()));
    for (read, row) in read_rows.iter().zip(&rows) {
        assert_eq!(read[..5], row[..5]);
    }

    let mut writer = Writer::csv(Vec::new(), &fields[..2]).unwrap();
    writer.row(&rows[0][..2]).unwrap();
    assert!(writer.row(&rows[0]).is_err());
    let text = String::from_utf8(writer.finish().unwrap()).unwrap();
    assert_eq!(text, "id,ra\n9223372036854775807,0.1\n");
}
