//! The first hits of a query: each segment's own, put in one order, and read.

use std::cmp::Reverse;

use gantry_asset::AssetId;
use serde_json::value::RawValue;
use tantivy::DocAddress;
use tantivy::columnar::StrColumn;
use tantivy::schema::document::{DeserializeError, DocumentDeserialize, DocumentDeserializer};

use crate::error::SearchError;
use crate::execute::Run;
use crate::query::{Hit, MOST_HITS, Sort};
use crate::rank::{Affinity, Class, Scorer, Shares, inverse_frequency};
use crate::schema::fields;
use crate::segment::Fixed;
use crate::top::{At, Best, Key, Order, Place, key_of, texts_of};
use crate::words::Place as Where;

/// Above all ranks and scores: what covers a region, before what covers the whole sky.
const AHEAD: u64 = 1 << 32;

/// A hit with its place in the order.
pub(crate) struct Placed {
    pub(crate) at: At,
    pub(crate) segment: usize,
    pub(crate) doc: u32,
    /// What is stored of it, where it had to be read.
    stored: Option<Stored>,
}

/// What is stored of a document.
struct Stored {
    id: String,
    view: String,
}

impl DocumentDeserialize for Stored {
    fn deserialize<'de, D: DocumentDeserializer<'de>>(
        mut from: D,
    ) -> Result<Self, DeserializeError> {
        let (mut id, mut view) = (String::new(), String::new());
        while let Some((field, text)) = from.next_field::<String>()? {
            if field == fields().id {
                id = text;
            } else if field == fields().view {
                view = text;
            }
        }
        Ok(Self { id, view })
    }
}

impl Run<'_> {
    /// The first hits after a place, one more than asked for where there are more.
    pub(crate) fn first(
        &self,
        limit: usize,
        after: Option<&At>,
    ) -> Result<Vec<Placed>, SearchError> {
        let affinity = Affinity::new(self.snapshot, &self.parsed);
        let shares = self.shares();
        let first_of = |at| self.first_of(at, limit + 1, after, &affinity, &shares);
        let by_segment = (0..self.segments.len())
            .map(first_of)
            .collect::<Result<Vec<_>, _>>()?;
        if limit > MOST_HITS || self.query.sort == Sort::Title {
            self.sorted(by_segment, limit + 1)
        } else {
            self.merged(by_segment, limit + 1)
        }
    }

    /// The first hits of one segment.
    fn first_of(
        &self,
        at: usize,
        most: usize,
        after: Option<&At>,
        affinity: &Affinity,
        shares: &[f32],
    ) -> Result<Vec<Place>, SearchError> {
        let (sort, fixed) = (self.query.sort, &self.snapshot.segments[at].fixed);
        let hits = &self.segments[at].matched.hits;
        let mut best = Best::new(fixed, most, after)?;
        // A region was asked for: what covers the whole sky says nothing of it.
        let by_region = sort == Sort::Relevance && self.query.pos.is_some();
        let ahead = |doc| {
            if by_region && !fixed.all_sky.has(doc) {
                AHEAD
            } else {
                0
            }
        };
        let most_ahead = if by_region { AHEAD } else { 0 };
        if sort == Sort::Relevance && !self.parsed.words.is_empty() {
            let scorer = self.scorer(at, affinity, shares)?;
            for class in scorer.classes(hits) {
                see_class(&mut best, &scorer, &class, &ahead, most_ahead);
            }
        } else {
            let key = |doc, rank| key_of(sort, fixed, doc, rank) | ahead(doc);
            let ceiling = |rank| rank | most_ahead;
            let ceiling: Option<&dyn Fn(u64) -> u64> = match sort {
                Sort::Relevance => Some(&ceiling),
                _ => None,
            };
            best.see(hits, &Order { key: &key, ceiling });
        }
        Ok(best.places())
    }

    /// The first of all segments' first hits. Documents are read of those alone that are first in the end, and of one
    /// more in each segment, since reading is slow; what is read stays with the hit.
    fn merged(&self, by_segment: Vec<Vec<Place>>, most: usize) -> Result<Vec<Placed>, SearchError> {
        let mut rests: Vec<_> = by_segment.into_iter().map(Vec::into_iter).collect();
        let mut heads: Vec<Placed> = Vec::with_capacity(rests.len());
        for (segment, rest) in rests.iter_mut().enumerate() {
            if let Some(place) = rest.next() {
                heads.push(self.placed(segment, place)?);
            }
        }
        let mut all = Vec::with_capacity(most);
        while all.len() < most {
            let first = heads
                .iter()
                .enumerate()
                .min_by(|(_, a), (_, b)| a.at.cmp(&b.at));
            let Some((at, _)) = first else { break };
            let segment = heads[at].segment;
            all.push(match rests[segment].next() {
                Some(place) => std::mem::replace(&mut heads[at], self.placed(segment, place)?),
                None => heads.swap_remove(at),
            });
        }
        Ok(all)
    }

    fn placed(&self, segment: usize, place: Place) -> Result<Placed, SearchError> {
        let stored = self.stored(segment, place.doc)?;
        let (key, id) = (Key::Number(place.key), stored.id.clone());
        Ok(Placed {
            at: At { key, id },
            segment,
            doc: place.doc,
            stored: Some(stored),
        })
    }

    /// The same for many hits or by title: ids and titles are read from each segment's columns in one go.
    fn sorted(&self, by_segment: Vec<Vec<Place>>, most: usize) -> Result<Vec<Placed>, SearchError> {
        let by_title = self.query.sort == Sort::Title;
        let with_segment =
            |(at, places): (usize, Vec<Place>)| places.into_iter().map(move |place| (at, place));
        let mut places: Vec<_> = by_segment
            .into_iter()
            .enumerate()
            .flat_map(with_segment)
            .collect();
        if places.len() > most && !by_title {
            let (_, (_, last), _) =
                places.select_nth_unstable_by_key(most - 1, |(_, place)| Reverse(place.key));
            let last = last.key;
            places.retain(|(_, place)| place.key >= last);
        }
        let ids = self.texts_at(&places, |fixed| fixed.ids.as_ref(), |place| place.id)?;
        let titles = match by_title {
            true => self.texts_at(&places, |fixed| fixed.titles.as_ref(), |place| !place.key)?,
            false => Vec::new(),
        };
        let mut titles = titles.into_iter().map(Key::Title);
        let mut all = Vec::with_capacity(places.len());
        for ((segment, place), id) in places.into_iter().zip(ids) {
            let key = titles.next().unwrap_or(Key::Number(place.key));
            all.push(Placed {
                at: At { key, id },
                segment,
                doc: place.doc,
                stored: None,
            });
        }
        all.sort_by(|a, b| a.at.cmp(&b.at));
        all.truncate(most);
        Ok(all)
    }

    /// The values of a column at some places, each segment read once.
    fn texts_at(
        &self,
        places: &[(usize, Place)],
        column: impl Fn(&Fixed) -> Option<&StrColumn>,
        number: impl Fn(&Place) -> u64,
    ) -> Result<Vec<String>, SearchError> {
        let mut all = vec![String::new(); places.len()];
        for (at, segment) in self.snapshot.segments.iter().enumerate() {
            let here: Vec<usize> = (0..places.len()).filter(|n| places[*n].0 == at).collect();
            let numbers: Vec<u64> = here.iter().map(|n| number(&places[*n].1)).collect();
            let texts = texts_of(column(&segment.fixed), &numbers)?;
            here.into_iter()
                .zip(texts)
                .for_each(|(n, text)| all[n] = text);
        }
        Ok(all)
    }

    /// What each word weighs, all together 1.
    fn shares(&self) -> Vec<f32> {
        let n_docs = self.snapshot.n_docs();
        let with = |word: usize| {
            self.segments
                .iter()
                .map(|here| here.words[word].count())
                .sum()
        };
        let weights: Vec<f32> = (0..self.parsed.words.len())
            .map(|word| inverse_frequency(with(word), n_docs))
            .collect();
        let sum: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        weights.into_iter().map(|weight| weight / sum).collect()
    }

    fn scorer(
        &self,
        at: usize,
        affinity: &Affinity,
        shares: &[f32],
    ) -> Result<Scorer<'_>, SearchError> {
        let (segment, here) = (&self.snapshot.segments[at], &self.segments[at]);
        let words = self.parsed.words.iter().zip(shares);
        let telling = words.filter(|(word, _)| word.place != Where::Name && !word.says_when());
        let in_title = telling.map(|(word, share)| {
            let there = word.find(Where::Title, self.snapshot, at)?;
            Ok((*share, there))
        });
        let held = shares.iter().copied().zip(here.words.iter().cloned());
        let in_title = in_title.collect::<Result<Shares, SearchError>>()?;
        let held = held.filter(|_| self.any_word).collect();
        let max_rank = self.snapshot.max_rank;
        Ok(Scorer::new(
            segment,
            affinity,
            in_title,
            held,
            &here.named,
            max_rank,
        ))
    }

    fn stored(&self, segment: usize, doc: u32) -> Result<Stored, SearchError> {
        let read = "read a hit";
        let segment = u32::try_from(segment).map_err(SearchError::engine(read))?;
        let stored = self.snapshot.searcher.doc(DocAddress::new(segment, doc));
        stored.map_err(SearchError::engine(read))
    }

    pub(crate) fn hit(&self, placed: Placed) -> Result<Hit, SearchError> {
        let read = "read a hit";
        let stored = match placed.stored {
            Some(stored) => stored,
            None => self.stored(placed.segment, placed.doc)?,
        };
        let is_scored = self.query.sort == Sort::Relevance && !self.parsed.words.is_empty();
        let score = match placed.at.key {
            Key::Number(key) if is_scored => u32::try_from(key % AHEAD).map_or(0.0, f32::from_bits),
            _ => 0.0,
        };
        Ok(Hit {
            id: AssetId::parse(&placed.at.id).map_err(SearchError::engine(read))?,
            version: self.version(placed.segment, placed.doc),
            score,
            view: RawValue::from_string(stored.view).map_err(SearchError::engine(read))?,
        })
    }
}

fn see_class(
    best: &mut Best<'_>,
    scorer: &Scorer<'_>,
    class: &Class,
    ahead: &dyn Fn(u32) -> u64,
    most_ahead: u64,
) {
    let key = |doc, rank| u64::from(scorer.score(class, doc, rank).to_bits()) | ahead(doc);
    let ceiling = |rank| u64::from(scorer.ceiling(class, rank).to_bits()) | most_ahead;
    best.see(
        &class.docs,
        &Order {
            key: &key,
            ceiling: Some(&ceiling),
        },
    );
}
