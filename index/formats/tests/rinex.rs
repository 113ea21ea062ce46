//! RINEX headers of the files in `$GANTRY_REAL_DATA`, against facts measured with other tools.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::path::PathBuf;

use Kind::{Clock, Meteorological as Met, Navigation as Nav, Observation as Obs};
use gantry_formats::compression::without_gzip;
use gantry_formats::rinex::{Header, Kind};
use proptest::prelude::*;

/// File, version, kind, system, marker, interval in seconds, year of the first observation.
type Fact = (
    &'static str,
    &'static str,
    Kind,
    Option<char>,
    Option<&'static str>,
    Option<f64>,
    Option<u16>,
);

const FACTS: &[Fact] = &[
    (
        "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz",
        "3.04",
        Obs,
        Some('M'),
        Some("AJAC"),
        Some(30.0),
        Some(2024),
    ),
    (
        "AJAC3550.21D",
        "2.11",
        Obs,
        Some('M'),
        Some("AJAC"),
        Some(30.0),
        Some(2021),
    ),
    (
        "AJAC3550.21O",
        "2.11",
        Obs,
        Some('M'),
        Some("AJAC"),
        Some(30.0),
        Some(2021),
    ),
    (
        "ALAC00ESP_R_20220090000_01D_30S_MO.rnx",
        "3.04",
        Obs,
        Some('M'),
        Some("ALAC"),
        Some(30.0),
        Some(2022),
    ),
    (
        "AMEL00NLD_R_20210010000_01D_MN.rnx",
        "3.04",
        Nav,
        Some('M'),
        None,
        None,
        None,
    ),
    (
        "badtime.10o",
        "2.11",
        Obs,
        Some('M'),
        None,
        None,
        Some(2010),
    ),
    ("blank.10o", "2.11", Obs, Some('M'), None, None, Some(2010)),
    ("brdc2420.18n.gz", "2.11", Nav, Some('G'), None, None, None),
    ("cbw10010.21n.gz", "2.11", Nav, Some('G'), None, None, None),
    (
        "CEDA00USA_R_20182100000_01D_MN.rnx.gz",
        "3.03",
        Nav,
        Some('M'),
        None,
        None,
        None,
    ),
    ("clar0020.00m", "2.11", Met, None, Some("CLAR"), None, None),
    (
        "COD0OPSRAP_20230730000_01D_30S_CLK.CLK",
        "2.00",
        Clock,
        None,
        None,
        None,
        None,
    ),
    ("COD20352.CLK", "2.00", Clock, None, None, None, None),
    (
        "cs2rx18164.gz",
        "3.00",
        Obs,
        Some('D'),
        Some("CRYOSAT-2"),
        None,
        Some(2018),
    ),
    ("dlf10010.21g", "2.11", Nav, Some('R'), None, None, None),
    ("example2.txt", "3.04", Clock, Some('G'), None, None, None),
    (
        "gps_10MSps.23O.gz",
        "3.02",
        Obs,
        Some('G'),
        Some("DEFAULT MARKER NAME"),
        None,
        Some(2023),
    ),
    (
        "GRAS00FRA_R_20223151700_15M_01S_MO.crx.gz",
        "3.04",
        Obs,
        Some('M'),
        Some("GRAS"),
        Some(1.0),
        Some(2022),
    ),
    (
        "GRG0MGXFIN_20201770000_01D_30S_CLK.CLK.gz",
        "3.00",
        Clock,
        Some('G'),
        None,
        None,
        None,
    ),
    (
        "HERT00GBR_R_20240920000_01D_GN.rnx.gz",
        "3.04",
        Nav,
        Some('G'),
        None,
        None,
        None,
    ),
    (
        "junk_time_obs3.10o",
        "3.01",
        Obs,
        Some('M'),
        None,
        None,
        Some(2010),
    ),
    (
        "KMS300DNK_R_20221591000_01H_30S_MO.crx",
        "4.00",
        Obs,
        Some('M'),
        Some("KMS3"),
        Some(30.0),
        Some(2022),
    ),
    (
        "KMS300DNK_R_20221591000_01H_MN.rnx.gz",
        "4.00",
        Nav,
        Some('M'),
        None,
        None,
        None,
    ),
    (
        "KOSG0010.95O",
        "2",
        Obs,
        Some('G'),
        Some("KOSG"),
        Some(30.0),
        Some(1995),
    ),
    (
        "NYA100NOR_S_20241280000_01D_30S_MO.crx.gz",
        "3.05",
        Obs,
        Some('M'),
        Some("NYA1"),
        Some(30.0),
        Some(2024),
    ),
    (
        "POTS00DEU_R_20232540000_01D_05M_MM.rnx.gz",
        "3.05",
        Met,
        None,
        Some("POTS00DEU"),
        None,
        None,
    ),
    ("sample.crx", "3.01", Obs, Some('M'), None, None, Some(2010)),
    (
        "sample.crx.gz",
        "3.01",
        Obs,
        Some('M'),
        None,
        None,
        Some(2010),
    ),
    ("sample.rnx", "3.01", Obs, Some('M'), None, None, Some(2010)),
];

fn gssc() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return None;
    };
    Some(PathBuf::from(root).join("gssc"))
}

fn header(path: PathBuf) -> Result<Header, String> {
    let reader = without_gzip(File::open(&path).unwrap(), 1 << 30).unwrap();
    Header::read(reader).map_err(|error| error.to_string())
}

#[test]
fn every_header_says_what_was_measured_with_other_tools() {
    let Some(gssc) = gssc() else { return };
    for (file, version, kind, system, marker, interval, year) in FACTS {
        let header = header(gssc.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(header.version, *version, "{file}");
        assert_eq!(header.kind, *kind, "{file}");
        assert_eq!(header.system, *system, "{file}");
        assert_eq!(header.marker_name.as_deref(), *marker, "{file}");
        assert_eq!(header.interval_s, *interval, "{file}");
        assert_eq!(header.first.map(|first| first.year), *year, "{file}");
        assert_eq!(
            header.crinex.is_some(),
            file.contains(".crx") || file.ends_with('D'),
            "{file}"
        );
    }
}

#[test]
fn clock_headers_tell_centre_leap_seconds_and_antenna_model() {
    let Some(gssc) = gssc() else { return };
    let code = header(gssc.join("COD20352.CLK")).unwrap();
    let centre = "COD  Center for Orbit Determination in Europe";
    assert_eq!(code.analysis_centre.as_deref(), Some(centre));
    assert_eq!(code.leap_seconds, Some(18));
    assert_eq!(code.time_system.as_deref(), Some("GPS"));
    let pcvs: Vec<_> = code
        .pcvs
        .iter()
        .map(|p| (p.system, p.program.as_str(), p.source.as_str()))
        .collect();
    assert_eq!(
        pcvs,
        [('G', "CLKEST V5.3", "IGS14"), ('R', "CLKEST V5.3", "IGS14")]
    );
    let new = header(gssc.join("example2.txt")).unwrap();
    assert_eq!(
        new.analysis_centre.as_deref(),
        Some("IGS  IGSACC @ GA and MIT")
    );
    assert_eq!(new.leap_seconds, Some(37));
}

#[test]
fn receiver_antenna_position_and_signals_of_a_station_are_read() {
    let Some(gssc) = gssc() else { return };
    let kosg = header(gssc.join("KOSG0010.95O")).unwrap();
    assert_eq!(kosg.marker_number.as_deref(), Some("13504M003"));
    assert_eq!(kosg.receiver.unwrap().kind, "ROGUE SNR-8");
    assert_eq!(kosg.antenna.unwrap().kind, "AOAD/M_B        DUTD");
    assert_eq!(
        kosg.position_m,
        Some([3_899_242.649, 396_728.693_4, 5_015_081.650_8])
    );
    assert_eq!(
        kosg.observation_types,
        [(
            ' ',
            ["L1", "L2", "P1", "P2", "C1"].map(String::from).to_vec()
        )]
    );
    let kms = header(gssc.join("KMS300DNK_R_20221591000_01H_30S_MO.crx")).unwrap();
    let counts: Vec<_> = kms
        .observation_types
        .iter()
        .map(|(s, types)| (*s, types.len()))
        .collect();
    assert_eq!(
        counts,
        [
            ('C', 12),
            ('E', 10),
            ('G', 11),
            ('J', 8),
            ('R', 10),
            ('S', 4)
        ]
    );
    assert_eq!(kms.crinex.as_deref(), Some("3.0"));
}

#[test]
fn a_wrong_count_of_types_and_a_header_without_end_are_refused_with_their_line() {
    let first = format!(
        "{:<20}{:<20}{:<20}RINEX VERSION / TYPE\n",
        "     2.11", "OBSERVATION DATA", "M"
    );
    let types = format!(
        "{:<60}# / TYPES OF OBSERV\n",
        "     6    L1    L2    P1    P2    C1    S1    S2"
    );
    let end = format!("{:<60}END OF HEADER\n", "");
    let error = Header::read(format!("{first}{types}{end}").as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2: 6 observation types are announced and 7 listed"
    );
    let error = Header::read(first.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2: the file ends before END OF HEADER"
    );
    let error = Header::read(&b"CGGTTS"[..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1: no `RINEX VERSION / TYPE` in column 61 or 66"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_header_panic(body in proptest::collection::vec(any::<u8>(), 0..400), label in 0..8usize) {
        let labels = ["TIME OF FIRST OBS", "SYS / # / OBS TYPES", "# / TYPES OF OBSERV", "INTERVAL",
                      "APPROX POSITION XYZ", "LEAP SECONDS", "SYS / PCVS APPLIED", "END OF HEADER"];
        let mut file = format!("{:<20}{:<40}RINEX VERSION / TYPE\n", "     3.04", "O").into_bytes();
        for chunk in body.chunks(60) {
            let mut line = chunk.to_vec();
            line.resize(60, b' ');
            file.extend(line);
            file.extend(labels[label].as_bytes());
            file.push(b'\n');
        }
        let _ = Header::read(&file[..]);
        let _ = Header::read(&body[..]);
    }
}
