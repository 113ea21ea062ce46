//! Where addresses from outside may lead.

use gantry_net::{Net, NetConfig, NetError, Scope, Url};

use crate::peer::{Peer, Reply, guarded, net, quick};

#[tokio::test]
async fn literals_that_lead_inside_are_refused_in_every_spelling() {
    let peer = Peer::answering(|_| Reply::ok("secret")).await;
    let port = peer.url.port().unwrap();
    let client = guarded(&[]);
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "user:password@127.0.0.1",
        "①②⑦.0.0.1",
    ] {
        let url: Url = format!("http://{host}:{port}/").parse().unwrap();
        let error = client.get(&url).await.unwrap_err();
        assert!(
            matches!(error, NetError::Forbidden { .. }),
            "{host}: {error:?}"
        );
    }
    assert_eq!(peer.n_asked(), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_and_not_tried_again() {
    let peer = Peer::answering(|_| Reply::ok("secret")).await;
    let port = peer.url.port().unwrap();
    let client = guarded(&[]);
    for host in ["localhost", "LOCALHOST", "localhost."] {
        let url: Url = format!("http://{host}:{port}/").parse().unwrap();
        let error = client.get(&url).await.unwrap_err();
        match &error {
            NetError::Forbidden { .. } => assert!(!error.is_transient()),
            // Not every resolver knows the name with its dot.
            other => assert!(host.ends_with('.'), "{other:?}"),
        }
    }
    assert_eq!(peer.n_asked(), 0);
}

#[tokio::test]
async fn what_the_operator_allows_is_reached_by_address_and_by_name() {
    let peer = Peer::answering(|_| Reply::ok("data")).await;
    let client = guarded(&["127.0.0.0/8"]);
    assert!(client.get(&peer.url).await.is_ok());
    let named: Url = format!("http://localhost:{}/", peer.url.port().unwrap())
        .parse()
        .unwrap();
    assert!(client.get(&named).await.is_ok());
    assert_eq!(peer.n_asked(), 2);

    let other_network = guarded(&["10.0.0.0/8"]);
    assert!(matches!(
        other_network.get(&peer.url).await,
        Err(NetError::Forbidden { .. })
    ));
}

#[tokio::test]
async fn a_redirect_from_a_trusted_host_into_loopback_is_refused() {
    let inside = Peer::answering(|_| Reply::ok("secret")).await;
    let port = inside.url.port().unwrap();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let target = format!("http://{host}:{port}/admin");
        let peer = Peer::answering(move |_| Reply::to(&target)).await;
        let error = peer.client().get(&peer.url).await.unwrap_err();
        assert!(
            matches!(error, NetError::Forbidden { .. }),
            "{host}: {error:?}"
        );
        assert_eq!(peer.n_asked(), 1);
    }
    assert_eq!(inside.n_asked(), 0);

    let target = inside.url.to_string();
    let peer = Peer::answering(move |_| Reply::to(&target)).await;
    let scope = Scope {
        limits: quick(),
        ..Scope::new("peer", [&peer.url])
    };
    assert!(
        net(&["127.0.0.1"])
            .client(scope)
            .get(&peer.url)
            .await
            .is_ok()
    );
    assert_eq!(inside.n_asked(), 1);
}

#[tokio::test]
async fn a_refused_address_does_not_open_the_circuit() {
    let peer = Peer::answering(|_| Reply::ok("data")).await;
    let client = peer.client();
    for _ in 0..9 {
        let url: Url = "http://localhost:1/".parse().unwrap();
        assert!(matches!(
            client.get(&url).await,
            Err(NetError::Forbidden { .. })
        ));
    }
    assert_eq!(client.health().circuit, gantry_net::Circuit::Closed);
    assert!(client.get(&peer.url).await.is_ok());
}

#[tokio::test]
async fn other_schemes_are_refused_and_no_password_is_told() {
    for url in [
        "gopher://ada:s3cret@archive.example/a",
        "file:///etc/passwd",
        "data:text/plain,a",
    ] {
        let error = guarded(&[]).get(&url.parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, NetError::BadAddress { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn behind_a_proxy_the_same_addresses_are_refused() {
    let proxy = Peer::answering(|_| Reply::ok("proxied")).await;
    let config = NetConfig {
        proxy: Some(proxy.url.clone()),
        ..NetConfig::default()
    };
    let net = Net::new(config).unwrap();
    let client = net.client(Scope {
        limits: quick(),
        ..Scope::new("nobody", [])
    });
    for inside in [
        "http://localhost:9/",
        "http://127.0.0.1:9/",
        "http://[::1]:9/",
    ] {
        let error = client.get(&inside.parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, NetError::Forbidden { .. }), "{error:?}");
    }
    assert_eq!(proxy.n_asked(), 0);
    assert!(
        client
            .get(&"http://8.8.8.8/map.fits".parse().unwrap())
            .await
            .is_ok()
    );
    assert_eq!(proxy.asked()[0].path, "http://8.8.8.8/map.fits");
}

#[tokio::test]
async fn what_is_trusted_on_loopback_is_reached_without_the_proxy() {
    let proxy = Peer::answering(|_| Reply::ok("proxied")).await;
    let peer = Peer::answering(|_| Reply::ok("direct")).await;
    let config = NetConfig {
        proxy: Some(proxy.url.clone()),
        ..NetConfig::default()
    };
    let archive: Url = "http://archive.invalid/".parse().unwrap();
    let client = Net::new(config)
        .unwrap()
        .client(Scope::new("both", [&peer.url, &archive]));
    assert_eq!(
        &client.get(&peer.url).await.unwrap().bytes(9).await.unwrap()[..],
        b"direct"
    );
    assert_eq!(
        &client.get(&archive).await.unwrap().bytes(9).await.unwrap()[..],
        b"proxied"
    );
}
