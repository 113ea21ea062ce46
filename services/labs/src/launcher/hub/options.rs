//! What the Hub is told of a datalab: the name of its server, and the `user_options` that the spawner's hook reads.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::HubLauncherConfig;
use super::api::Server;
use crate::PlannedVolume;
use crate::launcher::StartRequest;
use crate::launcher::process::MARK;

/// The letters of a name that every part of a Hub takes, those of DNS among them.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// How many of them tell datalabs apart; a Hub takes names of at most 30 characters.
const N_LETTERS: usize = 26;

/// The name of a datalab's server: the same for the same datalab, another for every other (130 bits of a hash).
pub(super) fn server_name(datalab: &str) -> String {
    let mut name = "lab-".to_owned();
    let (mut bits, mut n_bits) = (0_u32, 0);
    for byte in Sha256::digest(datalab.as_bytes()) {
        (bits, n_bits) = ((bits << 8) | u32::from(byte), n_bits + 8);
        while n_bits >= 5 {
            n_bits -= 5;
            name.push(char::from(LETTERS[(bits >> n_bits) as usize & 31]));
        }
        bits &= (1 << n_bits) - 1;
    }
    name.truncate("lab-".len() + N_LETTERS);
    name
}

/// What is under `gantry` in the options of a server and stays there: whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The id of the datalab.
    pub(super) datalab: String,
    /// Which Gantry started it.
    pub(super) gantry: String,
    /// Which of its starts.
    pub(super) attempt: String,
}

impl Mark {
    pub(super) fn of(server: &Server) -> Option<Self> {
        serde_json::from_value(server.user_options.get("gantry")?.clone()).ok()
    }
}

/// The body of a start. The hook takes `environment` out of what the Hub keeps.
#[derive(Serialize)]
pub(super) struct Start<'a> {
    display_name: &'a str,
    user_options: UserOptions<'a>,
}

#[derive(Serialize)]
struct UserOptions<'a> {
    gantry: Options<'a>,
}

#[derive(Serialize)]
struct Options<'a> {
    #[serde(flatten)]
    mark: &'a Mark,
    lab: String,
    environment: BTreeMap<&'a str, &'a str>,
    volumes: &'a [PlannedVolume],
    archive_mounts: &'a [PathBuf],
}

impl<'a> Start<'a> {
    pub(super) fn new(
        config: &'a HubLauncherConfig,
        request: &'a StartRequest,
        mark: &'a Mark,
    ) -> Self {
        let variables = request.variables.iter();
        let mut environment: BTreeMap<&str, &str> = variables
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        environment.insert(MARK, &request.datalab);
        Self {
            display_name: &request.lab.title,
            user_options: UserOptions {
                gantry: Options {
                    mark,
                    lab: request.lab.id(),
                    environment,
                    volumes: &request.volumes,
                    archive_mounts: &config.archive_mounts,
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_name_of_a_server_is_one_that_hubs_and_dns_take_and_differs_for_each_datalab() {
        let ids = (0..1_000).map(|n| format!("01938a7e-0000-7000-8000-{n:012x}"));
        let names: BTreeSet<String> = ids.map(|id| server_name(&id)).collect();
        assert_eq!(names.len(), 1_000);
        for name in names {
            assert_eq!(name.len(), 30);
            assert!(
                name.strip_prefix("lab-")
                    .unwrap()
                    .bytes()
                    .all(|letter| LETTERS.contains(&letter)),
                "{name}"
            );
        }
        // The first 26 of `printf %s abc | sha256sum | xxd -r -p | base32`.
        assert_eq!(server_name("abc"), "lab-xj4bnp4pahh6uqkbidpf3lrceo");
    }
}
