//! What the generated files hold; independent tools read them in the witness tests.

use std::io::Read;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;

use crate::{DAY, Standin, WEEK, standin, standin_with};

fn text(standin: &Standin, path: &str) -> String {
    let answer = standin.get(path);
    assert_eq!(answer.status, 200, "{path}");
    let mut text = String::new();
    GzDecoder::new(answer.body.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn a_day_of_orbits_has_as_many_epochs_as_its_header_says() {
    let standin = standin();
    let path = format!("{WEEK}/ESA0OPSFIN_20230010000_01D_05M_ORB.SP3.gz");
    let text = text(&standin, &path);
    let n_epochs = text.lines().filter(|line| line.starts_with('*')).count();
    assert_eq!(text.get(32..39), Some("    288"));
    assert_eq!(n_epochs, 288);
    assert!(text.ends_with("EOF\n"));
}

#[test]
fn the_second_day_of_ultra_rapid_orbits_is_predicted() {
    let standin = standin();
    let path = format!("{WEEK}/ESA0OPSULT_20230010600_02D_15M_ORB.SP3.gz");
    let text = text(&standin, &path);
    let positions: Vec<_> = text.lines().filter(|line| line.starts_with('P')).collect();
    let n_predicted = positions
        .iter()
        .filter(|line| line.as_bytes().get(79) == Some(&b'P'))
        .count();
    assert_eq!(n_predicted * 2, positions.len());
}

#[test]
fn a_day_of_maps_ends_with_the_first_of_the_next_day() {
    let standin = standin();
    let path = "/gnss/products/ionex/2023/001/ESA0OPSFIN_20230010000_01D_02H_GIM.INX.gz";
    let text = text(&standin, path);
    let epochs: Vec<_> = text
        .lines()
        .filter(|line| line.ends_with("EPOCH OF CURRENT MAP"))
        .collect();
    assert_eq!(epochs.len(), 13);
    assert!(epochs[12].starts_with("  2023     1     2     0     0     0"));
}

#[test]
fn the_receiver_of_brux_changes_on_the_fourth_day() {
    let standin = standin();
    let receiver = |day: u32| {
        let folder = format!("/gnss/data/daily/2023/{day:03}");
        let name = format!("BRUX00BEL_R_2023{day:03}0000_01D_30S_MO.crx.gz");
        let text = text(&standin, &format!("{folder}/{name}"));
        let line = text
            .lines()
            .find(|line| line.ends_with("REC # / TYPE / VERS"));
        line.unwrap()[20..40].trim().to_owned()
    };
    assert_eq!(receiver(4), "SEPT POLARX4TR");
    assert_eq!(receiver(5), "SEPT POLARX5TR");
    let log = standin.get("/igs/station/log/brux00bel_20230105.log").body;
    let log = String::from_utf8(log).unwrap();
    assert!(log.contains("Date Installed           : 2023-01-04T10:00Z"));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let path = format!("{DAY}/brux0010.23d.Z");
    let bytes = |seed| {
        let standin = standin_with(|config| config.seed = seed);
        standin.get(&path).body
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn the_whole_tree_is_generated_in_seconds_and_stays_small() {
    let standin = standin_with(|config| config.epochs_per_day = 120);
    let start = Instant::now();
    let mut folders = vec!["/".to_owned()];
    let (mut n_files, mut n_bytes) = (0, 0_u64);
    while let Some(folder) = folders.pop() {
        let page = String::from_utf8(standin.get(&folder).body).unwrap();
        for line in page.lines().skip(4).filter(|line| line.contains("<a href")) {
            let name = line.split('"').nth(1).unwrap();
            if name.ends_with('/') {
                folders.push(format!("{folder}{name}"));
            } else {
                n_files += 1;
                let size = line.split_whitespace().last().unwrap();
                n_bytes += size.parse::<u64>().unwrap();
            }
        }
    }
    let took = start.elapsed();
    eprintln!("{n_files} files of {n_bytes} bytes in {took:?}");
    assert!(n_files > 500);
    assert!(n_bytes < 60_000_000, "{n_bytes}");
    assert!(took < Duration::from_secs(60), "{took:?}");
}
