use std::time::Duration;

use futures::StreamExt;
use gantry_asset::{ArchiveId, File, Location};
use gantry_connector::{ArchiveConfig, ConfigError, OpenError, Registry, Resume, open_address};
use gantry_net::{Client, Limits, Net, NetConfig, Scope};
use gantry_standin::{Fault, PlanckStandin, Running, StandinConfig, Times};

const TEXT: &str = "COM_PowerSpect_CMB-TT-binned_R3.01.txt";

struct Served {
    standin: Running,
    client: Client,
    _cache: tempfile::TempDir,
}

fn served() -> Served {
    let cache = tempfile::tempdir().unwrap();
    let mut config = StandinConfig::new(cache.path());
    config.maps.nside = 16;
    let standin = PlanckStandin::start(config).unwrap();
    let scope = Scope {
        name: "planck".to_owned(),
        hosts: vec![standin.address().to_string()],
        limits: Limits {
            backoff: Duration::from_millis(5),
            failures: 1000,
            ..Limits::default()
        },
        ..Scope::default()
    };
    let client = Net::new(NetConfig::default()).unwrap().client(scope);
    Served {
        standin,
        client,
        _cache: cache,
    }
}

impl Served {
    fn address(&self, name: &str) -> String {
        format!(
            "{}/pla/aio/product-action?COSMOLOGY.FILE_ID={name}",
            self.standin.url()
        )
    }

    async fn open(
        &self,
        addresses: &[String],
        resume: &Resume,
    ) -> Result<(u64, Vec<u8>, Resume), OpenError> {
        let file = File {
            name: TEXT.to_owned(),
            path: None,
            media_type: "text/plain".to_owned(),
            size_bytes: None,
            checksum: None,
            modified: None,
            locations: addresses.iter().cloned().map(Location::Address).collect(),
        };
        let mut stream = open_address(
            &self.client,
            &ArchiveId::new("planck").unwrap(),
            &file,
            resume,
        )
        .await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.bytes.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        let next = Resume {
            from: 100,
            validator: stream.validator,
            location: Some(stream.location),
            ..Resume::default()
        };
        Ok((stream.starts_at, bytes, next))
    }
}

#[tokio::test]
async fn the_next_address_is_tried_and_the_one_a_part_came_from_leads() {
    let served = served();
    let (missing, there) = (served.address("none.txt"), served.address(TEXT));
    let (_, whole, resume) = served
        .open(&[missing.clone(), there.clone()], &Resume::default())
        .await
        .unwrap();
    assert_eq!(resume.location.as_deref(), Some(there.as_str()));
    let (starts_at, rest, _) = served.open(&[missing, there], &resume).await.unwrap();
    assert_eq!((starts_at, rest.as_slice()), (100, &whole[100..]));
    assert_eq!(
        served.standin.requests().len(),
        3,
        "the part's own address is asked first"
    );
}

#[tokio::test]
async fn another_address_is_never_asked_to_go_on_with_a_part() {
    let served = served();
    let (_, whole, resume) = served
        .open(&[served.address(TEXT)], &Resume::default())
        .await
        .unwrap();
    let other = format!("{}&from=elsewhere", served.address(TEXT));
    let (starts_at, bytes, _) = served.open(&[other], &resume).await.unwrap();
    assert_eq!((starts_at, bytes), (0, whole));
    assert_eq!(served.standin.requests().pop().unwrap().range, None);
}

#[tokio::test]
async fn a_file_is_gone_only_when_every_address_says_so() {
    let served = served();
    let gone = [served.address("none.txt"), served.address("neither.txt")];
    assert!(matches!(
        served.open(&gone, &Resume::default()).await,
        Err(OpenError::Gone { .. })
    ));
    assert!(matches!(
        served.open(&[], &Resume::default()).await,
        Err(OpenError::NoLocation { .. })
    ));
    served
        .standin
        .faults()
        .set_for(TEXT, Fault::HtmlInstead, Times::Always);
    for addresses in [
        [served.address(TEXT), gone[0].clone()],
        [gone[0].clone(), served.address(TEXT)],
    ] {
        let error = served
            .open(&addresses, &Resume::default())
            .await
            .unwrap_err();
        assert!(matches!(error, OpenError::Page { .. }), "{error}");
    }
    let closed = "http://127.0.0.1:9/none".to_owned();
    for addresses in [[closed.clone(), gone[0].clone()], [gone[0].clone(), closed]] {
        let error = served
            .open(&addresses, &Resume::default())
            .await
            .unwrap_err();
        assert!(matches!(error, OpenError::Net { .. }), "{error}");
    }
}

#[test]
fn an_unknown_kind_is_refused_naming_those_there_are() {
    let config = ArchiveConfig::new("plank", "https://pla.example/".parse().unwrap());
    let registry = Registry::new().kind("planck", |id, _, _| {
        Err(ConfigError::Value {
            archive: id,
            key: "url",
            value: "x".to_owned(),
            why: "never".to_owned(),
        })
    });
    let net = || Net::new(NetConfig::default()).unwrap();
    let id = || ArchiveId::new("planck").unwrap();
    let error = registry.connect(id(), &config, net()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "archive.planck.kind = `plank` is not known; allowed: planck"
    );
    let known = ArchiveConfig {
        kind: "planck".to_owned(),
        ..config
    };
    assert!(matches!(
        registry.connect(id(), &known, net()),
        Err(ConfigError::Value { .. })
    ));
}

#[test]
fn an_address_that_leads_to_no_server_is_refused() {
    let registry = Registry::new().kind("planck", |_, _, _| unreachable!());
    let net = Net::new(NetConfig::default()).unwrap();
    let mut config = ArchiveConfig::new("planck", "https://pla.example/".parse().unwrap());
    config.mirrors = vec!["file:///etc/passwd".parse().unwrap()];
    let error = registry.connect(ArchiveId::new("planck").unwrap(), &config, net);
    assert_eq!(
        error.err().unwrap().to_string(),
        "archive.planck.mirrors = `file:///etc/passwd`: use the address of a server, which begins with one of https, http, ftp, ftpes, ftps, sftp"
    );
}

#[test]
fn a_key_without_use_is_refused_and_a_login_in_it_is_not_told() {
    let mut config = ArchiveConfig::new("obstap", "https://tap.example/".parse().unwrap());
    config.mirrors = vec!["sftp://ada:s3cret@mirror.example/x".parse().unwrap()];
    let error = config.has_no(&ArchiveId::new("eso").unwrap(), &["peek", "mirrors"]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "archive.eso.mirrors = `sftp://mirror.example/x`: an archive of the kind `obstap` has no use for it; take it out"
    );
}

#[test]
fn the_hosts_trusted_are_those_of_the_addresses_unless_others_are_named() {
    let mut config = ArchiveConfig::new("planck", "https://pla.example:8443/x".parse().unwrap());
    config.mirrors = vec!["http://mirror.example/".parse().unwrap()];
    assert_eq!(
        config.trusted_hosts(),
        ["pla.example:8443", "mirror.example"]
    );
    config.hosts = Some(vec!["only.example".to_owned()]);
    assert_eq!(config.trusted_hosts(), ["only.example"]);
}
