//! Preferences by table; names are those of RINEX files.

use gantry_asset::{Days, Kind, TimeSpan};

use super::*;

/// The asset of a station's file: a long name, or a short one of a whole day; `@V` behind it is the version of
/// RINEX that its header says.
fn file(name: &str) -> Asset {
    let (name, version) = name.split_once('@').unwrap_or((name, ""));
    let mut asset = Asset::new(
        format!("gssc:{name}").parse().unwrap(),
        Kind::InformationData,
    );
    asset.facets.add("content", "OBS");
    let parts: Vec<&str> = name.split('_').collect();
    let (day, hour, series) = if let [station, source, start, span, sampling, _] = parts[..] {
        asset.facets.add("station", station);
        asset.facets.add("span", span);
        let sampling_s = seconds(sampling).unwrap();
        asset.facets.add("sampling", format!("{sampling_s} s"));
        let mark = if source == "R" {
            String::new()
        } else {
            format!("-{source}")
        };
        let series = format!("{station}-OBS-{span}-{sampling}{mark}");
        (&start[4..7], start[7..9].parse().unwrap(), series)
    } else {
        asset.facets.add("station", name[..4].to_uppercase());
        asset.facets.add("span", "01D");
        asset.facets.add("rinex_version", "2");
        (
            &name[4..7],
            0,
            format!("{}-OBS-01D-RINEX2", name[..4].to_uppercase()),
        )
    };
    if !version.is_empty() {
        asset.facets.add("rinex_version", version);
    }
    asset.series = format!("gssc:~{series}").parse().ok();
    let day = format!("2023-{day}");
    let date = day.parse::<gantry_asset::Day>().unwrap().date();
    let start = date.and_hms_opt(hour, 0, 0).unwrap().and_utc();
    asset.time = Some(TimeSpan {
        start,
        end: start + chrono::TimeDelta::hours(1),
    });
    asset.days = Some(Days {
        first: day.clone(),
        last: day,
    });
    asset
}

/// What is kept of files.
fn kept(prefer: &Prefer, names: &[&str]) -> (Vec<String>, Preferred) {
    let assets: Vec<Asset> = names.iter().map(|name| file(name)).collect();
    let chosen = prefer.choose(assets.iter());
    let kept = assets
        .iter()
        .filter(|asset| !chosen.left_out.contains(&asset.id));
    (
        kept.map(|asset| asset.id.local().to_owned()).collect(),
        chosen,
    )
}

const DAILY: &str = "BRUX00BEL_R_20230010000_01D_30S_MO";
const STREAM: &str = "BRUX00BEL_S_20230010000_01D_30S_MO";
const UNKNOWN: &str = "BRUX00BEL_U_20230010000_01D_30S_MO";
const HOURS: [&str; 2] = [
    "BRUX00BEL_R_20230010000_01H_30S_MO",
    "BRUX00BEL_R_20230010100_01H_30S_MO",
];
const QUARTER: &str = "BRUX00BEL_R_20230010000_15M_01S_MO";
const FAST: &str = "BRUX00BEL_R_20230010000_01D_01S_MO";
const SIX_HOURS: &str = "BRUX00BEL_R_20230010000_06H_30S_MO";
const TWELVE_HOURS: &str = "BRUX00BEL_R_20230010000_12H_30S_MO";
const OLD: &str = "brux0010.23d";

#[test]
fn daily_before_hourly_receivers_before_streams_the_longest_and_the_newest_rinex() {
    for (there, best) in [
        (&[QUARTER, DAILY, HOURS[0]][..], &[DAILY][..]),
        (&[UNKNOWN, STREAM, DAILY], &[DAILY]),
        (&[UNKNOWN, STREAM], &[STREAM]),
        (&[OLD, DAILY], &[DAILY]),
        (&[OLD, QUARTER], &[OLD]),
        // Hours do not stand for each other, and a longer span is better than a shorter one.
        (&[HOURS[0], HOURS[1], QUARTER], &HOURS),
        (
            &[
                "BRUX00BEL_R_20230010000_01D_30S_MO",
                "BRUX00BEL_R_20230010000_01D_01S_MO",
            ],
            &[DAILY],
        ),
        (&[FAST, HOURS[0]], &[FAST]),
        (&[SIX_HOURS, TWELVE_HOURS], &[TWELVE_HOURS]),
        // Other days and stations are no alternatives.
        (
            &[DAILY, "brux0020.23d", "pots0010.23d"],
            &[DAILY, "brux0020.23d", "pots0010.23d"],
        ),
    ] {
        assert_eq!(kept(&Prefer::default(), there).0, best, "{there:?}");
    }
}

#[test]
fn what_is_preferred_comes_first_in_the_order_given() {
    let two_first = Prefer {
        rinex_version: vec!["2".to_owned(), "3".to_owned()],
        ..Prefer::default()
    };
    assert_eq!(kept(&two_first, &[DAILY, OLD]).0, [OLD]);
    let fast = Prefer {
        span: "15M".to_owned(),
        sampling: "01S".to_owned(),
        ..Prefer::default()
    };
    assert_eq!(kept(&fast, &[DAILY, QUARTER, HOURS[0]]).0, [QUARTER]);
    let headers = [
        "BRUX00BEL_R_20230010000_01D_30S_MO@3",
        "BRUX00BEL_R_20230010000_01D_30S_GO@4",
    ];
    let mut files = headers.map(file);
    files[1].series = "gssc:~BRUX00BEL-OBS-01D-30S-GO".parse().ok();
    let chosen = Prefer::default().choose(files.iter());
    assert_eq!(chosen.left_out, BTreeSet::from([files[0].id.clone()]));
}

#[test]
fn of_equal_files_one_is_kept_whatever_their_order() {
    let mut twins = [file(DAILY), file(DAILY)];
    twins[1].id = "gssc:mirror~BRUX00BEL_R_20230010000_01D_30S_MO"
        .parse()
        .unwrap();
    let out = BTreeSet::from([twins[1].id.clone()]);
    assert_eq!(Prefer::default().choose(twins.iter()).left_out, out);
    assert_eq!(Prefer::default().choose(twins.iter().rev()).left_out, out);
}

#[test]
fn what_was_left_out_is_counted_and_its_series_counts_as_the_usual_one() {
    let names = [
        DAILY,
        OLD,
        QUARTER,
        "BRUX00BEL_R_20230020000_01D_30S_MO",
        "brux0030.23d",
    ];
    let (kept, chosen) = kept(&Prefer::default(), &names);
    assert_eq!(kept.len(), 3);
    assert_eq!(
        chosen.notes,
        [
            "2 observation files were left out for others of the same station and day; preferred are 01D at 30S, from receivers before streams, RINEX 4, 3, 2"
        ]
    );
    let old: AssetId = "gssc:~BRUX-OBS-01D-RINEX2".parse().unwrap();
    assert_eq!(
        chosen.counts_as[&old],
        "gssc:~BRUX00BEL-OBS-01D-30S".parse().unwrap()
    );
}

#[test]
fn what_is_no_length_and_no_version_is_refused() {
    for (wrong, named) in [
        (
            Prefer {
                span: "day".to_owned(),
                ..Prefer::default()
            },
            "prefer.span=`day`",
        ),
        (
            Prefer {
                sampling: "30".to_owned(),
                ..Prefer::default()
            },
            "prefer.sampling",
        ),
        (
            Prefer {
                rinex_version: vec!["5".to_owned()],
                ..Prefer::default()
            },
            "`5`",
        ),
    ] {
        let error = wrong.check().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    Prefer::default().check().unwrap();
}
