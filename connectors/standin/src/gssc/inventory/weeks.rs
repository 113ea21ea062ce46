//! Weeks: the products of analysis centres, by GPS week.

use super::add as add_file;
use crate::gssc::calendar::Day;
use crate::gssc::content::{Orbits, Product};
use crate::gssc::place::of_week;
use crate::gssc::tree::Tree;

const WEEKS: std::ops::RangeInclusive<u32> = 2243..=2248;
/// A week in which products of the multi-GNSS campaign stood apart.
const OLD_WEEK: u32 = 2111;

/// The week and day of 2023-018, of which the attitude in the finals of CODE is missing; its rapids are there.
const WITHOUT_ATTITUDE: (u32, u32) = (2245, 3);

/// Adds all weeks.
pub(crate) fn add(tree: &mut Tree) {
    for week in WEEKS {
        add_week(tree, week);
    }
    add_rapids(tree);
    add_old_week(tree);
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
        let mut put = |name: String, product| add_file(tree, &folder, &name, come, product);
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
        if day != Day::of_week(WITHOUT_ATTITUDE.0, WITHOUT_ATTITUDE.1) {
            let name = format!("COD0OPSFIN_{start}_01D_15M_ATT.OBX.gz");
            put(name, Product::Attitude { centre, day });
        }
    }
    add_of_week(tree, &folder, week, first);
}

/// All rapid products of CODE of one day.
fn add_rapids(tree: &mut Tree) {
    let (week, n) = WITHOUT_ATTITUDE;
    let (folder, day, centre) = (of_week(week, false), Day::of_week(week, n), "COD");
    let start = format!("{}{:03}0000_01D", day.year(), day.number());
    let (step_s, is_old, n_days) = (300, false, 1);
    let clocks = Product::Clocks {
        centre,
        day,
        step_s,
        is_old,
    };
    let rotation = Product::EarthRotation {
        centre,
        day,
        n_days,
    };
    for (end, product) in [
        (
            "05M_ORB.SP3",
            Product::Orbits(orbits(centre, day, 300, 289)),
        ),
        ("05M_CLK.CLK", clocks),
        ("01D_ERP.ERP", rotation),
        ("01D_OSB.BIA", Product::Biases { centre, day }),
        ("15M_ATT.OBX", Product::Attitude { centre, day }),
    ] {
        let name = format!("{centre}0OPSRAP_{start}_{end}.gz");
        add_file(tree, &folder, &name, day.plus_hours(41), product);
    }
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
        add_file(tree, folder, &name, come, product);
        let name = format!("{centre}0OPSFIN_{start}_01D_01D_SOL.SNX.gz");
        add_file(
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
    add_file(
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
    let mut put = |name: String, product| add_file(tree, folder, &name, come, product);
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
            add_file(tree, &folder, &name, come, Product::Orbits(orbits));
            let (step_s, is_old) = (300, false);
            let name = format!("{centre}0MGXFIN_{start}_01D_05M_CLK.CLK.gz");
            let product = Product::Clocks {
                centre,
                day,
                step_s,
                is_old,
            };
            add_file(tree, &folder, &name, come, product);
        }
    }
}
