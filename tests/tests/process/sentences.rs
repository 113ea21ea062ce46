//! What goes wrong at the command line is said in one sentence that names it, and nothing comes of it.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::api::Api;
use crate::gantry::{Gantry, Ran, command, config, ids, run, standin};
use crate::processes::PATIENCE;

const PRODUCT: &str = "COM_PowerSpect_CMB-TT-full_R3.01.txt";

#[test]
fn what_is_not_there_is_named_and_nothing_comes_of_it() {
    let (archive, _cache) = standin(64);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let assets = gantry.export();
    assert_eq!(
        gantry.fails(&["harvest", "mars"]),
        "no archive `mars` is configured; there are: planck"
    );
    assert_eq!(
        gantry.fails(&["harvest", "planck", "mars"]),
        "no archive `mars` is configured; there are: planck"
    );
    let n_requests = archive.requests().len();
    assert_eq!(
        gantry.fails(&[
            "add-to-volume",
            "planck:nothing.fits",
            "--volume",
            "workspace"
        ]),
        "no asset `planck:nothing.fits`; search for it, or ask `/api/v1/assets/resolve` for its id"
    );
    assert_eq!(
        gantry.fails(&["open-in-notebook", "planck:nothing.fits"]),
        "no asset `planck:nothing.fits`; search for it, or ask `/api/v1/assets/resolve` for its id"
    );
    let product = &ids(&[PRODUCT])[0];
    assert_eq!(
        gantry.fails(&["add-to-volume", product, "--volume", "moon"]),
        "no volume `moon`, or it is somebody else's"
    );
    let said = gantry.fails(&["add-to-volume", "nothing", "--volume", "workspace"]);
    assert!(said.contains("`nothing`"), "{said}");
    let said = gantry.fails(&[
        "add-to-volume",
        product,
        "--volume",
        "workspace",
        "--directory",
        "../out",
    ]);
    assert!(said.contains("../out"), "{said}");
    for (option, value) in [
        ("--time", "yesterday"),
        ("--facet", "colour"),
        ("--pos", "CIRCLE 1 2"),
        ("--near", "here,1,2"),
        ("--bbox", "-190,0,1,1"),
    ] {
        let said = gantry.fails(&["search", "", option, value]);
        assert!(said.contains(value), "{option}: {said}");
    }
    assert_eq!(
        archive.requests().len(),
        n_requests,
        "nothing was asked for"
    );
    assert_eq!(gantry.export(), assets);
    // With `--json` the sentence is JSON, on standard error all the same.
    let ran = gantry.run(&["harvest", "mars", "--json"]);
    let said: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        said,
        json!({"error": "no archive `mars` is configured; there are: planck"})
    );
    // No job was made of any of these.
    let service = gantry.serve();
    assert_eq!(
        service.api.get("/api/v1/staging-jobs")["staging_jobs"],
        json!([])
    );
    assert_eq!(service.api.get("/api/v1/datalabs")["datalabs"], json!([]));
}

#[test]
fn what_is_not_understood_is_a_matter_of_usage() {
    for args in [
        &["harvest"][..],
        &["harvest", "planck", "--all"],
        &["nonsense"],
        &["search", "--sort", "colour"],
        &["search", "--limit", "many"],
        &["add-to-volume", "planck:a"],
        &["demo", "--port", "99999"],
        &["--config"],
        &[],
    ] {
        let Ran {
            code,
            stdout,
            stderr,
        } = run(command(args), PATIENCE);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(!stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_is_refused_with_key_value_and_what_is_allowed() {
    let gantry = Gantry::bare();
    let file = gantry.path("gantry.toml").display().to_string();
    let good = config("http://127.0.0.1:9", &gantry.path("data"), "");
    let said = |text: &str| {
        gantry.configure(text);
        let said = gantry.fails(&["search"]);
        let (what, rest) = said.split_once(": ").unwrap();
        assert_eq!(what, "the configuration cannot be used", "{said}");
        rest.to_owned()
    };
    let with = |text: &str| said(&format!("{good}{text}\n"));
    assert_eq!(
        with("[labs]\nenviroment = '/x'"),
        format!(
            "unknown key `labs.enviroment` in `{file}`; allowed: environment, catalogue, idle_s, per_user"
        )
    );
    let text = with("[stagging]\nworkers = 1");
    assert!(
        text.starts_with(&format!(
            "unknown key `stagging` in `{file}`; allowed: data_dir, server, "
        )),
        "{text}"
    );
    let text = said(&good.replace("url =", "adress ="));
    assert!(
        text.starts_with(&format!(
            "unknown key `archive.planck.adress` in `{file}`; allowed: kind, url, "
        )),
        "{text}"
    );
    assert_eq!(
        with("[staging]\nworkers = 0"),
        "staging.workers = `0`: allowed is 1 or more"
    );
    assert_eq!(
        with("[launcher.hub]\nkind = 'jupyterhub'\nurl = 'http://hub.example/'\ntoken = 'x'"),
        format!(
            "unknown key `launcher.hub.token` in `{file}`; allowed: kind, url, token_file, mounts, labs"
        )
    );
    assert_eq!(
        with("[launcher.hub]\nkind = 'jupyterhub'\nurl = 'http://hub.example/'"),
        "launcher.hub.token_file: the file with the token of Gantry's service at the Hub is needed"
    );
    for (text, key, value) in [
        ("[staging]\nworkers = 'many'", "`staging.workers`", "many"),
        ("[auth]\nmode = 'ldap'", "`auth.mode`", "ldap"),
        (
            "[launcher.big]\nkind = 'slurm'",
            "`launcher.big.kind`",
            "slurm",
        ),
    ] {
        let said = with(text);
        assert!(
            said.contains(key) && said.contains(value) && said.contains(&file),
            "{said}"
        );
    }
    let text = said(&good.replace("127.0.0.1:0", "nowhere"));
    assert!(text.contains("`server.listen`"), "{text}");
    let text = said(&good.replace("127.0.0.1:0", "0.0.0.0:0"));
    assert!(text.starts_with("server.listen = `0.0.0.0:0`: "), "{text}");
    let text = said(&good.replace("per_second = 1000.0", "per_second = -1.0"));
    assert!(
        text.contains("archive.planck.limits") && text.contains("per_second = -1"),
        "{text}"
    );
    assert_eq!(
        said("[server\n"),
        format!(
            "`{file}`: TOML parse error at line 1, column 8: invalid table header, expected `.`, `]`"
        )
    );
    assert!(!gantry.path("data").exists(), "nothing was made");

    // The environment is configuration too.
    gantry.configure(&good);
    let mut command = gantry.command(&["search"]);
    command.env("GANTRY_STAGING__WORKER", "1");
    assert_eq!(
        run(command, PATIENCE).sentence(),
        "the configuration cannot be used: unknown key `staging.worker` in the environment; allowed: volume_root, local_roots, volume_catalogue, cache_bytes, quota_bytes, quota_files, workers"
    );
    // What only opening shows.
    gantry.configure(&good.replace("kind = 'planck'", "kind = 'moon'"));
    assert_eq!(
        gantry.fails(&["search"]),
        "archive.planck.kind = `moon` is not known; allowed: gaia, gssc, obstap, planck"
    );
    gantry.configure(&good.replace("kind = 'planck'", "kind = 'planck'\nschedule = 'soon'"));
    assert_eq!(
        gantry.fails(&["search"]),
        "archive.planck.schedule = `soon`: allowed: how long after one harvest the next one is due, such as `6h` or `1day`, at least a minute and at most a year"
    );
    std::fs::write(gantry.path("file"), "").unwrap();
    gantry.configure(&config("http://127.0.0.1:9", &gantry.path("file"), ""));
    let said = gantry.fails(&["search"]);
    assert!(
        said.starts_with(&format!(
            "cannot make the folder `{}`",
            gantry.path("file").display()
        )),
        "{said}"
    );
}

#[test]
fn a_configuration_file_that_is_not_there_is_named_by_every_command() {
    let gantry = Gantry::bare();
    let expected = format!(
        "the configuration cannot be used: there is no configuration file `{}`",
        gantry.path("gantry.toml").display()
    );
    for args in [
        &["serve"][..],
        &["search"],
        &["harvest", "--all"],
        &["check"],
        &["export"],
        &["demo", "--exit-when-ready"],
        &["labs-environment"],
        &["token", "list"],
    ] {
        assert_eq!(gantry.fails(args), expected, "{args:?}");
    }
}

#[test]
fn a_port_that_is_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let gantry = Gantry::bare();
    let text = config("http://127.0.0.1:9", &gantry.path("data"), "");
    gantry.configure(&text.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")));
    assert_eq!(
        gantry.fails(&["serve"]),
        format!(
            "port {port} is in use; stop what listens there, or choose another with server.listen"
        )
    );
    let dir = gantry.path("demo");
    let args = [
        "demo",
        "--port",
        &port.to_string(),
        "--dir",
        dir.to_str().unwrap(),
    ];
    assert_eq!(
        run(command(&args), PATIENCE).sentence(),
        format!("port {port} is in use; stop what listens there, or choose another with --port")
    );
}

#[test]
fn without_python_the_labs_environment_says_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let mut without = command(&["labs-environment"]);
    without.env("PATH", empty.path());
    let ran = run(without, PATIENCE);
    let last = ran.stderr.trim_end().lines().last();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    assert_eq!(
        last,
        Some(
            "gantry: `python3` is not installed; labs need Python 3.11 or newer (`apt install python3 python3-venv`)"
        ),
        "{ran:?}"
    );
    let mut without = command(&["labs-environment", "--json"]);
    without.env("PATH", empty.path());
    let ran = run(without, PATIENCE);
    let said: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert!(
        said["error"]
            .as_str()
            .unwrap()
            .contains("apt install python3"),
        "{said}"
    );
}

#[test]
fn what_belongs_to_somebody_else_is_not_there() {
    let (archive, _cache) = standin(64);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let service = gantry.serve();
    let job = service.add_to_volume(&[PRODUCT], "workspace");
    service.ended(&job);
    let id = job.as_str().unwrap();
    let bob = Api::at(
        service.said["url"].as_str().unwrap(),
        &gantry.token_of("bob"),
    );
    assert_eq!(bob.get("/api/v1/staging-jobs")["staging_jobs"], json!([]));
    for (method, path) in [
        ("GET", format!("/api/v1/staging-jobs/{id}")),
        ("GET", format!("/api/v1/staging-jobs/{id}/files")),
        ("GET", format!("/api/v1/staging-jobs/{id}/events")),
        ("POST", format!("/api/v1/staging-jobs/{id}/hold")),
        ("POST", format!("/api/v1/staging-jobs/{id}/retry")),
        ("DELETE", format!("/api/v1/staging-jobs/{id}")),
    ] {
        let (status, problem) = bob.ask(method, &path, None);
        assert_eq!(
            (status, &problem["type"], &problem["detail"]),
            (
                404,
                &json!("/problems/not-found"),
                &json!(format!("no staging job `{id}`, or it is somebody else's"))
            ),
            "{method} {path}"
        );
    }
    assert_eq!(service.ended(&job)["phase"], "COMPLETED");
}
