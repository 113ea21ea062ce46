//! Sets by table. Names are those of IGS products; a table stands for what an archive lists.

use chrono::{DateTime, NaiveDate};
use gantry_asset::{Asset, Days, Kind, TimeScale, TimeSpan};

use super::*;

/// When the questions are asked, unless said otherwise: long after everything was due.
const LATER: &str = "2024-01-01T00:00:00Z";

/// The asset of a long product name, `COD0OPSFIN_20230170000_01D_05M_ORB`; `+MODEL` behind it is the antenna model
/// that its first bytes name.
fn product(name: &str) -> Asset {
    let (name, model) = name.split_once('+').unwrap_or((name, ""));
    let parts: Vec<&str> = name.split('_').collect();
    let [word, start, span, sampling, content] = parts[..] else {
        panic!("{name} is no name of a product");
    };
    let mut asset = Asset::new(
        format!("gssc:{name}").parse().unwrap(),
        Kind::InformationProduct,
    );
    asset.series = format!("gssc:~{word}-{content}-{span}-{sampling}")
        .parse()
        .ok();
    let latency = match &word[7..] {
        "FIN" => "final",
        "RAP" => "rapid",
        _ => "ultra",
    };
    for (field, value) in [
        ("content", content),
        ("analysis_centre", &word[..3]),
        ("campaign", &word[4..7]),
        ("latency", latency),
        ("span", span),
        ("sampling", sampling),
    ] {
        asset.facets.add(field, value);
    }
    if !model.is_empty() {
        asset.facets.add("antenna_model", model);
    }
    cover(&mut asset, start, span);
    asset.rank = if &word[..3] == "COD" { 136 } else { 134 };
    asset
}

/// Merged navigation messages, `BRDC00IGS_R_20230170000_01D_MN`.
fn navigation(name: &str, constellation: &str) -> Asset {
    let mut asset = Asset::new(
        format!("gssc:{name}").parse().unwrap(),
        Kind::InformationData,
    );
    for (field, value) in [
        ("content", "NAV"),
        ("tag", "BRDC"),
        ("constellation", constellation),
    ] {
        asset.facets.add(field, value);
    }
    cover(&mut asset, "20230170000", "01D");
    asset
}

fn antenna(model: &str) -> Candidate {
    let mut asset = Asset::new(
        format!("gssc:{model}.atx").parse().unwrap(),
        Kind::InformationProduct,
    );
    asset.facets.add("content", "ANTEX");
    asset.facets.add("antenna_model", model);
    Candidate::of(&asset).unwrap()
}

/// Labels and the UTC interval that 18 leap seconds make of them.
fn cover(asset: &mut Asset, start: &str, span: &str) {
    let (year, day) = (start[..4].parse().unwrap(), start[4..7].parse().unwrap());
    let (hour, minute) = (start[7..9].parse().unwrap(), start[9..].parse().unwrap());
    let date = NaiveDate::from_yo_opt(year, day).unwrap();
    let begins = date.and_hms_opt(hour, minute, 0).unwrap().and_utc();
    let seconds = crate::length::seconds(span).unwrap();
    let ends = begins + TimeDelta::seconds(seconds as i64);
    let label = |at: DateTime<Utc>| at.format("%Y-%j").to_string();
    asset.days = Some(Days {
        first: label(begins),
        last: label(ends - TimeDelta::seconds(1)),
    });
    let leap = TimeDelta::seconds(18);
    asset.time = Some(TimeSpan {
        start: begins - leap,
        end: ends - leap,
    });
    asset.time_scale = Some(TimeScale::Gpst);
}

/// Two days to two hours for ESA, nineteen days and seventeen hours for others, as the IGS and ESA say.
fn due_after(content: &str, centre: &str, latency: &str) -> Option<TimeDelta> {
    Some(TimeDelta::hours(match (content, centre, latency) {
        ("NAV", ..) => 24,
        (_, "ESA", "final") => 120,
        (_, "ESA", _) => 2,
        (_, _, "final") => 456,
        (_, _, "rapid") => 17,
        _ => return None,
    }))
}

fn antenna_family(week: u32) -> Option<&'static str> {
    (week >= 1934).then_some(if week >= 2238 { "IGS20" } else { "IGS14" })
}

struct Asked<'a> {
    with: With,
    days: &'a [&'a str],
    antennas: Vec<Candidate>,
    now: &'a str,
}

impl<'a> Asked<'a> {
    fn of(content: &[&str], days: &'a [&'a str]) -> Self {
        let with = With {
            content: content.iter().map(|of| (*of).to_owned()).collect(),
            margin_days: 0,
            ..With::default()
        };
        Self {
            with,
            days,
            antennas: Vec::new(),
            now: LATER,
        }
    }

    fn centres(mut self, centres: &[&str]) -> Self {
        self.with.analysis_centre = centres.iter().map(|code| (*code).to_owned()).collect();
        self
    }

    fn choose(&self, assets: &[Asset]) -> Chosen {
        let days: BTreeSet<Day> = self.days.iter().map(|day| day.parse().unwrap()).collect();
        let known = Knowledge {
            due_after,
            antenna_family,
        };
        let now = self.now.parse().unwrap();
        let mut sets = Sets::new(&self.with, known, &days, &self.antennas, now);
        let candidates: Vec<Candidate> = assets.iter().filter_map(Candidate::of).collect();
        let days: Vec<Day> = days.iter().copied().collect();
        sets.add(&days, &candidates);
        sets.chosen()
    }

    fn products(&self, names: &[&str]) -> Chosen {
        let assets: Vec<Asset> = names.iter().map(|name| product(name)).collect();
        self.choose(&assets)
    }
}

/// What was taken, by the parts of names that tell it apart.
fn names(chosen: &Chosen) -> Vec<&str> {
    chosen.ids.iter().map(|id| id.local()).collect()
}

fn gaps(chosen: &Chosen) -> Vec<(String, String, GapReason)> {
    let gaps = chosen.days.gaps.iter();
    gaps.map(|gap| (gap.day.clone(), gap.what(), gap.reason))
        .collect()
}

const FINAL: &str = "COD0OPSFIN_20230170000_01D_";
const DAY: &[&str] = &["2023-017"];

#[test]
fn all_of_a_day_comes_from_one_solution() {
    let asked = Asked::of(&["ORB", "CLK"], DAY).centres(&["COD", "ESA"]);
    let chosen = asked.products(&[
        "COD0OPSFIN_20230170000_01D_05M_ORB",
        "COD0OPSFIN_20230170000_01D_30S_CLK",
        "COD0MGXFIN_20230170000_01D_05M_ORB",
        "ESA0OPSFIN_20230170000_01D_05M_ORB",
        "ESA0OPSFIN_20230170000_01D_30S_CLK",
    ]);
    assert_eq!(
        names(&chosen),
        [
            "COD0OPSFIN_20230170000_01D_05M_ORB",
            "COD0OPSFIN_20230170000_01D_30S_CLK"
        ]
    );
    assert_eq!(
        (
            chosen.days.expected,
            chosen.days.found,
            chosen.days.notes.len()
        ),
        (2, 2, 0)
    );
    // Orbits of OPS and clocks of MGX are no set, however near they are; ESA has one.
    let chosen = asked.products(&[
        "COD0OPSFIN_20230170000_01D_05M_ORB",
        "COD0MGXFIN_20230170000_01D_30S_CLK",
        "ESA0OPSFIN_20230170000_01D_05M_ORB",
        "ESA0OPSFIN_20230170000_01D_30S_CLK",
    ]);
    assert_eq!(
        names(&chosen),
        [
            "ESA0OPSFIN_20230170000_01D_05M_ORB",
            "ESA0OPSFIN_20230170000_01D_30S_CLK"
        ]
    );
    // Before week 2238 the campaign had the long names.
    let chosen = Asked::of(&["ORB", "CLK"], &["2020-177"]).products(&[
        "GRG0MGXFIN_20201770000_01D_15M_ORB",
        "GRG0MGXFIN_20201770000_01D_30S_CLK",
    ]);
    assert_eq!(chosen.ids.len(), 2);
}

#[test]
fn operational_solutions_come_before_those_of_campaigns() {
    let of = |campaign: &str| format!("COD0{campaign}FIN_20230170000_01D_05M_ORB");
    let (ops, mgx, other) = (of("OPS"), of("MGX"), of("ABC"));
    let asked = Asked::of(&["ORB"], DAY);
    assert_eq!(
        names(&asked.products(&[&other, &mgx, &ops])),
        [ops.as_str()]
    );
    assert_eq!(names(&asked.products(&[&other, &mgx])), [mgx.as_str()]);
}

#[test]
fn products_of_tests_are_in_no_set() {
    let chosen = Asked::of(&["ORB"], DAY).products(&["COD0TSTFIN_20230170000_01D_05M_ORB"]);
    assert_eq!(chosen.ids.len(), 0);
}

#[test]
fn a_set_that_is_incomplete_falls_one_class_whole_and_says_so() {
    let all = ["ORB", "CLK", "ATT"];
    let of = |word: &str, contents: &[&str]| -> Vec<Asset> {
        let name = |content: &&str| product(&format!("{word}_20230170000_01D_05M_{content}"));
        contents.iter().map(name).collect()
    };
    let asked = Asked::of(&all, DAY).centres(&["COD", "ESA"]);
    let mut assets = of("COD0OPSFIN", &["ORB", "CLK"]);
    assets.extend(of("COD0OPSRAP", &all));
    assets.extend(of("ESA0OPSFIN", &all));
    let chosen = asked.choose(&assets);
    assert!(
        names(&chosen)
            .iter()
            .all(|name| name.starts_with("COD0OPSRAP")),
        "{chosen:?}"
    );
    assert_eq!(
        chosen.days.notes,
        ["2023-017: final of COD lacks ATT; rapid of COD taken"]
    );
    assert_eq!((chosen.days.expected, chosen.days.found), (3, 3));

    // Neither class is complete: the next centre.
    let mut assets = of("COD0OPSFIN", &["ORB", "CLK"]);
    assets.extend(of("COD0OPSRAP", &["ORB"]));
    assets.extend(of("ESA0OPSFIN", &all));
    let chosen = asked.choose(&assets);
    assert_eq!(
        chosen.days.notes,
        ["2023-017: final of COD lacks ATT, rapid of COD lacks CLK and ATT; final of ESA taken"]
    );

    // Nothing is complete: what lacks least, with its gap.
    let mut assets = of("COD0OPSRAP", &["ORB"]);
    assets.extend(of("COD0OPSFIN", &["ORB", "CLK"]));
    let chosen = asked.choose(&assets);
    assert_eq!(
        names(&chosen),
        [format!("{FINAL}05M_CLK"), format!("{FINAL}05M_ORB")]
    );
    assert_eq!(
        chosen.days.notes,
        ["2023-017: no set is complete; final of COD taken, without ATT"]
    );
    let lacks = (
        "2023-017".to_owned(),
        "ATT of COD0OPSFIN".to_owned(),
        GapReason::NotAtArchive,
    );
    assert_eq!(gaps(&chosen), [lacks]);
}

#[test]
fn without_a_set_each_content_is_the_best_there_is() {
    let mut asked = Asked::of(&["ORB", "CLK"], DAY).centres(&["COD"]);
    asked.with.one_set = false;
    let chosen = asked.products(&[
        "COD0OPSFIN_20230170000_01D_05M_ORB",
        "COD0OPSRAP_20230170000_01D_05M_ORB",
        "COD0OPSRAP_20230170000_01D_30S_CLK",
    ]);
    assert_eq!(
        names(&chosen),
        [
            format!("{FINAL}05M_ORB"),
            "COD0OPSRAP_20230170000_01D_30S_CLK".to_owned()
        ]
    );
    assert_eq!(
        chosen.days.notes,
        ["2023-017: there is no final CLK of COD; rapid CLK of COD taken"]
    );
}

#[test]
fn what_is_said_of_many_days_is_said_once() {
    let days = ["2023-017", "2023-018", "2023-019", "2023-021"];
    let files = days.map(|day| format!("COD0OPSRAP_2023{}0000_01D_05M_ORB", &day[5..]));
    let files = files.each_ref().map(String::as_str);
    let chosen = Asked::of(&["ORB"], &days)
        .centres(&["COD"])
        .products(&files);
    assert_eq!(
        chosen.days.notes,
        ["2023-017 to 2023-019, 2023-021: there is no final ORB of COD; rapid ORB of COD taken"]
    );
}

#[test]
fn the_orbits_of_the_days_around_come_along_from_the_same_solution() {
    // The rapid orbits of ESA end 23:45 (ESA0OPSRAP_20232390000): the last quarter of an hour is in the next day's.
    let mut asked = Asked::of(&["ORB", "CLK"], &["2023-239", "2023-240"]).centres(&["ESA"]);
    let around = [
        "ESA0OPSFIN_20232380000_01D_15M_ORB",
        "ESA0OPSRAP_20232380000_01D_15M_ORB",
        "ESA0OPSRAP_20232380000_01D_05M_CLK",
        "ESA0OPSRAP_20232390000_01D_15M_ORB",
        "ESA0OPSRAP_20232390000_01D_05M_CLK",
        "ESA0OPSRAP_20232400000_01D_15M_ORB",
        "ESA0OPSRAP_20232400000_01D_05M_CLK",
    ];
    assert_eq!(asked.products(&around).ids.len(), 4);
    asked.with.margin_days = 1;
    let chosen = asked.products(&around);
    let taken = names(&chosen);
    assert!(
        taken.contains(&"ESA0OPSRAP_20232380000_01D_15M_ORB") && taken.len() == 5,
        "{taken:?}"
    );
    assert_eq!((chosen.days.expected, chosen.days.found), (6, 5));
    let lacks = (
        "2023-241".to_owned(),
        "ORB of ESA0OPSRAP".to_owned(),
        GapReason::NotAtArchive,
    );
    assert_eq!(gaps(&chosen), [lacks]);
}

#[test]
fn a_product_that_is_not_due_yet_is_no_fault_of_the_archive() {
    let mut asked = Asked::of(&["ORB"], &["2023-239"]).centres(&["COD"]);
    asked.with.margin_days = 1;
    // Day 239 is 27 August; its finals of COD are due 19 days after its end, its rapids at 17 UTC of the next day.
    asked.now = "2023-08-28T18:00:00Z";
    let chosen = asked.products(&[
        "COD0OPSRAP_20232380000_01D_05M_ORB",
        "COD0OPSRAP_20232390000_01D_05M_ORB",
    ]);
    assert_eq!(
        chosen.days.notes,
        ["2023-239: final ORB of COD is not due before 2023-09-16; rapid ORB of COD taken"]
    );
    let lacks = (
        "2023-240".to_owned(),
        "ORB of COD0OPSRAP".to_owned(),
        GapReason::NotYetDue,
    );
    assert_eq!(gaps(&chosen), [lacks]);

    let reason = |now: &str| {
        let asked = Asked {
            now,
            ..Asked::of(&["ORB"], &["2023-239"]).centres(&["COD"])
        };
        gaps(&asked.products(&[])).remove(0).2
    };
    assert_eq!(reason("2023-08-28T16:59:00Z"), GapReason::NotYetDue);
    assert_eq!(reason("2023-08-28T17:01:00Z"), GapReason::NotAtArchive);
}

#[test]
fn of_several_files_the_one_that_fits_the_day_best_is_taken() {
    for (content, files, best) in [
        // The finest sampling.
        ("CLK", vec!["01D_05M_CLK", "01D_30S_CLK"], "01D_30S_CLK"),
        // No more than it must cover.
        ("ERP", vec!["07D_01D_ERP", "01D_12H_ERP"], "01D_12H_ERP"),
        ("ERP", vec!["07D_01D_ERP", "24H_01D_ERP"], "24H_01D_ERP"),
        ("ERP", vec!["07D_01D_ERP"], "07D_01D_ERP"),
    ] {
        let files: Vec<String> = files
            .iter()
            .map(|end| format!("COD0OPSFIN_20230170000_{end}"))
            .collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let chosen = Asked::of(&[content], DAY).products(&files);
        assert_eq!(names(&chosen), [format!("COD0OPSFIN_20230170000_{best}")]);
    }
    // Weekly rotation is of each day of its week.
    let chosen =
        Asked::of(&["ERP"], &["2023-021"]).products(&["COD0OPSFIN_20230150000_07D_01D_ERP"]);
    assert_eq!((chosen.ids.len(), chosen.days.found), (1, 1));
    // Ultra-rapids: the first day of two is observed, so the one that begins with the day.
    let mut ultra = Asked::of(&["ORB"], &["2023-232"]);
    ultra.with.latency = vec!["ultra".to_owned()];
    let chosen = ultra.products(&[
        "ESA0OPSULT_20232311800_02D_15M_ORB",
        "ESA0OPSULT_20232320000_02D_15M_ORB",
        "ESA0OPSULT_20232320600_02D_15M_ORB",
    ]);
    assert_eq!(names(&chosen), ["ESA0OPSULT_20232320000_02D_15M_ORB"]);
}

#[test]
fn the_antenna_model_is_the_one_that_was_applied_and_never_the_newest() {
    let mut asked = Asked::of(&["ORB", "CLK"], &["2023-239"]);
    asked.with.antenna = true;
    asked.antennas = [
        "igs14_2108",
        "igs20",
        "igs20_2247",
        "igs20_2274",
        "igs20_2300",
    ]
    .map(antenna)
    .to_vec();
    let antenna_of = |asked: &Asked<'_>, orbits: &str, clocks: &str| {
        let files = [
            "ESA0OPSFIN_20232390000_01D_05M_ORB",
            "ESA0OPSFIN_20232390000_01D_30S_CLK",
        ];
        let files = [
            format!("{}{orbits}", files[0]),
            format!("{}{clocks}", files[1]),
        ];
        let chosen = asked.products(&[&files[0], &files[1]]);
        let models = names(&chosen)
            .into_iter()
            .filter(|name| name.ends_with(".atx"));
        (
            models.map(str::to_owned).collect::<Vec<_>>(),
            chosen.days.notes,
            chosen.days.gaps.len(),
        )
    };
    let none = Vec::<String>::new();
    // Said by the clocks.
    let (models, notes, _) = antenna_of(&asked, "", "+igs20_2247");
    assert_eq!(
        (models, notes),
        (vec!["igs20_2247.atx".to_owned()], none.clone())
    );
    // Said by both, and differently.
    let (models, notes, _) = antenna_of(&asked, "+igs20_2274", "+igs20_2247");
    assert_eq!(models.len(), 2);
    assert!(notes[0].contains("igs20_2274 and igs20_2247"), "{notes:?}");
    // Said, and not there: nothing else takes its place.
    let (models, notes, n_gaps) = antenna_of(&asked, "", "+igs20_2280");
    assert_eq!((models, n_gaps), (none, 1));
    assert_eq!(
        notes,
        ["2023-239: the antenna model igs20_2280, applied in ESA0OPSFIN, is not in the catalogue"]
    );
    // Not said: 2023-239 lies in week 2277.
    let (models, notes, _) = antenna_of(&asked, "", "");
    assert_eq!(models, ["igs20_2274.atx"]);
    assert!(
        notes[0].contains("which antenna model was applied in ESA0OPSFIN is not known"),
        "{notes:?}"
    );
    // Not said, and only younger releases.
    asked.antennas = ["igs20", "igs20_2290", "igs20_2300"].map(antenna).to_vec();
    let (models, notes, _) = antenna_of(&asked, "", "");
    assert_eq!(models, ["igs20_2290.atx"]);
    assert!(notes[0].contains("younger than the day"), "{notes:?}");
}

#[test]
fn navigation_is_the_merged_file_of_all_constellations() {
    let mut asked = Asked::of(&[], DAY);
    asked.with.nav = Some("BRDC".to_owned());
    let (gps, merged) = (
        navigation("brdc0170.23n", "GPS"),
        navigation("BRDC00IGS_R_20230170000_01D_MN", "mixed"),
    );
    let chosen = asked.choose(&[gps.clone(), merged]);
    assert_eq!(names(&chosen), ["BRDC00IGS_R_20230170000_01D_MN"]);
    let chosen = asked.choose(&[gps]);
    assert_eq!((chosen.ids.len(), chosen.days.notes.len()), (1, 1));
    let lacks = (
        "2023-017".to_owned(),
        "NAV of BRDC".to_owned(),
        GapReason::NotAtArchive,
    );
    assert_eq!(gaps(&asked.choose(&[])), [lacks]);
}

#[test]
fn what_cannot_be_asked_for_is_refused_with_what_can() {
    let with = With::default;
    for (wrong, named) in [
        (
            With {
                content: vec!["XYZ".to_owned()],
                ..with()
            },
            "with.content=`XYZ`",
        ),
        (
            With {
                content: vec!["ORB".to_owned(); 2],
                ..with()
            },
            "each once",
        ),
        (
            With {
                latency: vec!["late".to_owned()],
                ..with()
            },
            "final, rapid",
        ),
        (
            With {
                analysis_centre: vec!["code".to_owned()],
                ..with()
            },
            "`COD`",
        ),
        (
            With {
                margin_days: 8,
                ..with()
            },
            "0 to 7",
        ),
        (
            With {
                nav: Some("BRUX".to_owned()),
                ..with()
            },
            "`BRDC`",
        ),
    ] {
        let error = wrong.check().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    with().check().unwrap();
}
