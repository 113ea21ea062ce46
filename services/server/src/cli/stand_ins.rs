//! The archives of `gantry demo`: stand-ins on loopback, with the configuration that leads to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use gantry_connector::ArchiveConfig;
use gantry_standin::{
    GaiaConfig, GaiaStandin, GsscConfig, GsscRunning, GsscStandin, PlanckStandin, Running,
    StandinConfig,
};
use url::Url;

/// How often one of them may be asked; they are on this machine.
const PER_SECOND: f64 = 500.0;

/// Stand-ins that run until this is dropped.
pub(super) struct StandIns {
    planck: Running,
    gaia: Running,
    gssc: GsscRunning,
}

impl StandIns {
    /// Starts them; what they generate is kept below `dir`. Real files are served where `GANTRY_REAL_DATA` names some.
    pub(super) fn start(dir: &Path) -> anyhow::Result<Self> {
        let real_data = std::env::var_os("GANTRY_REAL_DATA").map(PathBuf::from);
        let mut planck = StandinConfig::new(dir.join("standin"));
        planck.real_data = real_data.clone();
        let mut gssc = GsscConfig::new(dir.join("standin-gssc"));
        gssc.real_data = real_data.clone();
        let gaia = GaiaConfig {
            real_data,
            ..GaiaConfig::default()
        };
        Ok(Self {
            planck: PlanckStandin::start(planck)
                .context("the stand-in for Planck cannot be started")?,
            gaia: GaiaStandin::start(gaia).context("the stand-in for Gaia cannot be started")?,
            gssc: GsscStandin::start(gssc).context("the stand-in for GNSS cannot be started")?,
        })
    }

    /// The configuration of each, by its id.
    pub(super) fn archives(&self) -> anyhow::Result<BTreeMap<String, ArchiveConfig>> {
        let mut planck = archive("planck", &self.planck.url(), "Planck Legacy Archive")?;
        planck.products = Some(format!("{}/products.json", self.planck.url()));
        planck.peek = Some("unknown".to_owned());
        let mut gaia = archive("gaia", &self.gaia.url(), "Gaia archive")?;
        gaia.products = Some(format!("{}/bulk/", self.gaia.url()));
        gaia.peek = Some("unknown".to_owned());
        let mut gssc = archive("gssc", &self.gssc.sftp_url(), "GNSS Science Support Centre")?;
        gssc.peek = Some("unknown".to_owned());
        gssc.folders = ["gnss/data", "gnss/products", "igs/station", "misc"]
            .map(ToOwned::to_owned)
            .to_vec();
        let all = [("planck", planck), ("gaia", gaia), ("gssc", gssc)];
        Ok(all.map(|(id, archive)| (id.to_owned(), archive)).into())
    }
}

fn archive(kind: &str, url: &str, title: &str) -> anyhow::Result<ArchiveConfig> {
    let mut archive = ArchiveConfig::new(kind, Url::parse(url)?);
    archive.title = Some(format!("{title} (stand-in)"));
    archive.limits.per_second = PER_SECOND;
    Ok(archive)
}
