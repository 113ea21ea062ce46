//! Random archives and random owners: whatever goes wrong and whoever stops what, the report is true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use gantry_store::{Phase, StagingJob, Wanted};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use crate::fake::{Held, Mishap};
use crate::world::{Ended, Killable, Setup, World, made, plain, sha256, until};

/// One file of a random archive.
#[derive(Debug, Clone)]
struct Planned {
    n_bytes: usize,
    /// Whether the catalogue has its size.
    is_listed: bool,
    /// Whether the catalogue has its checksum.
    is_summed: bool,
    /// How long the file is that it may be replaced with.
    n_other_bytes: usize,
    mishaps: Vec<Mishap>,
}

/// What somebody does when so many files have been opened since the last time.
#[derive(Debug, Clone, Copy)]
struct Deed {
    after: usize,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// The worker's threads end where they are.
    Kill,
    /// The owner holds the job and lets it go on.
    Hold,
    /// The owner aborts the job, and retries it.
    Abort,
    /// A second worker comes.
    Join,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let place = 0..1000_usize;
    prop_oneof![
        1 => Just(Mishap::Refused),
        1 => Just(Mishap::Page),
        1 => Just(Mishap::Gone),
        5 => place.clone().prop_map(Mishap::Cut),
        2 => place.clone().prop_map(Mishap::Replaced),
        2 => place.clone().prop_map(Mishap::Flip),
        1 => Just(Mishap::WholeAgain),
        2 => place.prop_map(Mishap::Short),
    ]
}

fn planned() -> impl Strategy<Value = Planned> {
    let n_bytes = prop_oneof![1 => Just(0), 4 => 1..5_000_usize, 3 => 5_000..150_000_usize];
    let n_other_bytes = 0..50_000_usize;
    let known = (any::<bool>(), any::<bool>());
    let all = (
        n_bytes,
        n_other_bytes,
        known,
        any::<bool>(),
        vec(mishap(), 0..4),
    );
    all.prop_map(
        |(n_bytes, n_other_bytes, (is_listed, is_summed), keeps_length, mut mishaps)| {
            // What nothing could tell from the truth does not happen.
            mishaps.retain(|mishap| match mishap {
                Mishap::Flip(_) => is_summed,
                Mishap::Short(_) => is_listed || is_summed,
                _ => true,
            });
            Planned {
                n_bytes,
                is_listed,
                is_summed,
                n_other_bytes: if keeps_length { n_bytes } else { n_other_bytes },
                mishaps,
            }
        },
    )
}

fn deed() -> impl Strategy<Value = Deed> {
    let what = prop_oneof![
        4 => Just(What::Kill),
        2 => Just(What::Hold),
        1 => Just(What::Abort),
        1 => Just(What::Join),
    ];
    (0..8_usize, what).prop_map(|(after, what)| Deed { after, what })
}

/// A shared cache with room for all, for a few, or none.
fn cache() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), Just(Some(1 << 30)), Just(Some(100_000))]
}

/// Bytes of their own for each file and version.
fn bytes(file: usize, version: usize, n_bytes: usize) -> Vec<u8> {
    let seed = (file * 2 + version) as u64 + 1;
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..n_bytes).map(|_| next()).collect()
}

fn name(file: usize) -> String {
    format!("f{file:02}")
}

fn held(file: usize, planned: &Planned) -> Held {
    let mut held = Held::new(&name(file), bytes(file, 0, planned.n_bytes));
    held.listed = planned.is_listed.then_some(planned.n_bytes as u64);
    held.md5 = planned.is_summed.then(|| md5(&held.bytes));
    held.mishaps = planned.mishaps.iter().copied().collect();
    held.other = Some(bytes(file, 1, planned.n_other_bytes));
    held
}

fn md5(bytes: &[u8]) -> String {
    use md5::Digest;
    let hash = md5::Md5::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The workers of one case; they end with it.
struct Crew<'a> {
    world: &'a World,
    working: Vec<Killable>,
    n_hired: u32,
}

impl Crew<'_> {
    fn join(&mut self) {
        let owner = format!("worker-{}", self.n_hired);
        self.n_hired += 1;
        self.working.push(Killable::start(self.world, &owner));
    }

    async fn kill_all(&mut self) {
        for worker in self.working.drain(..) {
            worker.kill(self.world).await;
        }
    }
}

async fn carry_out(world: &World, job: &StagingJob, deeds: &[Deed]) -> Ended {
    let mut crew = Crew {
        world,
        working: Vec::new(),
        n_hired: 0,
    };
    crew.join();
    let mut n_opened = 0;
    for deed in deeds {
        until("files are opened, or the job has ended", async || {
            let is_final = world.ended(job).await.phase.is_final();
            (is_final || world.fake.opened().len() >= n_opened + deed.after).then_some(())
        })
        .await;
        n_opened = world.fake.opened().len();
        match deed.what {
            What::Kill => {
                crew.kill_all().await;
                crew.join();
            }
            What::Join => crew.join(),
            What::Hold => {
                world
                    .store
                    .ask_staging_job(job, Wanted::Hold)
                    .await
                    .unwrap();
                let held = async || {
                    let phase = world.ended(job).await.phase;
                    (phase == Phase::Held || phase.is_final()).then_some(())
                };
                until("the job is held, or has ended", held).await;
                world.store.release_staging_job(job).await.unwrap();
            }
            What::Abort => {
                world
                    .store
                    .ask_staging_job(job, Wanted::Abort)
                    .await
                    .unwrap();
                until_final(world, job).await;
                assert_eq!(parts(world), [] as [PathBuf; 0]);
                world.store.retry_staging_job(job).await.unwrap();
            }
        }
    }
    let ended = until_final(world, job).await;
    crew.kill_all().await;
    ended
}

async fn until_final(world: &World, job: &StagingJob) -> Ended {
    until("the job has ended", async || {
        let ended = world.ended(job).await;
        ended.phase.is_final().then_some(ended)
    })
    .await
}

/// What is half written, in the volume, in the cache and on the way elsewhere.
fn parts(world: &World) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![world.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "part") {
                found.push(path);
            }
        }
    }
    found
}

/// The report says of every file what is so.
fn judge(world: &World, plan: &[Planned], ended: &Ended) {
    // An abort that comes when every file has its outcome leaves nothing to retry, and no report.
    let is_aborted = ended.phase == Phase::Aborted;
    assert!(is_aborted || ended.phase == Phase::Completed, "{ended:?}");
    let counts = &ended.counts;
    assert_eq!(
        (counts.total, counts.waiting),
        (plan.len() as u64, 0),
        "{ended:?}"
    );
    let of = |outcome: &str| {
        let files = ended.files.iter();
        files.filter(|(_, file)| file.outcome == outcome).count() as u64
    };
    assert_eq!(
        ended.counted(),
        [of("staged"), of("present"), of("skipped"), of("failed")]
    );
    assert_eq!(ended.counted().iter().sum::<u64>(), plan.len() as u64);
    let names: BTreeSet<_> = ended.files.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, (0..plan.len()).map(name).collect());

    let mut expected = BTreeMap::new();
    for (n, planned) in plan.iter().enumerate() {
        let (_, outcome) = ended
            .files
            .iter()
            .find(|(told, _)| *told == name(n))
            .unwrap();
        let path = format!("fake/{}", name(n));
        match outcome.outcome.as_str() {
            "staged" => {
                let there = world.read(&path);
                let versions = [
                    bytes(n, 0, planned.n_bytes),
                    bytes(n, 1, planned.n_other_bytes),
                ];
                // What is summed or listed is the very file that was selected.
                let is_that = |bytes: &Vec<u8>| {
                    *bytes == there
                        && (!planned.is_summed || *bytes == versions[0])
                        && (!planned.is_listed || bytes.len() == planned.n_bytes)
                };
                assert!(versions.iter().any(is_that), "{planned:?}: {outcome:?}");
                assert_eq!(outcome.sha256, Some(sha256(&there)));
                let by = outcome.verified_by.as_deref();
                assert_eq!(
                    by == Some("archive-checksum"),
                    planned.is_summed,
                    "{outcome:?}"
                );
                expected.insert(path, there);
            }
            "failed" => {
                assert!(
                    outcome
                        .reason
                        .as_ref()
                        .is_some_and(|why| why.contains(": ")),
                    "{outcome:?}"
                );
                assert!(outcome.retry_may_help.is_some(), "{outcome:?}");
            }
            _ => panic!("{planned:?}: {outcome:?}"),
        }
    }
    // Neither a part nor anything else is there besides.
    assert_eq!(world.tree(), expected);
    assert_eq!(parts(world), [] as [PathBuf; 0]);

    if is_aborted {
        return;
    }
    let report = world.read(&format!("fake/report-{}.json", ended.job.id));
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(
        report["counts"],
        serde_json::to_value(ended.counts).unwrap()
    );
    let reported = report["files"].as_array().unwrap().iter().zip(&ended.files);
    for (reported, (name, outcome)) in reported {
        assert_eq!(
            (&reported["name"], &reported["outcome"]),
            (
                &Value::from(name.as_str()),
                &Value::from(outcome.outcome.as_str())
            )
        );
    }
}

/// Whether nothing but what was selected can come of it, now that nothing goes wrong any more.
fn is_lost(planned: &Planned, mishaps_left: &[Mishap]) -> bool {
    let is_replaced = |mishap: &&Mishap| matches!(mishap, Mishap::Replaced(_));
    let n_struck = planned.mishaps.len() - mishaps_left.len();
    let was_replaced = planned.mishaps[..n_struck]
        .iter()
        .any(|mishap| is_replaced(&mishap));
    let other_length = planned.n_bytes != planned.n_other_bytes;
    was_replaced && (planned.is_summed || planned.is_listed && other_length)
}

async fn case(plan: &[Planned], deeds: &[Deed], cache_bytes: Option<u64>) {
    let setup = Setup {
        cache_bytes,
        ..Setup::default()
    };
    let files = plan.iter().enumerate();
    let world = made(files.map(|(n, planned)| held(n, planned)), setup).await;
    let ids: Vec<_> = (0..plan.len())
        .map(|n| format!("fake:{}", name(n)))
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let job = world.job(&ids, &plain()).await;
    let ended = carry_out(&world, &job, deeds).await;
    judge(&world, plan, &ended);

    // All is well from now on.
    let mut lost = BTreeSet::new();
    for (n, planned) in plan.iter().enumerate() {
        world.fake.change(&name(n), |held| {
            let left: Vec<_> = held.mishaps.drain(..).collect();
            if is_lost(planned, &left) {
                lost.insert(name(n));
            }
        });
    }
    let n_opened = world.fake.opened().len();
    if world.store.retry_staging_job(&job).await.unwrap() {
        let retried = world.carry_out(&job).await;
        judge(&world, plan, &retried);
        for (name, outcome) in &retried.files {
            assert!(
                outcome.outcome == "staged" || lost.contains(name),
                "{name}: {outcome:?}"
            );
        }
    }
    let was_staged = |name: &str| {
        let mut files = ended.files.iter();
        files.any(|(told, file)| told == name && file.outcome == "staged")
    };
    for (name, from) in &world.fake.opened()[n_opened..] {
        assert!(
            !was_staged(name),
            "{name} was staged and is asked for again from {from}"
        );
    }
}

fn cases() -> u32 {
    let rounds = std::env::var("GANTRY_TEST_ROUNDS").ok();
    3 * rounds.map_or(5, |rounds| rounds.parse::<u32>().unwrap())
}

#[test]
fn whatever_goes_wrong_and_whoever_stops_it_the_report_is_true() {
    let config = ProptestConfig {
        failure_persistence: None,
        // A case may take seconds.
        max_shrink_time: 20_000,
        ..ProptestConfig::with_cases(cases())
    };
    proptest!(config, |(plan in vec(planned(), 1..12), deeds in vec(deed(), 0..5), cache_bytes in cache())| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(case(&plan, &deeds, cache_bytes));
    });
}
