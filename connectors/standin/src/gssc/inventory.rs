//! The inventory: which files there are, generated and real, and where.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::calendar::Day;
use super::content::station::{STATIONS, Station};
use super::content::{Observations, Orbits, Packing, Product, Recipe};
use super::place::{self, of_day, of_hour, of_week};
use super::tree::{Content, Entry, Tree};
use crate::error::StandinError;

const YEAR: i32 = 2023;
/// Days of the year with data of stations.
const N_DAYS: u32 = 40;
/// The day of which there is no folder.
const MISSING_DAY: u32 = 17;
const WEEKS: std::ops::RangeInclusive<u32> = 2243..=2248;
/// A week in which products of the multi-GNSS campaign stood apart.
const OLD_WEEK: u32 = 2111;

/// The tree: the real files of a folder, and what is generated under names that it does not hold.
///
/// # Errors
/// When the folder `gssc` in `real_data` cannot be read.
pub(crate) fn tree(real_data: Option<&Path>) -> Result<Tree, StandinError> {
    let mut tree = Tree::new();
    if let Some(folder) = real_data {
        add_real(&mut tree, &folder.join("gssc"))?;
    }
    for day in (1..=N_DAYS).filter_map(|n| Day::of_year(YEAR, n)) {
        add_broadcast(&mut tree, day);
        if day.number() != MISSING_DAY {
            add_daily(&mut tree, day);
        }
        add_ionosphere(&mut tree, day);
    }
    for day in [1, 2].into_iter().filter_map(|n| Day::of_year(YEAR, n)) {
        add_within_day(&mut tree, day);
    }
    for week in WEEKS {
        add_week(&mut tree, week);
    }
    add_old_week(&mut tree);
    add_network(&mut tree);
    Ok(tree)
}

fn add_real(tree: &mut Tree, folder: &Path) -> Result<(), StandinError> {
    let failed = |source| StandinError::File {
        path: folder.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let metadata = entry.metadata().map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if metadata.is_file() {
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let entry = Entry {
                modified: modified.into(),
                content: Content::Real(entry.path()),
            };
            tree.add(&place::folder(&name), &name, entry);
        }
    }
    Ok(())
}

/// Adds a generated file that appeared at a moment.
fn add(tree: &mut Tree, folder: &str, name: &str, modified: DateTime<Utc>, product: Product) {
    let packing = match name.rsplit_once('.') {
        Some((_, "gz")) => Packing::Gzip,
        Some((_, "Z")) => Packing::Compress,
        _ => Packing::Plain,
    };
    let content = Content::Generated(Recipe { product, packing });
    tree.add(folder, name, Entry { modified, content });
}

fn observations(station: &'static Station, day: Day) -> Observations {
    Observations {
        station,
        day,
        start_s: 0,
        step_s: 30,
        n_epochs: None,
        is_version_2: false,
        is_hatanaka: true,
    }
}

fn add_daily(tree: &mut Tree, day: Day) {
    let folder = of_day("data/daily", day);
    let (year, number) = (day.year(), day.number());
    let come = day.plus_hours(26);
    let there = STATIONS
        .iter()
        .filter(|station| !station.gaps.contains(&number));
    for station in there {
        let name = format!("{}_R_{year}{number:03}0000_01D_30S_MO.crx.gz", station.name);
        let product = Product::Observations(observations(station, day));
        add(tree, &folder, &name, come, product);
    }
    for name in broadcast_names(day) {
        let is_short = name.starts_with("brdc");
        let product = Product::Navigation { day, is_short };
        add(tree, &folder, &name, come, product);
    }
    let brux = STATIONS[0].name;
    let name = format!("{brux}_R_{year}{number:03}0000_01D_MN.rnx.gz");
    let is_short = false;
    add(
        tree,
        &folder,
        &name,
        come,
        Product::Navigation { day, is_short },
    );
    add_short_daily(tree, &folder, day);
}

/// The same under old names, for a few days; spelled in three ways.
fn add_short_daily(tree: &mut Tree, folder: &str, day: Day) {
    let (number, year) = (day.number(), day.two_digits());
    let [brux, pots, _, kms3, ..] = &STATIONS;
    let sets = [
        (brux, 10, true, format!("brux{number:03}0.{year:02}d.Z")),
        (brux, 2, false, format!("brux{number:03}0.{year:02}o.Z")),
        (pots, 5, true, format!("pots{number:03}0.{year:02}d.gz")),
        (kms3, 5, true, format!("KMS3{number:03}0.{year:02}D.Z")),
    ];
    for (station, n_days, is_hatanaka, name) in sets {
        if number <= n_days {
            let wanted = Observations {
                is_version_2: true,
                is_hatanaka,
                ..observations(station, day)
            };
            let product = Product::Observations(wanted);
            add(tree, folder, &name, day.plus_hours(27), product);
        }
    }
}

fn broadcast_names(day: Day) -> [String; 2] {
    let (year, number) = (day.year(), day.number());
    [
        format!("BRDC00IGS_R_{year}{number:03}0000_01D_MN.rnx.gz"),
        format!("brdc{number:03}0.{:02}n.gz", day.two_digits()),
    ]
}

/// The broadcast files of the year, which come two days later than those of the day.
fn add_broadcast(tree: &mut Tree, day: Day) {
    if day.number() > N_DAYS - 2 {
        return;
    }
    let folder = format!("/gnss/data/daily/{}/brdc", day.year());
    for name in broadcast_names(day) {
        let is_short = name.starts_with("brdc");
        let product = Product::Navigation { day, is_short };
        add(tree, &folder, &name, day.plus_hours(74), product);
    }
}

/// Hourly and high-rate files of a few hours.
fn add_within_day(tree: &mut Tree, day: Day) {
    let (year, number) = (day.year(), day.number());
    for station in &STATIONS[..2] {
        for hour in 0..3_u32 {
            let wanted = Observations {
                start_s: hour * 3600,
                n_epochs: Some(120),
                ..observations(station, day)
            };
            let folder = of_hour("hourly", day, hour);
            let begins = format!("{}_R_{year}{number:03}{hour:02}00_01H", station.name);
            let come = day.plus_hours(i64::from(hour) + 2);
            let name = format!("{begins}_30S_MO.crx.gz");
            add(tree, &folder, &name, come, Product::Observations(wanted));
            let is_short = false;
            let name = format!("{begins}_MN.rnx.gz");
            add(
                tree,
                &folder,
                &name,
                come,
                Product::Navigation { day, is_short },
            );
        }
        for quarter in 0..2_u32 {
            let wanted = Observations {
                start_s: quarter * 900,
                step_s: 1,
                n_epochs: Some(900),
                ..observations(station, day)
            };
            let minute = quarter * 15;
            let name = format!(
                "{}_R_{year}{number:03}00{minute:02}_15M_01S_MO.crx.gz",
                station.name
            );
            let product = Product::Observations(wanted);
            add(
                tree,
                &of_hour("highrate", day, 0),
                &name,
                day.plus_hours(1),
                product,
            );
        }
    }
}

fn add_ionosphere(tree: &mut Tree, day: Day) {
    let folder = of_day("products/ionex", day);
    let (year, number) = (day.year(), day.number());
    let come = day.plus_hours(24 * 6);
    let name = format!("ESA0OPSFIN_{year}{number:03}0000_01D_02H_GIM.INX.gz");
    let product = Product::Ionosphere { centre: "ESA", day };
    add(tree, &folder, &name, come, product);
    if number <= 5 {
        let name = format!("igsg{number:03}0.{:02}i.Z", day.two_digits());
        let product = Product::Ionosphere { centre: "IGS", day };
        add(tree, &folder, &name, come, product);
    }
}

fn orbits(centre: &'static str, day: Day, step_s: u32, n_epochs: u32) -> Orbits {
    Orbits {
        centre,
        day,
        start_s: 0,
        step_s,
        n_epochs,
        predicted_from: None,
        version: 'd',
        frame: "IGS20",
    }
}

/// The products of a week: orbits and clocks of three centres and what belongs to them.
fn add_week(tree: &mut Tree, week: u32) {
    let folder = of_week(week, false);
    let first = Day::of_week(week, 0);
    for day in (0..7).map(|n| Day::of_week(week, n)) {
        let come = day.plus_hours(24 * 6);
        let start = format!("{}{:03}0000", day.year(), day.number());
        let mut put = |name: String, product| add(tree, &folder, &name, come, product);
        // ESA ends before midnight, CODE at it.
        for (centre, step, step_s, n_epochs) in [
            ("ESA", "05M", 300, 288),
            ("COD", "05M", 300, 289),
            ("IGS", "15M", 900, 96),
        ] {
            let orbits = orbits(centre, day, step_s, n_epochs);
            let name = format!("{centre}0OPSFIN_{start}_01D_{step}_ORB.SP3.gz");
            put(name, Product::Orbits(orbits));
            let (step, step_s) = if centre == "ESA" {
                ("30S", 30)
            } else {
                ("05M", 300)
            };
            let name = format!("{centre}0OPSFIN_{start}_01D_{step}_CLK.CLK.gz");
            let is_old = false;
            put(
                name,
                Product::Clocks {
                    centre,
                    day,
                    step_s,
                    is_old,
                },
            );
        }
        let centre = "COD";
        let name = format!("COD0OPSFIN_{start}_01D_01D_OSB.BIA.gz");
        put(name, Product::Biases { centre, day });
        if day == first {
            let name = format!("COD0OPSFIN_{start}_01D_15M_ATT.OBX.gz");
            put(name, Product::Attitude { centre, day });
        }
    }
    add_of_week(tree, &folder, week, first);
}

/// What comes once a week, and some under old names.
fn add_of_week(tree: &mut Tree, folder: &str, week: u32, first: Day) {
    let come = first.plus_hours(24 * 13);
    let start = format!("{}{:03}0000", first.year(), first.number());
    for centre in ["ESA", "COD", "IGS"] {
        let day = first;
        let name = format!("{centre}0OPSFIN_{start}_07D_01D_ERP.ERP.gz");
        let product = Product::EarthRotation {
            centre,
            day,
            n_days: 7,
        };
        add(tree, folder, &name, come, product);
        let name = format!("{centre}0OPSFIN_{start}_01D_01D_SOL.SNX.gz");
        add(
            tree,
            folder,
            &name,
            come,
            Product::Coordinates { centre, day },
        );
    }
    let ultra = Orbits {
        predicted_from: Some(96),
        start_s: 6 * 3600,
        ..orbits("ESA", first, 900, 192)
    };
    let begins = &start[..7];
    let name = format!("ESA0OPSULT_{begins}0600_02D_15M_ORB.SP3.gz");
    add(
        tree,
        folder,
        &name,
        first.plus_hours(32),
        Product::Orbits(ultra),
    );
    if week == *WEEKS.start() {
        add_short_products(tree, folder, week, first, "IGS20");
    }
}

/// Old names of a week, in cases as they come.
fn add_short_products(tree: &mut Tree, folder: &str, week: u32, day: Day, frame: &'static str) {
    let come = day.plus_hours(24 * 13);
    let old = Orbits {
        version: 'c',
        frame,
        ..orbits("IGS", day, 900, 96)
    };
    let mut put = |name: String, product| add(tree, folder, &name, come, product);
    put(format!("igs{week}0.sp3.Z"), Product::Orbits(old.clone()));
    let emr = Orbits {
        centre: "EMR",
        step_s: 300,
        n_epochs: 288,
        ..old
    };
    put(format!("EMR{week}0.SP3.Z"), Product::Orbits(emr));
    let clocks = Product::Clocks {
        centre: "COD",
        day,
        step_s: 300,
        is_old: true,
    };
    put(format!("COD{week}0.CLK"), clocks);
    let centre = "IGS";
    let rotation = Product::EarthRotation {
        centre,
        day,
        n_days: 7,
    };
    put(format!("igs{week}7.erp.Z"), rotation);
}

/// A week in which the campaign's products stand in a folder of their own.
fn add_old_week(tree: &mut Tree) {
    let first = Day::of_week(OLD_WEEK, 0);
    add_short_products(tree, &of_week(OLD_WEEK, false), OLD_WEEK, first, "IGS14");
    let folder = of_week(OLD_WEEK, true);
    for day in (0..3).map(|n| Day::of_week(OLD_WEEK, n)) {
        let start = format!("{}{:03}0000", day.year(), day.number());
        for centre in ["COD", "GRG"] {
            let come = day.plus_hours(24 * 14);
            let orbits = Orbits {
                frame: "IGS14",
                ..orbits(centre, day, 900, 96)
            };
            let name = format!("{centre}0MGXFIN_{start}_01D_15M_ORB.SP3.gz");
            add(tree, &folder, &name, come, Product::Orbits(orbits));
            let (step_s, is_old) = (300, false);
            let name = format!("{centre}0MGXFIN_{start}_01D_05M_CLK.CLK.gz");
            let product = Product::Clocks {
                centre,
                day,
                step_s,
                is_old,
            };
            add(tree, &folder, &name, come, product);
        }
    }
}

/// Antennas and site logs.
fn add_network(tree: &mut Tree) {
    let come = |year, day: u32| Day::of_year(year, day).map(|day| day.plus_hours(12));
    for (name, year, day) in [
        ("igs14_2108.atx", 2020, 156),
        ("igs20_2247.atx", 2023, 30),
        ("igs20_2274.atx", 2023, 221),
        ("igs20.atx", 2023, 221),
    ] {
        let come = come(year, day).unwrap_or_default();
        add(
            tree,
            "/igs/station/general",
            name,
            come,
            Product::Antennas { name },
        );
    }
    for (n, prepared, come_on) in [
        (0, "2020-11-20", (2020, 325)),
        (0, "2023-01-05", (2023, 5)),
        (1, "2023-01-21", (2023, 21)),
        (2, "2019-03-27", (2019, 86)),
        (3, "2021-08-25", (2021, 237)),
        (4, "2020-10-16", (2020, 290)),
        (5, "2017-06-15", (2017, 166)),
    ] {
        let station = &STATIONS[n];
        let name = format!(
            "{}_{}.log",
            station.name.to_ascii_lowercase(),
            prepared.replace('-', "")
        );
        let come = come(come_on.0, come_on.1).unwrap_or_default();
        let product = Product::SiteLog { station, prepared };
        add(tree, "/igs/station/log", &name, come, product);
    }
}
