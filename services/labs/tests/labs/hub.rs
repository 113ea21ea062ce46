//! What is peculiar to a JupyterHub: it is slow, it refuses, it is away, and others use it too.

use std::sync::Arc;
use std::time::Duration;

use gantry_labs::launcher::{HubLauncher, HubLauncherConfig, Launcher};
use gantry_labs::{Labs, LaunchRequest, VolumeRequest};
use gantry_net::{Client, Limits, Method, Net, NetConfig, NetError, Request, Scope};
use gantry_store::{Datalab, Phase};
use serde_json::{Value, json};

use crate::conformance::request;
use crate::hub_world::{Hub, TOKEN};
use crate::world::{RunningLabs, World, asks, lives, until};

fn run_on(hub: &Hub, world: &World) -> RunningLabs {
    RunningLabs::of(world.labs_on(hub.launcher_of(world), |_| {}))
}

/// A Hub, and a Gantry that starts labs on it; nothing where no Hub is installed.
async fn begun(settings: &[(&'static str, u32)]) -> Option<(Hub, World, RunningLabs)> {
    let hub = Hub::start(settings).await?;
    let world = World::new().await;
    let ran = run_on(&hub, &world);
    Some((hub, world, ran))
}

async fn stopped(world: &World, ran: &RunningLabs, datalab: &Datalab) {
    ran.labs.stop(&world.row(datalab).await).await.unwrap();
    world.reaches(datalab, Phase::Aborted).await;
}

/// What a datalab waits for, once it waits for this cause with a text that has these words.
async fn waits(world: &World, labs: &Labs, datalab: &Datalab, cause: &str, words: &str) -> String {
    until(|| async {
        let row = world.row(datalab).await;
        assert!(!row.phase.is_final(), "{:?}", row.message);
        let view = labs.view(&row).unwrap();
        let waits = view.waiting_for.as_array().unwrap().clone();
        let wait = waits.into_iter().find(|wait| wait["cause"] == cause)?;
        let text = wait["text"].as_str().unwrap().to_owned();
        text.contains(words).then_some(text)
    })
    .await
}

/// A browser, as far as one is needed.
fn browser(hub: &Hub) -> Client {
    let limits = Limits {
        max_redirects: 0,
        attempts: 1,
        failures: u32::MAX,
        ..Limits::default()
    };
    let scope = Scope::new("a browser", [&hub.url()]);
    let net = Net::new(NetConfig::default()).unwrap();
    net.client(Scope { limits, ..scope })
}

fn status<T>(answer: Result<T, NetError>) -> u16 {
    answer.map_or_else(|error| error.status().unwrap().as_u16(), |_| 200)
}

#[tokio::test]
async fn a_slow_start_says_in_the_hubs_words_what_it_waits_for() {
    let Some(hub) = Hub::shared().await else {
        return;
    };
    let world = World::new().await;
    let ran = run_on(hub, &world);
    let datalab = world.launch(&ran.labs, "test/slow").await;
    let text = waits(&world, &ran.labs, &datalab, "lab-starting", "Pulling").await;
    assert_eq!(text, "Test lab is starting: Pulling the image");
    let row = world.reaches(&datalab, Phase::Executing).await;
    assert_eq!(
        ran.labs.logs(&row, 10_000).await.unwrap(),
        "Server requested\nWaiting for a node\nPulling the image\n\
         (a Hub tells how a lab starts and gives no log of it)\n"
    );
    assert_eq!(world.begun(&datalab.id).len(), 1);
    ran.labs.stop(&row).await.unwrap();
    world.reaches(&datalab, Phase::Aborted).await;
    ran.end().await;
}

#[tokio::test]
async fn a_start_that_is_under_way_can_be_stopped() {
    let Some(hub) = Hub::shared().await else {
        return;
    };
    let world = World::new().await;
    let ran = run_on(hub, &world);
    let datalab = world.launch(&ran.labs, "test/slow").await;
    waits(&world, &ran.labs, &datalab, "lab-starting", "Waiting").await;
    stopped(&world, &ran, &datalab).await;
    let launcher = hub.launcher_of(&world);
    assert!(launcher.alive().await.unwrap().is_empty());
    for (pid, _) in world.begun(&datalab.id) {
        assert!(!lives(pid));
    }
    ran.end().await;
}

#[tokio::test]
async fn a_spawner_that_raises_ends_the_datalab_with_its_message_and_leaves_nothing_at_the_hub() {
    let Some(hub) = Hub::shared().await else {
        return;
    };
    let world = World::new().await;
    let ran = run_on(hub, &world);
    let datalab = world.launch(&ran.labs, "test/raises").await;
    let row = world.reaches(&datalab, Phase::Error).await;
    assert_eq!(
        row.message.as_deref(),
        Some("Test lab cannot be started: Spawn failed: no node has a graphics card left")
    );
    let servers = servers(hub).await;
    assert!(!servers.to_string().contains(&datalab.id), "{servers}");
    ran.end().await;
}

#[tokio::test]
async fn a_datalab_is_opened_with_a_token_for_it_alone() {
    let Some(hub) = Hub::shared().await else {
        return;
    };
    let world = World::new().await;
    let ran = run_on(hub, &world);
    let datalab = world.launch(&ran.labs, "test/jupyter").await;
    let other = world.launch(&ran.labs, "test/serves").await;
    let row = world.reaches(&datalab, Phase::Executing).await;
    world.reaches(&other, Phase::Executing).await;
    let url = ran.labs.open_url(&row).await.unwrap();
    let (address, token) = url.split_once("?token=").unwrap();
    let folder = format!("{}user/ada/lab-", hub.url());
    assert!(address.starts_with(&folder), "{address}");
    assert!(address.ends_with("/api/status"), "{address}");

    let browser = browser(hub);
    assert_eq!(status(browser.get(&url.parse().unwrap()).await), 200);
    assert_eq!(status(browser.get(&address.parse().unwrap()).await), 403);
    let another = hub.url().join("hub/api/users/ada/servers/x").unwrap();
    let start = Request::new(Method::POST, another).authorization("token", token);
    assert_eq!(status(browser.request(start).await), 403);

    // The variables hold a token of Gantry's; neither the Hub's log nor its answers do.
    let own = &world.begun(&other.id)[0].1["GANTRY_TOKEN"];
    for secret in [token, own.as_str().unwrap()] {
        let log = hub.log();
        let told: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(told.is_empty(), "{told:?}");
        assert!(!servers(hub).await.to_string().contains(secret));
        assert!(!format!("{row:?}").contains(secret));
    }
    for datalab in [&datalab, &other] {
        ran.labs.stop(&world.row(datalab).await).await.unwrap();
        world.reaches(datalab, Phase::Aborted).await;
    }
    ran.end().await;
}

#[tokio::test]
async fn options_that_a_user_sends_as_if_they_were_gantrys_start_nothing() {
    let Some(hub) = Hub::shared().await else {
        return;
    };
    let browser = browser(hub);
    let token = new_token(hub, &browser).await;
    let at = hub.url().join("hub/api/users/ada/servers/forged").unwrap();
    let volume = json!({"name": "workspace", "path": "/tmp/of-somebody-else"});
    let options = json!({"datalab": "forged", "lab": "test/serves:v1", "volumes": [volume]});
    let body = json!({"user_options": {"gantry": options}}).to_string();
    let start = Request::new(Method::POST, at)
        .authorization("token", &token)
        .body("application/json", body);
    let error = browser.request(start).await.err().unwrap();
    assert_eq!(
        (error.status().unwrap().as_u16(), error.excerpt().unwrap()),
        (
            400,
            "{\"status\": 400, \"message\": \"this is a datalab of Gantry; start it there\"}"
        )
    );
}

#[tokio::test]
async fn two_gantrys_on_one_hub_leave_each_others_labs_alone() {
    let Some(hub) = Hub::shared().await else {
        return;
    };
    let (world, other) = (World::new().await, World::new().await);
    let ran = run_on(hub, &world);
    let datalab = world.launch(&ran.labs, "test/serves").await;
    let row = world.reaches(&datalab, Phase::Executing).await;
    let alive = |world: &World| {
        let launcher = hub.launcher_of(world);
        async move { launcher.alive().await.unwrap() }
    };
    assert_eq!(alive(&world).await, std::slice::from_ref(&datalab.id));
    assert!(alive(&other).await.is_empty());
    ran.labs.stop(&row).await.unwrap();
    world.reaches(&datalab, Phase::Aborted).await;
    ran.end().await;
}

#[tokio::test]
async fn a_user_the_hub_does_not_know_is_made_where_gantry_may() {
    let Some(hub) = Hub::shared().await else {
        return;
    };
    let world = World::new().await;
    let launcher = hub.launcher_of(&world);
    let mut wanted = request(&world, &world.ada.id);
    "bob@example.org".clone_into(&mut wanted.user);
    let running = launcher.start(&wanted).await.unwrap();
    let address = running.address.as_str();
    assert!(address.contains("/user/bob@example.org/lab-"), "{address}");
    launcher
        .stop(&world.ada.id, None, Duration::from_secs(5))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_hub_that_is_away_or_lets_nobody_in_is_waited_for_and_nothing_is_lost() {
    let Some((hub, world, ran)) = begun(&[]).await else {
        return;
    };
    let first = world.launch(&ran.labs, "test/serves").await;
    world.reaches(&first, Phase::Executing).await;

    hub.kill();
    let second = world.launch(&ran.labs, "test/idle").await;
    let text = waits(&world, &ran.labs, &second, "launcher", "").await;
    let begins = format!("the Hub at `{}` does not answer: ", hub.url());
    assert!(text.starts_with(&begins), "{text}");
    // Gantry, too, is started again meanwhile, and somebody wants the first datalab to end.
    ran.end().await;
    let ran = run_on(&hub, &world);
    waits(&world, &ran.labs, &first, "launcher", "does not answer").await;
    assert_eq!(world.row(&first).await.phase, Phase::Executing);
    ran.labs.stop(&world.row(&first).await).await.unwrap();

    std::fs::write(hub.token_file(), "a-wrong-token\n").unwrap();
    hub.start_again().await;
    let refusal = |why: &str| {
        format!(
            "the Hub at `{}` does not let Gantry do this (403: {why}); the token in `token_file` must be valid and \
             have the scopes Gantry needs",
            hub.url()
        )
    };
    let text = waits(&world, &ran.labs, &second, "launcher", "403").await;
    assert_eq!(text, refusal("Missing or invalid credentials."));
    // Where the Hub gives no reason, its status is one.
    let check = hub.launcher("x").check().await.unwrap_err().to_string();
    assert_eq!(check, refusal("Forbidden"));

    std::fs::write(hub.token_file(), TOKEN).unwrap();
    world.reaches(&second, Phase::Executing).await;
    world.reaches(&first, Phase::Aborted).await;
    for (datalab, n_alive) in [(&first, 0), (&second, 1)] {
        let begun = world.begun(&datalab.id);
        assert_eq!(begun.len(), 1);
        assert_eq!(begun.iter().filter(|(pid, _)| lives(*pid)).count(), n_alive);
    }
    stopped(&world, &ran, &second).await;
    ran.end().await;
}

#[tokio::test]
async fn a_hub_that_is_full_is_waited_for() {
    let Some((hub, world, ran)) = begun(&[("active_server_limit", 1)]).await else {
        return;
    };
    let first = world.launch(&ran.labs, "test/serves").await;
    world.reaches(&first, Phase::Executing).await;
    let second = world.launch(&ran.labs, "test/idle").await;
    let text = waits(&world, &ran.labs, &second, "launcher", "").await;
    assert_eq!(
        text,
        "the Hub has no place just now: Active user limit exceeded. Try again in a few minutes."
    );
    ran.labs.stop(&world.row(&first).await).await.unwrap();
    world.reaches(&second, Phase::Executing).await;

    let unknown = {
        let mut wanted = request(&world, &world.ada.id);
        "bob".clone_into(&mut wanted.user);
        hub.launcher_of(&world).start(&wanted).await.unwrap_err()
    };
    assert_eq!(
        unknown.to_string(),
        "Test lab cannot be started: the Hub has no user `bob`, and Gantry may not make one; log in at the Hub once"
    );
    stopped(&world, &ran, &second).await;
    ran.end().await;
}

#[tokio::test]
async fn who_has_as_many_labs_as_the_hub_allows_reads_so() {
    let Some((_hub, world, ran)) = begun(&[("named_server_limit_per_user", 1)]).await else {
        return;
    };
    let first = world.launch(&ran.labs, "test/serves").await;
    world.reaches(&first, Phase::Executing).await;
    let second = world.launch(&ran.labs, "test/idle").await;
    let row = world.reaches(&second, Phase::Error).await;
    assert_eq!(
        row.message.as_deref(),
        Some(
            "Test lab cannot be started: the Hub refused: User ada already has the maximum of 1 named servers. \
             One must be deleted before a new server can be created"
        )
    );
    stopped(&world, &ran, &first).await;
    ran.end().await;
}

#[tokio::test]
async fn of_fifty_datalabs_at_once_none_is_lost_and_none_is_doubled() {
    let Some((hub, world, ran)) = begun(&[("concurrent_spawn_limit", 10)]).await else {
        return;
    };
    let mut all = Vec::new();
    for n in 0..N_AT_ONCE {
        let request = LaunchRequest {
            env: [("N".to_owned(), n.to_string())].into(),
            ..asks("test/serves")
        };
        all.push(ran.labs.launch(&world.ada, request, None).await.unwrap());
    }
    let n_serving = async || {
        let mut n_serving = 0;
        for datalab in &all {
            let row = world.row(datalab).await;
            assert!(!row.phase.is_final(), "{:?}", row.message);
            n_serving += usize::from(row.phase == Phase::Executing);
        }
        n_serving
    };
    // More than one patience, since each is a process of its own.
    for _ in 0..10 {
        if n_serving().await == all.len() {
            break;
        }
        let before = n_serving().await;
        until(|| async { (n_serving().await > before || before == all.len()).then_some(()) }).await;
    }
    until(|| async { (n_serving().await == all.len()).then_some(()) }).await;
    for datalab in &all {
        assert_eq!(world.begun(&datalab.id).len(), 1);
        ran.labs.stop(datalab).await.unwrap();
    }
    for datalab in &all {
        world.reaches(datalab, Phase::Aborted).await;
    }
    assert!(hub.launcher_of(&world).alive().await.unwrap().is_empty());
    ran.end().await;
}

/// How many datalabs are launched at once.
const N_AT_ONCE: usize = 50;

/// The address of something that answers every question with this.
async fn answers(answer: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            // The question first: an answer to nothing is none.
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut [0; 4_096]).await;
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, answer).await;
        }
    });
    url
}

#[tokio::test]
async fn the_proxy_of_a_hub_that_starts_says_nothing_about_its_labs() {
    let url = answers(
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\nNot found",
    )
    .await;
    let world = World::new().await;
    std::fs::write(world.path("token"), "t").unwrap();
    let launcher = HubLauncher::new(HubLauncherConfig {
        url: url.parse().unwrap(),
        token_file: world.path("token"),
        mounts: true,
        labs: Vec::new(),
        archive_mounts: Vec::new(),
        gantry: "x".to_owned(),
        look_every: Duration::from_millis(100),
        net: Net::new(NetConfig::default()).unwrap(),
    });
    let stopped = launcher.stop("x", Some("ada"), Duration::ZERO).await;
    for told in [launcher.find("x", "ada").await.map(drop), stopped] {
        let text = told.unwrap_err().to_string();
        let begins = format!("the Hub at `{url}` does not answer: ");
        assert!(text.starts_with(&begins), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_hub_is_told_apart_from_one() {
    let url =
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello").await;
    let world = World::new().await;
    let token_file = world.path("token");
    let launcher = |url: &str| {
        HubLauncher::new(HubLauncherConfig {
            url: url.parse().unwrap(),
            token_file: token_file.clone(),
            mounts: true,
            labs: Vec::new(),
            archive_mounts: Vec::new(),
            gantry: "x".to_owned(),
            look_every: Duration::from_millis(100),
            net: Net::new(NetConfig::default()).unwrap(),
        })
    };
    let said = async |url: &str| launcher(url).check().await.unwrap_err().to_string();
    let begins = format!(
        "cannot read the Hub's token in `{}`: ",
        token_file.display()
    );
    assert!(said(&url).await.starts_with(&begins));
    std::fs::write(&token_file, "\n").unwrap();
    assert!(said(&url).await.ends_with("` is empty"));
    std::fs::write(&token_file, "t").unwrap();
    let text = said(&url).await;
    let begins = format!("`{url}` answers like no JupyterHub: ");
    assert!(text.starts_with(&begins), "{text}");
    let text = said("http://127.0.0.1:1/").await;
    assert!(
        text.starts_with("the Hub at `http://127.0.0.1:1/` does not answer: "),
        "{text}"
    );
}

#[tokio::test]
async fn where_volumes_are_mounted_their_folders_and_places_are_checked_and_shown() {
    let world = World::new().await;
    world.volume("gnss", "local").await;
    let config = HubLauncherConfig {
        url: "http://127.0.0.1:1/".parse().unwrap(),
        token_file: world.path("token"),
        mounts: true,
        labs: Vec::new(),
        archive_mounts: Vec::new(),
        gantry: "x".to_owned(),
        look_every: Duration::from_secs(1),
        net: Net::new(NetConfig::default()).unwrap(),
    };
    let launcher = HubLauncher::new(config);
    let labs = world.labs_on(Arc::new(launcher), |_| {});
    let plan = async |subpath: &str, mount_path: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let volume = VolumeRequest {
            name: "cmb".to_owned(),
            subpath: some(subpath),
            mount_path: some(mount_path),
            read_only: true,
        };
        let volumes = vec![
            VolumeRequest {
                name: "gnss".to_owned(),
                mount_path: Some("/data/gnss".to_owned()),
                ..VolumeRequest::default()
            },
            volume,
        ];
        let request = LaunchRequest {
            volumes,
            ..asks("test/serves")
        };
        let plan = labs.plan(&world.ada, &request).await.unwrap();
        serde_json::to_value(plan).unwrap()
    };
    let good = plan("maps/hfi", "/data/cmb").await;
    assert_eq!(good["refused"], json!([]));
    assert_eq!(
        good["volumes"][2],
        json!({"name": "cmb", "path": world.path("cmb"), "subpath": "maps/hfi", "mount_path": "/data/cmb", "read_only": true, "not_enforced": []})
    );
    for (subpath, mount_path, why) in [
        ("../x", "", "its `subpath` cannot be used: "),
        ("", "data", "its `mount_path` `data` must be a plain path"),
        ("", "/data/../etc", "must be a plain path"),
        ("", "/etc/x", "would hide what the lab itself needs"),
        ("", "/", "would hide what the lab itself needs"),
        ("", "/data/gnss/x", "is in the way of volume `gnss`"),
        ("", "/data", "is in the way of volume `gnss`"),
    ] {
        let plan = plan(subpath, mount_path).await;
        let reason = plan["refused"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(why), "{subpath} {mount_path}: {reason}");
    }
}

/// What the Hub says of ada's servers.
async fn servers(hub: &Hub) -> Value {
    let at = "hub/api/users/ada?include_stopped_servers";
    let request =
        Request::new(Method::GET, hub.url().join(at).unwrap()).authorization("token", TOKEN);
    let answer = browser(hub).request(request).await.unwrap();
    let bytes = answer.bytes(1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// A token with which ada may do whatever she may.
async fn new_token(hub: &Hub, browser: &Client) -> String {
    let at = hub.url().join("hub/api/users/ada/tokens").unwrap();
    let request = Request::new(Method::POST, at)
        .authorization("token", TOKEN)
        .body("application/json", "{}");
    let answer = browser.request(request).await.unwrap();
    let made: Value = serde_json::from_slice(&answer.bytes(1 << 20).await.unwrap()).unwrap();
    made["token"].as_str().unwrap().to_owned()
}
