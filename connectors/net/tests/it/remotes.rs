//! Storage elsewhere, against servers that people run: one suite for all kinds.

use std::time::Duration;

use gantry_net::{Bytes, Net, NetConfig, NetError, Remote, RemoteConfig, RemoteKind, Step, Url};

use crate::peer::{Peer, Reply};
use crate::storage::{self, Storage};

/// 20 MiB that no two places of are alike, from a seed.
fn seeded(n_bytes: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..n_bytes / 8).flat_map(|_| next()).collect()
}

async fn put(remote: &Remote, path: &str, bytes: &Bytes) -> Result<(), NetError> {
    let mut writer = remote.write(path, Some(bytes.len() as u64)).await?;
    writer.write(bytes.clone()).await?;
    writer.finish().await
}

async fn get(remote: &Remote, path: &str) -> Result<Bytes, NetError> {
    remote.read(path, 0, None).await?.bytes(usize::MAX).await
}

async fn names(remote: &Remote, path: &str) -> Vec<String> {
    let entries = remote.list(path).await.unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// What every kind must do alike.
async fn keeps_files(storage: &Storage) {
    let remote = storage.remote();
    writes_and_reads(&remote).await;
    lists_names_as_they_are(&remote).await;
    makes_renames_and_deletes(&remote).await;
    gives_up(storage, &remote).await;
    assert_eq!(names(&remote, "").await, [""; 0]);
    let steps = remote.try_out().await;
    assert!(steps.iter().all(|step| step.is_ok()), "{steps:?}");
    assert_eq!(steps.len(), 5);
    assert!(names(&remote, "").await.is_empty());
}

async fn writes_and_reads(remote: &Remote) {
    let root = remote.stat("").await.unwrap().unwrap();
    assert!(root.is_folder && remote.list("").await.unwrap().is_empty());
    assert_eq!(remote.stat("big.bin").await.unwrap(), None);
    let big = seeded(20 * 1024 * 1024);
    put(remote, "big.bin", &big).await.unwrap();
    let entry = remote.stat("big.bin").await.unwrap().unwrap();
    assert_eq!(
        (entry.name.as_str(), entry.is_folder, entry.size_bytes),
        ("big.bin", false, Some(big.len() as u64))
    );
    assert!(get(remote, "big.bin").await.unwrap() == big);
    for (from, length) in [
        (1_000_001, Some(70_000)),
        (big.len() - 5, Some(100)),
        (19_000_000, None),
        (big.len(), None),
        (big.len() + 7, Some(3)),
        (0, Some(1)),
        (9, Some(0)),
    ] {
        let read = remote.read("big.bin", from as u64, length).await.unwrap();
        let end = length.map_or(big.len(), |length| big.len().min(from + length as usize));
        let expected = big.slice(from.min(big.len())..end.max(from.min(big.len())));
        assert!(
            read.bytes(usize::MAX).await.unwrap() == expected,
            "{from} {length:?}"
        );
    }
    // Again under the same name, and of a size that is not told.
    let mut writer = remote.write("big.bin", None).await.unwrap();
    writer.write(Bytes::from_static(b"sm")).await.unwrap();
    writer.write(Bytes::from_static(b"all")).await.unwrap();
    assert_eq!(get(remote, "big.bin").await.unwrap().len(), big.len());
    writer.finish().await.unwrap();
    assert_eq!(get(remote, "big.bin").await.unwrap(), "small");
    put(remote, "empty", &Bytes::new()).await.unwrap();
    assert_eq!(get(remote, "empty").await.unwrap(), "");
    assert_eq!(names(remote, "").await, ["big.bin", "empty"]);
    for name in ["big.bin", "empty"] {
        remote.delete(name).await.unwrap();
    }
    let missing = get(remote, "big.bin").await.unwrap_err();
    assert!(missing.is_not_found() && !missing.is_transient());
    assert!(remote.list("none").await.unwrap_err().is_not_found());
}

async fn lists_names_as_they_are(remote: &Remote) {
    let odd = [
        ".hidden",
        "a b",
        "a%41",
        "a+b",
        "a#b",
        "a&b",
        "ä ö.txt",
        "-rf",
        "(1)'",
    ];
    remote.make_folder("odd/names").await.unwrap();
    for name in odd {
        let path = format!("odd/names/{name}");
        put(remote, &path, &Bytes::from(name)).await.unwrap();
        assert_eq!(get(remote, &path).await.unwrap(), name, "{name}");
        assert!(remote.stat(&path).await.unwrap().is_some(), "{name}");
    }
    let mut expected = odd.map(ToOwned::to_owned);
    expected.sort();
    assert_eq!(names(remote, "odd/names").await, expected);
    let entries = remote.list("odd/names").await.unwrap();
    assert!(
        entries
            .iter()
            .all(|entry| entry.size_bytes == Some(entry.name.len() as u64))
    );
    for name in odd {
        remote.delete(&format!("odd/names/{name}")).await.unwrap();
    }
    remote.make_folder("odd/ä +%#").await.unwrap();
    put(remote, "odd/ä +%#/x", &Bytes::from("x")).await.unwrap();
    assert_eq!(names(remote, "odd/ä +%#").await, ["x"]);
    remote.delete_all("odd").await.unwrap();
    assert_eq!(remote.stat("odd").await.unwrap(), None);
}

async fn makes_renames_and_deletes(remote: &Remote) {
    remote.make_folder("a/b/c").await.unwrap();
    if remote.kind() != RemoteKind::S3 {
        assert_eq!(names(remote, "a/b").await, ["c"]);
        assert_eq!(names(remote, "a/b/c").await, [""; 0]);
    }
    for (path, text) in [("a/b/c/1", "one"), ("a/b/2", "two"), ("3", "three")] {
        put(remote, path, &Bytes::from(text)).await.unwrap();
    }
    remote.make_folder("a/b").await.unwrap();
    let folder = remote.stat("a/b").await.unwrap().unwrap();
    assert_eq!((folder.name.as_str(), folder.is_folder), ("b", true));
    assert_eq!(names(remote, "a/b").await, ["2", "c"]);
    for path in ["3", "3/x"] {
        let error = remote.make_folder(path).await.unwrap_err();
        assert!(matches!(error, NetError::Exists { .. }), "{error}");
    }
    remote.rename("a/b/2", "a/2").await.unwrap();
    assert_eq!(get(remote, "a/2").await.unwrap(), "two");
    assert_eq!(remote.stat("a/b/2").await.unwrap(), None);
    let onto = remote.rename("3", "a/2").await.unwrap_err();
    assert!(matches!(onto, NetError::Exists { .. }), "{onto}");
    assert_eq!(get(remote, "a/2").await.unwrap(), "two");
    assert_eq!(get(remote, "3").await.unwrap(), "three");
    assert!(remote.rename("4", "5").await.unwrap_err().is_not_found());
    remote.rename("a/b", "d").await.unwrap();
    assert_eq!(get(remote, "d/c/1").await.unwrap(), "one");
    assert!(remote.delete("none").await.unwrap_err().is_not_found());
    let full = remote.delete("d").await.unwrap_err();
    assert!(matches!(full, NetError::NotEmpty { .. }), "{full}");
    remote.delete_all("d").await.unwrap();
    remote.delete_all("a").await.unwrap();
    remote.delete("3").await.unwrap();
    for out in ["../x", "/etc/x", "a//b", "a\r\nDELE b", "a\0"] {
        let error = put(remote, out, &Bytes::new()).await.unwrap_err();
        assert!(matches!(error, NetError::BadPath { .. }), "{error}");
    }
}

async fn gives_up(storage: &Storage, remote: &Remote) {
    let big = seeded(2 * 1024 * 1024);
    let mut writer = remote.write("never.bin", None).await.unwrap();
    writer.write(big.clone()).await.unwrap();
    // WsgiDAV may still have the file open when it is to be deleted, and then says so.
    if let Err(error) = writer.abort().await {
        assert!(
            error
                .status()
                .is_some_and(|status| status.is_server_error()),
            "{error}"
        );
        remote.delete("never.bin.part").await.unwrap();
    }
    assert!(names(remote, "").await.is_empty());
    // Fewer bytes than were promised do not become a file.
    let mut writer = remote.write("short.bin", Some(9)).await.unwrap();
    writer.write(Bytes::from_static(b"12345")).await.unwrap();
    let error = writer.finish().await.unwrap_err();
    assert!(matches!(error, NetError::NotWritten { .. }), "{error}");
    assert_eq!(remote.stat("short.bin").await.unwrap(), None);
    let part = remote.delete("short.bin.part").await;
    assert!(part.is_ok() || part.unwrap_err().is_not_found());
    if matches!(remote.kind(), RemoteKind::Sftp | RemoteKind::Ftp) {
        goes_on(storage, remote, &big).await;
    }
}

/// What was written of a file before is gone on with.
async fn goes_on(storage: &Storage, remote: &Remote, whole: &Bytes) {
    use std::os::unix::fs::PermissionsExt;
    let (half, part) = (whole.len() / 2, storage.root.join("on.bin.part"));
    std::fs::write(&part, &whole[..half]).unwrap();
    // Whoever the server runs as may go on with it.
    std::fs::set_permissions(&part, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(remote.n_waiting("on.bin").await.unwrap(), half as u64);
    let size_bytes = Some(whole.len() as u64);
    let mut writer = remote
        .write_on("on.bin", size_bytes, half as u64)
        .await
        .unwrap();
    assert_eq!(writer.starts_at(), half as u64);
    writer.write(whole.slice(half..)).await.unwrap();
    writer.finish().await.unwrap();
    assert!(get(remote, "on.bin").await.unwrap() == *whole);
    let other = remote.write_on("on.bin", None, 5).await.unwrap();
    assert_eq!(other.starts_at(), 0);
    other.abort().await.unwrap();
    remote.delete("on.bin").await.unwrap();
}

/// What WsgiDAV cannot do.
async fn keeps_names_with_marks_of_addresses(storage: &Storage) {
    let remote = storage.remote();
    for name in ["a;b=c", "a?b"] {
        put(&remote, name, &Bytes::from(name)).await.unwrap();
        put(&remote, name, &Bytes::from(name)).await.unwrap();
        assert_eq!(get(&remote, name).await.unwrap(), name);
        assert_eq!(names(&remote, "").await, [name]);
        remote.delete(name).await.unwrap();
    }
}

#[tokio::test]
async fn pyftpdlib_keeps_files() {
    let Some(storage) = storage::pyftpdlib() else {
        return;
    };
    keeps_files(&storage).await;
    keeps_names_with_marks_of_addresses(&storage).await;
}

#[tokio::test]
async fn vsftpd_keeps_files_over_explicit_tls_with_sessions_resumed() {
    let Some(storage) = storage::vsftpd(false) else {
        return;
    };
    keeps_files(&storage).await;
    keeps_names_with_marks_of_addresses(&storage).await;
}

#[tokio::test]
async fn vsftpd_keeps_files_over_implicit_tls_with_sessions_resumed() {
    let Some(storage) = storage::vsftpd(true) else {
        return;
    };
    keeps_files(&storage).await;
    keeps_names_with_marks_of_addresses(&storage).await;
}

#[tokio::test]
async fn openssh_keeps_files_by_key() {
    let Some(storage) = storage::sshd() else {
        return;
    };
    keeps_files(&storage).await;
    keeps_names_with_marks_of_addresses(&storage).await;
}

#[tokio::test]
async fn openssh_keeps_files_by_password() {
    let Some(storage) = storage::sshd_by_password() else {
        return;
    };
    keeps_files(&storage).await;
}

#[tokio::test]
async fn asyncssh_keeps_files_by_password() {
    let Some(storage) = storage::asyncssh() else {
        return;
    };
    keeps_files(&storage).await;
    keeps_names_with_marks_of_addresses(&storage).await;
}

#[tokio::test]
async fn apache_keeps_files() {
    let Some(storage) = storage::apache() else {
        return;
    };
    keeps_files(&storage).await;
    keeps_names_with_marks_of_addresses(&storage).await;
}

#[tokio::test]
async fn wsgidav_keeps_files() {
    let Some(storage) = storage::wsgidav() else {
        return;
    };
    keeps_files(&storage).await;
    // It takes a part of the name for the name; nothing is lost, and it is told.
    let remote = storage.remote();
    put(&remote, "a", &Bytes::from("kept")).await.unwrap();
    for name in ["a;b=c", "a?b"] {
        put(&remote, name, &Bytes::from("x")).await.unwrap_err();
    }
    assert_eq!(get(&remote, "a").await.unwrap(), "kept");
}

#[tokio::test]
async fn rclone_keeps_objects_whose_requests_are_signed() {
    let Some(storage) = storage::rclone() else {
        return;
    };
    keeps_files(&storage).await;
    keeps_names_with_marks_of_addresses(&storage).await;
}

/// Every kind that is installed.
fn all() -> Vec<Storage> {
    let all = [
        storage::pyftpdlib(),
        storage::vsftpd(false),
        storage::sshd(),
        storage::sshd_by_password(),
        storage::asyncssh(),
        storage::apache(),
        storage::wsgidav(),
        storage::rclone(),
    ];
    all.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_wrong_password_is_one_clear_error_after_one_attempt() {
    for storage in all() {
        let mut config = storage.config.clone();
        if config.private_key.is_some() {
            let other = std::fs::read_to_string(storage.tree.folder.path().join("other"));
            config.private_key = Some(other.unwrap().into());
        } else {
            config.secret = Some("wr0ng-s3cret".into());
        }
        let remote = storage.remote_of(config.clone());
        let error = remote.list("").await.unwrap_err();
        assert!(error.is_denied() && !error.is_transient(), "{error:?}");
        let late = tokio::time::Instant::now() + Duration::from_secs(10);
        while storage.n_refused() == 0 {
            let log = std::fs::read_to_string(&storage.log).unwrap_or_default();
            let address = &config.address;
            assert!(tokio::time::Instant::now() < late, "{address}: {log}");
            tokio::task::yield_now().await;
        }
        assert_eq!(storage.n_refused(), 1, "{}", config.address);
        let error = put(&remote, "big.bin", &seeded(8 * 1024 * 1024)).await;
        let error = error.unwrap_err();
        assert!(error.is_denied(), "{}: {error:?}", config.address);
        let steps = remote.try_out().await;
        assert_eq!(steps.len(), 1, "{steps:?}");
        assert_eq!(steps[0].step, Step::Connect);
        let told = format!("{error} {error:?} {steps:?} {remote:?} {config:?}");
        assert!(
            !told.contains("wr0ng") && !told.contains("PRIVATE KEY"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_server_that_goes_away_leaves_no_file_under_the_name() {
    // Those that are one process, so that nothing of them goes on.
    let all = [
        storage::pyftpdlib(),
        storage::asyncssh(),
        storage::apache(),
        storage::wsgidav(),
        storage::rclone(),
    ];
    for storage in all.into_iter().flatten() {
        let remote = storage.remote();
        let piece = seeded(1024 * 1024);
        let mut writer = remote.write("gone.bin", None).await.unwrap();
        for _ in 0..20 {
            writer.write(piece.clone()).await.unwrap();
        }
        drop(storage.server);
        let mut result = Ok(());
        for _ in 0..200 {
            result = writer.write(piece.clone()).await;
            if result.is_err() {
                break;
            }
        }
        let error = match result {
            Ok(()) => writer.finish().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(error.is_transient(), "{error:?}");
        assert!(!storage.root.join("gone.bin").exists(), "{error}");
    }
}

#[tokio::test]
async fn what_is_behind_a_link_stays_when_a_tree_is_deleted() {
    let all = [
        storage::pyftpdlib(),
        storage::vsftpd(false),
        storage::sshd(),
        storage::sshd_by_password(),
        storage::asyncssh(),
    ];
    for storage in all.into_iter().flatten() {
        let remote = storage.remote();
        remote.make_folder("tree/sub").await.unwrap();
        remote.make_folder("kept").await.unwrap();
        put(&remote, "kept/x", &Bytes::from("x")).await.unwrap();
        for (to, link) in [("../kept", "tree/link"), ("../../kept/x", "tree/sub/x")] {
            std::os::unix::fs::symlink(to, storage.root.join(link)).unwrap();
        }
        remote.delete_all("tree").await.unwrap();
        assert_eq!(
            names(&remote, "").await,
            ["kept"],
            "{}",
            storage.config.address
        );
        assert_eq!(get(&remote, "kept/x").await.unwrap(), "x");
    }
}

#[tokio::test]
async fn writers_that_are_given_up_do_not_count_against_the_host() {
    for storage in all() {
        let remote = storage.remote();
        for n in 0..7 {
            let mut writer = remote.write("never", None).await.unwrap();
            writer.write(Bytes::from_static(b"begun")).await.unwrap();
            match n % 2 {
                0 => writer.abort().await.unwrap(),
                _ => drop(writer),
            }
        }
        put(&remote, "after", &Bytes::from("x")).await.unwrap();
        assert_eq!(get(&remote, "after").await.unwrap(), "x");
        assert_eq!(remote.stat("never").await.unwrap(), None);
    }
}

#[tokio::test]
async fn many_files_are_written_at_once() {
    for storage in all() {
        let remote = storage.remote();
        let piece = seeded(300_000);
        let all = (0..12).map(|n| {
            let (remote, piece) = (&remote, piece.slice(n..));
            async move {
                put(remote, &format!("many/{n:02}"), &piece).await?;
                get(remote, &format!("many/{n:02}"))
                    .await
                    .map(|got| got == piece)
            }
        });
        remote.make_folder("many").await.unwrap();
        for same in futures::future::join_all(all).await {
            assert!(same.unwrap(), "{}", storage.config.address);
        }
        assert_eq!(names(&remote, "many").await.len(), 12);
        remote.delete_all("many").await.unwrap();
    }
}

#[tokio::test]
async fn a_root_that_may_only_be_read_is_told_by_the_step_of_writing() {
    use std::os::unix::fs::PermissionsExt;
    let Some(storage) = storage::vsftpd(false) else {
        return;
    };
    let read_only = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(&storage.root, read_only).unwrap();
    let steps = storage.remote().try_out().await;
    let told: Vec<_> = steps
        .iter()
        .map(|tried| (tried.step, tried.is_ok()))
        .collect();
    let expected = [
        (Step::Connect, true),
        (Step::List, true),
        (Step::Write, false),
    ];
    assert_eq!(told, expected, "{steps:?}");
    assert!(
        steps[2].why.as_deref().unwrap().contains("553"),
        "{steps:?}"
    );
    assert!(storage.root.read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn addresses_inside_are_not_reached_by_any_kind() {
    for (kind, address) in [
        (RemoteKind::Sftp, "sftp://127.0.0.1:22/"),
        (RemoteKind::Sftp, "sftp://localhost:22/"),
        (RemoteKind::Ftp, "ftp://0x7f.1/"),
        (RemoteKind::Ftp, "ftpes://localhost/"),
        (RemoteKind::Ftp, "ftps://[::1]/"),
        (RemoteKind::Webdav, "http://localhost:9/dav"),
        (RemoteKind::Webdav, "https://169.254.169.254/"),
        (RemoteKind::S3, "http://10.0.0.1:9000"),
        (RemoteKind::S3, "http://localhost:9000"),
    ] {
        let mut config = RemoteConfig::new(kind, address.parse().unwrap());
        config.bucket = Some("bucket".to_owned());
        let remote = Net::new(NetConfig::default())
            .unwrap()
            .remote(config)
            .unwrap();
        let forbidden = |error: NetError| {
            assert!(
                matches!(error, NetError::Forbidden { .. }),
                "{address}: {error:?}"
            );
        };
        forbidden(remote.list("").await.unwrap_err());
        forbidden(remote.stat("a").await.unwrap_err());
        forbidden(remote.read("a", 0, None).await.unwrap_err());
        forbidden(put(&remote, "a", &Bytes::from("a")).await.unwrap_err());
        forbidden(remote.make_folder("a").await.unwrap_err());
        forbidden(remote.delete_all("a").await.unwrap_err());
        let steps = remote.try_out().await;
        assert!(
            steps[0].why.as_deref().unwrap().contains("address"),
            "{steps:?}"
        );
    }
}

#[tokio::test]
async fn a_redirect_inside_or_of_what_is_written_is_not_followed() {
    let peer = Peer::answering(|_| Reply::new(307, &[("location", "http://10.0.0.1/a")], "")).await;
    for kind in [RemoteKind::Webdav, RemoteKind::S3] {
        let mut config = RemoteConfig::new(kind, peer.url.clone());
        config.bucket = Some("bucket".to_owned());
        config.user = Some("ada".to_owned());
        config.secret = Some("s3cret".into());
        let net = NetConfig {
            allow_private: vec!["127.0.0.0/8".parse().unwrap()],
            ..NetConfig::default()
        };
        let remote = Net::new(net).unwrap().remote(config).unwrap();
        let refused = |error: NetError| {
            let is_refused = matches!(
                error,
                NetError::Forbidden { .. } | NetError::BadRedirect { .. }
            );
            assert!(is_refused, "{error:?}");
        };
        refused(remote.list("").await.unwrap_err());
        refused(remote.read("a", 0, None).await.unwrap_err());
        refused(put(&remote, "a", &Bytes::from("a")).await.unwrap_err());
        refused(remote.delete("a").await.unwrap_err());
    }
}

#[test]
fn what_cannot_be_an_address_of_the_kind_is_refused() {
    let net = Net::new(NetConfig::default()).unwrap();
    for (kind, address) in [
        (RemoteKind::Sftp, "ftp://h.example/"),
        (RemoteKind::Webdav, "sftp://h.example/"),
        (RemoteKind::Ftp, "ftp://ada:pw@h.example/"),
        (RemoteKind::Webdav, "https://h.example/?a=b"),
        (RemoteKind::S3, "https://h.example/"),
    ] {
        let address: Url = address.parse().unwrap();
        let error = net.remote(RemoteConfig::new(kind, address)).unwrap_err();
        assert!(matches!(error, NetError::BadAddress { .. }), "{error}");
    }
}

#[tokio::test]
async fn small_files_do_not_wait_for_acknowledgements() {
    for storage in all() {
        let remote = storage.remote();
        put(&remote, "small", &Bytes::from("small")).await.unwrap();
        let mut quickest = Duration::MAX;
        for _ in 0..20 {
            let begun = std::time::Instant::now();
            assert_eq!(get(&remote, "small").await.unwrap(), "small");
            quickest = quickest.min(begun.elapsed());
        }
        // An acknowledgement that is put off comes after 40 ms, each time.
        assert!(quickest < Duration::from_millis(35), "{quickest:?}");
    }
}
