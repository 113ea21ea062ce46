//! Every file of `$GANTRY_REAL_DATA`, told by its bytes, against `facts/inspect.txt`: what other tools measured.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;

use gantry_formats::compression::Compression;
use gantry_formats::inspect::{Kind, Limits, inspect, inspect_prefix};
use serde_json::Value;

const FOLDERS: [&str; 5] = ["planck", "gaia", "gssc", "votable", "fits"];

/// A block of the table: `file`, `kind`, `layer`, `fault` (a part of the sentence), `warning`, and facts
/// as a pointer into the JSON of the inspection, ` = ` and a JSON value.
#[derive(Default)]
struct Expected {
    kind: String,
    layers: Vec<String>,
    faults: Vec<String>,
    warnings: Vec<String>,
    facts: Vec<(String, Value)>,
}

fn table() -> BTreeMap<String, Expected> {
    let mut table = BTreeMap::new();
    for block in include_str!("facts/inspect.txt").split("\n\n") {
        let (mut file, mut expected) = (String::new(), Expected::default());
        for line in block.lines().filter(|line| !line.is_empty()) {
            let (word, rest) = line.split_once(' ').unwrap();
            match word {
                "file" => file = rest.to_owned(),
                "kind" => expected.kind = rest.to_owned(),
                "layer" => expected.layers.push(rest.to_owned()),
                "fault" => expected.faults.push(rest.to_owned()),
                "warning" => expected.warnings.push(rest.to_owned()),
                pointer => {
                    let value = serde_json::from_str(rest.strip_prefix("= ").unwrap()).unwrap();
                    expected.facts.push((pointer.to_owned(), value));
                }
            }
        }
        assert!(table.insert(file.clone(), expected).is_none(), "{file}");
    }
    table
}

fn differences(expected: &Expected, found: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: &Value| {
        let there = found.pointer(what).unwrap_or(&Value::Null);
        if there != expected {
            wrong.push(format!("{what}: expected {expected}, found {there}"));
        }
    };
    compare("/kind", &expected.kind.as_str().into());
    compare("/layers", &expected.layers.clone().into());
    for (pointer, value) in &expected.facts {
        compare(pointer, value);
    }
    for (what, parts) in [
        ("faults", &expected.faults),
        ("warnings", &expected.warnings),
    ] {
        let sentences = found[what].as_array().unwrap();
        let fits = sentences.len() == parts.len()
            && sentences
                .iter()
                .zip(parts)
                .all(|(sentence, part)| sentence.as_str().unwrap().contains(part.as_str()));
        if !fits {
            wrong.push(format!("{what}: expected {parts:?}, found {sentences:?}"));
        }
    }
    wrong
}

#[test]
fn every_real_file_is_told_by_its_bytes() {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    let mut table = table();
    let (mut wrong, mut unlisted) = (Vec::new(), BTreeSet::new());
    for folder in FOLDERS {
        for entry in std::fs::read_dir(Path::new(&root).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let file = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            let Some(expected) = table.remove(&file) else {
                unlisted.insert(file);
                continue;
            };
            let bytes = std::fs::read(&path).unwrap();
            let found = inspect(&mut Cursor::new(&bytes), Limits::default());
            let kind = found.kind;
            let found = serde_json::to_value(&found).unwrap();
            wrong.extend(
                differences(&expected, &found)
                    .iter()
                    .map(|w| format!("{file} {w}")),
            );
            // A block of bzip2, or a RINEX header, may be longer than the prefix.
            let head = inspect_prefix(&bytes[..bytes.len().min(20_000)]);
            let is_cut_block = (head.kind == Kind::Unknown && head.layers == [Compression::Bzip2])
                || head.kind == Kind::Rinex;
            if (head.kind != kind && !is_cut_block)
                || (bytes.len() > 20_000 && !head.faults.is_empty())
            {
                wrong.push(format!(
                    "{file}: its beginning is {:?} with {:?}",
                    head.kind, head.faults
                ));
            }
        }
    }
    assert!(unlisted.is_empty(), "not in the table: {unlisted:#?}");
    assert!(table.is_empty(), "not there: {:#?}", table.keys());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cut_files_are_faults_as_a_whole_and_none_as_a_prefix() {
    let votable = b"<?xml version='1.0'?><VOTABLE version='1.3'><RESOURCE><TABLE>";
    let whole = inspect(&mut Cursor::new(&votable[..]), Limits::default());
    assert_eq!(whole.kind, Kind::Votable);
    assert_eq!(whole.faults, ["the document ends within `TABLE`"]);
    let prefix = inspect_prefix(votable);
    assert_eq!(prefix.kind, Kind::Votable);
    assert!(prefix.faults.is_empty(), "{:?}", prefix.faults);
}

#[test]
fn pages_documents_and_noise_are_told() {
    let kind = |bytes: &[u8]| inspect(&mut Cursor::new(bytes), Limits::default()).kind;
    assert_eq!(kind(b"<!DOCTYPE html><p>Not found"), Kind::Html);
    assert_eq!(kind(b"%PDF-1.7\n"), Kind::Pdf);
    assert_eq!(kind(b"%=SNX 2.02 COD"), Kind::Sinex);
    assert_eq!(kind(&[0, 1, 2, 3, 255]), Kind::Unknown);
    assert_eq!(kind(b""), Kind::Empty);
}

#[test]
fn rows_that_take_no_bytes_are_refused() {
    let votable = br#"<VOTABLE version="1.4"><RESOURCE><TABLE><FIELD name="a" datatype="double" arraysize="0"/>
        <DATA><BINARY><STREAM encoding="base64"></STREAM></BINARY></DATA></TABLE></RESOURCE></VOTABLE>"#;
    let found = inspect(&mut Cursor::new(&votable[..]), Limits::default());
    assert_eq!(
        found.faults,
        ["no column of the binary stream takes a byte, so it has no rows that could be counted"]
    );
}

#[test]
fn archives_within_archives_share_one_budget_of_members_and_bytes() {
    let tar = |bytes: &[u8], n: usize| {
        let mut tar = tar::Builder::new(Vec::new());
        for n in 0..n {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, format!("m{n}"), bytes)
                .unwrap();
        }
        tar.into_inner().unwrap()
    };
    let nested = tar(&tar(b"some text and more", 30), 30);
    let of = |limits: Limits| {
        let found = inspect(&mut Cursor::new(&nested[..]), limits);
        (serde_json::to_string(&found).unwrap(), found.faults)
    };
    let (whole, faults) = of(Limits::default());
    assert_eq!((whole.matches("\"text\"").count(), faults), (900, vec![]));
    let few = Limits {
        max_members: 100,
        ..Limits::default()
    };
    let (told, faults) = of(few);
    // Three whole archives, and the one within which the hundredth stands.
    assert!(told.matches("\"text\"").count() < 100, "{told}");
    assert_eq!(faults, ["more than 100 members"]);
    let small = Limits {
        max_unpacked_bytes: 1_500_000,
        ..Limits::default()
    };
    assert!(
        of(small)
            .0
            .contains("it unpacks to more than 1500000 bytes in all")
    );
}

#[test]
fn json_is_counted_whatever_it_holds() {
    let told = |json: &str| {
        let found = inspect(&mut Cursor::new(json.as_bytes()), Limits::default());
        (serde_json::to_value(found.facts).unwrap(), found.faults)
    };
    let answer = r#"{"metadata": [{"name": "a"}, {"name": "b"}], "data": [[1, 2], [3, 4], [5, 6]], "more": {"x": []}}"#;
    assert_eq!(
        told(answer).0,
        serde_json::json!({"form": "metadata_data", "n_columns": 2, "rows": 3, "keys": ["data", "metadata", "more"]})
    );
    assert_eq!(told("[1, {}, []]").0, serde_json::json!({"n_items": 3}));
    let (_, faults) = told(r#"{"data": [1, 2"#);
    assert_eq!(faults.len(), 1, "{faults:?}");
}
