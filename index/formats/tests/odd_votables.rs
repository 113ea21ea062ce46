//! VOTables that are written oddly, and such as are broken: made here, each with what it imitates.

use gantry_formats::XmlLimits;
use gantry_formats::votable::{Limits, QueryStatus, Reader, Value, VotableError};
use proptest::prelude::*;

#[test]
fn an_encoding_that_is_declared_is_obeyed() {
    let text = r#"<?xml version="1.0" encoding="ISO-8859-1"?>"#.to_owned() + &one("<TD>#</TD>");
    let bytes: Vec<u8> = text
        .bytes()
        .map(|byte| if byte == b'#' { 0xe9 } else { byte })
        .collect();
    assert_eq!(rows(&bytes).unwrap(), [[Value::Text("é".to_owned())]]);

    let unknown = r#"<?xml version="1.0" encoding="klingon"?>"#.to_owned() + &one("<TD>a</TD>");
    let error = rows(unknown.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "XML in the unknown encoding `klingon`");

    let bom = "\u{feff}".to_owned() + &one("<TD>ü</TD>");
    assert_eq!(
        rows(bom.as_bytes()).unwrap(),
        [[Value::Text("ü".to_owned())]]
    );
}

#[test]
fn a_stream_goes_on_behind_a_comment_and_in_cdata() {
    let field = r#"<FIELD name="n" datatype="int"/>"#;
    for stream in [
        "AAAA<!-- half -->AQAAAAI=",
        "<![CDATA[AAAAAQAAAAI=]]>",
        " AAAA\nAQ AA\tAAI= ",
    ] {
        let text = document(
            field,
            &format!("<BINARY><STREAM encoding='base64'>{stream}</STREAM></BINARY>"),
        );
        assert_eq!(
            rows(text.as_bytes()).unwrap(),
            [[Value::Int(1)], [Value::Int(2)]],
            "{stream}"
        );
    }
    let cut = document(field, "<BINARY><STREAM>AAAAAQAA</STREAM></BINARY>");
    assert_eq!(
        rows(cut.as_bytes()).unwrap_err().to_string(),
        "the stream ends within row 1"
    );
    let odd = document(field, "<BINARY><STREAM>AAAAA*==</STREAM></BINARY>");
    assert_eq!(
        rows(odd.as_bytes()).unwrap_err().to_string(),
        "the stream is damaged in row 0"
    );
    let empty = document(field, "<BINARY2><STREAM encoding='base64'/></BINARY2>");
    assert!(rows(empty.as_bytes()).unwrap().is_empty());
}

#[test]
fn a_stream_elsewhere_is_not_fetched() {
    let text = document(
        r#"<FIELD name="n" datatype="int"/>"#,
        "<BINARY2><STREAM href='http://example.org/rows'/></BINARY2>",
    );
    let error = rows(text.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the rows of this BINARY2 are in another file, which is not fetched"
    );
}

#[test]
fn a_document_that_ends_early_is_told() {
    let text = one("<TD>a</TD>");
    for end in [
        text.find("</TD>").unwrap(),
        text.find("</TABLEDATA>").unwrap(),
        text.rfind("</RESOURCE>").unwrap(),
    ] {
        let error = rows(&text.as_bytes()[..end]).unwrap_err();
        assert!(error.to_string().contains("ends within"), "{error}");
    }
    let error = rows(b"Service unavailable").unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a VOTable: it begins with no element"
    );
    let error = rows(b"<html><body/></html>").unwrap_err();
    assert_eq!(error.to_string(), "not a VOTable: it begins with `html`");
}

#[test]
fn more_than_is_allowed_is_refused_before_it_is_held() {
    let small = Limits {
        xml: XmlLimits {
            text_bytes: 1000,
            depth: 8,
            ..XmlLimits::default()
        },
        max_fields: 3,
        head_bytes: 2000,
        row_bytes: 3000,
    };
    let long_cell = one(&format!("<TD>{}</TD>", "a".repeat(2000)));
    let entities = one(&format!("<TD>{}</TD>", "&amp;".repeat(2000)));
    let deep = "<VOTABLE>".to_owned() + &"<RESOURCE>".repeat(20);
    let bits = document(
        r#"<FIELD name="b" datatype="bit" arraysize="*"/>"#,
        "<BINARY><STREAM>AAAB9Pb2</STREAM></BINARY>",
    );
    let numbers = document(
        r#"<FIELD name="n" datatype="int" arraysize="*"/>"#,
        &format!(
            "<TABLEDATA><TR><TD>{}</TD></TR></TABLEDATA>",
            "1 ".repeat(200)
        ),
    );
    let fields = document(
        &r#"<FIELD name="n" datatype="int"/>"#.repeat(4),
        "<TABLEDATA/>",
    );
    let infos = "<VOTABLE><RESOURCE>".to_owned() + &"<INFO name='a' value='b'/>".repeat(100);
    let cases = [
        (long_cell, "is longer than 1000 bytes"),
        (entities, "is longer than 1000 bytes"),
        (deep, "elements are nested deeper than 8"),
        (bits, "row 0, field `b`: the row takes more than 3000 bytes"),
        (
            numbers,
            "row 0, field `n`: the row takes more than 3000 bytes",
        ),
        (fields, "a table of more than 3 fields"),
        (infos, "more than 2000 bytes of heads"),
    ];
    for (text, sentence) in cases {
        let error = read(text.as_bytes(), small).unwrap_err().to_string();
        assert!(
            error.contains(sentence),
            "{error} where it should be {sentence}"
        );
    }
}

#[test]
fn an_error_outweighs_what_was_said_before() {
    let said = |infos: &str| {
        let text = format!("<VOTABLE><RESOURCE type='results'>{infos}</RESOURCE></VOTABLE>");
        let mut reader = Reader::new(text.as_bytes(), Limits::default()).unwrap();
        assert!(reader.next_table().unwrap().is_none());
        reader.status()
    };
    let (ok, over) = (
        "<INFO name='QUERY_STATUS' value='OK'/>",
        "<INFO name='QUERY_STATUS' value='OVERFLOW'/>",
    );
    let error = "<INFO name='QUERY_STATUS' value='ERROR'>no such <![CDATA[<column>]]></INFO>";
    assert_eq!(said(&format!("{ok}{over}")), QueryStatus::Overflow);
    assert_eq!(said(&format!("{over}{ok}")), QueryStatus::Overflow);
    assert_eq!(
        said(&format!("{ok}{error}")),
        QueryStatus::Error("no such <column>".to_owned())
    );
    assert_eq!(said(""), QueryStatus::Unsaid);
}

proptest! {
    #[test]
    fn bytes_that_mean_nothing_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = rows(&bytes);
        let field = r#"<FIELD name="a" datatype="short" arraysize="*"/><FIELD name="b" datatype="unicodeChar" arraysize="3x*"/>"#;
        let mut text = document(field, "<BINARY2><STREAM>#</STREAM></BINARY2>").into_bytes();
        let at = text.iter().position(|byte| *byte == b'#').unwrap();
        text.splice(at..=at, bytes);
        let _ = rows(&text);
    }

    #[test]
    fn tags_in_any_order_are_no_panic(parts in proptest::collection::vec(0..PARTS.len(), 0..60)) {
        let text: String = parts.into_iter().map(|at| PARTS[at]).collect();
        let _ = rows(format!("<VOTABLE>{text}").as_bytes());
    }
}

const PARTS: &[&str] = &[
    "<RESOURCE>",
    "</RESOURCE>",
    "<TABLE>",
    "</TABLE>",
    "<DATA>",
    "</DATA>",
    "<TABLEDATA>",
    "</TABLEDATA>",
    "<TR>",
    "</TR>",
    "<TD>",
    "</TD>",
    "<FIELD datatype='int' arraysize='2x*'/>",
    "<FIELD name='a' datatype='bit'>",
    "</FIELD>",
    "<GROUP>",
    "</GROUP>",
    "<BINARY>",
    "</BINARY>",
    "<BINARY2>",
    "</BINARY2>",
    "<STREAM>",
    "</STREAM>",
    "AAAA",
    "1 2 3",
    "&lt;",
    "&x;",
    "<![CDATA[1]]>",
    "<!--",
    "-->",
    "<INFO name='QUERY_STATUS' value='ERROR'/>",
    "</VOTABLE>",
    "<VALUES null='-1'/>",
];

fn one(cells: &str) -> String {
    document(
        r#"<FIELD name="t" datatype="char" arraysize="*"/>"#,
        &format!("<TABLEDATA><TR>{cells}</TR></TABLEDATA>"),
    )
}

fn document(fields: &str, data: &str) -> String {
    format!(
        "<VOTABLE version='1.4'><RESOURCE><TABLE>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    )
}

fn rows(bytes: &[u8]) -> Result<Vec<Vec<Value>>, VotableError> {
    read(bytes, Limits::default())
}

fn read(bytes: &[u8], limits: Limits) -> Result<Vec<Vec<Value>>, VotableError> {
    let mut reader = Reader::new(bytes, limits)?;
    let (mut row, mut rows) = (Vec::new(), Vec::new());
    while reader.next_table()?.is_some() {
        while reader.next_row(&mut row)? {
            rows.push(row.clone());
        }
    }
    Ok(rows)
}
