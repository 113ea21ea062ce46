//! A stand-in of the archive, and the connector to it.

use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use gantry_asset::{AdqlQuery, DatalinkQuery, File, Location, Query};
use gantry_connector::conformance::{Harvest, harvest};
use gantry_connector::{ArchiveConfig, Connector, OpenError, Resume};
use gantry_net::{Limits, Net, NetConfig};
use gantry_standin::{Fault, GaiaConfig, GaiaStandin, Running, Scope, Times};

pub(crate) struct Archive {
    pub(crate) standin: Running,
    config: ArchiveConfig,
}

pub(crate) fn archive() -> Archive {
    archive_with(None)
}

pub(crate) fn archive_with(real_data: Option<PathBuf>) -> Archive {
    let config = GaiaConfig {
        real_data,
        n_sources: 300,
        ..GaiaConfig::default()
    };
    let standin = GaiaStandin::start(config).unwrap();
    let mut config = ArchiveConfig::new("gaia", standin.url().parse().unwrap());
    config.products = Some(format!("{}/bulk/", standin.url()));
    config.peek = Some("unknown".to_owned());
    config.limits = Limits {
        max_in_flight: 8,
        per_second: 10_000.0,
        attempts: 5,
        backoff: Duration::from_millis(5),
        failures: 10_000,
        ..Limits::default()
    };
    Archive { standin, config }
}

/// A file that was asked for: its bytes, what was said of it, its rows.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) remarks: Vec<String>,
    pub(crate) n_rows: Option<u64>,
}

impl Archive {
    pub(crate) fn connector(&self) -> Box<dyn Connector> {
        let net = Net::new(NetConfig::default()).unwrap();
        gantry_connector_gaia::connect("gaia".parse().unwrap(), &self.config, net).unwrap()
    }

    pub(crate) async fn harvest(&self) -> Harvest {
        harvest(self.connector().as_ref(), None).await.unwrap()
    }

    /// A fault of everything, for good.
    pub(crate) fn with(self, fault: Fault) -> Self {
        self.standin.faults().set(Scope::All, fault, Times::Always);
        self
    }

    pub(crate) async fn open(&self, file: &File, resume: &Resume) -> Result<Answer, OpenError> {
        let mut stream = self.connector().open(file, resume).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.bytes.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        assert_eq!(
            stream.total_bytes.unwrap_or(bytes.len() as u64),
            bytes.len() as u64
        );
        Ok(Answer {
            bytes,
            remarks: stream.remarks.all(),
            n_rows: stream.remarks.rows(),
        })
    }

    pub(crate) async fn ask(&self, adql: &str, max_rows: Option<u64>) -> Result<Answer, OpenError> {
        self.open(&adql_file(adql, "votable", max_rows), &Resume::default())
            .await
    }
}

pub(crate) fn adql_file(adql: &str, format: &str, max_rows: Option<u64>) -> File {
    question(Query::Adql(AdqlQuery {
        upload: None,
        adql: adql.to_owned(),
        release: Some("DR3".to_owned()),
        format: format.to_owned(),
        max_rows,
    }))
}

pub(crate) fn datalink_file(kind: &str, sources: &[&str]) -> File {
    question(Query::Datalink(DatalinkQuery {
        release: "DR3".to_owned(),
        sources: sources.iter().map(|source| (*source).to_owned()).collect(),
        kind: kind.to_owned(),
        format: "votable".to_owned(),
    }))
}

fn question(query: Query) -> File {
    File {
        name: "answer".to_owned(),
        path: None,
        media_type: "application/x-votable+xml".to_owned(),
        size_bytes: None,
        checksum: None,
        modified: None,
        locations: vec![Location::Query(Box::new(query))],
    }
}
