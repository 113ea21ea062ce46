//! Bodies of the RINEX files in `$GANTRY_REAL_DATA`, against counts made with other tools.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

use gantry_formats::compression::gunzip;
use gantry_formats::hatanaka::{Decoder, Limits};
use gantry_formats::lzw::uncompress;
use gantry_formats::rinex::{Checked, check};
use proptest::prelude::*;

const EPOCHS: &[(&str, u64)] = &[
    ("ac660270.18o.Z", 23),
    ("AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz", 2880),
    ("AJAC3550.21D", 2),
    ("AJAC3550.21O", 2),
    ("ALAC00ESP_R_20220090000_01D_30S_MO.rnx", 3),
    // As many lines of it begin with `>`.
    ("cs2rx18164.gz", 529),
    ("gps_10MSps.23O.gz", 4),
    ("GRAS00FRA_R_20223151700_15M_01S_MO.crx.gz", 900),
    ("KMS300DNK_R_20221591000_01H_30S_MO.crx", 19),
    ("KOSG0010.95O", 3),
    ("NYA100NOR_S_20241280000_01D_30S_MO.crx.gz", 2880),
    ("sample.crx", 1),
    ("sample.crx.gz", 1),
    ("sample.crx.Z", 1),
    ("sample.rnx", 1),
    ("sample.rnx.Z", 1),
];

/// File, records of satellites, records of receivers.
const CLOCKS: &[(&str, u64, u64)] = &[
    ("COD0OPSRAP_20230730000_01D_30S_CLK.CLK", 78, 105),
    ("COD20352.CLK", 423, 317),
    ("GRG0MGXFIN_20201770000_01D_30S_CLK.CLK.gz", 215_999, 0),
];

const EPHEMERIDES: &[(&str, &[(char, u64)])] = &[
    (
        "AMEL00NLD_R_20210010000_01D_MN.rnx",
        &[('C', 2), ('E', 2), ('R', 2)],
    ),
    ("CEDA00USA_R_20182100000_01D_MN.rnx.gz", &[('E', 35)]),
    ("HERT00GBR_R_20240920000_01D_GN.rnx.gz", &[('G', 231)]),
    (
        "KMS300DNK_R_20221591000_01H_MN.rnx.gz",
        &[
            ('C', 36),
            ('E', 108),
            ('G', 30),
            ('J', 1),
            ('R', 24),
            ('S', 158),
        ],
    ),
];

/// Files that are to be refused, and with what.
const REFUSED: &[(&str, &str)] = &[
    (
        "badtime.10o",
        "line 5: a bad epoch line: the second `0 .0000000` of the time is out of its range or no number",
    ),
    (
        "blank.10o",
        "line 5: the file ends after its header, without any records",
    ),
    (
        "junk_time_obs3.10o",
        "line 10: a bad epoch line: `> 23 29` ends too soon",
    ),
    (
        "wrong_obs2_count.10o",
        "line 2: 6 observation types are announced and 7 listed",
    ),
];

fn gssc() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return None;
    };
    Some(PathBuf::from(root).join("gssc"))
}

/// Checks a file after taking off its compression and the Hatanaka format.
fn checked(path: PathBuf) -> Result<Checked, String> {
    let file = File::open(&path).unwrap();
    let name = path.to_str().unwrap();
    let text: Box<dyn Read> = match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => Box::new(gunzip(file, 1 << 30)),
        Some("Z") => Box::new(uncompress(file, 1 << 30).unwrap()),
        _ => Box::new(file),
    };
    if name.contains(".crx") || name.ends_with('D') {
        let decoder = Decoder::new(text, Limits::default()).unwrap();
        return check(decoder).map_err(|error| error.to_string());
    }
    check(text).map_err(|error| error.to_string())
}

#[test]
fn bodies_hold_what_was_counted_with_other_tools() {
    let Some(gssc) = gssc() else { return };
    let read = |file: &str| checked(gssc.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    for (file, n_epochs) in EPOCHS {
        assert_eq!(read(file).n_epochs, *n_epochs, "{file}");
    }
    for (file, satellites, receivers) in CLOCKS {
        let records = read(file).clock_records;
        let of = |kind| records.get(kind).copied().unwrap_or(0);
        assert_eq!((of("AS"), of("AR")), (*satellites, *receivers), "{file}");
    }
    for (file, expected) in EPHEMERIDES {
        let found: Vec<_> = read(file).ephemerides.into_iter().collect();
        assert_eq!(found, *expected, "{file}");
    }
}

#[test]
fn broken_files_are_refused_with_line_and_fault() {
    let Some(gssc) = gssc() else { return };
    for (file, fault) in REFUSED {
        assert_eq!(checked(gssc.join(file)).unwrap_err(), *fault, "{file}");
    }
}

#[test]
fn every_other_kind_of_file_is_read_to_its_end() {
    let Some(gssc) = gssc() else { return };
    for file in [
        "brdc2420.18n.gz",
        "cbw10010.21n.gz",
        "clar0020.00m",
        "dlf10010.21g",
        "example2.txt",
        "POTS00DEU_R_20232540000_01D_05M_MM.rnx.gz",
    ] {
        checked(gssc.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

#[test]
fn a_body_that_disagrees_with_its_header_is_a_warning() {
    let Some(gssc) = gssc() else { return };
    let warnings = |file: &str| checked(gssc.join(file)).unwrap().warnings;
    assert_eq!(
        warnings("KMS300DNK_R_20221591000_01H_30S_MO.crx"),
        ["TIME OF LAST OBS is 2022-06-08T10:59:30.000, but the body has 2022-06-08T10:09:00.000"]
    );
    assert!(warnings("AJAC3550.21O").is_empty());
}

#[test]
fn wrong_numbers_of_satellites_and_observations_are_refused() {
    let Some(gssc) = gssc() else { return };
    let three = fs::read_to_string(gssc.join("sample.rnx")).unwrap();
    let two = fs::read_to_string(gssc.join("AJAC3550.21O")).unwrap();
    for (text, from, to, fault) in [
        (
            &three,
            "0 8\n",
            "0 9\n",
            "the file ends within a record: 9 satellites are announced and only 8 follow",
        ),
        (
            &three,
            "0 8\n",
            "0 7\n",
            "this line begins no epoch, and no more lines were announced",
        ),
        (&three, "R19 1", "G13 1", "satellite `G13` is there twice"),
        (
            &three,
            "R19 1",
            "X19 1",
            "`X19` is no satellite of a system the header lists",
        ),
        (
            &three,
            "47.000\n",
            "47.000          47.000\n",
            "`R19` has more than 3 observations in this line",
        ),
        (
            &two,
            "  0 26G07",
            "  0 25G07",
            "more satellites are listed than the 25 announced",
        ),
        (
            &two,
            "  0 26G07",
            "  0 27G07",
            "27 satellites are announced; number 27 is ``",
        ),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, *text, "{from}");
        let error = check(damaged.as_bytes()).unwrap_err().to_string();
        assert!(
            error.starts_with("line ") && error.ends_with(fault),
            "{error}, not {fault}"
        );
    }
}

proptest! {
    #[test]
    fn flipped_bytes_never_make_it_panic(flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
        let Some(gssc) = gssc() else { return Ok(()) };
        for file in ["sample.rnx", "AJAC3550.21O", "AMEL00NLD_R_20210010000_01D_MN.rnx", "clar0020.00m", "example2.txt"] {
            let mut bytes = fs::read(gssc.join(file)).unwrap();
            for (at, byte) in &flips {
                let at = at % bytes.len();
                bytes[at] = *byte;
            }
            let _ = check(&bytes[..]);
        }
    }
}
