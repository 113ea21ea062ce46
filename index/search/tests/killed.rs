//! An index whose writer is killed at any moment opens again by itself, and says what its catalogue said at the number it names.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::print_stdout,
    reason = "the process that is killed says how far it is"
)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gantry_asset::AssetId;
use gantry_search::{BoxFuture, Change, Changes, ChangesError, Index, IndexedAsset, Mode, Query};
use support::{Dice, asset, query, rounds};
use uuid::Uuid;

/// Where the process that is killed finds its index.
const DIR: &str = "GANTRY_TEST_KILLED_INDEX";
const SEED: &str = "GANTRY_TEST_KILLED_SEED";

/// So many assets come, change and go.
const N_ASSETS: u64 = 400;

/// A catalogue whose change of a number is always the same; `end` is its last.
struct Numbered {
    end: u64,
}

fn one(number: u64) -> Dice {
    // The first dice of near seeds are alike.
    let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    dice.below(2);
    dice
}

/// The asset that a change is about, and its version; `None` when it is withdrawn.
fn changed(number: u64) -> (String, Option<u32>) {
    let mut dice = one(number);
    let name = format!("map-{:03}.fits", dice.below(N_ASSETS));
    let version = (dice.below(5) > 0).then(|| u32::try_from(number).unwrap());
    (name, version)
}

fn change(number: u64) -> Change {
    let (name, version) = changed(number);
    let band = format!("band={} GHz", one(number).one(&[100, 143, 217]));
    let made = asset(&name, &format!("Map, change {number}"), 10, &[&band]);
    let Some(version) = version else {
        return Change::Gone(made.id);
    };
    let view = serde_json::json!({ "id": made.id, "version": version });
    Change::Put(Box::new(IndexedAsset {
        view: serde_json::value::to_raw_value(&view).unwrap(),
        size_bytes: made.size_bytes(),
        asset: made,
        version,
        n_files: 1,
    }))
}

impl Changes for Numbered {
    fn catalogue(&self) -> Uuid {
        Uuid::from_u128(0x6a6e)
    }

    fn latest(&self) -> BoxFuture<'_, Result<u64, ChangesError>> {
        Box::pin(async { Ok(self.end) })
    }

    fn changes(
        &self,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(u64, Change)>, ChangesError>> {
        let told = (after + 1..=self.end).take(limit);
        let told = told.map(|number| (number, change(number))).collect();
        Box::pin(async move { Ok(told) })
    }
}

/// What the catalogue holds at a number.
fn held(number: u64) -> BTreeMap<String, u32> {
    let mut held = BTreeMap::new();
    for number in 1..=number {
        match changed(number) {
            (name, Some(version)) => drop(held.insert(name, version)),
            (name, None) => drop(held.remove(&name)),
        }
    }
    held
}

/// The index says exactly what the catalogue said at its number.
fn is_of_its_number(index: &Index, round: u64) {
    let number = index.up_to();
    let expected = held(number);
    let all = index.resolve(&query(""), 10_000).unwrap();
    let all: BTreeMap<String, u32> = all
        .into_iter()
        .map(|one| (one.id.local().to_owned(), one.version))
        .collect();
    assert_eq!(all, expected, "round {round}, number {number}");
    let found = index
        .search(&Query {
            limit: 1_000,
            ..query("map")
        })
        .unwrap();
    assert_eq!(found.total, expected.len() as u64, "round {round}");
    let views = found.hits.iter().map(|hit| {
        let view: serde_json::Value = serde_json::from_str(hit.view.get()).unwrap();
        let id: AssetId = view["id"].as_str().unwrap().parse().unwrap();
        (
            id.local().to_owned(),
            u32::try_from(view["version"].as_u64().unwrap()).unwrap(),
        )
    });
    assert_eq!(views.collect::<BTreeMap<_, _>>(), expected, "round {round}");
    let bands = support::counts(&found, "band");
    let counted: u64 = bands.iter().map(|(_, count)| count).sum();
    assert_eq!(counted, expected.len() as u64, "round {round}: {bands:?}");
}

/// The process that is killed: it follows without end, and now and then builds the index anew.
#[tokio::test]
async fn indexing_without_end() {
    let Ok(dir) = std::env::var(DIR) else {
        // Run by itself there is nothing to do: the test below starts it.
        return;
    };
    let mut dice = Dice(std::env::var(SEED).unwrap().parse().unwrap());
    let index = Index::open(Path::new(&dir), Mode::Writer).unwrap();
    println!("open");
    let mut end = index.up_to();
    loop {
        end += 1 + dice.below(300);
        let catalogue = Numbered { end };
        if dice.below(6) == 0 {
            index.rebuild(&catalogue).await.unwrap();
        } else {
            index.follow(&catalogue).await.unwrap();
        }
        println!("followed");
        // A reader that walked away; the next round has an index that is not too long to be checked.
        assert!(end < 1_000_000, "nobody killed this process");
    }
}

/// Starts the process, lets it come to some moment, kills it.
fn indexed_and_killed(dir: &Path, dice: &mut Dice) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "indexing_without_end", "--nocapture"])
        .env(DIR, dir)
        .env(SEED, (1 + dice.below(1 << 30)).to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Some rounds end while the index is opened, most in the middle of a following.
    let n_lines = dice.below(7);
    let mut seen = 0;
    while seen < n_lines {
        let line = lines
            .next()
            .expect("it goes on until it is killed")
            .unwrap();
        seen += u64::from(line.ends_with("open") || line.ends_with("followed"));
    }
    let moment = Instant::now() + Duration::from_micros(dice.below(60_000));
    while Instant::now() < moment {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn an_index_whose_writer_is_killed_at_any_moment_opens_again_and_tells_no_lie() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(20_261_126);
    let mut reached = 0;
    for round in 0..rounds() {
        indexed_and_killed(dir.path(), &mut dice);
        if let Ok(reader) = Index::open(dir.path(), Mode::Reader) {
            is_of_its_number(&reader, round);
        }
        let index = Index::open(dir.path(), Mode::Writer).unwrap();
        assert!(
            index.up_to() >= reached,
            "round {round}: what was committed is lost"
        );
        is_of_its_number(&index, round);
        let end = index.up_to() + 100;
        index.follow(&Numbered { end }).await.unwrap();
        reached = index.up_to();
        assert_eq!(reached, end);
        is_of_its_number(&index, round);
        let left = std::fs::read_dir(dir.path()).unwrap().flatten();
        let generations = left.filter(|entry| entry.path().is_dir()).count();
        assert!(
            generations <= 2,
            "round {round}: {generations} directories are left"
        );
    }
    assert!(reached > 0);
}
