use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fake::Held;
use crate::world::{World, fake, plain, sha256};

fn manifest(world: &World, path: &str) -> Value {
    serde_json::from_slice(&world.read(path)).unwrap()
}

fn listed(crate_: &Value) -> BTreeSet<String> {
    let root = crate_["@graph"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["@id"] == "./")
        .unwrap();
    root["hasPart"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["@id"].as_str().unwrap().to_owned())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_report_tells_every_file_and_its_counts_add_up() {
    let mut gone = Held::new("gone", "g");
    gone.gone = true;
    let world = fake([Held::new("a", "bytes of a"), gone, Held::new("mine", "m")]).await;
    std::fs::create_dir_all(world.path("fake")).unwrap();
    std::fs::write(world.path("fake/mine"), "mine").unwrap();
    let ended = world
        .stage(&["fake:a", "fake:gone", "fake:mine"], &plain())
        .await;
    let mut report = manifest(&world, &format!("fake/report-{}.json", ended.job.id));
    assert_eq!(
        report["counts"],
        json!({"total": 3, "staged": 1, "present": 0, "skipped": 1, "failed": 1, "waiting": 0})
    );
    assert_eq!(
        report["files"],
        json!([
            {"asset": "fake:a", "version": 1, "name": "a", "outcome": "staged", "method": "copy", "path": "fake/a", "size_bytes": 10,
             "sha256": sha256(b"bytes of a"), "verified_by": "size", "warnings": [], "reason": null, "retry_may_help": null},
            {"asset": "fake:gone", "version": 1, "name": "gone", "outcome": "failed", "method": null, "path": null, "size_bytes": 1,
             "sha256": null, "verified_by": null, "warnings": [], "reason": "replaced-at-archive: fake no longer has `gone`; harvest it and select again", "retry_may_help": false},
            {"asset": "fake:mine", "version": 1, "name": "mine", "outcome": "skipped", "method": null, "path": null, "size_bytes": 1,
             "sha256": null, "verified_by": null, "warnings": [], "reason": "name-taken", "retry_may_help": null},
        ])
    );
    for name in ["counts", "files", "created", "written", "job"] {
        report.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(
        report,
        json!({"gantry_manifest": 1, "phase": "COMPLETED", "selection": ended.job.selection, "volume": "cmb", "request": {"method": "auto", "on_conflict": "keep"}, "expected": 0, "found": 0, "gaps": [], "notes": []})
    );
}

#[tokio::test]
async fn the_crate_lists_all_that_is_staged_in_its_folder_across_jobs() {
    let world = fake([
        Held::new("a", "aa"),
        Held::new("b", "bbb"),
        Held::new("c", "c"),
    ])
    .await;
    world.stage(&["fake:a"], &plain()).await;
    assert_eq!(
        listed(&manifest(&world, "fake/ro-crate-metadata.json")),
        set(&["a"])
    );
    world.stage(&["fake:b", "fake:c"], &plain()).await;
    let both = manifest(&world, "fake/ro-crate-metadata.json");
    assert_eq!(listed(&both), set(&["a", "b", "c"]));
    let graph = both["@graph"].as_array().unwrap();
    let file = graph.iter().find(|node| node["@id"] == "b").unwrap();
    assert_eq!(
        *file,
        json!({"@id": "b", "@type": "File", "name": "Map & {b}", "identifier": "fake:b@1", "contentSize": "3",
               "encodingFormat": "application/octet-stream", "sha256": sha256(b"bbb"), "publisher": "Nobody & Sons",
               "license": "CC0-1.0", "verified_by": "size", "method": "copy"})
    );
    // Every part is described, and what was taken out of the folder is no part any more.
    let ids: BTreeSet<&str> = graph
        .iter()
        .map(|node| node["@id"].as_str().unwrap())
        .collect();
    assert!(listed(&both).iter().all(|part| ids.contains(part.as_str())));
    std::fs::remove_file(world.path("fake/c")).unwrap();
    world.stage(&["fake:a"], &plain()).await;
    assert_eq!(
        listed(&manifest(&world, "fake/ro-crate-metadata.json")),
        set(&["a", "b"])
    );
}

#[tokio::test]
async fn jobs_that_end_together_leave_a_crate_of_all_they_staged() {
    let names: Vec<String> = (0..16).map(|n| format!("f{n:02}")).collect();
    let world = fake(names.iter().map(|name| Held::new(name, name.as_str()))).await;
    let mut jobs = Vec::new();
    for name in &names {
        jobs.push(world.job(&[&format!("fake:{name}")], &plain()).await);
    }
    let (one, two) = (world.worker("one"), world.worker("two"));
    for job in &jobs {
        world.until_phase(job, gantry_store::Phase::Completed).await;
    }
    one.stop().await;
    two.stop().await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(
        listed(&manifest(&world, "fake/ro-crate-metadata.json")),
        set(&names)
    );
    assert_eq!(world.tree().len(), 16);
}

/// The entries of a BibTeX file: kind, key, and fields; panics where it is none.
fn entries(text: &str) -> Vec<(String, Vec<String>)> {
    let mut entries = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let body = rest.strip_prefix("@misc{").expect("an entry begins");
        let mut depth = 1;
        let mut escaped = false;
        let end = body.find(|c: char| {
            if !escaped {
                depth += i32::from(c == '{') - i32::from(c == '}');
            }
            escaped = c == '\\' && !escaped;
            depth == 0
        });
        let end = end.expect("its braces close");
        let (key, fields) = body[..end].split_once(",\n").unwrap();
        let fields = fields
            .lines()
            .map(|line| line.trim().split(" = ").next().unwrap().to_owned())
            .collect();
        entries.push((key.to_owned(), fields));
        rest = body[end + 1..].trim();
    }
    entries
}

#[tokio::test]
async fn the_citations_are_bibtex_with_an_entry_for_each_asset() {
    let world = fake([Held::new("a_1%", "a").renamed("a_1"), Held::new("b", "b")]).await;
    world.stage(&["fake:a_1", "fake:b"], &plain()).await;
    let text = String::from_utf8(world.read("fake/CITATION.bib")).unwrap();
    let fields = ["author", "title", "year", "howpublished", "note"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(
        entries(&text),
        [
            ("fake_a_1".to_owned(), fields.clone()),
            ("fake_b".to_owned(), fields)
        ]
    );
    assert!(text.contains("title = {{Map \\& \\{b\\}}}"), "{text}");
    assert!(text.contains("year = {2018}"), "{text}");
    assert!(text.contains("author = {{Nobody \\& Sons}}"), "{text}");
}

impl Held {
    fn renamed(mut self, asset: &str) -> Self {
        self.asset = asset.to_owned();
        self
    }
}
