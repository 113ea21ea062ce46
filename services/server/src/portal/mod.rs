//! Portals: what a click on one of their buttons says, and what is kept of it until its user has logged in.
//!
//! A portal sends identifiers and never who its user is.
//! [`Portals`] knows the portals of the configuration; [`Click`] is what is kept of one click; [`handover`] reads what a
//! portal signed.

pub(crate) mod handover;
pub(crate) mod page;

use std::collections::BTreeMap;

use gantry_asset::{ArchiveId, AssetId};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::app::App;
use crate::config::{ConfigError, PortalConfig};
use crate::problem::{ARCHIVE_UNAVAILABLE, BAD_REQUEST, Problem, TOO_LARGE, UNPROCESSABLE};
use crate::select::Take;

/// The most products one click may name.
pub(crate) const NAMED: usize = 10_000;
/// The longest body of a click, in bytes: 10 000 names of 180 bytes, percent-encoded.
pub(crate) const CLICK_BYTES: usize = 4 << 20;

/// The two buttons.
pub(crate) const ACTIONS: [&str; 2] = ["open-in-notebook", "add-to-volume"];

/// The portals of the configuration, by origin.
#[derive(Debug, Default)]
pub(crate) struct Portals(BTreeMap<String, Portal>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) origin: String,
    pub(crate) title: String,
    pub(crate) keys: Vec<handover::Key>,
    pub(crate) trusted: bool,
    pub(crate) max_bytes: u64,
}

impl Portals {
    /// # Errors
    /// [`ConfigError::Bad`] for a key that cannot be read.
    pub(crate) fn of(config: &BTreeMap<String, PortalConfig>) -> Result<Self, ConfigError> {
        let portals = config.iter().map(|(origin, portal)| {
            let keys = portal.keys.iter().map(|key| handover::Key::read(key));
            let keys = keys.collect::<Result<_, _>>();
            let known = Portal {
                origin: origin.clone(),
                title: portal.title.clone().unwrap_or_else(|| origin.clone()),
                keys: keys
                    .map_err(|why| ConfigError::Bad(format!("portal.\"{origin}\".keys: {why}")))?,
                trusted: portal.trusted,
                max_bytes: portal.max_bytes,
            };
            Ok((origin.clone(), known))
        });
        portals.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn get(&self, origin: &str) -> Option<&Portal> {
        self.0.get(origin)
    }

    /// An address on the pages of a known portal, to go back to; any other is left out.
    pub(crate) fn way_back(&self, address: Option<&str>) -> Option<String> {
        let url = Url::parse(address?).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        self.get(&url.origin().ascii_serialization())
            .filter(|_| is_plain)
            .map(|_| url.to_string())
    }
}

/// What a button is about: assets, names at an archive, a query or a job of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) assets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) archive: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) adql: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<String>,
}

/// What is kept of a click.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Click {
    pub(crate) wanted: Wanted,
    /// The origin that the browser named.
    pub(crate) origin: Option<String>,
    /// What a known portal calls the page it came from.
    pub(crate) label: Option<String>,
    /// The page of a known portal to go back to.
    pub(crate) back: Option<String>,
    /// Who signed it, and for which pseudonym.
    pub(crate) signed: Option<Signed>,
    /// Why a signature did not count.
    pub(crate) note: Option<String>,
}

/// A signature that was good.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Signed {
    pub(crate) portal: String,
    pub(crate) subject_hash: String,
}

impl Wanted {
    pub(crate) fn is_empty(&self) -> bool {
        *self
            == Self {
                archive: self.archive.clone(),
                release: self.release.clone(),
                ..Self::default()
            }
    }

    /// That it names something, not too much, and one kind of thing.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let n_named = self.assets.len() + self.names.len();
        let n_kinds = usize::from(n_named > 0)
            + usize::from(self.adql.is_some())
            + usize::from(self.job.is_some());
        if n_kinds != 1 {
            let why = "say what to take: `asset=` ids, `archive=` with `name=`, or `archive=` with `adql=` or `job=`";
            return Err(Problem::new(&UNPROCESSABLE, why));
        }
        if n_named > NAMED {
            let why = format!("{n_named} products are named; one click takes at most {NAMED}");
            return Err(Problem::new(&TOO_LARGE, why));
        }
        let needs_archive = !self.names.is_empty() || n_named == 0;
        match self.archive.as_deref().map(ArchiveId::new) {
            None if needs_archive => Err(Problem::new(
                &UNPROCESSABLE,
                "`name`, `adql` and `job` need `archive`, such as archive=planck",
            )),
            Some(Err(error)) => Err(Problem::new(&BAD_REQUEST, format!("archive=: {error}"))),
            _ => Ok(()),
        }
    }

    /// What to take, once the names were looked up.
    pub(crate) fn take(&self, ids: &[AssetId]) -> Take {
        if let Some(adql) = &self.adql {
            return Take {
                adql: Some(adql.clone()),
                archive: self.archive.clone(),
                release: self.release.clone(),
                ..Take::default()
            };
        }
        Take {
            assets: Some(ids.iter().map(ToString::to_string).collect()),
            ..Take::default()
        }
    }
}

/// What is wanted, with the query of the job that is named, if one is; the archive is asked for it.
pub(crate) async fn with_query(app: &App, wanted: Wanted) -> Result<Wanted, Problem> {
    let Some(job) = &wanted.job else {
        return Ok(wanted);
    };
    let archive = wanted.archive.as_deref().unwrap_or_default();
    let connector = ArchiveId::new(archive)
        .ok()
        .and_then(|id| app.connector(&id))
        .ok_or_else(|| Problem::not_found("archive", archive))?;
    let title = &connector.archive().title;
    let query = connector.query_of(job).await.map_err(|error| {
        let why = crate::format::sentence(&error);
        Problem::new(&ARCHIVE_UNAVAILABLE, why)
    })?;
    let adql = query.ok_or_else(|| {
        let why = format!("{title} knows no such job, or shows it only to whose it is; hand over its query instead");
        Problem::new(&UNPROCESSABLE, why)
    })?;
    Ok(Wanted {
        adql: Some(adql),
        job: None,
        ..wanted
    })
}

/// The assets that are named and there, each once in their order, and the names of which there is none.
pub(crate) async fn look_up(
    app: &App,
    wanted: &Wanted,
) -> Result<(Vec<AssetId>, Vec<String>), Problem> {
    let (mut ids, mut missing) = (Vec::new(), Vec::new());
    for text in &wanted.assets {
        match AssetId::parse(text) {
            Ok(id) => ids.push(id),
            Err(_) => missing.push(text.clone()),
        }
    }
    if !wanted.names.is_empty() {
        let archive = ArchiveId::new(wanted.archive.as_deref().unwrap_or_default())
            .map_err(|error| Problem::new(&BAD_REQUEST, format!("archive=: {error}")))?;
        let names: Vec<&str> = wanted.names.iter().map(String::as_str).collect();
        let by_name = app.store.assets_by_file_names(&archive, &names).await?;
        for name in &wanted.names {
            let local = AssetId::from_path(&archive, name)
                .or_else(|_| AssetId::parse(&format!("{archive}:{name}")));
            match (by_name.get(name).and_then(|found| found.first()), local) {
                (Some(id), _) => ids.push(id.clone()),
                // A name may also be the local id of an asset; whether it is there is seen below.
                (None, Ok(id)) => ids.push(id),
                (None, Err(_)) => missing.push(name.clone()),
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    Ok((ids, missing))
}
