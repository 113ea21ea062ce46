//! Orbits, ionosphere maps, antenna models and site logs in `$GANTRY_REAL_DATA`, against facts measured with other tools.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use gantry_formats::compression::without_gzip;
use gantry_formats::products::{Product, recognise};
use gantry_formats::rinex::Time;
use gantry_formats::sitelog::Form;
use gantry_formats::{antex, ionex, sinex, sitelog, sp3};
use proptest::prelude::*;

fn open(file: &str) -> Option<impl Read> {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return None;
    };
    let path = PathBuf::from(root).join("gssc").join(file);
    Some(without_gzip(File::open(path).unwrap(), 1 << 30).unwrap())
}

/// File, version, epochs announced and found, frame, agency, satellites, seconds between epochs, EOF.
type Orbits = (
    &'static str,
    char,
    [u64; 2],
    &'static str,
    &'static str,
    usize,
    f64,
    bool,
);

const ORBITS: &[Orbits] = &[
    (
        "COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz",
        'd',
        [289, 289],
        "IGS20",
        "AIUB",
        118,
        300.0,
        true,
    ),
    (
        "ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz",
        'c',
        [96, 96],
        "ITRF2",
        "ESOC",
        54,
        900.0,
        true,
    ),
    (
        "ESA0OPSULT_20232320600_02D_15M_ORB.SP3.gz",
        'c',
        [192, 192],
        "ITRF2",
        "ESOC",
        54,
        900.0,
        true,
    ),
    (
        "emr08874.sp3",
        'a',
        [96, 96],
        "ITR95",
        "EMR",
        25,
        900.0,
        true,
    ),
    (
        "igs19362.sp3c",
        'c',
        [2, 96],
        "IGS14",
        "IGS",
        32,
        900.0,
        true,
    ),
    (
        "truncated.sp3",
        'c',
        [2, 2],
        "IGS14",
        "IGS",
        32,
        900.0,
        false,
    ),
];

#[test]
fn orbits_are_what_other_tools_measured() {
    for (file, version, epochs, frame, agency, n_satellites, interval_s, ended) in ORBITS {
        let Some(reader) = open(file) else { return };
        let sp3 = sp3::read(reader).unwrap();
        assert_eq!(sp3.version, *version, "{file}");
        assert_eq!([sp3.n_epochs_announced, sp3.n_epochs], *epochs, "{file}");
        assert_eq!(sp3.frame.as_deref(), Some(*frame), "{file}");
        assert_eq!(sp3.agency.as_deref(), Some(*agency), "{file}");
        assert_eq!(sp3.n_satellites, *n_satellites, "{file}");
        assert_eq!(sp3.satellites.len(), *n_satellites, "{file}");
        assert!((sp3.interval_s - interval_s).abs() < 1e-9, "{file}");
        assert_eq!(sp3.ended, *ended, "{file}");
        let sound = *ended && sp3.n_epochs == sp3.n_epochs_announced;
        assert_eq!(sp3.faults.is_empty(), sound, "{file}: {:?}", sp3.faults);
        assert!(!sp3.velocities, "{file}");
    }
}

#[test]
fn orbits_tell_time_system_antenna_model_and_predictions() {
    let Some(reader) = open("ESA0OPSULT_20232320600_02D_15M_ORB.SP3.gz") else {
        return;
    };
    let ultra = sp3::read(reader).unwrap();
    assert_eq!(ultra.pcv.as_deref(), Some("IGS20_2274"));
    assert_eq!(ultra.time_system.as_deref(), Some("GPS"));
    assert_eq!((ultra.file_type, ultra.gps_week), (Some('M'), Some(2276)));
    assert_eq!(ultra.orbit_type.as_deref(), Some("BHN"));
    assert_eq!(ultra.data_used.as_deref(), Some("ORBIT"));
    let first = &ultra.first;
    let start = (first.year, first.month, first.day, first.hour, first.minute);
    assert_eq!(start, (2023, 8, 20, 6, 0));
    // 54 satellites, 192 epochs; `grep -c` counts the flag in column 80.
    assert_eq!(
        (ultra.n_positions, ultra.n_predicted_positions),
        (54 * 192, 5130)
    );
    let final_one = sp3::read(open("COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz").unwrap()).unwrap();
    assert_eq!(final_one.pcv.as_deref(), Some("IGS20"));
    assert_eq!(final_one.n_predicted_positions, 0);
    let old = sp3::read(open("emr08874.sp3").unwrap()).unwrap();
    assert_eq!(old.satellites.last().unwrap(), "G31");
    assert_eq!((old.file_type, old.data_used.as_deref()), (None, Some("U")));
}

#[test]
fn faults_of_orbit_files_are_sentences_and_what_is_no_sp3_is_refused() {
    let Some(reader) = open("truncated.sp3") else {
        return;
    };
    let fault = sp3::read(reader).unwrap().faults.pop().unwrap();
    assert!(fault.ends_with(": the file ends without EOF"), "{fault}");
    let more = sp3::read(open("igs19362.sp3c").unwrap()).unwrap().faults;
    assert!(
        more[0].ends_with(": 2 epochs are announced and 96 found"),
        "{more:?}"
    );
    let error = sp3::read(open("grg21553_nodata.sp3").unwrap()).unwrap_err();
    let sentence = "line 1: no SP3: the first line does not begin with `#a` to `#d`";
    assert_eq!(error.to_string(), sentence);
    let error = sp3::read(open("blank.sp3").unwrap()).unwrap_err();
    let sentence =
        "line 1: the file ends where the line that begins with `#a` to `#d` should stand";
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn ionosphere_maps_are_what_other_tools_measured() {
    for (file, day, rms, height, agency) in [
        ("CKMG0080.09I.gz", [2009, 1, 8], 0, 350.0, "AIUB"),
        ("jplg0010.17i.gz", [2017, 1, 1], 13, 450.0, "JPL - GNISD"),
    ] {
        let Some(reader) = open(file) else { return };
        let ionex = ionex::read(reader).unwrap();
        assert_eq!(
            (ionex.version.as_str(), ionex.exponent),
            ("1.0", -1),
            "{file}"
        );
        let n_maps = [ionex.n_maps_announced, ionex.n_tec_maps, ionex.n_rms_maps];
        assert_eq!(n_maps, [13, 13, rms], "{file}");
        assert_eq!(ionex.interval_s, Some(7200.0), "{file}");
        let axes = [ionex.latitude_deg, ionex.longitude_deg, ionex.height_km];
        let axes = axes.map(|axis| [axis.from, axis.to, axis.step]);
        let grid = [
            [87.5, -87.5, -2.5],
            [-180.0, 180.0, 5.0],
            [height, height, 0.0],
        ];
        assert_eq!(axes, grid, "{file}");
        let date = |time: &Time| [time.year, time.month.into(), time.day.into()];
        assert_eq!(date(&ionex.first), day, "{file}");
        assert_eq!(date(&ionex.last), [day[0], day[1], day[2] + 1], "{file}");
        assert_eq!(ionex.agency.as_deref(), Some(agency), "{file}");
        assert!(
            ionex.ended && ionex.faults.is_empty(),
            "{file}: {:?}",
            ionex.faults
        );
    }
}

#[test]
fn maps_that_are_cut_short_are_faults_with_their_line() {
    let Some(mut reader) = open("CKMG0080.09I.gz") else {
        return;
    };
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let cut = text.lines().take(30).collect::<Vec<_>>().join("\n");
    let faults = ionex::read(cut.as_bytes()).unwrap().faults;
    let sentences = [
        "line 19: the map that begins here does not end",
        "line 30: 13 maps are announced and 0 TEC maps found",
        "line 30: the file ends without END OF FILE",
    ];
    assert_eq!(faults, sentences);
    let header = text.lines().take(5).collect::<Vec<_>>().join("\n");
    let error = ionex::read(header.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "line 6: the file ends before END OF HEADER");
}

#[test]
fn antenna_models_are_counted_and_those_without_end_told() {
    let Some(reader) = open("igs14_small.atx.gz") else {
        return;
    };
    let antex = antex::read(reader).unwrap();
    assert_eq!((antex.version.as_str(), antex.system), ("1.4", Some('M')));
    assert_eq!((antex.n_antennas, antex.n_satellite_antennas), (6, 3));
    assert_eq!(antex.pattern, Some('A'));
    assert_eq!(antex.sinex_code.as_deref(), Some("IGS14_2247"));
    // The package that ships the file cut two of the six.
    assert_eq!(antex.faults.len(), 2);
    assert!(
        antex.faults[0].starts_with("line 512: "),
        "{:?}",
        antex.faults
    );
}

#[test]
fn both_forms_of_a_site_log_say_the_same() {
    let Some(reader) = open("houz00glp_20250106.log") else {
        return;
    };
    let text = sitelog::read(reader).unwrap();
    let xml = sitelog::read(open("HOUZ00GLP.xml").unwrap()).unwrap();
    assert_eq!((text.form, xml.form), (Form::Text, Form::GeodesyMl));
    for log in [&text, &xml] {
        assert_eq!(
            (log.id.as_str(), log.long_id.as_deref()),
            ("HOUZ", Some("HOUZ00GLP"))
        );
        assert_eq!(log.domes.as_deref(), Some("97102M001"));
        assert_eq!(log.prepared.as_deref(), Some("2025-01-06"));
        assert_eq!((log.receivers.len(), log.antennas.len()), (11, 5));
        let position = log.position_m.unwrap();
        for (is, should) in position
            .iter()
            .zip([2_907_580.1, -5_400_653.4, 1_744_663.1])
        {
            assert!((is - should).abs() < 0.001, "{position:?}");
        }
        // 15°58'46.61" north, 61°42'11.02" west, to a hundredth of a second.
        assert!((log.latitude_deg.unwrap() - 15.979_613).abs() < 3e-6);
        assert!((log.longitude_deg.unwrap() + 61.703_061).abs() < 3e-6);
        assert!((log.height_m.unwrap() - 377.0).abs() < 0.1);
        assert_eq!(log.faults, Vec::<String>::new());
        let last = log.receivers.last().unwrap();
        assert_eq!(
            (last.kind.as_str(), last.serial.as_deref()),
            ("LEICA GR50", Some("2090589"))
        );
        assert_eq!(last.firmware.as_deref(), Some("4.52/7.711"));
        assert!(
            last.installed
                .as_deref()
                .unwrap()
                .starts_with("2023-09-06T16:00")
        );
        assert_eq!(last.removed, None);
        let second = &log.antennas[1];
        assert_eq!(
            (second.kind.as_str(), second.radome.as_deref()),
            ("ASH700936E      SNOW", Some("SNOW"))
        );
    }
}

#[test]
fn what_is_no_site_log_is_refused_with_a_sentence() {
    let error = |bytes: &[u8]| sitelog::read(bytes).unwrap_err().to_string();
    assert_eq!(
        error(b""),
        "line 1: the file ends without `Site Information Form`"
    );
    let other = error(b"<?xml version='1.0'?><VOTABLE/>");
    assert_eq!(
        other,
        "no site log: the root element is `VOTABLE` and not `GeodesyML`"
    );
    let blank = error(b"  XXXX Site Information Form\n1. Site\n  Four Character ID : (A4)\n");
    assert_eq!(
        blank,
        "line 4: the file ends without Four or Nine Character ID"
    );
    let old = sitelog::read(&b"Site Information Form\n1.  Site\n     Four Character ID  : abmf\n3.1 Receiver Type : X\n Date Removed : 2001-13-01\n"[..]).unwrap();
    assert_eq!((old.id.as_str(), old.long_id), ("ABMF", None));
    assert_eq!(
        old.faults,
        ["line 5: `2001-13-01` is no date of year, month and day"]
    );
}

#[test]
fn first_lines_of_sinex_and_its_kin_are_read() {
    let line = "%=SNX 2.02 ESA 23:100:12345 IGS 99:365:00000 00:001:86370 P 00042 2 S E\n";
    let sinex = sinex::read(line.as_bytes()).unwrap();
    assert_eq!(
        (sinex.kind, sinex.version.as_str()),
        (sinex::Kind::Solution, "2.02")
    );
    assert_eq!((sinex.agency.as_str(), sinex.technique), ("ESA", Some('P')));
    assert_eq!(sinex.n_parameters, Some(42));
    let (start, end) = (sinex.start.unwrap(), sinex.end.unwrap());
    assert_eq!((start.year, start.day_of_year), (1999, 365));
    assert_eq!((end.year, end.second_of_day), (2000, 86_370));
    let bias = "%=BIA 1.00 COD 2023:080:12345 IGS 2023:001:00000 0000:000:00000 A 00000264";
    let bias = sinex::read(bias.as_bytes()).unwrap();
    assert_eq!(
        (bias.kind, bias.start.unwrap().year),
        (sinex::Kind::Bias, 2023)
    );
    assert_eq!(
        (bias.end, bias.technique, bias.n_parameters),
        (None, Some('A'), Some(264))
    );
    let error = sinex::read(&b"%=SNX 2.02 ESA 23:400:0"[..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1: `23:400:0` is no time of year, day and second"
    );
}

#[test]
fn first_lines_of_real_files_tell_what_they_are() {
    for (file, product) in [
        ("emr08874.sp3", Some(Product::Orbits)),
        ("igs14_small.atx.gz", Some(Product::Antennas)),
        ("jplg0010.17i.gz", Some(Product::IonosphereMaps)),
        ("houz00glp_20250106.log", Some(Product::SiteLog)),
        ("example2.txt", Some(Product::Rinex)),
        ("sample.crx", Some(Product::Hatanaka)),
        ("grg21553_nodata.sp3", None),
    ] {
        let Some(mut reader) = open(file) else { return };
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(recognise(text.lines().next().unwrap()), product, "{file}");
    }
}

/// Beginnings that lead deep into each reader.
const BEGINNINGS: &[&str] = &[
    "",
    "#cP2017  2 14  0  0  0.00000000       2 ORBIT IGS14 HLM  IGS\n## 1936 172800.00000000   900.00000000 57798 0.0\n",
    "     1.0            IONOSPHERE MAPS     GPS                 IONEX VERSION / TYPE\n",
    "     1.4            M                                       ANTEX VERSION / SYST\n",
    "%=SNX 2.02 ESA ",
    "Site Information Form\n1. A\n Four Character ID : ABMF\n2. B\n",
    "<GeodesyML><siteLog><siteIdentification><fourCharacterID>ABMF</fourCharacterID></siteIdentification>",
];
const PIECES: &[&str] = &[
    "+   32   G01G02",
    "%c M  cc GPS ccc",
    "/* PCV:",
    "*  2017  2 14  0  0  0.0",
    "PG01   9950.635414",
    "EOF",
    "Latitude (N is +) : ",
    "Longitude (E is +) : -",
    "3.1 Receiver Type : ",
    "Date Installed : ",
    "4.x ",
    "<GnssReceiver>",
    "<pos>",
    "</pos>",
    "\n",
    "23:100:",
    "START OF TEC MAP",
    "END OF HEADER",
    "EPOCH OF FIRST MAP",
    "HGT1 / HGT2 / DHGT",
];

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        beginning in 0..BEGINNINGS.len(),
        rest in proptest::collection::vec((0..PIECES.len(), proptest::collection::vec(any::<u8>(), 0..70), any::<bool>()), 0..12),
    ) {
        let mut bytes = BEGINNINGS[beginning].as_bytes().to_vec();
        for (piece, noise, is_label) in rest {
            if is_label {
                let mut cells: Vec<u8> = noise.iter().map(|byte| b" 0123456789.-"[usize::from(*byte) % 13]).collect();
                cells.resize(60, b' ');
                bytes.extend(cells);
                bytes.extend(PIECES[piece].as_bytes());
            } else {
                bytes.extend(PIECES[piece].as_bytes());
                bytes.extend(noise);
            }
            bytes.push(b'\n');
        }
        let _ = sp3::read(&bytes[..]);
        let _ = ionex::read(&bytes[..]);
        let _ = antex::read(&bytes[..]);
        let _ = sinex::read(&bytes[..]);
        let _ = sitelog::read(&bytes[..]);
        let _ = recognise(&String::from_utf8_lossy(&bytes));
    }
}
