//! What is asked and what is answered.

use std::time::Duration;

use chrono::{DateTime, Utc};
use gantry_asset::{AssetId, DayRange, FacetPath};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::proposal::Proposal;
use crate::sky::Region;
use crate::spots::Spots;

/// The most hits of one answer.
pub(crate) const MOST_HITS: usize = 1000;

/// The most values of a facet in one answer; more come from [`crate::Index::facet_values`].
pub(crate) const MOST_VALUES: usize = 100;

/// A search.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Words, `"phrases"`, `-not`, `field:value`, `prefix*`; anything a person types is understood somehow.
    pub q: String,
    /// Selected facets: OR within a field, AND between fields; a path such as `2019..2023` is a range.
    pub facets: Vec<FacetPath>,
    /// A half-open interval of UTC that the coverage must overlap.
    pub time: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Nominal days, one of which the coverage must hold.
    pub days: Option<DayRange>,
    /// A region of the sky that the coverage must meet. What covers the whole sky meets all, and stands behind what does
    /// not when sorted by relevance.
    pub pos: Option<Region>,
    /// Surroundings that the place must be in.
    pub near: Option<Region>,
    /// A box that the place must be in.
    pub bbox: Option<Region>,
    /// Only what is new or has changed since the catalogue's change of this number.
    pub changed_after: Option<u64>,
    /// The order of the hits.
    pub sort: Sort,
    /// How many hits, at most 1000.
    pub limit: usize,
    /// [`Found::next`] of the page before.
    pub after: Option<String>,
    /// The facet fields to count; the vocabulary's default fields without.
    pub fields: Option<Vec<String>>,
    /// Whether series stand for their members.
    pub collapse: Collapse,
    /// Whether [`Found::spots`] is wanted.
    pub spots: bool,
}

/// The order of hits; the id decides where nothing else does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// What is meant most likely, first.
    #[default]
    Relevance,
    /// The archive's date of the files, newest first; what has none by its number in the catalogue.
    Newest,
    /// The start of the time covered, earliest first, those without one last.
    Time,
    /// By title.
    Title,
    /// The largest first, those of unknown size last.
    Size,
}

/// Whether series stand for their members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Collapse {
    /// Series and single assets; a member only when it is asked for by its name, or by words that its series does not have.
    #[default]
    Series,
    /// Every asset but series.
    None,
}

/// What the counts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counted {
    /// Series and single assets.
    Series,
    /// Assets.
    Assets,
}

/// The answer to a [`Query`].
#[derive(Debug)]
pub struct Found {
    /// How many there are, exactly.
    pub total: u64,
    /// What `total` and the facets count.
    pub counted: Counted,
    /// The page of hits.
    pub hits: Vec<Hit>,
    /// The facet fields in the order of the vocabulary.
    pub facets: Vec<FieldCounts>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// What a person should know of how the query was read.
    pub notes: Vec<String>,
    /// What may have been meant, where words occur nowhere: the whole query with others in their place.
    pub meant: Option<String>,
    /// What was asked for that no asset is, and an archive may be asked.
    pub proposal: Option<Proposal>,
    /// Where they are, if that was asked for.
    pub spots: Option<Spots>,
    /// How long it took.
    pub took: Duration,
}

/// One asset found.
#[derive(Debug)]
pub struct Hit {
    /// The asset.
    pub id: AssetId,
    /// Its version now.
    pub version: u32,
    /// How well it answers; comparable within one answer only, 0 unless sorted by relevance.
    pub score: f32,
    /// Its JSON as it was handed to the index.
    pub view: Box<RawValue>,
}

/// Some of all matches, in their order; see [`crate::Index::walk`].
#[derive(Debug)]
pub struct Piece {
    /// The hits.
    pub hits: Vec<Hit>,
    /// How many match in all.
    pub total: u64,
    /// The cursor of what comes behind them, if there is more.
    pub next: Option<String>,
}

/// An asset and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The asset.
    pub id: AssetId,
    /// Its version now.
    pub version: u32,
}

/// The values of one facet field among the results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldCounts {
    /// The field.
    pub field: String,
    /// Its values in the order of the vocabulary; selected ones even when they count nothing.
    pub values: Vec<FacetCount>,
}

/// One value of a facet and how many results have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetCount {
    /// The value, as it is selected.
    pub path: String,
    /// The value, as people read it.
    pub label: String,
    /// How many have it, ignoring what else is selected in its own field.
    pub count: u64,
    /// Whether it is selected.
    pub selected: bool,
}

/// A completion of what is being typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The whole text with the last word completed.
    pub text: String,
    /// What the completion is.
    #[serde(flatten)]
    pub what: Suggested,
    /// How many one finds with it: series in place of their members, and nothing that is hidden by itself.
    pub count: u64,
}

/// What a completion is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Suggested {
    /// A value of a facet.
    Facet {
        /// The field.
        field: String,
        /// The value.
        path: String,
        /// The value as people read it.
        label: String,
    },
    /// The name of a file or the id of an asset.
    Name,
    /// A word.
    Word,
}
