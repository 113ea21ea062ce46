//! A service that is killed while its labs run on a real JupyterHub: never a second lab, never one that nobody ends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::gantry::Gantry;
use crate::labs::{delete, show, until_ready};
use crate::processes::{PATIENCE, of_datalab, rounds, until};
use crate::servers::program;

const TOKEN: &str = "a-token-of-the-tests";

/// A Hub whose labs are the small one of the tests of `gantry-labs`. It ends with the test, whatever becomes of it: it
/// reads a pipe that the test holds.
struct Hub {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Hub {
    /// Nothing where no Hub is installed.
    fn start() -> Option<Self> {
        let jupyterhub = program("jupyterhub")?;
        program("configurable-http-proxy")?;
        let folder = tempfile::tempdir().unwrap();
        let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = sockets.map(|socket| socket.local_addr().unwrap().port());
        let token = folder.path().join("token");
        std::fs::write(&token, TOKEN).unwrap();
        let of_labs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/labs/tests/labs");
        let config = folder.path().join("config.py");
        let text = format!(
            "load_subconfig('{}')\n\
             c = get_config()\n\
             before = c.Spawner.pre_spawn_hook\n\
             def hook(spawner):\n\
             \x20   before(spawner)\n\
             \x20   spawner.cmd = ['python3', '{}', 'hub', 'serve']\n\
             c.Spawner.pre_spawn_hook = hook\n",
            of_labs.join("hub_config.py").display(),
            of_labs.join("lab.py").display(),
        );
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(jupyterhub)
            .arg("--config")
            .arg(&config)
            .current_dir(folder.path())
            .env("GANTRY_HUB_PLACE", folder.path())
            .env(
                "GANTRY_HUB_PORTS",
                ports.map(|port| port.to_string()).join(","),
            )
            .env("GANTRY_HUB_TOKEN_FILE", &token)
            .env("GANTRY_HUB_ROOTS", std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let hub = Self {
            folder,
            port: ports[0],
            process,
        };
        until("the Hub answers", 2 * PATIENCE, || hub.get("/users"));
        Some(hub)
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// What its interface answers, when it does.
    fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .ok()?;
        let request = format!(
            "GET /jupyter/hub/api{path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: token {TOKEN}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let is_good = head.split(' ').nth(1) == Some("200");
        is_good.then(|| serde_json::from_str(body).unwrap())
    }

    /// The names of the servers that it has for anybody.
    fn servers(&self) -> Vec<String> {
        let users = self.get("/users").expect("the Hub answers");
        let of_user = |user: &Value| {
            let servers = user["servers"].as_object().unwrap();
            servers.keys().cloned().collect::<Vec<_>>()
        };
        users.as_array().unwrap().iter().flat_map(of_user).collect()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// A Gantry whose labs run on the Hub.
fn with_hub(hub: &Hub) -> Gantry {
    let gantry = Gantry::bare();
    let text = format!(
        "data_dir = '{}'\n[server]\nlisten = '127.0.0.1:0'\n\
         [archive.planck]\nkind = 'planck'\nurl = 'http://127.0.0.1:9/'\n\
         [launcher.hub]\nkind = 'jupyterhub'\nurl = 'http://127.0.0.1:{}/jupyter/'\ntoken_file = '{}'\nmounts = false\n",
        gantry.path("data").display(),
        hub.port,
        hub.token_file().display(),
    );
    gantry.configure(&text);
    gantry
}

#[test]
fn wherever_the_service_is_killed_the_hub_has_one_server_of_a_datalab_and_none_when_it_was_to_go() {
    let Some(hub) = Hub::start() else { return };
    let gantry = with_hub(&hub);
    let mut service = gantry.serve();
    for round in 0..rounds() {
        let asked = json!({"lab": "sepp/jupyterlab:v1", "name": format!("round {round}")});
        let made = service.api.post(202, "/api/v1/datalabs", &asked);
        let datalab = made["id"].as_str().unwrap();
        // Before the Hub was asked, while it starts the server, and when it has.
        let wait_ms = [0, 20, 60, 150, 400, 1_200][round as usize % 6] + 7 * (round / 6);
        std::thread::sleep(Duration::from_millis(wait_ms));
        service.kill();

        service = gantry.serve();
        until_ready(&service, datalab);
        let servers = hub.servers();
        assert_eq!(servers.len(), 1, "{servers:?}, killed after {wait_ms} ms");
        assert_eq!(of_datalab(datalab).len(), 1, "killed after {wait_ms} ms");
        delete(&service, datalab);
        if round % 2 == 1 {
            std::thread::sleep(Duration::from_millis(wait_ms / 4));
            service.kill();
            service = gantry.serve();
        }
        until("it has ended", PATIENCE, || {
            (show(&service, datalab)["phase"] == "ABORTED").then_some(())
        });
        until("the Hub has no server", PATIENCE, || {
            hub.servers().is_empty().then_some(())
        });
        assert_eq!(of_datalab(datalab), [0_i32; 0]);
    }
}
