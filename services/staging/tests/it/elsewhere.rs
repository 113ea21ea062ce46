//! One suite over volumes of every kind, each on a real server.

use bytes::Bytes;
use gantry_net::RemoteKind;
use gantry_staging::volume::{Credentials, Elsewhere, Files, Settings, VolumeError, VolumePath};
use gantry_staging::{FileState, NewVolume, Source, check_volume};
use gantry_store::Phase;
use serde_json::{Value, json};

use crate::fake::Held;
use crate::servers::missing;
use crate::storage::{self, Storage};
use crate::world::{Setup, World, made, plain, request, sha256};

fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

fn elsewhere(storage: &Storage) -> (Elsewhere, Credentials) {
    let config = &storage.config;
    let kind = match config.kind {
        RemoteKind::Sftp => "sftp",
        RemoteKind::Ftp => "ftp",
        RemoteKind::Webdav => "webdav",
        RemoteKind::S3 => "s3",
    };
    let settings = Settings {
        user: config.user.clone(),
        bucket: config.bucket.clone(),
        prefix: config.prefix.clone(),
        region: config.region.clone(),
        host_key: config.host_keys.first().cloned(),
        allow_plain: true,
    };
    let credentials = Credentials {
        password: config.secret.clone(),
        private_key: config.private_key.clone(),
    };
    Elsewhere::read(Some(kind), config.address.as_str(), settings, credentials).unwrap()
}

fn big() -> Vec<u8> {
    (0..400_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// A world with a volume that is this storage.
async fn world_on(storage: &Storage, cache_bytes: Option<u64>) -> World {
    let mut deep = Held::new("deep", "deep down");
    deep.path = Some("Daily/001/a b#1%.txt".to_owned());
    let held = [
        Held::new("map", big()),
        Held::new("empty", ""),
        Held::new("small", "small"),
        deep,
    ];
    let setup = Setup {
        net: storage.net.clone(),
        cache_bytes,
        ..Setup::default()
    };
    let mut world = made(held, setup).await;
    let (elsewhere, credentials) = elsewhere(storage);
    let new = NewVolume {
        name: "far".to_owned(),
        title: Some("Far away".to_owned()),
        source: Source::Elsewhere(Box::new(elsewhere), credentials),
    };
    world.volume = world.volumes.create(&world.ada, &new).await.unwrap();
    world
}

/// Everything a volume must do, on one server.
async fn serves_as_a_volume(storage: Storage) {
    let world = world_on(&storage, Some(1 << 30)).await;
    let tried = world.volumes.try_out(&world.volume).await.unwrap().unwrap();
    assert!(tried.iter().all(|step| step.is_ok()), "{tried:?}");
    let files = world.volumes.open(&world.volume).unwrap();
    keeps_files(&files).await;
    stages(&world, &files, &storage).await;
    keeps_a_login_that_is_refused_from_being_tried_again(&world, &storage).await;
    // A volume that is taken away leaves what is in it.
    assert!(storage.root.join("fake/map").exists());
    world.volumes.delete(&world.volume).await.unwrap();
    assert!(storage.root.join("fake/map").exists());
}

async fn keeps_files(files: &Files) {
    let note = path("notes/a b#1%41.txt");
    files.write(&note, Bytes::from("0123456789")).await.unwrap();
    let entry = files.stat(&note).await.unwrap().unwrap();
    assert_eq!((entry.size_bytes, entry.is_folder), (10, false));
    let part = files.read(&note, 3, Some(4)).await.unwrap();
    assert_eq!(part.bytes(100).await.unwrap(), b"3456");
    files.write(&note, Bytes::from("again")).await.unwrap();
    let whole = files.read(&note, 0, None).await.unwrap();
    assert_eq!(whole.bytes(100).await.unwrap(), b"again");
    // In pieces, as a page sends them.
    let mut upload = files.upload(&path("notes/pieces")).unwrap();
    upload.write(b"one ").unwrap();
    drop(upload);
    assert_eq!(files.stat(&path("notes/pieces")).await.unwrap(), None);
    let mut upload = files.upload(&path("notes/pieces")).unwrap();
    assert_eq!(upload.written(), 4);
    upload.write(b"two").unwrap();
    upload.finish().await.unwrap();
    let whole = files.read(&path("notes/pieces"), 0, None).await.unwrap();
    assert_eq!(whole.bytes(100).await.unwrap(), b"one two");
    files.create_folder(&path("empty/inside")).await.unwrap();
    files
        .rename(&path("notes/pieces"), &path("moved"))
        .await
        .unwrap();
    let taken = files.rename(&path("moved"), &note).await;
    assert!(
        matches!(taken, Err(VolumeError::Exists { .. })),
        "{taken:?}"
    );
    let names = |entries: Vec<gantry_staging::volume::Entry>| {
        let mut names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
        names.sort();
        names
    };
    assert_eq!(
        names(files.list(&path("notes")).await.unwrap()),
        ["a b#1%41.txt"]
    );
    files.remove(&path("notes")).await.unwrap();
    files.remove(&path("moved")).await.unwrap();
    let gone = files.read(&note, 0, None).await.map(drop);
    assert!(matches!(gone, Err(VolumeError::Missing { .. })), "{gone:?}");
    let gone = files.remove(&path("notes")).await;
    assert!(matches!(gone, Err(VolumeError::Missing { .. })), "{gone:?}");
}

async fn stages(world: &World, files: &Files, storage: &Storage) {
    let ids = ["fake:map", "fake:empty", "fake:small", "fake:deep"];
    let selection = world.select(&ids).await;
    let plan = world
        .staging
        .plan(&selection, Some(&world.volume), &plain())
        .await
        .unwrap();
    assert!(plan.files.iter().all(|file| file.method == "download"));
    let ended = world.stage(&ids, &plain()).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [4, 0, 0, 0]),
        "{ended:?}"
    );
    let there = |below: &str| std::fs::read(storage.root.join(below)).unwrap();
    assert_eq!(sha256(&there("fake/map")), sha256(&big()));
    assert_eq!(there("fake/Daily/001/a b#1%.txt"), b"deep down");
    assert_eq!(there("fake/empty"), b"");
    let plan = world
        .staging
        .plan(&selection, Some(&world.volume), &plain())
        .await
        .unwrap();
    assert!(
        plan.files.iter().all(|file| file.method == "present"),
        "{:?}",
        plan.files
    );
    // The manifests went along.
    let report = there(&format!("fake/report-{}.json", ended.job.id));
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["counts"]["staged"], json!(4));
    let citation = String::from_utf8(there("fake/CITATION.bib")).unwrap();
    assert_eq!(citation.matches("@misc").count(), 4);
    let checked = check_volume(files, &VolumePath::root(), |_| {})
        .await
        .unwrap();
    assert_eq!(checked.len(), 4);
    assert!(
        checked.iter().all(|file| file.state == FileState::Intact),
        "{checked:?}"
    );
    // A second time nothing is moved, neither from the archive nor to the volume.
    let opened = world.fake.opened().len();
    let again = world.stage(&ids, &plain()).await;
    assert_eq!((again.counted(), again.job.bytes_moved), ([0, 4, 0, 0], 0));
    assert_eq!(world.fake.opened().len(), opened);
    // What was changed behind our back is found out, and replaced when that is asked for.
    std::fs::write(storage.root.join("fake/small"), "SMALLER").unwrap();
    let checked = check_volume(files, &VolumePath::root(), |_| {})
        .await
        .unwrap();
    let changed: Vec<_> = checked
        .iter()
        .filter(|file| file.state == FileState::Changed)
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(changed, ["fake/small"]);
    let kept = world.stage(&["fake:small"], &plain()).await;
    assert_eq!(kept.counted(), [0, 0, 1, 0], "{kept:?}");
    let replace = request(json!({"on_conflict": "replace"}));
    let replaced = world.stage(&["fake:small"], &replace).await;
    assert_eq!(replaced.counted(), [1, 0, 0, 0], "{replaced:?}");
    assert_eq!(there("fake/small"), b"small");
    let link = world
        .stage(
            &["fake:map"],
            &request(json!({"method": "link", "directory": "x"})),
        )
        .await;
    assert!(
        link.one()
            .reason
            .as_deref()
            .unwrap()
            .starts_with("not-linked")
    );
    let left: Vec<_> = walk(&storage.root)
        .into_iter()
        .filter(|path| path.ends_with(".part"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false => found.push(path.display().to_string()),
        }
    }
    found
}

async fn keeps_a_login_that_is_refused_from_being_tried_again(world: &World, storage: &Storage) {
    let (elsewhere, _) = elsewhere(storage);
    let mut credentials = Credentials {
        password: Some("wrong".to_owned().into()),
        private_key: None,
    };
    if storage.config.private_key.is_some() {
        let other = storage.tree.folder.path().join("other");
        credentials.private_key = Some(std::fs::read_to_string(other).unwrap().into());
    }
    let new = NewVolume {
        name: "shut".to_owned(),
        title: None,
        source: Source::Elsewhere(Box::new(elsewhere), credentials),
    };
    let shut = world.volumes.create(&world.ada, &new).await.unwrap();
    let before = storage.n_refused();
    let files = world.volumes.open(&shut).unwrap();
    for _ in 0..3 {
        let refused = files.list(&VolumePath::root()).await;
        assert!(
            matches!(refused, Err(VolumeError::NotLetIn { .. })),
            "{refused:?}"
        );
    }
    let once = storage.n_refused();
    // A job says so at once and asks nothing.
    let selection = world.select(&["fake:small"]).await;
    let job = world
        .staging
        .stage(&world.ada, &selection, &shut, &plain())
        .await
        .unwrap();
    let ended = world.carry_out(&job).await;
    assert_eq!(ended.phase, Phase::Error, "{ended:?}");
    assert!(
        ended
            .message
            .as_deref()
            .unwrap()
            .contains("does not let us in")
    );
    assert_eq!(storage.n_refused(), once);
    assert!(once > before, "it was asked once");
    // Another process knows it from the record.
    let marked = world.store.volume_by_id(&shut.id).await.unwrap();
    assert!(marked.trouble.is_some());
}

macro_rules! on {
    ($name:ident, $server:expr, $what:literal) => {
        #[tokio::test]
        async fn $name() {
            let Some(storage) = $server.or_else(|| missing($what)) else {
                return;
            };
            serves_as_a_volume(storage).await;
        }
    };
}

on!(a_volume_on_pyftpdlib, storage::pyftpdlib(), "pyftpdlib");
on!(
    a_volume_on_vsftpd_over_explicit_tls_with_sessions_resumed,
    storage::vsftpd(false),
    "vsftpd"
);
on!(
    a_volume_on_vsftpd_over_implicit_tls_with_sessions_resumed,
    storage::vsftpd(true),
    "vsftpd"
);
on!(a_volume_on_openssh_by_key, storage::sshd(), "sshd");
/// Where nobody is root, OpenSSH cannot be given a user with a password; then this says so.
#[tokio::test]
async fn a_volume_on_openssh_by_password() {
    if let Some(storage) = storage::sshd_by_password() {
        serves_as_a_volume(storage).await;
    }
}

on!(
    a_volume_on_asyncssh_by_password,
    storage::asyncssh(),
    "asyncssh"
);
on!(a_volume_on_apache_dav, storage::apache(), "apache2");
on!(a_volume_on_wsgidav, storage::wsgidav(), "wsgidav");
on!(
    a_volume_on_rclone_s3_with_signed_requests,
    storage::rclone(),
    "rclone"
);

/// What was fetched for one volume goes to the next without the archive.
#[tokio::test]
async fn what_the_cache_has_is_sent_elsewhere_without_asking_the_archive() {
    let Some(storage) = storage::wsgidav().or_else(|| missing("wsgidav")) else {
        return;
    };
    let mut world = world_on(&storage, Some(1 << 30)).await;
    let far = world.volume.clone();
    let new = NewVolume {
        name: "near".to_owned(),
        ..NewVolume::default()
    };
    world.volume = world.volumes.create(&world.ada, &new).await.unwrap();
    world.stage(&["fake:map"], &plain()).await;
    let opened = world.fake.opened().len();
    world.volume = far;
    let ended = world.stage(&["fake:map"], &plain()).await;
    assert_eq!(ended.counted(), [1, 0, 0, 0]);
    assert_eq!(world.fake.opened().len(), opened);
}

/// Without a cache a file waits in the spool, and nothing of it stays there.
#[tokio::test]
async fn without_a_cache_files_go_through_the_spool_and_leave_it_empty() {
    let Some(storage) = storage::asyncssh().or_else(|| missing("asyncssh")) else {
        return;
    };
    let world = world_on(&storage, None).await;
    let ended = world.stage(&["fake:map", "fake:small"], &plain()).await;
    assert_eq!(ended.counted(), [2, 0, 0, 0], "{ended:?}");
    assert_eq!(std::fs::read(storage.root.join("fake/map")).unwrap(), big());
    assert_eq!(
        walk(&world.folder.path().join("spool")),
        Vec::<String>::new()
    );
}

/// A server that is gone costs nothing but time.
#[tokio::test]
async fn a_volume_that_is_gone_is_marked_and_its_files_fail_with_a_reason_and_may_be_retried() {
    let Some(storage) = storage::pyftpdlib().or_else(|| missing("pyftpdlib")) else {
        return;
    };
    let world = world_on(&storage, Some(1 << 30)).await;
    drop(storage.server);
    let ended = world.stage(&["fake:small", "fake:map"], &plain()).await;
    let [staged, present, skipped, failed] = ended.counted();
    assert_eq!(
        (staged, present, skipped, failed),
        (0, 0, 0, 2),
        "{ended:?}"
    );
    for (_, outcome) in &ended.files {
        assert_eq!(outcome.retry_may_help, Some(true), "{outcome:?}");
        assert!(
            outcome.reason.as_deref().unwrap().starts_with("volume: "),
            "{outcome:?}"
        );
    }
    let marked = world.store.volume_by_id(&world.volume.id).await.unwrap();
    assert!(marked.trouble.is_some(), "it is marked");
}
