//! The inventory: which files there are, generated and real, and where.

mod weeks;

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::calendar::Day;
use super::content::station::{STATIONS, Station};
use super::content::{Observations, Packing, Product, Recipe};
use super::place::{self, of_day, of_hour};
use super::tree::{Content, Entry, Tree};
use crate::error::StandinError;

const YEAR: i32 = 2023;
/// Days of the year with data of stations.
const N_DAYS: u32 = 40;
/// The day of which there is no folder.
const MISSING_DAY: u32 = 17;

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
    weeks::add(&mut tree);
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
        (3, "2023-02-04", (2023, 35)),
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
