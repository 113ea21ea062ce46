//! One round: a job is staged from a bad archive over a bad network by a service that is killed again and again, then
//! retried when all is well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gantry_store::{Lease, StagingFile, Store};
use serde_json::{Value, json};

use super::Tally;
use super::archive::{Archive, list};
use super::dice::Dice;
use super::holdings::{Held, Mishap, holdings};
use super::judge::{self, Judged};
use super::relay::Relay;
use crate::gantry::{Gantry, Service, ids};
use crate::processes::PATIENCE;
use crate::small::Small;

/// What is done to the service at one moment.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// `kill -9`.
    Kill,
    /// SIGTERM.
    Stop,
    /// The job is held and released.
    Hold,
}

/// One round, ready to run.
pub(crate) struct Round {
    held: Vec<Held>,
    archive: Archive,
    relay: Relay,
    small: Option<Small>,
    /// What is done when so many bytes have been sent; the latest first.
    blows: Vec<(u64, Blow)>,
    volumes: PathBuf,
    // Last, so that its processes end before what they use.
    gantry: Gantry,
}

/// What is known of the job while it runs.
pub(crate) struct Job {
    pub(crate) id: Value,
    pub(crate) volume: PathBuf,
    /// How many requests there had been when a file was first seen `staged`.
    pub(crate) staged_at: BTreeMap<String, usize>,
    /// How many requests there had been at a kill, and what was kept of each file by then.
    pub(crate) kept: Vec<(usize, BTreeMap<String, u64>)>,
}

/// Whether a small file system can be mounted here.
pub(crate) fn can_mount() -> bool {
    let folder = tempfile::tempdir().unwrap();
    Small::mount(folder.path().join("small"), 1).is_some()
}

impl Round {
    /// Everything that follows from a seed.
    pub(crate) fn prepare(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let held = holdings(&mut dice);
        let total: u64 = held.iter().map(|held| held.versions[0].len() as u64).sum();
        let archive = Archive::start(&held, dice.roll());
        let relay = Relay::start(archive.address(), dice.roll());
        let gantry = Gantry::bare();
        std::fs::write(gantry.path("products.json"), list(&held)).unwrap();
        let mib = ((total * dice.within(30, 80) / 100) >> 20).max(2);
        let wants_small = dice.percent(25);
        let volumes = gantry.path("volumes");
        let small = if wants_small {
            Small::mount(volumes.clone(), mib)
        } else {
            None
        };
        let mut blows: Vec<_> = (0..dice.within(1, 5))
            .map(|_| {
                let blow = match dice.below(10) {
                    0 => Blow::Stop,
                    1 | 2 => Blow::Hold,
                    _ => Blow::Kill,
                };
                (dice.below(total), blow)
            })
            .collect();
        blows.sort_unstable_by_key(|(at, _)| std::cmp::Reverse(*at));
        gantry.configure(&config(&relay, &gantry, &mut dice));
        Self {
            held,
            archive,
            relay,
            small,
            blows,
            volumes,
            gantry,
        }
    }

    /// Runs it and adds what came of it.
    pub(crate) fn run(mut self, tally: &mut Tally) {
        self.gantry.json(&["harvest", "planck"]);
        let token = self.gantry.token_of("ada");
        let mut service = self.gantry.serve_with(&token);
        let names: Vec<&str> = self.held.iter().map(|held| held.name.as_str()).collect();
        let volume = service.new_volume("cmb");
        let asked = json!({"assets": ids(&names), "volume": "cmb"});
        let mut job = Job {
            id: service.api.post(202, "/api/v1/add-to-volume", &asked)["id"].clone(),
            volume,
            staged_at: BTreeMap::new(),
            kept: Vec::new(),
        };
        let deadline = Instant::now() + 3 * PATIENCE;
        while !self.has_ended(&service, &mut job) {
            assert!(
                Instant::now() < deadline,
                "the job does not end: {}",
                service.log()
            );
            if self
                .blows
                .last()
                .is_some_and(|(at, _)| self.archive.sent() > *at)
            {
                let (_, blow) = self.blows.pop().unwrap();
                service = self.strike(blow, service, &token, &mut job, tally);
            }
            // Between two looks; the deadline above bounds them all.
            std::thread::sleep(Duration::from_millis(20));
        }
        let first = self.judge(&service, &job, false, tally);
        tally.cuts += self.relay.n_cuts();
        self.retry(&service, &mut job, &first);
        let second = self.judge(&service, &job, true, tally);
        tally.files += self.held.len() as u64;
        tally.requests += self.archive.n_asked() as u64;
        tally.retried += second.n_staged - first.n_staged;
        tally.full_disks += u64::from(first.is_full);
        judge::requests(&self.archive.log(), &job, self.small.is_some(), tally);
    }

    /// Whether the job has ended; notes which files are staged by now.
    fn has_ended(&self, service: &Service, job: &mut Job) -> bool {
        let id = job.id.as_str().unwrap();
        let shown = service.api.get(&format!("/api/v1/staging-jobs/{id}"));
        let files = files(service, job);
        let n_asked = self.archive.n_asked();
        for file in files.iter().filter(|file| file["outcome"] == "staged") {
            let name = file["name"].as_str().unwrap().to_owned();
            job.staged_at.entry(name).or_insert(n_asked);
        }
        matches!(
            shown["phase"].as_str(),
            Some("COMPLETED" | "ERROR" | "ABORTED")
        )
    }

    fn strike(
        &self,
        blow: Blow,
        service: Service,
        token: &str,
        job: &mut Job,
        tally: &mut Tally,
    ) -> Service {
        match blow {
            Blow::Kill => {
                service.kill();
                tally.kills += 1;
                self.look_at_the_record(job);
                self.gantry.serve_with(token)
            }
            Blow::Stop => {
                let (status, took) = service.stop();
                if status.code() != Some(0) || took > Duration::from_secs(10) {
                    tally.wrong.push(format!(
                        "a stopped service ended with {status} after {took:?}"
                    ));
                }
                self.look_at_the_record(job);
                self.gantry.serve_with(token)
            }
            Blow::Hold => {
                self.hold(&service, job);
                service
            }
        }
    }

    /// Holds the job and lets it go on; it may end meanwhile.
    fn hold(&self, service: &Service, job: &mut Job) {
        let path = format!("/api/v1/staging-jobs/{}", job.id.as_str().unwrap());
        let (status, _) = service
            .api
            .ask("POST", &format!("{path}/hold"), Some(&json!({})));
        if status == 409 {
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        while service.api.get(&path)["phase"] != "HELD" && !self.has_ended(service, job) {
            assert!(
                Instant::now() < deadline,
                "the job is not held: {}",
                service.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        service
            .api
            .post(202, &format!("{path}/release"), &json!({}));
    }

    /// What a dead service kept: how far each file is, and what was staged.
    fn look_at_the_record(&self, job: &mut Job) {
        let url = format!("sqlite:{}", self.gantry.path("data/gantry.db").display());
        let id = job.id.as_str().unwrap().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let rows = runtime.block_on(async {
            let store = Store::open(&url).await.unwrap();
            let rows = store.staging_files(&id, 0, 1000).await.unwrap();
            give_back(&store, &id).await;
            store.close().await;
            rows
        });
        let n_asked = self.archive.n_asked();
        let is_staged = |row: &StagingFile| {
            row.outcome
                .as_ref()
                .is_some_and(|outcome| outcome.outcome == "staged")
        };
        for row in rows.iter().filter(|row| is_staged(row)) {
            job.staged_at.entry(row.name.clone()).or_insert(n_asked);
        }
        let waiting = rows
            .iter()
            .filter(|row| row.outcome.is_none() && row.bytes_done > 0);
        let kept = waiting
            .map(|row| (row.name.clone(), row.bytes_done))
            .collect();
        job.kept.push((n_asked, kept));
    }

    fn judge(&self, service: &Service, job: &Job, is_retried: bool, tally: &mut Tally) -> Judged {
        let id = job.id.as_str().unwrap();
        let shown = service.api.get(&format!("/api/v1/staging-jobs/{id}"));
        let judged = judge::job(
            &self.held,
            &shown,
            &files(service, job),
            job,
            &mut tally.wrong,
        );
        if judged.is_full && (self.small.is_none() || is_retried) {
            tally
                .wrong
                .push(format!("the job could not go on: {shown}"));
        }
        let folders = [self.volumes.clone(), self.gantry.path("data")];
        judge::leftovers(&folders, &mut tally.wrong);
        if is_retried {
            judge::retried(
                &self.held,
                &self.struck(),
                &files(service, job),
                &mut tally.wrong,
            );
        }
        judged
    }

    /// What befell each file.
    fn struck(&self) -> BTreeSet<(String, Mishap)> {
        let log = self.archive.log();
        log.into_iter()
            .filter_map(|asked| Some((asked.name, asked.mishap?)))
            .collect()
    }

    /// Stages what failed once more, with nothing in the way.
    fn retry(&self, service: &Service, job: &mut Job, judged: &Judged) {
        self.archive.calm();
        self.relay.calm();
        if let Some(small) = &self.small {
            small.grow(200);
        }
        if judged.n_failed == 0 {
            return;
        }
        let path = format!("/api/v1/staging-jobs/{}/retry", job.id.as_str().unwrap());
        service.api.post(202, &path, &json!({}));
        let deadline = Instant::now() + 2 * PATIENCE;
        while !self.has_ended(service, job) {
            assert!(
                Instant::now() < deadline,
                "the retry does not end: {}",
                service.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Gives the lease of a dead service back, as fifteen seconds would; nobody here knows how often the job was taken.
async fn give_back(store: &Store, job: &str) {
    for epoch in 0..100 {
        let lease = Lease {
            id: job.to_owned(),
            epoch,
        };
        store.give_back_staging_job(&lease).await.unwrap();
    }
}

fn files(service: &Service, job: &Job) -> Vec<Value> {
    let id = job.id.as_str().unwrap();
    let answer = service
        .api
        .get(&format!("/api/v1/staging-jobs/{id}/files?limit=1000"));
    answer["files"].as_array().unwrap().clone()
}

fn config(relay: &Relay, gantry: &Gantry, dice: &mut Dice) -> String {
    let failures = if dice.percent(30) { 12 } else { 10_000 };
    format!(
        "data_dir = '{data}'\n[server]\nlisten = '127.0.0.1:0'\n\
         [archive.planck]\nkind = 'planck'\nurl = 'http://{relay}/'\nproducts = '{products}'\n\
         [archive.planck.limits]\nmax_in_flight = {in_flight}\nper_second = 1000.0\nbackoff_s = 0.01\nfailures = {failures}\n\
         open_for_s = 0.3\nidle_s = 0.8\nheaders_s = 0.8\n\
         [staging]\nvolume_root = '{volumes}'\n[labs]\nenvironment = '{none}'\n",
        data = gantry.path("data").display(),
        relay = relay.address(),
        products = gantry.path("products.json").display(),
        in_flight = dice.within(1, 9),
        volumes = gantry.path("volumes").display(),
        none = gantry.path("no-labs-here").display(),
    )
}
