//! Listing, reading and going on, with the servers that archives run.

use std::time::Duration;

use gantry_net::{
    Access, Client, FtpMode, FtpTls, HostKey, Limits, Net, NetConfig, NetError, Scope, Url, child,
};

use crate::peer::quick;
use crate::servers::{Tls, Tree, asyncssh, big, nginx, pyftpdlib, sshd, vsftpd};

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn limits() -> Limits {
    Limits {
        idle: Duration::from_secs(20),
        head: Duration::from_secs(20),
        ..quick()
    }
}

fn client(root: &Url, access: Access) -> Client {
    client_of(NetConfig::default(), root, access)
}

fn client_of(config: NetConfig, root: &Url, access: Access) -> Client {
    let scope = Scope {
        limits: limits(),
        access,
        ..Scope::new("archive", [root])
    };
    Net::new(config).unwrap().client(scope)
}

/// What every server must do alike.
async fn serves_the_tree(client: &Client, root: &Url) {
    let entries = client.list(root).await.unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["Daily", "a b#1.txt", "latest", "maps"], "{root}");
    assert!(entries[0].is_folder && entries[3].is_folder, "{root}");
    assert_eq!(entries[1].size_bytes, Some(4), "{root}");

    let maps = child(root, "maps", true);
    let entries = client.list(&maps).await.unwrap();
    let big_size = big().len() as u64;
    assert_eq!(entries[0].size_bytes, Some(big_size), "{root}");
    assert!(entries[0].modified.is_some(), "{root}");
    let empty = child(&child(root, "Daily", true), "002", true);
    assert!(client.list(&empty).await.unwrap().is_empty(), "{root}");

    reads_and_goes_on(client, &maps).await;
    let odd = client.get(&child(root, "a b#1.txt", false)).await.unwrap();
    assert_eq!(&odd.bytes(9).await.unwrap()[..], b"text");
    for missing in [child(&maps, "none.bin", false), child(root, "none", true)] {
        let error = match missing.path().ends_with('/') {
            true => client.list(&missing).await.unwrap_err(),
            false => client.get(&missing).await.unwrap_err(),
        };
        assert!(error.is_not_found() && !error.is_transient(), "{error:?}");
    }
    assert_eq!(client.health().in_flight, 0);
}

async fn reads_and_goes_on(client: &Client, maps: &Url) {
    let file = child(maps, "big.bin", false);
    let response = client.get(&file).await.unwrap();
    let (whole, validator) = (big(), response.validator());
    assert_eq!(response.total_length(), Some(whole.len() as u64));
    assert!(validator.last_modified.is_some());
    assert!(response.bytes(u64::MAX).await.unwrap() == whole, "{file}");

    let head = client.head(&file).await.unwrap();
    assert_eq!(head.validator().size_bytes, validator.size_bytes);
    assert_eq!(head.validator().last_modified, validator.last_modified);

    let rest = client
        .get_range(&file, 1_000_001, &validator)
        .await
        .unwrap();
    assert_eq!(rest.starts_at(), 1_000_001);
    assert_eq!(rest.validator().size_bytes, validator.size_bytes);
    assert!(rest.bytes(u64::MAX).await.unwrap() == whole[1_000_001..]);

    let mut other = validator;
    other.etag = None;
    other.last_modified = Some("Sun, 22 Nov 2026 08:00:00 GMT".to_owned());
    let again = client.get_range(&file, 1_000_001, &other).await.unwrap();
    assert_eq!(
        (again.starts_at(), again.content_length()),
        (0, Some(whole.len() as u64))
    );
    drop(again);

    let empty = client.get(&child(maps, "empty", false)).await.unwrap();
    assert_eq!(empty.content_length(), Some(0));
    assert!(empty.bytes(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn vsftpd_and_pyftpdlib_serve_the_tree_in_both_modes() {
    let tree = Tree::new();
    for server in [vsftpd(&tree, Tls::Off), pyftpdlib(&tree)] {
        let Some(server) = server else { continue };
        let root = url(&format!("ftp://127.0.0.1:{}/", server.port));
        for ftp_mode in [FtpMode::Passive, FtpMode::Active] {
            let access = Access {
                ftp_mode,
                ..Access::default()
            };
            serves_the_tree(&client(&root, access), &root).await;
        }
    }
}

#[tokio::test]
async fn over_tls_data_connections_resume_the_session_that_the_server_demands() {
    let tree = Tree::new();
    for tls in [Tls::Explicit, Tls::Implicit] {
        let Some(server) = vsftpd(&tree, tls) else {
            return;
        };
        let config = || NetConfig {
            ca_file: Some(tree.folder.path().join("ca.pem")),
            ..NetConfig::default()
        };
        let explicit = Access {
            ftp_tls: FtpTls::Explicit,
            ..Access::default()
        };
        let ways = match tls {
            Tls::Implicit => vec![("ftps", Access::default())],
            _ => vec![("ftp", explicit), ("ftpes", Access::default())],
        };
        for (scheme, access) in ways {
            let root = url(&format!("{scheme}://localhost:{}/", server.port));
            let client = client_of(config(), &root, access.clone());
            serves_the_tree(&client, &root).await;
            // Several at once, each with a TLS session of its own.
            let file = child(&child(&root, "maps", true), "big.bin", false);
            let all = (0..12).map(|_| async { client.get(&file).await?.bytes(u64::MAX).await });
            for whole in futures::future::join_all(all).await {
                assert!(whole.unwrap() == big());
            }
            // Whose certificate is not known is not trusted, and not asked again and again.
            let stranger = client_of(NetConfig::default(), &root, access);
            let error = stranger.list(&root).await.unwrap_err();
            assert!(!error.is_transient(), "{error:?}");
            assert!(error.to_string().contains("certificate"), "{error}");
        }
        // In the clear this server lets nobody in.
        if tls == Tls::Explicit {
            let root = url(&format!("ftp://localhost:{}/", server.port));
            let error = client(&root, Access::default())
                .list(&root)
                .await
                .unwrap_err();
            assert!(error.is_denied() || !error.is_transient(), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_user_of_ftp_comes_in_with_the_password_only_and_it_is_never_told() {
    let tree = Tree::new();
    let Some(server) = pyftpdlib(&tree) else {
        return;
    };
    let root = url(&format!(
        "ftp://ada:p%40ss%20word@127.0.0.1:{}/",
        server.port
    ));
    assert_eq!(
        client(&root, Access::default())
            .list(&root)
            .await
            .unwrap()
            .len(),
        4
    );
    let wrong = url(&format!("ftp://ada:wr0ng@127.0.0.1:{}/", server.port));
    let error = client(&wrong, Access::default())
        .list(&wrong)
        .await
        .unwrap_err();
    assert!(error.is_denied() && !error.is_transient(), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
}

#[tokio::test]
async fn openssh_serves_the_tree_to_whoever_holds_the_key() {
    let tree = Tree::new();
    let Some((server, user, print)) = sshd(&tree) else {
        return;
    };
    let path = tree.root().display().to_string();
    let root = url(&format!("sftp://{user}@127.0.0.1:{}{path}/", server.port));
    let pinned = Access {
        key_file: Some(tree.folder.path().join("client")),
        host_keys: vec![HostKey::try_from(print).unwrap()],
        ..Access::default()
    };
    let client_pinned = client(&root, pinned.clone());
    serves_the_tree(&client_pinned, &root).await;
    let entries = client_pinned.list(&root).await.unwrap();
    assert!(
        entries[2].is_link && entries[2].is_folder,
        "{:?}",
        entries[2]
    );

    let without_key = client(&root, Access::default())
        .list(&root)
        .await
        .unwrap_err();
    assert!(
        without_key.is_denied() && !without_key.is_transient(),
        "{without_key:?}"
    );

    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let misled = Access {
        host_keys: vec![HostKey::try_from(other).unwrap()],
        ..pinned
    };
    let error = client(&root, misled).list(&root).await.unwrap_err();
    assert!(matches!(error, NetError::HostKey { .. }), "{error:?}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn sftp_lets_anonymous_in_with_an_empty_password() {
    let tree = Tree::new();
    let Some(server) = asyncssh(&tree, "ssh-rsa", None) else {
        return;
    };
    let root = url(&format!("sftp://127.0.0.1:{}/", server.port));
    let anonymous = client(&root, Access::default());
    serves_the_tree(&anonymous, &root).await;
    let ada = url(&format!(
        "sftp://ada:p%40ss%20word@127.0.0.1:{}/",
        server.port
    ));
    assert_eq!(anonymous.list(&ada).await.unwrap().len(), 4);
    let wrong = url(&format!("sftp://ada:wr0ng@127.0.0.1:{}/", server.port));
    let error = anonymous.list(&wrong).await.unwrap_err();
    assert!(error.is_denied() && !error.is_transient(), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
}

#[tokio::test]
async fn a_host_of_sftp_must_go_on_showing_the_key_it_showed_first() {
    let tree = Tree::new();
    let Some(server) = asyncssh(&tree, "ssh-ed25519", None) else {
        return;
    };
    let root = url(&format!("sftp://127.0.0.1:{}/", server.port));
    let client = client(&root, Access::default());
    client.list(&root).await.unwrap();
    let port = server.port;
    drop(server);
    let _other = asyncssh(&tree, "ssh-ed25519", Some(port)).unwrap();
    let error = client.list(&root).await.unwrap_err();
    assert!(
        error.to_string().contains("which it showed before"),
        "{error}"
    );
}

#[tokio::test]
async fn nginx_lists_the_tree_in_every_form() {
    let tree = Tree::new();
    let Some((server, has_fancy)) = nginx(&tree) else {
        return;
    };
    let base = url(&format!("http://127.0.0.1:{}/", server.port));
    let client = client(&base, Access::default());
    let mut exact = vec!["plain", "json"];
    exact.extend(has_fancy.then_some("exact"));
    for place in exact {
        serves_the_tree(&client, &child(&base, place, true)).await;
    }
    let mut rounded = vec!["round"];
    rounded.extend(has_fancy.then_some("fancy"));
    for place in rounded {
        let maps = child(&child(&base, place, true), "maps", true);
        let entries = client.list(&maps).await.unwrap();
        let sizes: Vec<_> = entries.iter().map(|entry| entry.size_bytes).collect();
        assert_eq!(sizes, [None, Some(0)], "{place}");
    }
    let sorry = client.list(&child(&base, "sorry", true)).await.unwrap_err();
    assert!(matches!(sorry, NetError::BadListing { .. }), "{sorry:?}");
}
