use std::collections::{BTreeMap, BTreeSet};

use gantry_asset::Asset;
use gantry_connector::Since;
use gantry_connector::conformance::{Harvest, harvest_since};
use gantry_standin::gssc::{Change, GsscAction, Way};

use crate::archive::{Archive, archive, connector};

const DAY: &str = "gnss/data/daily/2023/002";
const FILE: &str = "BRUX00BEL_R_20230020000_01D_30S_MO.crx.gz";

type Notes = BTreeMap<String, String>;

async fn harvested(archive: &Archive, notes: &Notes) -> Harvest {
    let since = Since {
        cursor: None,
        notes: notes.clone(),
    };
    harvest_since(archive.connector(Way::Ftp).as_ref(), since)
        .await
        .unwrap()
}

/// What counts after a harvest that came to its end.
fn after(mut notes: Notes, harvest: &Harvest) -> Notes {
    for (about, note) in harvest.notes.clone() {
        match note {
            Some(note) => drop(notes.insert(about, note)),
            None => drop(notes.remove(&about)),
        }
    }
    notes
}

/// The folders listed since `n` requests ago, in order.
fn listed(archive: &Archive, n: usize) -> Vec<String> {
    let requests = archive.standin.requests().into_iter().skip(n);
    let lists = requests.filter(|request| request.action == GsscAction::List);
    lists
        .map(|request| request.path.trim_matches('/').to_owned())
        .collect()
}

fn id(name: &str) -> gantry_asset::AssetId {
    format!("gssc:{}~{name}", DAY.replace('/', "~"))
        .parse()
        .unwrap()
}

/// The notes as if they had been made two years ago.
fn old(notes: &Notes) -> Notes {
    let past = (chrono::Utc::now() - chrono::TimeDelta::days(730)).to_rfc3339();
    let made_then = |text: &String| {
        let mut note: serde_json::Value = serde_json::from_str(text).unwrap();
        note["at"] = past.clone().into();
        note.to_string()
    };
    notes
        .iter()
        .map(|(about, text)| (about.clone(), made_then(text)))
        .collect()
}

#[tokio::test]
async fn folders_of_days_and_weeks_long_past_are_not_listed_again() {
    let archive = archive();
    let first = harvested(&archive, &Notes::new()).await;
    let notes = after(Notes::new(), &first);
    assert!(notes.contains_key(DAY), "{notes:?}");
    assert!(notes.contains_key("gnss/products/2243"), "{notes:?}");
    let n = archive.standin.requests().len();
    let second = harvested(&archive, &notes).await;
    let again = listed(&archive, n);
    let left_out: Vec<_> = again
        .iter()
        .filter(|path| notes.contains_key(*path))
        .collect();
    assert_eq!(left_out, Vec::<&String>::new());
    let once: BTreeSet<_> = again.iter().collect();
    assert_eq!(once.len(), again.len(), "each folder once: {again:?}");
    // What lies in folders that were left out is not missed.
    let unseen = first
        .assets
        .keys()
        .filter(|id| !second.assets.contains_key(id));
    for id in unseen {
        let scope = second
            .scopes
            .iter()
            .find(|scope| id.local().starts_with(scope.as_str()));
        assert_eq!(scope, None, "`{id}` would be withdrawn");
    }
}

#[tokio::test]
async fn a_late_file_in_an_old_folder_is_found_by_the_time_of_its_folder() {
    let archive = archive();
    let notes = after(Notes::new(), &harvested(&archive, &Notes::new()).await);
    let late = "POTS00DEU_R_20230020000_01D_30S_MO.crx.gz";
    let change = Change::Add(late.to_owned(), "late".into());
    archive
        .standin
        .switches()
        .change_after_listings(0, &format!("/{DAY}"), change);
    let harvest = harvested(&archive, &notes).await;
    assert!(harvest.assets.contains_key(&id(late)));
    assert!(
        harvest.assets.contains_key(&id(FILE)),
        "the folder is told whole"
    );
    assert!(
        harvest
            .scopes
            .contains(&format!("{}~", DAY.replace('/', "~")))
    );
    assert_ne!(after(notes.clone(), &harvest)[DAY], notes[DAY]);
}

#[tokio::test]
async fn a_file_replaced_in_place_is_found_once_its_folder_is_due() {
    let archive = archive();
    let first = harvested(&archive, &Notes::new()).await;
    let notes = after(Notes::new(), &first);
    archive.standin.switches().replace(FILE);
    let early = harvested(&archive, &notes).await;
    assert!(
        !early.assets.contains_key(&id(FILE)),
        "the folder is not due"
    );
    let due = harvested(&archive, &old(&notes)).await;
    assert_ne!(
        due.assets[&id(FILE)].files[0].size_bytes,
        first.assets[&id(FILE)].files[0].size_bytes
    );
}

#[tokio::test]
async fn another_configuration_leaves_nothing_out() {
    let archive = archive();
    let first = harvested(&archive, &Notes::new()).await;
    let mut config = archive.config(Way::Ftp);
    config.license = Some("another".to_owned());
    let since = Since {
        cursor: None,
        notes: after(Notes::new(), &first),
    };
    let harvest = harvest_since(connector(&config).as_ref(), since)
        .await
        .unwrap();
    assert_eq!(harvest.assets.len(), first.assets.len());
}

#[tokio::test]
async fn a_folder_that_is_gone_completes_its_scope_and_its_note_is_taken_back() {
    let archive = archive();
    let notes = after(Notes::new(), &harvested(&archive, &Notes::new()).await);
    let mut known = notes.clone();
    // As if a day of an earlier harvest were no longer there.
    let gone = "gnss/data/daily/2022/365";
    known.insert(gone.to_owned(), notes[DAY].clone());
    let harvest = harvested(&archive, &known).await;
    assert!(
        harvest
            .scopes
            .iter()
            .any(|scope| "gnss~data~daily~2022~365~x".starts_with(scope.as_str())),
        "{:?}",
        harvest.scopes
    );
    assert_eq!(harvest.notes[gone], None);
}

/// The catalogue after a harvest: what was told, and what was known and is not missed.
fn caught_up(known: &Harvest, harvest: &Harvest) -> BTreeMap<gantry_asset::AssetId, Asset> {
    let is_complete = |id: &gantry_asset::AssetId| {
        let mut scopes = harvest.scopes.iter();
        scopes.any(|scope| id.local().starts_with(scope.as_str()))
    };
    let kept = known.assets.iter().filter(|(id, _)| !is_complete(id));
    let told = harvest.assets.iter();
    kept.chain(told)
        .map(|(id, asset)| (id.clone(), asset.clone()))
        .collect()
}

#[tokio::test]
async fn a_harvest_of_two_years_ago_is_brought_up_to_date() {
    let archive = archive();
    let first = harvested(&archive, &Notes::new()).await;
    let notes = old(&after(Notes::new(), &first));
    let switches = archive.standin.switches();
    let day = format!("/{DAY}");
    let change = |folder: &str, change| switches.change_after_listings(0, folder, change);
    // What came late, what was taken away, what was reprocessed, what came to places of no day.
    change(
        &day,
        Change::Add(
            "WTZR00DEU_R_20230020000_01D_30S_MO.crx.gz".into(),
            "late".into(),
        ),
    );
    change(&day, Change::Remove("brux0020.23d.Z".into()));
    switches.replace(FILE);
    change(
        "/gnss/products/2243",
        Change::Add(
            "COD0OPSFIN_20230020000_01D_05M_ORB.SP3.gz".into(),
            "again".into(),
        ),
    );
    change(
        "/igs/station/log",
        Change::Remove("brux00bel_20201120.log".into()),
    );
    change(
        "/igs/station/general",
        Change::Add("igs20_2400.atx".into(), "new".into()),
    );
    let second = harvested(&archive, &notes).await;
    let fresh = harvested(&archive, &Notes::new()).await;
    let now = caught_up(&first, &second);
    assert_ne!(now.len(), 0);
    assert_eq!(
        now.keys().collect::<Vec<_>>(),
        fresh.assets.keys().collect::<Vec<_>>()
    );
    for (id, asset) in &fresh.assets {
        assert_eq!(&now[id], asset);
    }
    assert_ne!(now, first.assets);
}
