//! What the writer writes the reader reads back: every type, as TABLEDATA and as BINARY2.

use gantry_formats::votable::write::{Document, Serialisation};
use gantry_formats::votable::{
    Field, Info, Limits, QueryStatus, Reader, Resource, Table, Value, VotableError,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// A field of each kind, and values that it can hold.
fn columns() -> Vec<(Field, BoxedStrategy<Value>)> {
    let long = any::<i64>().prop_map(Value::Int);
    let double = prop_oneof![any::<f64>(), Just(f64::INFINITY)]
        .prop_filter("NaN differs from itself", |value| !value.is_nan())
        .prop_map(Value::Float);
    let float = any::<f32>()
        .prop_filter("NaN differs from itself", |value| !value.is_nan())
        .prop_map(|value| Value::Float(f64::from(value)));
    let bit = (0..=1_i64).prop_map(Value::Int);
    let truth = any::<bool>().prop_map(Value::Bool);
    let complex = (-1e300..1e300, -1e300..1e300).prop_map(|(re, im)| Value::Complex(re, im));
    // Texts of any characters of XML, an empty one being nothing.
    let text =
        "[\\t\\n\\r -\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]{1,12}".prop_map(Value::Text);
    let ascii = |pattern: &'static str| pattern.prop_map(Value::Text);
    let array = |datatype: &str, arraysize: &str| Field::new("a", datatype).arraysize(arraysize);
    let whole = Field {
        null: Some("-99".to_owned()),
        ..Field::new("a", "int")
    };
    vec![
        (Field::new("a", "boolean"), truth.clone().boxed()),
        (Field::new("a", "bit"), bit.clone().boxed()),
        (
            Field::new("a", "unsignedByte"),
            (0..=255_i64).prop_map(Value::Int).boxed(),
        ),
        (
            Field::new("a", "short"),
            (-32768..=32767_i64).prop_map(Value::Int).boxed(),
        ),
        (
            whole,
            (0..=i64::from(i32::MAX)).prop_map(Value::Int).boxed(),
        ),
        (Field::new("a", "long"), long.clone().boxed()),
        (Field::new("a", "float"), float.boxed()),
        (Field::new("a", "double"), double.clone().boxed()),
        (Field::new("a", "doubleComplex"), complex.clone().boxed()),
        (Field::new("a", "char"), ascii("[a-z<&]").boxed()),
        (array("char", "*"), text.clone().boxed()),
        (array("char", "8"), ascii("[ -~]{8}").boxed()),
        (array("unicodeChar", "*"), text.boxed()),
        (
            array("char", "3x*"),
            vec(ascii("[ -~]{3}"), 1..5).prop_map(Value::List).boxed(),
        ),
        (
            array("unicodeChar", "2x3"),
            vec(ascii("[α-ω]{2}"), 3).prop_map(Value::List).boxed(),
        ),
        (
            array("boolean", "*"),
            vec(prop_oneof![truth, Just(Value::Null)], 1..9)
                .prop_map(Value::List)
                .boxed(),
        ),
        (
            array("bit", "11"),
            vec(bit.clone(), 11).prop_map(Value::List).boxed(),
        ),
        (
            array("bit", "*"),
            vec(bit, 1..40).prop_map(Value::List).boxed(),
        ),
        (
            array("long", "2x*"),
            vec(long, 2).prop_map(Value::List).boxed(),
        ),
        (
            array("double", "2x2"),
            vec(double, 4).prop_map(Value::List).boxed(),
        ),
        (
            array("doubleComplex", "*"),
            vec(complex, 1..4).prop_map(Value::List).boxed(),
        ),
    ]
}

/// Rows of these columns, nulls among them.
fn rows() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let values: Vec<_> = columns()
        .into_iter()
        .map(|(_, values)| prop_oneof![4 => values, 1 => Just(Value::Null)])
        .collect();
    vec(values, 0..6)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(rows in rows()) {
        let fields: Vec<Field> = columns().into_iter().map(|(field, _)| field).collect();
        for serialisation in [Serialisation::TableData, Serialisation::Binary2] {
            let bytes = written(&fields, &rows, serialisation).unwrap();
            let mut reader = Reader::new(&bytes[..], Limits::default()).unwrap();
            let table = reader.next_table().unwrap().unwrap();
            prop_assert_eq!(&table.fields, &fields);
            let (mut row, mut read) = (Vec::new(), Vec::new());
            while reader.next_row(&mut row).unwrap() {
                read.push(row.clone());
            }
            prop_assert_eq!(&read, &rows);
            prop_assert!(reader.next_table().unwrap().is_none());
            prop_assert_eq!(reader.status(), QueryStatus::Overflow);
        }
    }
}

fn written(
    fields: &[Field],
    rows: &[Vec<Value>],
    serialisation: Serialisation,
) -> Result<Vec<u8>, VotableError> {
    let mut document = Document::new(Vec::new())?;
    document.begin_resource(&Resource::results())?;
    document.info(&Info::status("OK"))?;
    let table = Table {
        fields: fields.to_vec(),
        ..Table::default()
    };
    document.begin_table(&table, serialisation)?;
    for row in rows {
        document.row(row)?;
    }
    document.end_table()?;
    document.info(&Info::status("OVERFLOW"))?;
    document.finish()
}

#[test]
fn a_value_that_its_field_cannot_hold_is_refused() {
    let null_item = Value::List(vec![Value::Null]);
    let cases = [
        (Field::new("n", "short"), Value::Int(40_000)),
        (Field::new("n", "int"), Value::Float(1.5)),
        (Field::new("n", "bit"), Value::Int(2)),
        (Field::new("n", "int").arraysize("*"), Value::Int(1)),
        (Field::new("n", "int").arraysize("*"), null_item),
        (
            Field::new("n", "int").arraysize("2"),
            Value::List(vec![Value::Int(1)]),
        ),
        (
            Field::new("n", "double"),
            Value::List(vec![Value::Float(1.0)]),
        ),
        (Field::text("n"), Value::Int(1)),
    ];
    for (field, value) in cases {
        for serialisation in [Serialisation::TableData, Serialisation::Binary2] {
            let fields = std::slice::from_ref(&field);
            let error = written(fields, &[vec![value.clone()]], serialisation).unwrap_err();
            assert!(
                error.to_string().starts_with("row 0, field `n`:"),
                "{error}"
            );
        }
    }
    let long = [vec![Value::Text("four".to_owned())]];
    let field = Field::new("n", "char").arraysize("3");
    assert!(written(&[field], &long, Serialisation::Binary2).is_err());
}

#[test]
fn a_service_and_what_is_said_come_back() {
    let mut service = Resource::service("cutout");
    service.description = Some("cuts\nout".to_owned());
    let url = Field::new("accessURL", "char")
        .arraysize("*")
        .value("http://example.org/cut?a=1&b=\"2\"\n");
    let id = Field {
        reference: Some("ids".to_owned()),
        ..Field::new("ID", "char").arraysize("*").value("")
    };
    service.params = vec![(false, url), (true, id)];
    let info = Info {
        name: "note".to_owned(),
        value: "a\tb\nc".to_owned(),
        text: "<![CDATA[ ]]>".to_owned(),
    };

    let mut document = Document::new(Vec::new()).unwrap();
    document.description("an answer").unwrap();
    document.info(&info).unwrap();
    document.resource(&service).unwrap();
    let bytes = document.finish().unwrap();

    let mut reader = Reader::new(&bytes[..], Limits::default()).unwrap();
    assert!(reader.next_table().unwrap().is_none());
    assert_eq!(reader.infos(), [info]);
    assert_eq!(reader.resources(), [service]);
}

#[test]
fn what_may_not_stand_somewhere_is_refused() {
    let mut document = Document::new(Vec::new()).unwrap();
    let error = document.row(&[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a row cannot be written within `VOTABLE`"
    );
    let error = document
        .begin_table(&Table::default(), Serialisation::Binary2)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "TABLE cannot be written within `VOTABLE`"
    );
    document.begin_resource(&Resource::results()).unwrap();
    document
        .begin_table(&Table::default(), Serialisation::TableData)
        .unwrap();
    let error = document.info(&Info::status("OVERFLOW")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "INFO cannot be written within `TABLEDATA`"
    );
    document.end_table().unwrap();
    document.end_resource().unwrap();
    document.finish().unwrap();
}
