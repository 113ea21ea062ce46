//! What the operator says about the outside: section `[net]`.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use crate::network::Network;
use crate::shown::ShownUrl;

/// How Gantry reaches the outside; section `[net]` of the configuration.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetConfig {
    /// Networks the guarded client may reach although they are not public, such as `127.0.0.0/8`;
    /// none by default.
    pub allow_private: Vec<Network>,
    /// An HTTP proxy for everything but loopback and `allow_private`; none by default, and the
    /// variables `HTTP_PROXY` and `HTTPS_PROXY` are not looked at.
    pub proxy: Option<Url>,
    /// A PEM file of certificate authorities to trust besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// The `User-Agent` of every request: who we are and, if the operator wishes, whom to write to.
    pub user_agent: String,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            allow_private: Vec::new(),
            proxy: None,
            ca_file: None,
            user_agent: concat!("gantry/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Leaves out the user and password of the proxy.
impl fmt::Debug for NetConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetConfig")
            .field("allow_private", &self.allow_private)
            .field("proxy", &self.proxy.as_ref().map(ShownUrl::from))
            .field("ca_file", &self.ca_file)
            .field("user_agent", &self.user_agent)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_of_the_configuration_is_read() {
        let config: NetConfig = toml::from_str(
            r#"
            allow_private = ["127.0.0.0/8", "fd00::/8"]
            proxy = "http://ada:s3cret@proxy.example:3128"
            "#,
        )
        .unwrap();
        assert_eq!(config.allow_private.len(), 2);
        assert_eq!(config.user_agent, NetConfig::default().user_agent);
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn a_bad_network_and_an_unknown_key_are_refused() {
        let bad = toml::from_str::<NetConfig>(r#"allow_private = ["127.0.0.0/40"]"#);
        assert!(bad.unwrap_err().to_string().contains("127.0.0.0/40"));
        assert!(toml::from_str::<NetConfig>("alow_private = []").is_err());
    }
}
