//! The registry: which kinds of archive there are.

use std::collections::BTreeMap;

use gantry_asset::ArchiveId;
use gantry_net::Net;

use crate::{ArchiveConfig, ConfigError, Connector};

/// How a connector of one kind is made for one archive.
pub type Connect = fn(ArchiveId, &ArchiveConfig, Net) -> Result<Box<dyn Connector>, ConfigError>;

/// Every kind of archive known; `[archive.<id>] kind = "…"` picks one.
#[derive(Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Connect>,
}

impl Registry {
    /// A registry without kinds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind.
    #[must_use]
    pub fn kind(mut self, name: &'static str, connect: Connect) -> Self {
        self.kinds.insert(name, connect);
        self
    }

    /// Makes the connector that an archive's configuration asks for.
    ///
    /// # Errors
    /// [`ConfigError`] when the kind is not known or its connector refuses the configuration.
    pub fn connect(
        &self,
        id: ArchiveId,
        config: &ArchiveConfig,
        net: Net,
    ) -> Result<Box<dyn Connector>, ConfigError> {
        let connect = self
            .kinds
            .get(config.kind.as_str())
            .ok_or_else(|| ConfigError::Kind {
                archive: id.to_string(),
                kind: config.kind.clone(),
                allowed: self.kinds.keys().copied().collect::<Vec<_>>().join(", "),
            })?;
        config.leads_to_servers(&id)?;
        connect(id, config, net)
    }
}
