//! The files of a volume: read in parts, written in parts, moved, deleted, and never anywhere else.

use gantry_tests::{Client, TestApp};
use serde_json::json;

use crate::{keys, list, text};

const AT: &str = "/api/v1/volumes/scratch/files";

async fn ada(app: &TestApp) -> Client {
    app.user("ada").await.with_volume("scratch").await
}

#[tokio::test]
async fn a_file_is_read_whole_and_in_parts() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    drop(
        ada.put(&format!("{AT}/ten.txt"), "0123456789")
            .await
            .is(201),
    );
    let whole = ada.get(&format!("{AT}/ten.txt")).await.is(200);
    assert_eq!(whole.text(), "0123456789");
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    for (range, expected, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-100", "0123456789", "bytes 0-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
        ("bytes=9-9", "9", "bytes 9-9/10"),
    ] {
        let ask = ada
            .ask("GET", &format!("{AT}/ten.txt"))
            .header("Range", range);
        let part = ask.send().await.is(206);
        assert_eq!(
            (part.text().as_str(), part.header("content-range")),
            (expected, Some(content_range)),
            "{range}"
        );
    }
    for range in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
        let ask = ada
            .ask("GET", &format!("{AT}/ten.txt"))
            .header("Range", range);
        let answer = ask.send().await;
        assert_eq!(
            answer.header("content-range"),
            Some("bytes */10"),
            "{range}"
        );
        drop(answer.problem(416, "range-outside"));
    }
    for range in ["bytes=x", "bytes=5-2", "lines=1-2", "bytes=0-1,3-4"] {
        let ask = ada
            .ask("GET", &format!("{AT}/ten.txt"))
            .header("Range", range);
        assert_eq!(ask.send().await.is(200).text(), "0123456789", "{range}");
    }
    let etag = whole.header("etag").unwrap();
    for (known, status) in [(etag, 206), ("\"other\"", 200)] {
        let ask = ada
            .ask("GET", &format!("{AT}/ten.txt"))
            .header("Range", "bytes=5-");
        drop(ask.header("If-Range", known).send().await.is(status));
    }
}

#[tokio::test]
async fn what_a_volume_holds_never_runs_in_a_page() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    drop(
        ada.put(&format!("{AT}/evil.html"), "<script>alert(1)</script>")
            .await
            .is(201),
    );
    let answer = ada
        .ask("GET", &format!("{AT}/evil.html"))
        .html()
        .send()
        .await
        .is(200);
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert!(
        answer
            .header("content-disposition")
            .unwrap()
            .starts_with("attachment;")
    );
}

#[tokio::test]
async fn a_stat_tells_size_and_date_without_the_bytes() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    drop(ada.put(&format!("{AT}/a.txt"), "abc").await.is(201));
    let stat = ada.ask("HEAD", &format!("{AT}/a.txt")).send().await.is(200);
    assert_eq!(
        (stat.header("content-length"), stat.body.len()),
        (Some("3"), 0)
    );
    assert!(stat.header("last-modified").unwrap().ends_with(" GMT"));
    let whole = ada.get(&format!("{AT}/a.txt")).await;
    assert_eq!(stat.header("etag"), whole.header("etag"));
    drop(
        ada.ask("HEAD", &format!("{AT}/none.txt"))
            .send()
            .await
            .is(404),
    );
}

#[tokio::test]
async fn a_file_is_written_in_parts_and_appears_when_it_is_whole() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    let put = |range: &str, bytes: &str| {
        let ask = ada
            .ask("PUT", &format!("{AT}/parts.txt"))
            .header("Content-Range", range)
            .body(bytes);
        async move { ask.send().await }
    };
    assert_eq!(
        put("bytes 0-3/10", "0123").await.is(202).json(),
        json!({"written_bytes": 4})
    );
    drop(
        ada.get(&format!("{AT}/parts.txt"))
            .await
            .problem(404, "not-found"),
    );
    let problem = put("bytes 6-9/10", "6789").await.problem(409, "conflict");
    assert!(text(&problem, "/detail").contains("4 bytes"), "{problem}");
    drop(put("bytes 4-9/10", "456789").await.is(201));
    assert_eq!(
        ada.get(&format!("{AT}/parts.txt")).await.is(200).text(),
        "0123456789"
    );
    // Beginning anew forgets what was there of it.
    drop(put("bytes 0-3/5", "abcd").await.is(202));
    let there = put("bytes */5", "").await.is(202).json();
    assert_eq!(there, json!({"written_bytes": 4}));
    drop(put("bytes 0-2/3", "xyz").await.is(201));
    assert_eq!(ada.get(&format!("{AT}/parts.txt")).await.text(), "xyz");
    for bad in ["bytes 0-3", "bytes 0-3/*", "0-3/10", "bytes x-3/10"] {
        drop(put(bad, "0123").await.problem(400, "bad-request"));
    }
    drop(
        put("bytes 0-2/3", "too many")
            .await
            .problem(400, "bad-request"),
    );
    assert_eq!(ada.get(&format!("{AT}/parts.txt")).await.text(), "xyz");
    drop(ada.put(&format!("{AT}/empty"), "").await.is(201));
    assert_eq!(ada.get(&format!("{AT}/empty")).await.is(200).text(), "");
}

#[tokio::test]
async fn folders_are_made_listed_moved_and_deleted() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    let change = |path: &str, body| {
        let (ada, at) = (ada.clone(), format!("{AT}/{path}"));
        async move { ada.post(&at, body).await }
    };
    drop(change("maps", json!({"action": "folder"})).await.is(201));
    drop(ada.put(&format!("{AT}/maps/a.txt"), "a").await.is(201));
    let root = ada.get(AT).await.is(200).json();
    assert_eq!(keys(&root), ["files", "next", "total"]);
    let folder = &list(&root, "/files")[0];
    assert_eq!(
        keys(folder),
        [
            "is_folder",
            "is_link",
            "modified",
            "name",
            "path",
            "size_bytes"
        ]
    );
    assert_eq!(
        (&folder["path"], &folder["is_folder"], &folder["size_bytes"]),
        (&json!("maps"), &json!(true), &json!(null))
    );
    let inside = ada.get(&format!("{AT}/maps")).await.is(200).json();
    assert_eq!(
        (
            &inside["files"][0]["path"],
            &inside["files"][0]["size_bytes"]
        ),
        (&json!("maps/a.txt"), &json!(1))
    );
    drop(
        change("maps", json!({"action": "move", "to": "charts"}))
            .await
            .is(201),
    );
    assert_eq!(ada.listing("scratch").await, ["charts/a.txt"]);
    drop(ada.put(&format!("{AT}/b.txt"), "b").await.is(201));
    let onto = change("b.txt", json!({"action": "move", "to": "charts/a.txt"})).await;
    assert!(
        matches!(onto.status, 409 | 422),
        "nothing is overwritten by a move: {}",
        onto.status
    );
    assert_eq!(ada.get(&format!("{AT}/charts/a.txt")).await.text(), "a");
    for (path, body, status) in [
        ("none.txt", json!({"action": "move", "to": "x"}), 404),
        ("b.txt", json!({"action": "move"}), 400),
        ("b.txt", json!({"action": "copy", "to": "x"}), 400),
        ("b.txt", json!({"action": "move", "to": "../x"}), 422),
        ("b.txt", json!({"action": "move", "to": "/x"}), 422),
        ("b.txt", json!({"action": "folder"}), 409),
    ] {
        let answer = change(path, body.clone()).await;
        assert_eq!(answer.status, status, "{path} {body} → {}", answer.text());
        drop(answer.any_problem());
    }
    drop(ada.delete(&format!("{AT}/charts")).await.is(204));
    assert_eq!(ada.listing("scratch").await, ["b.txt"]);
    drop(
        ada.delete(&format!("{AT}/charts"))
            .await
            .problem(404, "not-found"),
    );
}

#[tokio::test]
async fn no_path_leads_out_of_a_volume() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    let secret = app.outside().join("secret.txt");
    std::fs::write(&secret, "of somebody else").unwrap();
    let root = ada.get("/api/v1/volumes/scratch").await.json();
    let root = std::path::PathBuf::from(text(&root, "/path"));
    std::fs::write(root.join("own.txt"), "own").unwrap();
    std::os::unix::fs::symlink(&secret, root.join("absolute-link")).unwrap();
    std::os::unix::fs::symlink(app.outside(), root.join("folder-link")).unwrap();
    std::os::unix::fs::symlink("../../../../secret.txt", root.join("relative-link")).unwrap();
    let whole = secret.display().to_string();
    let encoded: String = whole.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let paths = [
        "..%2f..%2f..%2f..%2fsecret.txt",
        "../../../../secret.txt",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret.txt",
        "a/..%2f..%2fsecret.txt",
        "..",
        "%2e%2e",
        ".%2f",
        "./own.txt",
        "..%5c..%5csecret.txt",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "own.txt%00.png",
        "%00",
        "own.txt%0a",
        "a%e2%80%aeb",
        "%ff%fe",
        "absolute-link",
        "relative-link",
        "folder-link/secret.txt",
        "own.txt/below",
        "folder-link%2fsecret.txt",
        &encoded,
        &"a/".repeat(1500),
        &"x".repeat(300),
    ];
    for path in paths {
        for (method, body) in [
            ("GET", None),
            ("HEAD", None),
            ("PUT", Some("overwritten")),
            ("POST", Some(r#"{"action": "move", "to": "taken.txt"}"#)),
            ("POST", Some(r#"{"action": "folder"}"#)),
            ("DELETE", None),
        ] {
            // Moving by way of a link has a test of its own.
            if path.starts_with("folder-link") && body.is_some_and(|body| body.contains("move")) {
                continue;
            }
            // Deleting a link deletes the link, and moving it moves it; neither follows it.
            if path.ends_with("-link") && matches!(method, "DELETE" | "POST" | "PUT") {
                continue;
            }
            let mut ask = ada.ask(method, &format!("{AT}/{path}"));
            if let Some(body) = body {
                ask = ask.body(body);
            }
            let answer = ask.send().await;
            assert!(
                (400..500).contains(&answer.status),
                "{method} {path} → {} {}",
                answer.status,
                answer.text()
            );
            assert!(
                !answer.text().contains("of somebody else"),
                "{method} {path}"
            );
            if method != "HEAD" {
                drop(answer.any_problem());
            }
        }
    }
    for link in ["absolute-link", "relative-link"] {
        let written = ada.put(&format!("{AT}/{link}"), "overwritten").await;
        assert!(
            matches!(written.status, 201 | 409 | 422),
            "{link} → {} {}",
            written.status,
            written.text()
        );
    }
    drop(ada.delete(&format!("{AT}/folder-link")).await);
    assert_eq!(
        std::fs::read_to_string(&secret).unwrap(),
        "of somebody else"
    );
    assert_eq!(
        std::fs::read_to_string(root.join("own.txt")).unwrap(),
        "own"
    );
    assert!(app.outside().join("data").is_dir());
    let page = ada
        .ask("GET", "/volumes/scratch?path=../..")
        .html()
        .send()
        .await;
    assert_eq!(page.status, 422);
}

#[tokio::test]
async fn a_move_follows_no_link_out_of_a_volume() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    let outside = app.outside().join("of-others");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("secret.txt"), "of somebody else").unwrap();
    let root = ada.get("/api/v1/volumes/scratch").await.json();
    let root = std::path::PathBuf::from(text(&root, "/path"));
    std::os::unix::fs::symlink(&outside, root.join("folder-link")).unwrap();
    drop(ada.put(&format!("{AT}/own.txt"), "own").await.is(201));
    for (from, to) in [
        ("folder-link/secret.txt", "taken.txt"),
        ("own.txt", "folder-link/left.txt"),
    ] {
        let body = json!({"action": "move", "to": to});
        let answer = ada.post(&format!("{AT}/{from}"), body).await;
        assert!(
            (400..500).contains(&answer.status),
            "{from} to {to} → {}",
            answer.status
        );
    }
    assert!(outside.join("secret.txt").is_file() && !outside.join("left.txt").exists());
}

#[tokio::test]
async fn the_root_of_a_volume_is_neither_written_nor_deleted() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    drop(ada.put(&format!("{AT}/own.txt"), "own").await.is(201));
    for (method, at) in [
        ("DELETE", AT.to_owned()),
        ("PUT", AT.to_owned()),
        ("DELETE", format!("{AT}/")),
        ("PUT", format!("{AT}/")),
    ] {
        let answer = ada.ask(method, &at).body("x").send().await;
        assert!(
            (400..500).contains(&answer.status),
            "{method} {at} → {}",
            answer.status
        );
        drop(answer.any_problem());
    }
    assert_eq!(ada.listing("scratch").await, ["own.txt"]);
}
