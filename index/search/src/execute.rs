//! Answering a query: words to sets of documents, filters and counts over them, the first hits of what is left.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Instant;

use gantry_asset::{AssetId, vocabulary};
use serde_json::value::RawValue;
use tantivy::columnar::StrColumn;
use tantivy::schema::Value;
use tantivy::{DocAddress, TantivyDocument};

use crate::bits::Bits;
use crate::error::SearchError;
use crate::facets::ToCount;
use crate::filter::{Filters, Matched};
use crate::language::{Parsed, parse, shown};
use crate::query::{Collapse, Counted, FacetCount, Found, Hit, MOST_HITS, Query, Resolved, Sort};
use crate::rank::{Affinity, Scorer, inverse_frequency};
use crate::schema::fields;
use crate::segment::{Fixed, Segment};
use crate::snapshot::Snapshot;
use crate::spelling::leave_out_unknown;
use crate::spots::spots;
use crate::top::{At, Key, Order, Place, first_of, key_of, read_cursor, texts_of, write_cursor};
use crate::words::{Clause, Place as Where, Text, Wanted};

/// Above all ranks and scores: what covers a region, before what covers the whole sky.
const AHEAD: u64 = 1 << 32;

/// A query matched against all segments.
pub(crate) struct Run<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) query: &'a Query,
    parsed: Parsed,
    pub(crate) filters: Filters<'a>,
    pub(crate) segments: Vec<InSegment>,
    /// Whether one word suffices, since nothing holds all.
    any_word: bool,
    /// The query with what may have been meant in place of words that occur nowhere.
    meant: Option<String>,
}

pub(crate) struct InSegment {
    /// Per word wanted, the documents with it.
    words: Vec<Arc<Bits>>,
    /// Documents asked for by name.
    named: Bits,
    pub(crate) matched: Matched,
    /// The hits as most fields count them.
    pub(crate) hits_to_count: OnceCell<ToCount>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, query: &'a Query) -> Result<Self, SearchError> {
        let archives = snapshot
            .field("archive")
            .map(|field| &snapshot.dictionaries[field]);
        let is_archive =
            |name: &str| archives.is_some_and(|archives| archives.number(name).is_some());
        let mut parsed = parse(&query.q, &is_archive);
        let mut filters = Filters::new(snapshot, query, &mut parsed);
        let texts = (0..snapshot.segments.len()).map(|at| find_words(snapshot, &parsed, at));
        let mut texts: Vec<Text> = texts.collect::<Result<_, _>>()?;
        let meant = leave_out_unknown(&query.q, snapshot, &mut parsed, &mut texts);
        let any_word =
            parsed.words.len() > 1 && !texts.iter().zip(&snapshot.segments).any(holds_all);
        if any_word {
            let typed: Vec<_> = parsed.words.iter().map(|word| shown(&word.typed)).collect();
            parsed
                .notes
                .push(format!("no product has all of {}", typed.join(", ")));
        }
        let has_words = !(parsed.words.is_empty() && parsed.nots.is_empty());
        let with_words = |(text, segment): (&Text, &Arc<Segment>)| {
            let n = segment.fixed.n_docs;
            if any_word { text.any(n) } else { text.all(n) }
        };
        let sets: Vec<Bits> = match has_words {
            true => texts
                .iter()
                .zip(&snapshot.segments)
                .map(with_words)
                .collect(),
            false => Vec::new(),
        };
        if has_words && !any_word {
            filters.fold_by_words(snapshot, &sets);
        }
        let match_in = |(at, (text, segment)): (usize, (Text, &Arc<Segment>))| {
            let reader = &snapshot.searcher.segment_readers()[at];
            let regions = filters.in_regions(segment, reader)?;
            let matched = filters.apply(segment, sets.get(at), regions.as_ref(), &text.named);
            Ok(InSegment {
                words: text.words,
                named: text.named,
                matched,
                hits_to_count: OnceCell::new(),
            })
        };
        let segments = texts
            .into_iter()
            .zip(&snapshot.segments)
            .enumerate()
            .map(match_in)
            .collect::<Result<_, SearchError>>()?;
        let mut run = Self {
            snapshot,
            query,
            parsed,
            filters,
            segments,
            any_word,
            meant,
        };
        run.note_hidden();
        Ok(run)
    }

    pub(crate) fn total(&self) -> u64 {
        self.segments
            .iter()
            .map(|segment| segment.matched.hits.count())
            .sum()
    }

    /// Says what the vocabulary hid and how to see it.
    fn note_hidden(&mut self) {
        let total = self.total();
        for (at, filter) in self
            .filters
            .by_field
            .iter()
            .enumerate()
            .filter(|(_, filter)| filter.hides)
        {
            let beside: u64 = self
                .segments
                .iter()
                .map(|segment| segment.matched.beside[at].count())
                .sum();
            let field = &vocabulary().fields[filter.field];
            if beside > total {
                let values = field
                    .hidden_values
                    .iter()
                    .map(|value| format!("`{}/{value}`", field.name));
                let values = values.collect::<Vec<_>>().join(", ");
                self.parsed.notes.push(format!(
                    "{} more with {values} are left out; select it to see them",
                    beside - total
                ));
            }
        }
    }

    /// The first hits after a place, one more than asked for where there are more.
    pub(crate) fn first(
        &self,
        limit: usize,
        after: Option<&At>,
    ) -> Result<Vec<(At, usize, u32)>, SearchError> {
        let sort = self.query.sort;
        let affinity = Affinity::new(self.snapshot, &self.parsed);
        let shares = self.shares();
        let scored = sort == Sort::Relevance && !self.parsed.words.is_empty();
        // A region was asked for: what covers the whole sky says nothing of it.
        let by_region = sort == Sort::Relevance && self.query.pos.is_some();
        let mut first = Vec::new();
        for (at, here) in self.segments.iter().enumerate() {
            let segment = &self.snapshot.segments[at];
            let scorer = if scored {
                Some(self.scorer(at, &affinity, &shares)?)
            } else {
                None
            };
            let ahead = |is_ahead| if is_ahead { AHEAD } else { 0 };
            let key = |doc| {
                let key = match &scorer {
                    Some(scorer) => u64::from(scorer.score(doc).to_bits()),
                    None => key_of(sort, &segment.fixed, doc),
                };
                key | ahead(by_region && !segment.fixed.all_sky.has(doc))
            };
            let ceiling = |doc| match &scorer {
                Some(scorer) => u64::from(scorer.ceiling(doc).to_bits()) | ahead(by_region),
                None if sort == Sort::Relevance => {
                    segment.fixed.rank.get_val(doc) | ahead(by_region)
                }
                None => u64::MAX,
            };
            let hits = &here.matched.hits;
            let order = Order {
                key: &key,
                ceiling: &ceiling,
            };
            let places = first_of(segment, hits, limit + 1, after, &order)?;
            places.into_iter().for_each(|place| first.push((at, place)));
        }
        self.in_order(first, limit + 1)
    }

    /// The first of all segments' first hits, by key and id. Ids are read of as few as possible, since that is slow.
    fn in_order(
        &self,
        mut places: Vec<(usize, Place)>,
        most: usize,
    ) -> Result<Vec<(At, usize, u32)>, SearchError> {
        let by_title = self.query.sort == Sort::Title;
        if places.len() > most && !by_title {
            let (_, (_, last), _) =
                places.select_nth_unstable_by_key(most - 1, |(_, place)| Reverse(place.key));
            let last = last.key;
            places.retain(|(_, place)| place.key >= last);
        }
        let ids = self.ids_of(&places)?;
        let titles = match by_title {
            true => self.texts_at(&places, |fixed| fixed.titles.as_ref(), |place| !place.key)?,
            false => Vec::new(),
        };
        let mut titles = titles.into_iter().map(Key::Title);
        let mut all = Vec::with_capacity(places.len());
        for ((at, place), id) in places.into_iter().zip(ids) {
            let key = titles.next().unwrap_or(Key::Number(place.key));
            all.push((At { key, id }, at, place.doc));
        }
        all.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        all.truncate(most);
        Ok(all)
    }

    /// The ids at some places: of a few from their documents, of many from each segment's column in one go.
    fn ids_of(&self, places: &[(usize, Place)]) -> Result<Vec<String>, SearchError> {
        if places.len() > MOST_HITS {
            return self.texts_at(places, |fixed| fixed.ids.as_ref(), |place| place.id);
        }
        let id_at = |(segment, place): &(usize, Place)| {
            let document = self.document(*segment, place.doc)?;
            let id = document.get_first(fields().id);
            Ok(id
                .and_then(|id| id.as_str().map(str::to_owned))
                .unwrap_or_default())
        };
        places.iter().map(id_at).collect()
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

    fn document(&self, segment: usize, doc: u32) -> Result<TantivyDocument, SearchError> {
        let read = "read a hit";
        let segment = u32::try_from(segment).map_err(SearchError::engine(read))?;
        let document = self.snapshot.searcher.doc(DocAddress::new(segment, doc));
        document.map_err(SearchError::engine(read))
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

    fn scorer<'b>(
        &'b self,
        at: usize,
        affinity: &'b Affinity,
        shares: &[f32],
    ) -> Result<Scorer<'b>, SearchError> {
        let (segment, here) = (&self.snapshot.segments[at], &self.segments[at]);
        let reader = &self.snapshot.searcher.segment_readers()[at];
        let mut in_title = Vec::new();
        for (word, share) in self
            .parsed
            .words
            .iter()
            .zip(shares)
            .filter(|(word, _)| word.place != Where::Name && !word.says_when())
        {
            in_title.push((
                *share,
                word.find(Where::Title, &self.snapshot.searcher, reader, segment)?,
            ));
        }
        let held = shares
            .iter()
            .copied()
            .zip(here.words.iter().cloned())
            .filter(|_| self.any_word)
            .collect();
        Ok(Scorer {
            segment,
            affinity,
            in_title,
            held,
            named: &here.named,
            has_named: !here.named.is_empty(),
            max_rank: self.snapshot.max_rank,
        })
    }

    pub(crate) fn hit(&self, at: &At, segment: usize, doc: u32) -> Result<Hit, SearchError> {
        let read = "read a hit";
        let document = self.document(segment, doc)?;
        let view = document
            .get_first(fields().view)
            .and_then(|value| value.as_bytes().map(<[u8]>::to_vec));
        let view =
            String::from_utf8(view.unwrap_or_default()).map_err(SearchError::engine(read))?;
        let is_scored = self.query.sort == Sort::Relevance && !self.parsed.words.is_empty();
        let score = match at.key {
            Key::Number(key) if is_scored => u32::try_from(key % AHEAD).map_or(0.0, f32::from_bits),
            _ => 0.0,
        };
        Ok(Hit {
            id: AssetId::parse(&at.id).map_err(SearchError::engine(read))?,
            version: self.version(segment, doc),
            score,
            view: RawValue::from_string(view).map_err(SearchError::engine(read))?,
        })
    }

    fn version(&self, segment: usize, doc: u32) -> u32 {
        u32::try_from(self.snapshot.segments[segment].fixed.version.get_val(doc))
            .unwrap_or(u32::MAX)
    }
}

fn find_words(snapshot: &Snapshot, parsed: &Parsed, at: usize) -> Result<Text, SearchError> {
    let (segment, reader) = (
        &snapshot.segments[at],
        &snapshot.searcher.segment_readers()[at],
    );
    let find = |clause: &Clause| clause.find(clause.place, &snapshot.searcher, reader, segment);
    let any = parsed
        .names
        .iter()
        .cloned()
        .map(Wanted::Word)
        .collect::<Vec<_>>();
    let named = Clause {
        typed: String::new(),
        any,
        place: Where::Name,
    };
    Ok(Text {
        words: parsed.words.iter().map(find).collect::<Result<_, _>>()?,
        nots: parsed.nots.iter().map(find).collect::<Result<_, _>>()?,
        named: (*find(&named)?).clone(),
    })
}

/// See [`crate::Index::search`].
pub(crate) fn search(snapshot: &Snapshot, query: &Query) -> Result<Found, SearchError> {
    let began = Instant::now();
    let run = Run::new(snapshot, query)?;
    let limit = query.limit.min(MOST_HITS);
    let after = query
        .after
        .as_deref()
        .map(|cursor| read_cursor(query.sort, cursor))
        .transpose()?;
    let first = run.first(limit, after.as_ref())?;
    let page = &first[..first.len().min(limit)];
    let hits = page
        .iter()
        .map(|(at, segment, doc)| run.hit(at, *segment, *doc))
        .collect::<Result<_, _>>()?;
    let number = snapshot.progress.map_or(0, |progress| progress.number);
    let next = page
        .last()
        .filter(|_| first.len() > limit)
        .map(|(at, ..)| write_cursor(query.sort, number, at));
    let counted = if query.collapse == Collapse::Series {
        Counted::Series
    } else {
        Counted::Assets
    };
    let (total, facets) = (run.total(), run.all_counts());
    let spots = query.spots.then(|| spots(&run)).transpose()?;
    Ok(Found {
        total,
        counted,
        hits,
        facets,
        next,
        notes: run.parsed.notes,
        meant: run.meant,
        proposal: run.parsed.proposal,
        spots,
        took: began.elapsed(),
    })
}

/// See [`crate::Index::resolve`].
pub(crate) fn resolve(
    snapshot: &Snapshot,
    query: &Query,
    limit: usize,
) -> Result<Vec<Resolved>, SearchError> {
    let members = Query {
        collapse: Collapse::None,
        ..query.clone()
    };
    let run = Run::new(snapshot, &members)?;
    let mut all = Vec::new();
    for (at, here) in run.segments.iter().enumerate() {
        let fixed = &snapshot.segments[at].fixed;
        let docs: Vec<u32> = here.matched.hits.iter().collect();
        let numbers: Vec<u64> = docs.iter().map(|doc| fixed.id_number(*doc)).collect();
        let ids = texts_of(fixed.ids.as_ref(), &numbers)?;
        all.extend(
            ids.into_iter()
                .zip(docs)
                .map(|(id, doc)| (id, run.version(at, doc))),
        );
    }
    all.sort_unstable();
    all.truncate(limit);
    let resolved = |(id, version): (String, u32)| {
        let id = AssetId::parse(&id).map_err(SearchError::engine("read an id"))?;
        Ok(Resolved { id, version })
    };
    all.into_iter().map(resolved).collect()
}

/// See [`crate::Index::facet_values`].
pub(crate) fn facet_values(
    snapshot: &Snapshot,
    field: &str,
    query: &Query,
    contains: Option<&str>,
    limit: usize,
) -> Result<Vec<FacetCount>, SearchError> {
    let Some(field) = snapshot.field(field) else {
        return Ok(Vec::new());
    };
    Ok(Run::new(snapshot, query)?.counts(field, limit, contains))
}

fn holds_all((text, segment): (&Text, &Arc<Segment>)) -> bool {
    let mut all = text.all(segment.fixed.n_docs);
    all.and(&segment.alive);
    !all.is_empty()
}
