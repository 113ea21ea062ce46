//! FTP with a server that misbehaves as a test wishes: bytes on the wire, as for HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_net::{Client, Limits, NetError, Url};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::peer::{guarded, net, quick};

/// How the server deviates from a good one.
#[derive(Clone)]
struct Manner {
    greeting: &'static str,
    /// The answer to the password.
    login: &'static str,
    /// The address it names for passive mode.
    named: &'static str,
    /// A command that it never answers.
    hangs_at: &'static str,
    /// A command at which it hangs up.
    ends_at: &'static str,
    /// The first transfers send no more than so many bytes before they break.
    cuts: Vec<usize>,
    /// What it says at the end of a whole transfer.
    end: &'static str,
    /// Names in its folder.
    n_names: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            greeting: "220 here",
            login: "230 in",
            named: "127,0,0,1",
            hangs_at: "never",
            ends_at: "never",
            cuts: Vec::new(),
            end: "226 done",
            n_names: 3,
        }
    }
}

struct Ftp {
    url: Url,
    n_connections: Arc<AtomicUsize>,
    said: Arc<Mutex<Vec<String>>>,
}

fn file() -> Vec<u8> {
    (0..50_000_u32).flat_map(u32::to_le_bytes).collect()
}

impl Ftp {
    async fn like(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ftp = Self {
            url: format!("ftp://127.0.0.1:{port}/").parse().unwrap(),
            n_connections: Arc::default(),
            said: Arc::default(),
        };
        let (n, said) = (Arc::clone(&ftp.n_connections), Arc::clone(&ftp.said));
        let cuts = Arc::new(Mutex::new(manner.cuts.clone()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                n.fetch_add(1, Ordering::SeqCst);
                let serving = serve(stream, manner.clone(), Arc::clone(&said), Arc::clone(&cuts));
                tokio::spawn(serving);
            }
        });
        ftp
    }

    fn client(&self) -> Client {
        self.client_with(quick())
    }

    fn client_with(&self, limits: Limits) -> Client {
        let scope = gantry_net::Scope {
            limits,
            ..gantry_net::Scope::new("ftp", [&self.url])
        };
        net(&[]).client(scope)
    }

    fn file(&self) -> Url {
        self.url.join("file.bin").unwrap()
    }

    fn n_connections(&self) -> usize {
        self.n_connections.load(Ordering::SeqCst)
    }

    fn n_said(&self, command: &str) -> usize {
        let said = self.said.lock().unwrap();
        said.iter().filter(|line| line.starts_with(command)).count()
    }
}

/// One control connection. Whoever hung up ends it.
async fn serve(
    stream: TcpStream,
    manner: Manner,
    said: Arc<Mutex<Vec<String>>>,
    cuts: Arc<Mutex<Vec<usize>>>,
) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut data = None;
    let mut from = 0;
    writer
        .write_all(format!("{}\r\n", manner.greeting).as_bytes())
        .await?;
    while let Some(line) = lines.next_line().await? {
        said.lock().unwrap().push(line.clone());
        let (command, value) = line.split_once(' ').unwrap_or((&line, ""));
        if command == manner.hangs_at {
            std::future::pending::<()>().await;
        }
        if command == manner.ends_at {
            return Ok(());
        }
        let answer = match command {
            "USER" => "331 password".to_owned(),
            "PASS" => manner.login.to_owned(),
            "FEAT" => "211-Features\r\n MLST type*;size*;\r\n UTF8\r\n211 End".to_owned(),
            "SIZE" => format!("213 {}", file().len()),
            "MDTM" => "213 20231122080000".to_owned(),
            "REST" => {
                from = value.parse().unwrap();
                "350 go on".to_owned()
            }
            "PASV" => {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let port = listener.local_addr()?.port();
                data = Some(listener);
                format!(
                    "227 Passive ({},{},{})",
                    manner.named,
                    port / 256,
                    port % 256
                )
            }
            "RETR" | "MLSD" => {
                writer.write_all(b"150 coming\r\n").await?;
                let (mut to, _) = data.take().unwrap().accept().await?;
                let bytes = match command {
                    "MLSD" => names(manner.n_names),
                    _ => file().split_off(std::mem::take(&mut from)),
                };
                let cut = cuts.lock().unwrap().pop();
                to.write_all(&bytes[..cut.unwrap_or(bytes.len()).min(bytes.len())])
                    .await?;
                drop(to);
                if cut.is_some() {
                    "426 broken".to_owned()
                } else {
                    manner.end.to_owned()
                }
            }
            _ => "200 fine".to_owned(),
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn names(n: usize) -> Vec<u8> {
    let mut text = String::with_capacity(n * 24);
    for i in 0..n {
        text.push_str(&format!("type=file;size=1; {i:07}\r\n"));
    }
    text.into_bytes()
}

#[tokio::test]
async fn one_connection_serves_one_request_after_another() {
    let ftp = Ftp::like(Manner::default()).await;
    let client = ftp.client();
    for _ in 0..5 {
        let response = client.get(&ftp.file()).await.unwrap();
        assert!(response.bytes(u64::MAX).await.unwrap() == file());
        assert_eq!(client.list(&ftp.url).await.unwrap().len(), 3);
        client.head(&ftp.file()).await.unwrap();
    }
    assert_eq!((ftp.n_connections(), ftp.n_said("PASS")), (1, 1));

    // What was not read to the end is not used again.
    drop(client.get(&ftp.file()).await.unwrap());
    client.head(&ftp.file()).await.unwrap();
    assert_eq!(ftp.n_connections(), 2);
}

#[tokio::test]
async fn no_more_connections_are_made_than_requests_may_be_in_flight() {
    let ftp = Ftp::like(Manner::default()).await;
    let client = ftp.client_with(Limits {
        max_in_flight: 3,
        ..quick()
    });
    let url = ftp.file();
    let all = (0..20).map(|_| async { client.get(&url).await?.bytes(u64::MAX).await });
    for whole in futures::future::join_all(all).await {
        assert!(whole.unwrap() == file());
    }
    assert!(ftp.n_connections() <= 3, "{}", ftp.n_connections());
}

#[tokio::test]
async fn the_address_named_for_passive_mode_is_not_looked_at() {
    let ftp = Ftp::like(Manner {
        named: "10,9,8,7",
        ..Manner::default()
    })
    .await;
    let response = ftp.client().get(&ftp.file()).await.unwrap();
    assert!(response.bytes(u64::MAX).await.unwrap() == file());
}

#[tokio::test]
async fn a_transfer_that_is_cut_is_an_error_and_goes_on_where_it_was() {
    let ftp = Ftp::like(Manner {
        cuts: vec![70_000],
        ..Manner::default()
    })
    .await;
    let client = ftp.client();
    let response = client.get(&ftp.file()).await.unwrap();
    let validator = response.validator();
    let error = response.bytes(u64::MAX).await.unwrap_err();
    let NetError::CutShort { expected, got, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((expected, got), (200_000, 70_000));
    let rest = client
        .get_range(&ftp.file(), got, &validator)
        .await
        .unwrap();
    assert_eq!(rest.starts_at(), got);
    assert!(rest.bytes(u64::MAX).await.unwrap() == file()[70_000..]);
    assert_eq!(ftp.n_said("REST 70000"), 1);
}

#[tokio::test]
async fn a_transfer_that_the_server_does_not_vouch_for_is_an_error() {
    let ftp = Ftp::like(Manner {
        end: "451 disk error",
        ..Manner::default()
    })
    .await;
    let response = ftp.client().get(&ftp.file()).await.unwrap();
    let error = response.bytes(u64::MAX).await.unwrap_err();
    assert!(
        matches!(error, NetError::Interrupted { got: 200_000, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_listing_that_is_cut_is_asked_for_again_and_never_half_believed() {
    let manner = Manner {
        cuts: vec![20, 20],
        ..Manner::default()
    };
    let ftp = Ftp::like(manner.clone()).await;
    assert_eq!(ftp.client().list(&ftp.url).await.unwrap().len(), 3);
    assert_eq!(ftp.n_said("MLSD"), 3);

    let ftp = Ftp::like(Manner {
        cuts: vec![20; 9],
        ..manner
    })
    .await;
    let error = ftp.client().list(&ftp.url).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(ftp.n_said("MLSD"), 4);
}

#[tokio::test]
async fn a_server_that_is_full_is_asked_again_and_then_left_alone() {
    let ftp = Ftp::like(Manner {
        greeting: "421 Too many connections",
        ..Manner::default()
    })
    .await;
    let client = ftp.client();
    let error = client.list(&ftp.url).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("421 Too many"), "{error}");
    assert_eq!(ftp.n_connections(), 4);
    let _ = client.list(&ftp.url).await;
    let error = client.list(&ftp.url).await.unwrap_err();
    assert!(matches!(error, NetError::CircuitOpen { .. }), "{error:?}");
    assert_eq!(ftp.n_connections(), 5);
}

#[tokio::test]
async fn a_login_that_is_refused_is_not_tried_again() {
    let ftp = Ftp::like(Manner {
        login: "530 Login incorrect.",
        ..Manner::default()
    })
    .await;
    let error = ftp.client().get(&ftp.file()).await.unwrap_err();
    assert!(error.is_denied() && !error.is_transient(), "{error:?}");
    assert_eq!(ftp.n_said("PASS"), 1);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_in_time() {
    let limits = Limits {
        headers: Duration::from_millis(200),
        attempts: 2,
        ..quick()
    };
    for hangs_at in ["USER", "SIZE", "PASV", "RETR"] {
        let ftp = Ftp::like(Manner {
            hangs_at,
            ..Manner::default()
        })
        .await;
        let error = ftp
            .client_with(limits.clone())
            .get(&ftp.file())
            .await
            .unwrap_err();
        assert!(
            matches!(error, NetError::NoAnswer { .. }),
            "{hangs_at}: {error:?}"
        );
        assert_eq!(ftp.n_connections(), 2, "{hangs_at}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_has_ended_is_replaced_at_once() {
    let ftp = Ftp::like(Manner {
        ends_at: "CWD",
        ..Manner::default()
    })
    .await;
    let client = ftp.client_with(Limits {
        attempts: 1,
        ..quick()
    });
    client.head(&ftp.file()).await.unwrap();
    // The kept one hangs up, and so does the new one: that is an error then.
    assert!(client.list(&ftp.url).await.is_err());
    assert_eq!(ftp.n_connections(), 2);
    client.head(&ftp.file()).await.unwrap();
    assert_eq!(ftp.n_connections(), 3);
}

#[tokio::test]
async fn a_huge_listing_is_read_up_to_its_limit_only() {
    let ftp = Ftp::like(Manner {
        n_names: 1_000_001,
        ..Manner::default()
    })
    .await;
    let error = ftp.client().list(&ftp.url).await.unwrap_err();
    assert!(
        error.to_string().contains("more than 1000000 names"),
        "{error}"
    );

    let ftp = Ftp::like(Manner {
        n_names: 3_000_000,
        ..Manner::default()
    })
    .await;
    let error = ftp.client().list(&ftp.url).await.unwrap_err();
    assert!(matches!(error, NetError::BodyTooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn addresses_that_lead_inside_are_refused_and_nothing_is_asked() {
    let ftp = Ftp::like(Manner::default()).await;
    let port = ftp.url.port().unwrap();
    for scheme in ["ftp", "ftps", "ftpes", "sftp"] {
        for host in [
            "127.0.0.1",
            "localhost",
            "LOCALHOST",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "10.0.0.1",
        ] {
            let url: Url = format!("{scheme}://ada:s3cret@{host}:{port}/a")
                .parse()
                .unwrap();
            for error in [
                guarded(&[]).get(&url).await.unwrap_err(),
                guarded(&[]).list(&url).await.unwrap_err(),
            ] {
                assert!(
                    matches!(error, NetError::Forbidden { .. }),
                    "{url}: {error:?}"
                );
                assert!(!format!("{error} {error:?}").contains("s3cret"));
            }
        }
    }
    assert_eq!(ftp.n_connections(), 0);
    assert!(guarded(&["127.0.0.0/8"]).list(&ftp.url).await.is_ok());
}

#[tokio::test]
async fn commands_cannot_be_smuggled_in_by_a_name_and_nothing_is_sent_there() {
    let ftp = Ftp::like(Manner::default()).await;
    let url: Url = format!("{}a%0d%0aDELE%20b", ftp.url).parse().unwrap();
    assert!(matches!(
        ftp.client().get(&url).await,
        Err(NetError::BadAddress { .. })
    ));
    let form = ftp.client().post_form(&ftp.url, &[]).await.unwrap_err();
    assert!(matches!(form, NetError::BadAddress { .. }));
    assert_eq!(ftp.n_connections(), 0);
}

#[tokio::test]
async fn a_server_that_waits_for_acknowledgements_gets_them_at_once() {
    // This one sends small words only when those before are acknowledged, as sockets do unasked.
    let ftp = Ftp::like(Manner::default()).await;
    let client = ftp.client();
    let mut quickest = Duration::MAX;
    for _ in 0..10 {
        let begun = std::time::Instant::now();
        client.list(&ftp.url).await.unwrap();
        quickest = quickest.min(begun.elapsed());
    }
    // An acknowledgement that is put off comes after 40 ms, each time.
    assert!(quickest < Duration::from_millis(35), "{quickest:?}");
}
