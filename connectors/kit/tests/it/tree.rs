use std::path::Path;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use gantry_connector::tree::{Event, TreeError, Walk, find_without_case};
use gantry_net::{Client, Limits, Net, NetConfig, Scope, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that lists a folder of this machine as nginx does in JSON, and tells what it was asked.
struct Listed {
    folder: tempfile::TempDir,
    root: Url,
    client: Client,
    asked: Arc<Mutex<Vec<String>>>,
    /// A folder that is gone by the time it is asked for, and one whose listing breaks off.
    faults: Arc<Mutex<(String, String)>>,
}

async fn listed(paths: &[&str]) -> Listed {
    let folder = tempfile::tempdir().unwrap();
    for path in paths {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "12345").unwrap();
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let faults = Arc::new(Mutex::new(("-".to_owned(), "-".to_owned())));
    let (seen, wrong, base) = (
        Arc::clone(&asked),
        Arc::clone(&faults),
        folder.path().to_owned(),
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = vec![0; 4096];
            let n = stream.read(&mut text).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&text[..n]).into_owned();
            let path = text
                .split(' ')
                .nth(1)
                .unwrap_or("/")
                .trim_matches('/')
                .to_owned();
            seen.lock().unwrap().push(path.clone());
            let (gone, cut) = wrong.lock().unwrap().clone();
            let answer = match json(&base.join(&path)) {
                Some(_) if path == gone => not_found(),
                Some(list) => head(list.len() + usize::from(path == cut)) + &list,
                None => not_found(),
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let root: Url = format!("http://{address}/").parse().unwrap();
    let scope = Scope {
        limits: Limits {
            per_second: 1000.0,
            attempts: 1,
            ..Limits::default()
        },
        ..Scope::new("tree", [&root])
    };
    let client = Net::new(NetConfig::default()).unwrap().client(scope);
    Listed {
        folder,
        root,
        client,
        asked,
        faults,
    }
}

fn head(length: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

fn not_found() -> String {
    "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned()
}

fn json(folder: &Path) -> Option<String> {
    let items = std::fs::read_dir(folder).ok()?.map(|item| {
        let item = item.unwrap();
        let name = item.file_name().into_string().unwrap();
        match item.file_type().unwrap().is_dir() {
            true => serde_json::json!({"name": name, "type": "directory"}),
            false => serde_json::json!({"name": name, "type": "file", "size": 5}),
        }
    });
    Some(serde_json::Value::Array(items.collect()).to_string())
}

impl Listed {
    fn walk(&self) -> Walk {
        Walk::new(self.client.clone(), self.root.clone())
    }

    /// Every event as a line, and the error that ended the walk.
    async fn told(
        walk: Walk,
        descend: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> (Vec<String>, Option<TreeError>) {
        let mut events = walk.events(move |path, _| descend(path));
        let (mut lines, mut failure) = (Vec::new(), None);
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Found { path, entry }) => {
                    lines.push(format!("{path} {:?}", entry.size_bytes));
                }
                Ok(Event::FolderComplete { path }) => lines.push(format!("complete `{path}`")),
                Ok(Event::FolderMissing { path }) => lines.push(format!("missing `{path}`")),
                Ok(Event::FolderRefused { path, why }) => {
                    lines.push(format!("refused `{path}`: {why}"));
                }
                Err(error) => failure = Some(error),
            }
        }
        (lines, failure)
    }
}

const PATHS: [&str; 5] = ["b/2/x", "b/1/y", "b/f", "a/z", "c"];

#[tokio::test]
async fn every_folder_is_listed_once_and_told_in_the_order_of_names() {
    let listed = listed(&PATHS).await;
    let (lines, failure) = Listed::told(listed.walk(), |_| true).await;
    assert!(failure.is_none());
    let expected = [
        "a None",
        "b None",
        "c Some(5)",
        "complete ``",
        "a/z Some(5)",
        "complete `a`",
        "b/1 None",
        "b/2 None",
        "b/f Some(5)",
        "complete `b`",
        "b/1/y Some(5)",
        "complete `b/1`",
        "b/2/x Some(5)",
        "complete `b/2`",
    ];
    assert_eq!(lines, expected);
    let mut asked = listed.asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(asked, ["", "a", "b", "b/1", "b/2"]);
    drop(listed.folder);
}

#[tokio::test]
async fn only_the_folders_decided_for_are_asked_for() {
    let listed = listed(&PATHS).await;
    let (lines, _) = Listed::told(listed.walk(), |path| path == "a").await;
    assert_eq!(
        lines,
        [
            "a None",
            "b None",
            "c Some(5)",
            "complete ``",
            "a/z Some(5)",
            "complete `a`"
        ]
    );
    assert_eq!(*listed.asked.lock().unwrap(), ["", "a"]);
}

#[tokio::test]
async fn a_folder_that_vanished_is_missing_and_the_walk_goes_on() {
    let listed = listed(&PATHS).await;
    listed.faults.lock().unwrap().0 = "a".to_owned();
    let (lines, failure) = Listed::told(listed.walk(), |_| true).await;
    assert!(failure.is_none());
    assert_eq!(lines[4], "missing `a`");
    assert_eq!(lines.last().unwrap(), "complete `b/2`");
}

#[tokio::test]
async fn a_listing_that_breaks_off_ends_the_walk_and_its_folder_is_not_complete() {
    let listed = listed(&PATHS).await;
    listed.faults.lock().unwrap().1 = "b/1".to_owned();
    let (lines, failure) = Listed::told(listed.walk(), |_| true).await;
    let failure = failure.unwrap();
    assert!(failure.is_transient());
    assert_eq!(failure.to_string(), "could not list the folder `b/1`");
    assert_eq!(lines.last().unwrap(), "complete `b`");
}

#[tokio::test]
async fn a_walk_has_limits() {
    let listed = listed(&PATHS).await;
    let few = Walk {
        max_entries: 4,
        ..listed.walk()
    };
    let (_, failure) = Listed::told(few, |_| true).await;
    assert_eq!(
        failure.unwrap().to_string(),
        "the tree has more than 4 names"
    );
    let flat = Walk {
        max_depth: 1,
        ..listed.walk()
    };
    let (lines, failure) = Listed::told(flat, |_| true).await;
    assert!(failure.is_none());
    let refused = |folder: &str| format!("refused `{folder}`: lies deeper than 1 folders");
    assert_eq!(lines[lines.len() - 2..], [refused("b/1"), refused("b/2")]);
}

#[tokio::test]
async fn a_name_is_found_without_regard_to_case_and_as_the_server_spells_it() {
    let listed = listed(&["daily/BRDC.Z", "Daily/x", "DAILY/y"]).await;
    let find = async |folder: &str, name: &str| {
        let folder = listed.root.join(folder).unwrap();
        let found = find_without_case(&listed.client, &folder, name)
            .await
            .unwrap();
        found.map(|entry| entry.name)
    };
    assert_eq!(find("", "Daily").await.as_deref(), Some("Daily"));
    assert_eq!(find("", "dAILY").await.as_deref(), Some("DAILY"));
    assert_eq!(find("daily/", "brdc.z").await.as_deref(), Some("BRDC.Z"));
    assert_eq!(find("daily/", "none").await, None);
    assert_eq!(find("none/", "x").await, None);
}
