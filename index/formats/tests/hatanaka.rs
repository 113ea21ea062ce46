//! Hatanaka files of `$GANTRY_REAL_DATA` against the RINEX text and the lengths that CRX2RNX gave
//! (`tests/witness/test_hatanaka.py` compares every byte with it), and damage of every kind.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use gantry_formats::compression::gunzip;
use gantry_formats::hatanaka::{Decoded, Decoder, HatanakaError, Limits, Version, decode};
use gantry_formats::lzw::uncompress;
use proptest::prelude::*;

/// File, version, epochs, bytes of RINEX text.
const FACTS: &[(&str, Version, u64, u64)] = &[
    (
        "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz",
        Version::Three,
        2880,
        27_317_348,
    ),
    ("AJAC3550.21D", Version::One, 2, 13_040),
    (
        "GRAS00FRA_R_20223151700_15M_01S_MO.crx.gz",
        Version::Three,
        900,
        7_384_748,
    ),
    (
        "KMS300DNK_R_20221591000_01H_30S_MO.crx",
        Version::Three,
        19,
        149_375,
    ),
    (
        "NYA100NOR_S_20241280000_01D_30S_MO.crx.gz",
        Version::Three,
        2880,
        28_310_388,
    ),
    ("sample.crx", Version::Three, 1, 1228),
    ("sample.crx.gz", Version::Three, 1, 1228),
    ("sample.crx.Z", Version::Three, 1, 1228),
];

fn gssc() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return None;
    };
    Some(PathBuf::from(root).join("gssc"))
}

fn opened(path: PathBuf) -> Box<dyn Read> {
    let file = fs::File::open(&path).unwrap();
    match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => Box::new(gunzip(file, 1 << 30)),
        Some("Z") => Box::new(uncompress(file, 1 << 30).unwrap()),
        _ => Box::new(file),
    }
}

fn decoded(crinex: &[u8]) -> Result<Vec<u8>, HatanakaError> {
    let mut text = Vec::new();
    decode(crinex, &mut text, Limits::default()).map(|_| text)
}

/// The sentence a file is refused with.
fn refusal(crinex: &str) -> String {
    decoded(crinex.as_bytes()).unwrap_err().to_string()
}

/// A CRINEX 3.0 file of our own: two epochs of two satellites with two types and one.
fn small() -> String {
    let header = [
        (
            "3.0                 COMPACT RINEX FORMAT",
            "CRINEX VERS   / TYPE",
        ),
        ("OURS", "CRINEX PROG / DATE"),
        (
            "     3.04           OBSERVATION DATA    M",
            "RINEX VERSION / TYPE",
        ),
        ("G    2 C1C L1C", "SYS / # / OBS TYPES"),
        ("R    1 C1C", "SYS / # / OBS TYPES"),
        ("", "END OF HEADER"),
    ];
    let mut text: String = header
        .iter()
        .map(|(body, label)| format!("{body:<60}{label}\n"))
        .collect();
    text += "> 2024 01 01 00 00  0.0000000  0  2      G01R02\n\n";
    text += "3&23456789012 3&-5  7 8\n3&20000000000 &&\n";
    text += "                   3\n\n";
    text += "1000   &\n-3  6\n";
    text
}

#[test]
fn real_files_decode_to_the_epochs_and_lengths_that_were_measured() {
    let Some(gssc) = gssc() else { return };
    for (file, version, n_epochs, n_bytes) in FACTS {
        let read = decode(opened(gssc.join(file)), io::sink(), Limits::default());
        let expected = Decoded {
            version: *version,
            n_epochs: *n_epochs,
            n_bytes: *n_bytes,
        };
        assert_eq!(read.unwrap(), expected, "{file}");
    }
}

#[test]
fn pairs_of_files_are_equal_byte_for_byte_also_through_a_reader() {
    let Some(gssc) = gssc() else { return };
    for (crinex, rinex) in [
        ("AJAC3550.21D", "AJAC3550.21O"),
        ("sample.crx", "sample.rnx"),
    ] {
        let crinex = fs::read(gssc.join(crinex)).unwrap();
        let expected = fs::read(gssc.join(rinex)).unwrap();
        assert!(decoded(&crinex).unwrap() == expected, "{rinex}");
        let mut text = Vec::new();
        let mut decoder = Decoder::new(&crinex[..], Limits::default()).unwrap();
        decoder.read_to_end(&mut text).unwrap();
        assert!(text == expected, "{rinex}");
    }
}

#[test]
fn differences_blanks_and_flags_are_taken_as_the_format_says() {
    let text = String::from_utf8(decoded(small().as_bytes()).unwrap()).unwrap();
    let body: Vec<_> = text.lines().skip(4).collect();
    assert_eq!(
        body,
        [
            "> 2024 01 01 00 00  0.0000000  0  2",
            "G01  23456789.012 7         -.005 8",
            "R02  20000000.000",
            "> 2024 01 01 00 00 30.0000000  0  2",
            "G01  23456790.012                 8",
            "R02  19999999.997 6",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn newer_versions_are_refused_with_a_sentence_that_says_so() {
    let newer = small().replacen("3.0  ", "3.1  ", 1);
    assert_eq!(
        refusal(&newer),
        "CRINEX 3.1 is not read here, only 1.0 and 3.0; 3.1 holds RINEX 4.02 and later, and needs CRX2RNX 4.2"
    );
    let mixed = small().replacen("3.0  ", "1.0  ", 1);
    assert_eq!(
        refusal(&mixed),
        "line 3: CRINEX 1.0 does not hold RINEX `3.04`"
    );
    assert_eq!(refusal("CGGTTS"), "line 1: the file ends within this line");
}

#[test]
fn damage_is_refused_with_its_line() {
    let small = small();
    for (from, to, fault) in [
        (
            "G01R02",
            "G01R0",
            "line 7: 2 satellites are announced, which take 6 columns, but the list has 5",
        ),
        (
            "G01R02",
            "G01G01",
            "line 7: satellite `G01` is listed twice",
        ),
        (
            "G01R02",
            "G01E02",
            "line 7: satellite `E02` has no observation types in the header",
        ),
        ("G01R02", "G01R?2", "line 7: `R?2` is no satellite"),
        (
            "> 2024",
            "  2024",
            "line 7: an epoch line that is a difference, but to nothing before it",
        ),
        (
            "3&20000000000",
            "20000000000",
            "line 10: R02: `20000000000` continues an arc that was not begun with `n&`",
        ),
        (
            "3&20000000000",
            "3&2000000000000000",
            "line 10: R02: a number of 14 columns is too wide",
        ),
        ("1000", "1x00", "line 13: G01: `1x00` is no whole number"),
        (
            "-3  6",
            "-3  678",
            "line 14: R02: 4 flags after 1 observations, which have 2",
        ),
        (
            "-3  6\n",
            "-3  6",
            "line 14: the file ends within this line",
        ),
        (
            "-3  6\n",
            "",
            "line 14: the file ends within a header or record",
        ),
        (
            "END OF HEADER",
            "COMMENT",
            "line 15: the file ends within a header or record",
        ),
        (
            "G    2",
            "G  999",
            "line 4: 999 observation types are more than the 256 allowed",
        ),
    ] {
        let damaged = small.replacen(from, to, 1);
        assert_ne!(damaged, small, "{from}");
        assert_eq!(refusal(&damaged), fault, "{from} to {to}");
    }
}

#[test]
fn more_text_than_allowed_is_refused_after_whole_epochs() {
    let limits = Limits {
        max_bytes: 460,
        ..Limits::default()
    };
    let mut text = Vec::new();
    let error = decode(small().as_bytes(), &mut text, limits).unwrap_err();
    assert_eq!(error.to_string(), "decodes to more than 460 bytes");
    assert!(text.ends_with(b"R02  20000000.000\n"));
}

fn bounded(crinex: &[u8]) -> Result<(), TestCaseError> {
    let limits = Limits {
        max_bytes: 1 << 16,
        ..Limits::default()
    };
    let mut text = Vec::new();
    let _ = decode(crinex, &mut text, limits);
    prop_assert!(text.len() <= 1 << 16);
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..2000), from in 0..7_usize) {
        let small = small();
        let kept: String = small.split_inclusive('\n').take(2 * from).collect();
        let mut file = kept.into_bytes();
        file.extend(body);
        bounded(&file)?;
    }

    #[test]
    fn flipped_bytes_of_a_file_never_panic(flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
        let mut files = vec![small().into_bytes()];
        if let Some(root) = std::env::var_os("GANTRY_REAL_DATA") {
            let gssc = PathBuf::from(root).join("gssc");
            files.extend(["AJAC3550.21D", "sample.crx"].map(|file| fs::read(gssc.join(file)).unwrap()));
        }
        for mut file in files {
            for (at, byte) in &flips {
                let at = at % file.len();
                file[at] = *byte;
            }
            bounded(&file)?;
        }
    }
}
