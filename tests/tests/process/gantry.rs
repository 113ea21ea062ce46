//! A Gantry in a folder of its own: its configuration, its commands, its service.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use gantry_standin::{PlanckStandin, Running, StandinConfig};
use rustix::process::Signal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::api::Api;
use crate::processes::{self, PATIENCE, until};

/// A stand-in whose maps have this NSIDE, in names as well.
pub(crate) fn standin(nside: u32) -> (Running, TempDir) {
    standin_with(nside, |_| {})
}

/// The same, changed before it starts.
pub(crate) fn standin_with(
    nside: u32,
    change: impl FnOnce(&mut StandinConfig),
) -> (Running, TempDir) {
    let cache = tempfile::tempdir().unwrap();
    let mut config = StandinConfig::new(cache.path());
    config.maps.nside = nside;
    change(&mut config);
    (PlanckStandin::start(config).unwrap(), cache)
}

/// The program, as it was built last.
fn program() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let program = this.parent().and_then(Path::parent).unwrap().join("gantry");
    assert!(
        program.is_file(),
        "there is no `{}`: build the workspace first, with `cargo build --workspace`",
        program.display()
    );
    program
}

/// The program with these arguments, for the user `ada`, and nothing of this process's own configuration.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(program());
    let own = |name: &str| name.starts_with("GANTRY_") || name == "RUST_LOG";
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(own) {
            command.env_remove(&name);
        }
    }
    command
        .args(args)
        .env("USER", "ada")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The labs' Python environment; made once in the user's cache, which takes a minute where it is not there yet.
pub(crate) fn labs_environment() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let ran = run(
            command(&["labs-environment", "--json"]),
            Duration::from_secs(900),
        );
        let bin = PathBuf::from(ran.document()["bin"].as_str().unwrap());
        bin.parent().unwrap().to_owned()
    })
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The one JSON document that a command printed which went well.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.answer()
    }

    /// The one JSON document that a command printed, whether it went well or not.
    #[track_caller]
    pub(crate) fn answer(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON document: {error}; {self:?}"))
    }

    /// The one sentence that a command said which failed.
    #[track_caller]
    pub(crate) fn sentence(&self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let said = self.stderr.strip_suffix('\n').unwrap_or(&self.stderr);
        assert!(!said.contains('\n'), "more than one line: {self:?}");
        said.strip_prefix("gantry: ")
            .unwrap_or_else(|| panic!("{self:?}"))
            .to_owned()
    }
}

/// Runs a command to its end; one that does not end is killed.
pub(crate) fn run(mut command: Command, within: Duration) -> Ran {
    let mut child = Guarded(command.spawn().unwrap());
    let (stdout, stderr) = (
        read(child.0.stdout.take().unwrap()),
        read(child.0.stderr.take().unwrap()),
    );
    let status = until("the command ends", within, || child.0.try_wait().unwrap());
    Ran {
        code: status.code(),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

fn read(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        pipe.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// A process that is killed when nobody holds it any more.
pub(crate) struct Guarded(pub(crate) Child);

impl Guarded {
    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended, which is what this is for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder with a configuration; every process of it ends with it.
pub(crate) struct Gantry {
    folder: TempDir,
    n_logs: AtomicU32,
}

impl Drop for Gantry {
    fn drop(&mut self) {
        processes::end_all_of(self.folder.path());
    }
}

impl Gantry {
    /// One whose archive `planck` is this stand-in.
    pub(crate) fn on(archive: &Running) -> Self {
        Self::with(archive, "")
    }

    /// The same with more lines in `[archive.planck]`, and what follows it.
    pub(crate) fn with(archive: &Running, more: &str) -> Self {
        let gantry = Self::bare();
        gantry.configure(&config(&archive.url(), &gantry.path("data"), more));
        gantry
    }

    /// One without a configuration.
    pub(crate) fn bare() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            n_logs: AtomicU32::new(0),
        }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// What is half written anywhere, and how long each is.
    pub(crate) fn parts(&self) -> Vec<(PathBuf, u64)> {
        parts(&self.path("data"))
    }

    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(self.path("gantry.toml"), text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.arg("--config").arg(self.path("gantry.toml"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(self.command(args), 3 * PATIENCE)
    }

    /// What a command prints with `--json` when it goes well.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--json"]].concat()).document()
    }

    /// What a command says that fails.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str]) -> String {
        self.run(args).sentence()
    }

    /// The catalogue, by asset id.
    pub(crate) fn export(&self) -> BTreeMap<String, Value> {
        let ran = self.run(&["export"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let assets = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        assets
            .map(|asset| (asset["id"].as_str().unwrap().to_owned(), asset))
            .collect()
    }

    /// How many products search finds when nothing but simulations, too, is asked for.
    pub(crate) fn n_found(&self) -> u64 {
        let both = [
            "--facet",
            "provenance/observed",
            "--facet",
            "provenance/simulated",
        ];
        let all = ["search", "--collapse", "none", "--limit", "1"];
        let found = self.json(&[&all[..], &both].concat());
        found["total"].as_u64().unwrap()
    }

    /// A personal token of a user, who is made if need be.
    pub(crate) fn token_of(&self, user: &str) -> String {
        let mut command = self.command(&["token", "create", "test", "--json"]);
        command.env("USER", user).args([
            "--scopes",
            "search,volumes:read,volumes:write,staging,datalabs",
        ]);
        let answer = run(command, PATIENCE).document();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// The service; comes back when it answers.
    pub(crate) fn serve(&self) -> Service {
        Service::start(self, self.command(&["serve", "--json"]))
    }

    /// The service, asked with a token that was made before.
    pub(crate) fn serve_with(&self, token: &str) -> Service {
        let command = self.command(&["serve", "--json"]);
        Service::start_with(self, command, Some(token))
    }

    fn new_log(&self) -> PathBuf {
        let n = self.n_logs.fetch_add(1, Ordering::Relaxed);
        self.path(&format!("service-{n}.log"))
    }
}

/// The configuration of a service on a port that the system chooses.
pub(crate) fn config(archive: &str, data_dir: &Path, more: &str) -> String {
    format!(
        "data_dir = '{}'\n[server]\nlisten = '127.0.0.1:0'\n[archive.planck]\nkind = 'planck'\nurl = '{archive}/'\n\
         products = '{archive}/products.json'\n{more}\n\
         [archive.planck.limits]\nper_second = 1000.0\nbackoff_s = 0.01\nfailures = 10000\n",
        data_dir.display()
    )
}

/// A service that runs, until it is killed, stopped, or dropped.
pub(crate) struct Service {
    process: Guarded,
    log: PathBuf,
    /// Its one line: addresses and, for a demo, a token.
    pub(crate) said: Value,
    /// It, as `ada` sees it.
    pub(crate) api: Api,
}

impl Service {
    /// Starts it, and waits for the line it says when it is ready.
    pub(crate) fn start(gantry: &Gantry, command: Command) -> Self {
        Self::start_with(gantry, command, None)
    }

    fn start_with(gantry: &Gantry, mut command: Command, token: Option<&str>) -> Self {
        let log = gantry.new_log();
        command.stderr(File::create(&log).unwrap());
        let mut process = Guarded(command.spawn().unwrap());
        let stdout = process.0.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody reads what comes after the first line.
                let _ = sender.send(line);
            }
        });
        let line = lines.recv_timeout(3 * PATIENCE).unwrap_or_else(|_| {
            panic!(
                "it did not start: {}",
                std::fs::read_to_string(&log).unwrap()
            )
        });
        let said: Value = serde_json::from_str(&line).unwrap();
        let token = token.or(said["token"].as_str()).map(ToOwned::to_owned);
        let token = token.unwrap_or_else(|| gantry.token_of("ada"));
        let api = Api::at(said["url"].as_str().unwrap(), &token);
        Self {
            process,
            log,
            said,
            api,
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(self) {
        self.process.kill();
    }

    /// SIGTERM; how it ended, and after how long.
    pub(crate) fn stop(mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        let pid = i32::try_from(self.process.0.id()).unwrap();
        processes::signal(pid, Signal::TERM);
        let status = until("the service ends", PATIENCE, || {
            self.process.0.try_wait().unwrap()
        });
        (status, started.elapsed())
    }

    /// What it has written to its log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until a staging job has ended.
    #[track_caller]
    pub(crate) fn ended(&self, job: &Value) -> Value {
        let path = format!("/api/v1/staging-jobs/{}", job.as_str().unwrap());
        until("the job ends", 2 * PATIENCE, || {
            let job = self.api.get(&path);
            let phase = job["phase"].as_str().unwrap();
            ["COMPLETED", "ERROR", "ABORTED"]
                .contains(&phase)
                .then_some(job)
        })
    }

    /// The files of a job.
    pub(crate) fn files(&self, job: &Value) -> Vec<Value> {
        let path = format!("/api/v1/staging-jobs/{}/files", job.as_str().unwrap());
        self.api.get(&path)["files"].as_array().unwrap().clone()
    }

    /// Stages products into a volume; the id of the job.
    pub(crate) fn add_to_volume(&self, names: &[&str], volume: &str) -> Value {
        let asked = json!({"assets": ids(names), "volume": volume});
        self.api.post(202, "/api/v1/add-to-volume", &asked)["id"].clone()
    }

    /// A volume of this name; where it is.
    pub(crate) fn new_volume(&self, name: &str) -> PathBuf {
        let made = self
            .api
            .post(201, "/api/v1/volumes", &json!({"name": name}));
        made["path"].as_str().unwrap().into()
    }
}

/// Ids of products of the stand-in.
pub(crate) fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("planck:{name}")).collect()
}

/// Every file below a folder but the manifests: path and SHA-256.
pub(crate) fn tree(root: &Path) -> BTreeMap<String, String> {
    let is_manifest = |name: &str| {
        name.starts_with("report-") || name == "ro-crate-metadata.json" || name == "CITATION.bib"
    };
    let files = files_below(root).into_iter();
    files
        .filter(|path| !is_manifest(path.file_name().unwrap().to_str().unwrap()))
        .map(|path| {
            let below = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            (below, sha256(&std::fs::read(&path).unwrap()))
        })
        .collect()
}

/// Every file below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// What is half written below a folder, and how long each is.
pub(crate) fn parts(folder: &Path) -> Vec<(PathBuf, u64)> {
    let files = files_below(folder).into_iter();
    files
        .filter(|path| path.to_str().unwrap().ends_with(".part"))
        .map(|path| {
            let length = path.metadata().map_or(0, |metadata| metadata.len());
            (path, length)
        })
        .collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
