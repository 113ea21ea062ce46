//! Assets: the entries of the catalogue.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{AssetId, Days, Facets, File, Place, Sky, Station, TimeScale, TimeSpan};

/// What kind of thing an asset is, in the GSSC's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Made from data: a map, a clock solution.
    #[serde(rename = "Information Product")]
    InformationProduct,
    /// The data themselves: a RINEX file, a source table.
    #[serde(rename = "Information Data")]
    InformationData,
    /// Software that works on them.
    #[serde(rename = "Processing Software")]
    ProcessingSoftware,
}

impl Kind {
    /// The name people read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InformationProduct => "Information Product",
            Self::InformationData => "Information Data",
            Self::ProcessingSoftware => "Processing Software",
        }
    }
}

/// How one asset is related to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The same product in another release; neither supersedes the other.
    OtherRelease,
    /// A re-issue within a release that replaces this one.
    SupersededBy,
    /// A re-issue within a release that this one replaces.
    Supersedes,
    /// Other bytes under the same name, at a mirror.
    SameName,
}

/// A relation from an asset to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Related {
    /// How they are related.
    pub relation: Relation,
    /// The other asset.
    pub asset: AssetId,
    /// What a reader should know of the other, such as `PR4, dipole included`.
    pub label: String,
}

/// A column of a table; what its archive does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The unit of its values, as the archive writes it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// What it measures, IVOA UCD1+.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ucd: String,
    /// The type of its values, as the archive writes it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub datatype: String,
    /// What it holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// One searchable, citable entry of the catalogue, with the files it has now.
///
/// This is what a connector yields and what `gantry export` writes, one a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Who it is.
    pub id: AssetId,
    /// What it is.
    pub kind: Kind,
    /// What people read first.
    pub title: String,
    /// What it holds, in a sentence or more.
    #[serde(default)]
    pub description: String,
    /// Other words people find it by, such as `PSZ2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// Its facet values; `archive` and `kind` are left out, they follow from the fields above.
    #[serde(default)]
    pub facets: Facets,
    /// The series it is a member of.
    #[serde(default)]
    pub series: Option<AssetId>,
    /// The time it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeSpan>,
    /// The scale its archive counts in, where that is not UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_scale: Option<TimeScale>,
    /// The nominal days it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Days>,
    /// The sky it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sky: Option<Sky>,
    /// Where on Earth it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What a site log says of its station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<Box<Station>>,
    /// Assets that belong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// What was odd about it when it was harvested, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The columns of a table, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// How far up it stands where nothing else decides, larger first: the products people mean when they say little.
    #[serde(default)]
    pub rank: u32,
    /// The files it has now.
    #[serde(default)]
    pub files: Vec<File>,
}

impl Asset {
    /// An asset of which nothing is known yet but who it is.
    #[must_use]
    pub fn new(id: AssetId, kind: Kind) -> Self {
        Self {
            title: id.local().to_owned(),
            id,
            kind,
            description: String::new(),
            synonyms: Vec::new(),
            facets: Facets::new(),
            series: None,
            time: None,
            time_scale: None,
            days: None,
            sky: None,
            place: None,
            station: None,
            related: Vec::new(),
            warnings: Vec::new(),
            columns: Vec::new(),
            rank: 0,
            files: Vec::new(),
        }
    }

    /// Whether it is a series: it stands for others and has no files of its own.
    #[must_use]
    pub fn is_series(&self) -> bool {
        self.id.local().starts_with('~') && self.files.is_empty()
    }

    /// The sum of its files' sizes; `None` when one of them is unknown.
    #[must_use]
    pub fn size_bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.size_bytes).sum()
    }
}

/// What an asset says of itself, its files left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its JSON.
    pub body: String,
    /// A hash of it and of where the files are, so that an unchanged asset is no change.
    pub hash: String,
}

impl Content {
    /// What this asset says of itself.
    #[must_use]
    pub fn of(asset: &Asset) -> Self {
        let without_files = Asset {
            files: Vec::new(),
            ..asset.clone()
        };
        let locations: Vec<_> = asset
            .files
            .iter()
            .map(|file| (&file.name, &file.locations, &file.media_type))
            .collect();
        let json = "an asset has only string keys";
        let body = serde_json::to_string(&without_files).expect(json);
        let locations = serde_json::to_string(&locations).expect(json);
        Self {
            hash: hex(&Sha256::digest(format!("[{body},{locations}]"))[..16]),
            body,
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
