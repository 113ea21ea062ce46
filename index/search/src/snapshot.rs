//! The index as it was at one change number: what one search sees from beginning to end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gantry_asset::vocabulary;
use serde::{Deserialize, Serialize};
use tantivy::index::{SegmentId, SegmentMeta};
use tantivy::{IndexReader, Searcher, SegmentReader};
use uuid::Uuid;

use crate::counts::Counted;
use crate::error::SearchError;
use crate::facets::Dictionary;
use crate::segment::{Fixed, Segment};

/// How far the index has followed which catalogue; the payload of each commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The catalogue's identity.
    pub(crate) catalogue: Uuid,
    /// The number of the last change applied.
    pub(crate) number: u64,
}

/// The index at one change number.
pub(crate) struct Snapshot {
    /// The documents.
    pub(crate) searcher: Searcher,
    /// Per segment of the searcher, its columns.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Per facet field, its values.
    pub(crate) dictionaries: Vec<Arc<Dictionary>>,
    /// How far it has followed.
    pub(crate) progress: Option<Progress>,
    /// The largest rank of all.
    pub(crate) max_rank: u64,
    /// The memory that columns take.
    pub(crate) facet_bytes: usize,
    /// Counts that are asked for again and again.
    pub(crate) counted: Counted,
}

impl Snapshot {
    /// Where in the vocabulary a facet field stands.
    pub(crate) fn field(&self, name: &str) -> Option<usize> {
        vocabulary()
            .fields
            .iter()
            .position(|field| field.name == name)
    }

    /// Whether an archive of this name has assets.
    pub(crate) fn is_archive(&self, name: &str) -> bool {
        let archives = self.field("archive").map(|field| &self.dictionaries[field]);
        archives.is_some_and(|archives| archives.number(name).is_some())
    }

    /// Whether it is of this commit and these segments; merging puts others in their place without a commit.
    pub(crate) fn is_of(&self, segments: &[SegmentMeta], progress: Option<Progress>) -> bool {
        let readers = self.searcher.segment_readers().iter();
        let here: HashSet<_> = readers
            .map(|reader| (reader.segment_id(), reader.delete_opstamp()))
            .collect();
        let there = segments.iter();
        let there: HashSet<_> = there
            .map(|meta| (meta.id(), meta.delete_opstamp()))
            .collect();
        self.progress == progress && here == there
    }

    /// How many documents there are.
    pub(crate) fn n_docs(&self) -> u64 {
        self.searcher.num_docs()
    }
}

/// What is kept from one snapshot to the next.
pub(crate) struct Loader {
    dictionaries: Vec<Arc<Dictionary>>,
    segments: HashMap<(SegmentId, Option<u64>), Arc<Segment>>,
}

impl Loader {
    pub(crate) fn new() -> Self {
        let dictionaries = vocabulary()
            .fields
            .iter()
            .map(|field| Arc::new(Dictionary::new(field)))
            .collect();
        Self {
            dictionaries,
            segments: HashMap::new(),
        }
    }

    /// The newest commit, reading only what the last snapshot did not have.
    pub(crate) fn load(
        &mut self,
        reader: &IndexReader,
        progress: Option<Progress>,
    ) -> Result<Snapshot, SearchError> {
        reader
            .reload()
            .map_err(SearchError::engine("open its newest commit"))?;
        let searcher = reader.searcher();
        let mut segments = HashMap::new();
        let mut in_order = Vec::new();
        for reader in searcher.segment_readers() {
            let segment = self.segment(reader)?;
            segments.insert(
                (reader.segment_id(), reader.delete_opstamp()),
                Arc::clone(&segment),
            );
            in_order.push(segment);
        }
        self.segments = segments;
        for dictionary in self
            .dictionaries
            .iter_mut()
            .filter(|dictionary| !dictionary.is_in_order())
        {
            Arc::make_mut(dictionary).put_in_order();
        }
        let ranks = in_order.iter().filter(|segment| segment.fixed.n_docs > 0);
        let max_rank = ranks
            .map(|segment| segment.fixed.ranks.largest())
            .max()
            .unwrap_or(0);
        let facet_bytes = in_order.iter().map(|segment| segment.fixed.bytes()).sum();
        tracing::debug!(
            n_segments = in_order.len(),
            n_docs = searcher.num_docs(),
            facet_bytes,
            "index snapshot taken"
        );
        Ok(Snapshot {
            searcher,
            segments: in_order,
            dictionaries: self.dictionaries.clone(),
            progress,
            max_rank,
            facet_bytes,
            counted: Counted::new(),
        })
    }
    /// A segment as it was kept, or with new deletes, or read.
    fn segment(&mut self, reader: &SegmentReader) -> Result<Arc<Segment>, SearchError> {
        let (id, deletes) = (reader.segment_id(), reader.delete_opstamp());
        if let Some(segment) = self.segments.get(&(id, deletes)) {
            return Ok(Arc::clone(segment));
        }
        let kept = self.segments.iter().find(|((kept, _), _)| *kept == id);
        let fixed = match kept {
            Some((_, segment)) => Arc::clone(&segment.fixed),
            None => Arc::new(Fixed::load(reader, &mut self.dictionaries)?),
        };
        Ok(Arc::new(Segment::new(fixed, reader, &self.dictionaries)))
    }
}
