//! The catalogue as JSON Lines, out of one Gantry and into another.

use gantry_standin::{GsscConfig, GsscStandin};
use serde_json::{Value, json};

use crate::gantry::{Gantry, Ran, standin};

fn export(gantry: &Gantry, archive: &str) -> String {
    let Ran {
        code,
        stdout,
        stderr,
    } = gantry.run(&["export", "--archive", archive]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    stdout
}

fn import(gantry: &Gantry, archive: &str, lines: &str) -> (Ran, Value) {
    let file = gantry.path("lines.jsonl");
    std::fs::write(&file, lines).unwrap();
    let file = file.to_str().unwrap();
    let ran = gantry.run(&["import", file, "--archive", archive, "--json"]);
    let report = ran.answer()["import"].clone();
    (ran, report)
}

#[test]
fn what_was_exported_is_the_same_after_an_import_into_an_empty_catalogue() {
    let (planck, _cache) = standin(64);
    let folder = tempfile::tempdir().unwrap();
    let gssc = GsscStandin::start(GsscConfig::new(folder.path())).unwrap();
    let configured = |gantry: &Gantry| {
        gantry.configure(&format!(
            "data_dir = '{}'\n[server]\nlisten = '127.0.0.1:0'\n\
             [archive.planck]\nkind = 'planck'\nurl = '{}/'\nproducts = '{1}/products.json'\n\
             [archive.planck.limits]\nper_second = 1000.0\n\
             [archive.gssc]\nkind = 'gssc'\nurl = '{}'\nfolders = ['gnss/data/daily']\n\
             [archive.gssc.limits]\nper_second = 1000.0\n",
            gantry.path("data").display(),
            planck.url(),
            gssc.ftp_url()
        ));
    };
    let one = Gantry::bare();
    configured(&one);
    one.json(&["harvest", "--all"]);
    let other = Gantry::bare();
    configured(&other);
    for archive in ["planck", "gssc"] {
        let lines = export(&one, archive);
        let n_lines = lines.lines().count();
        assert!(n_lines > 20, "{archive}: {n_lines}");
        let (ran, report) = import(&other, archive, &lines);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let counts = ["new", "changed", "unchanged", "rejected", "withdrawn"];
        let counts = counts.map(|name| report[name].as_u64().unwrap());
        assert_eq!(counts, [n_lines as u64, 0, 0, 0, 0], "{report}");
        assert_eq!(export(&other, archive), lines, "{archive}");
    }
    assert_eq!(other.n_found(), one.n_found());
    let found = |gantry: &Gantry| {
        let found = gantry.json(&["search", "BRUX 2023 003"]);
        found["assets"].clone()
    };
    assert_eq!(found(&other), found(&one));

    // The same lines again change nothing, and a harvest finds what is there; a series that was imported has what its
    // members cover as its own, until its archive tells it again.
    let lines = export(&one, "gssc");
    let (_, again) = import(&other, "gssc", &lines);
    assert_eq!(
        (&again["new"], &again["changed"], &again["unchanged"]),
        (&json!(0), &json!(0), &json!(lines.lines().count()))
    );
    let harvested = other.json(&["harvest", "planck"])["harvests"][0].clone();
    assert_eq!(
        (&harvested["new"], &harvested["withdrawn"]),
        (&json!(0), &json!(0)),
        "{harvested}"
    );
    assert_eq!(export(&other, "planck"), export(&one, "planck"));
}

fn asset(name: &str) -> Value {
    json!({
        "id": format!("planck:{name}"), "kind": "Information Product", "title": "A map", "version": 7,
        "files": [{"name": name, "media_type": "application/fits", "size_bytes": 2880,
                   "locations": [{"address": format!("https://archive.example/{name}")}]}],
    })
}

/// An asset in which one thing is another.
fn with(pointer: &str, value: Value) -> String {
    let mut changed = asset("bad.fits");
    let (above, name) = pointer.rsplit_once('/').unwrap();
    match (changed.pointer_mut(pointer), above) {
        (Some(place), _) => *place = value,
        (None, "") => changed[name] = value,
        (None, above) => changed.pointer_mut(above).unwrap()[name] = value,
    }
    changed.to_string()
}

#[test]
fn a_bad_line_is_rejected_with_its_number_and_its_reason_and_the_others_are_taken() {
    let (archive, _cache) = standin(64);
    let gantry = Gantry::on(&archive);
    let address = |address: &str| with("/files/0/locations/0", json!({"address": address}));
    let mounted = |path: &str| with("/files/0/locations/0", json!({"mounted": path}));
    let bad = [
        ("no JSON".to_owned(), "expected"),
        (
            json!({"id": "planck:a"}).to_string(),
            "missing field `kind`",
        ),
        (with("/titel", json!("x")), "unknown field `titel`"),
        (
            with("/id", json!("gaia:a")),
            "`gaia:a` is of another archive than `planck`",
        ),
        (
            with("/archive", json!("gaia")),
            "is of another archive than `planck`",
        ),
        (with("/id", json!("planck:a b")), "planck:a b"),
        (with("/title", json!(" ")), "has no title"),
        (
            with("/title", json!("a \u{1b}[31mmap")),
            "holds control characters",
        ),
        (
            with("/title", json!("m".repeat(1_001))),
            "is longer than 1000 characters",
        ),
        (
            with("/facets", json!({"band": [""]})),
            "`band` has an empty value",
        ),
        (
            with("/version", json!(0)),
            "version = `0`: allowed is 1 or more",
        ),
        (
            with("/withdrawn", json!("2026-01-01T00:00:00Z")),
            "is withdrawn",
        ),
        (with("/files", json!([])), "has no files"),
        (
            with("/id", json!("planck:~series")),
            "is a series, which has no files",
        ),
        (with("/id", json!("planck:~query-1")), "is somebody's query"),
        (
            with("/series", json!("planck:map.fits")),
            "is no series of `planck`",
        ),
        (
            with("/days", json!({"first": "2023-400", "last": "2023-001"})),
            "are no range of days",
        ),
        (
            with("/sky", json!({"healpix8": [[0, 786_432]]})),
            "are no cells of order 8",
        ),
        (
            with("/place", json!({"lat": 91.0, "lon": 0.0})),
            "is no place on Earth",
        ),
        (with("/files/0/name", json!("../bad.fits")), "`../bad.fits`"),
        (
            with(
                "/files/0/checksum",
                json!({"algorithm": "md5", "value": "xyz"}),
            ),
            "`md5:xyz` is none",
        ),
        (
            with(
                "/files/0/locations/0",
                json!({"query": {"language": "adql", "adql": "SELECT 1", "format": "csv"}}),
            ),
            "a query is not imported; ask it here",
        ),
        (mounted("../../etc/passwd"), "does not stay below a mount"),
        (mounted("/etc/passwd"), "does not stay below a mount"),
        (address("file:///etc/passwd"), "file:///etc/passwd"),
        (address("no address"), "`no address`"),
        (
            address("https://ada:secret@archive.example/x"),
            "holds a user name or a password",
        ),
        // Loopback, though not on the port of the archive, and what else lies inside.
        (
            address("http://127.0.0.1:1/x"),
            "127.0.0.1 is a loopback address",
        ),
        (
            address("http://localhost/x"),
            "127.0.0.1 is a loopback address",
        ),
        (
            address("http://10.1.2.3/x"),
            "10.1.2.3 is a private address",
        ),
        (
            address("ftp://169.254.169.254/x"),
            "169.254.169.254 is a link-local address",
        ),
        (address("http://[::1]/x"), "::1 is a loopback address"),
    ];
    let own = with(
        "/files/0/locations/0",
        json!({"address": format!("{}/x.fits", archive.url())}),
    );
    let own = own.replace("bad.fits", "own.fits");
    let mut lines: Vec<String> = vec![asset("first.fits").to_string(), String::new(), own];
    lines.extend(bad.iter().map(|(line, _)| line.clone()));
    lines.push("x".repeat((8 << 20) + 1));
    lines.push(asset("last.fits").to_string());
    let (ran, report) = import(&gantry, "planck", &(lines.join("\n") + "\n"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let n_bad = bad.len() + 1;
    assert_eq!(
        (&report["phase"], &report["new"], &report["rejected"]),
        (&json!("COMPLETED"), &json!(3), &json!(n_bad)),
        "{report}"
    );
    let ids: Vec<String> = gantry.export().into_keys().collect();
    assert_eq!(
        ids,
        ["planck:first.fits", "planck:last.fits", "planck:own.fits"]
    );
    assert_eq!(gantry.export()["planck:first.fits"]["version"], 7);

    let service = gantry.serve();
    let at = format!(
        "/api/v1/harvests/{}/rejections",
        report["id"].as_str().unwrap()
    );
    let kept = service.api.get(&format!("{at}?limit=100"))["rejections"].clone();
    let (mut next, mut paged) = (json!(format!("{at}?limit=7")), Vec::new());
    while let Some(page) = next.as_str() {
        let answer = service.api.get(page);
        paged.extend(answer["rejections"].as_array().unwrap().clone());
        next = answer["next"].clone();
    }
    assert_eq!(json!(paged), kept, "page by page it is the same");
    let why = |number: usize| {
        let what = format!("line {number}");
        let rows = kept.as_array().unwrap();
        let row = rows.iter().find(|row| row["what"] == what.as_str());
        row.unwrap_or_else(|| panic!("no {what} in {kept}"))["why"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for (number, (_, reason)) in (4..).zip(&bad) {
        assert!(
            why(number).contains(reason),
            "line {number}: {} ({reason})",
            why(number)
        );
    }
    assert_eq!(why(4 + bad.len()), "it is longer than 8388608 bytes");
}

#[test]
fn bad_lines_are_told_to_who_watches_and_counts_come_at_the_end() {
    let (archive, _cache) = standin(64);
    let gantry = Gantry::on(&archive);
    let file = gantry.path("lines.jsonl");
    std::fs::write(&file, format!("{}\n{{}}\n", asset("a.fits"))).unwrap();
    let ran = gantry.run(&["import", file.to_str().unwrap(), "--archive", "planck"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stdout, "1 new, 0 changed, 0 unchanged, 1 rejected\n");
    let said = "line 2: missing field `id` at column 2\n";
    assert!(ran.stderr.ends_with(said), "{}", ran.stderr);
    assert_eq!(
        gantry.fails(&["import", "nothing.jsonl", "--archive", "planck"]),
        "cannot read `nothing.jsonl`: No such file or directory (os error 2)"
    );
    assert_eq!(
        gantry.fails(&["import", "nothing.jsonl", "--archive", "mars"]),
        "no archive `mars` is configured; there are: planck"
    );
}
