//! What can go wrong in staging.

use gantry_asset::AssetId;
use gantry_store::StoreError;

use crate::volume::VolumeError;

/// A selection, plan or job that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StagingError {
    /// A selection of nothing.
    #[error("nothing was selected; name at least one asset")]
    Empty,
    /// Too many assets for one selection.
    #[error(
        "{n} assets are more than one selection may hold ({max}); narrow the search or make several"
    )]
    TooMany {
        /// How many there are.
        n: u64,
        /// How many there may be.
        max: u64,
    },
    /// Assets that are not there.
    #[error("no asset {}; search for it, or ask `/api/v1/assets/resolve` for its id", shown(.0))]
    NoSuchAssets(Vec<AssetId>),
    /// Something that was asked for and cannot be used.
    #[error("{name}=`{value}`: allowed is {allowed}")]
    Asked {
        /// Where it stands.
        name: String,
        /// What was said.
        value: String,
        /// What could have been.
        allowed: String,
    },
    /// A cone that is none: which number, what it is, what is allowed.
    #[error("`cut_out.{0}` is {1}; allowed is {2}")]
    CutOut(&'static str, f64, &'static str),
    /// Two ways to change what is staged at once.
    #[error("`cut_out` and `unpack` do not go together; leave one of them out")]
    CutAndUnpack,
    /// Products of days, for a selection that has none.
    #[error(
        "`with` adds products to the days of what is selected, and nothing that was selected covers GNSS days"
    )]
    NoDays,
    /// Products of too many days.
    #[error(
        "`with` adds products to at most {max} days, and {n} were selected; make several selections"
    )]
    TooManyDays {
        /// How many there are.
        n: u64,
        /// How many there may be.
        max: u64,
    },
    /// A name that cannot be a volume's.
    #[error(
        "`{0}` is no name for a volume: use lower-case letters, digits, `-` and `_`, starting with a letter or digit, at most 40"
    )]
    VolumeName(String),
    /// A folder that no volume may be.
    #[error(
        "`{path}` cannot be a volume: it lies below none of the folders that `staging.local_roots` allows"
    )]
    VolumeFolder {
        /// The folder.
        path: String,
    },
    /// An entry that the operator does not list.
    #[error("`{name}` is not in the catalogue of volumes; it offers {}", offer(.offered))]
    NotInCatalogue {
        /// What was asked for.
        name: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// A login that cannot be read any more.
    #[error("the volume's login cannot be read; enter it again")]
    Seal(#[from] gantry_store::SealError),
    /// A permanent volume that was to be deleted.
    #[error("the volume `{0}` is permanent: notebooks live in it")]
    Permanent(String),
    /// Something about the volume.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// Something about the record.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StagingError {
    pub(crate) fn asked(name: String, value: &str, allowed: &str) -> Self {
        Self::Asked {
            name,
            value: value.chars().take(60).collect(),
            allowed: allowed.to_owned(),
        }
    }
}

fn shown(ids: &[AssetId]) -> String {
    let first: Vec<String> = ids.iter().take(3).map(|id| format!("`{id}`")).collect();
    let more = if ids.len() > 3 {
        format!(" and {} more", ids.len() - 3)
    } else {
        String::new()
    };
    first.join(", ") + &more
}

fn offer(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}
