#![doc = include_str!("../README.md")]

mod behind;
mod bits;
mod column;
mod counts;
mod error;
mod execute;
mod facets;
mod filter;
mod first;
mod follow;
mod generation;
mod index;
mod items;
mod language;
mod meet;
mod names;
mod proposal;
mod query;
mod rank;
mod ranks;
mod rows;
mod schema;
mod segment;
mod sky;
mod snapshot;
mod spans;
mod spelling;
mod spots;
mod suggest;
mod synonyms;
mod tally;
mod targets;
mod text;
mod top;
mod walk;
mod when;
mod words;

pub use error::{ChangesError, SearchError};
pub use follow::{BoxFuture, Change, Changes, Followed, IndexedAsset};
pub use index::{Index, MakeUp, Mode};
pub use proposal::{Proposal, proposal_of};
pub use query::{
    Collapse, Counted, FacetCount, FieldCounts, Found, Hit, Piece, Query, Resolved, Sort,
    Suggested, Suggestion,
};
pub use sky::{Frame, Region, RegionError};
pub use spots::{Spot, Spots, galactic_outline};
