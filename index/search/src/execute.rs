//! Answering a query: words to sets of documents, filters and counts over them, the first hits of what is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use gantry_asset::{AssetId, vocabulary};

use crate::bits::Bits;
use crate::counts::{Browsed, Counted as Counts};
use crate::error::SearchError;
use crate::filter::{Filters, Matched};
use crate::language::{Parsed, parse, shown};
use crate::query::{Collapse, Counted, FacetCount, Found, MOST_HITS, Query, Resolved};
use crate::segment::Segment;
use crate::snapshot::Snapshot;
use crate::spelling::leave_out_unknown;
use crate::spots::spots;
use crate::top::{read_cursor, texts_of, write_cursor};
use crate::words::{Clause, Place as Where, Text, Wanted};

/// A query matched against all segments.
pub(crate) struct Run<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) query: &'a Query,
    pub(crate) parsed: Parsed,
    pub(crate) filters: Filters<'a>,
    pub(crate) segments: Vec<InSegment>,
    /// See [`crate::counts::Counts::browsed`].
    pub(crate) browsed: Option<Arc<Browsed>>,
    /// Whether one word suffices, since nothing holds all.
    pub(crate) any_word: bool,
    /// The query with what may have been meant in place of words that occur nowhere.
    meant: Option<String>,
}

pub(crate) struct InSegment {
    /// Per word wanted, the documents with it.
    pub(crate) words: Vec<Arc<Bits>>,
    /// Documents asked for by name.
    pub(crate) named: Bits,
    pub(crate) matched: Matched,
}

impl<'a> Run<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, query: &'a Query) -> Result<Self, SearchError> {
        let mut parsed = parse(&query.q, &|name| snapshot.is_archive(name));
        let mut filters = Filters::new(snapshot, query, &mut parsed);
        note_wordless(&query.q, &mut parsed);
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
            browsed: Counts::browsed(query),
            any_word,
            meant,
        };
        run.note_hidden();
        Ok(run)
    }

    pub(crate) fn total(&self) -> u64 {
        self.segments
            .iter()
            .map(|segment| segment.matched.n_hits)
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
                .map(|segment| segment.matched.n_beside(at))
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

    pub(crate) fn version(&self, segment: usize, doc: u32) -> u32 {
        u32::try_from(self.snapshot.segments[segment].fixed.version.get_val(doc))
            .unwrap_or(u32::MAX)
    }
}

/// Says that signs alone were typed, which leave out nothing.
fn note_wordless(q: &str, parsed: &mut Parsed) {
    let has_words =
        !(parsed.words.is_empty() && parsed.nots.is_empty() && parsed.fields.is_empty());
    if !has_words && parsed.proposal.is_none() && !q.trim().is_empty() {
        let typed = shown(q.trim());
        let note = format!("{typed} has no word to search for, so nothing is left out for it");
        parsed.notes.push(note);
    }
}

fn find_words(snapshot: &Snapshot, parsed: &Parsed, at: usize) -> Result<Text, SearchError> {
    let find = |clause: &Clause| clause.find(clause.place, snapshot, at);
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

/// How many searches are being answered.
static SEARCHES: AtomicUsize = AtomicUsize::new(0);

/// One of them, until it is dropped.
struct Busy {
    /// Whether it was the only one at its beginning.
    is_alone: bool,
}

impl Busy {
    fn new() -> Self {
        let is_alone = SEARCHES.fetch_add(1, Ordering::Relaxed) == 0;
        Self { is_alone }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        SEARCHES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// See [`crate::Index::search`].
pub(crate) fn search(snapshot: &Snapshot, query: &Query) -> Result<Found, SearchError> {
    let began = Instant::now();
    let busy = Busy::new();
    let run = Run::new(snapshot, query)?;
    let limit = query.limit.min(MOST_HITS);
    let after = query
        .after
        .as_deref()
        .map(|cursor| read_cursor(query.sort, cursor))
        .transpose()?;
    let first = run.first(limit, after.as_ref())?;
    let next = first
        .get(limit.saturating_sub(1))
        .filter(|_| first.len() > limit && limit > 0);
    let number = snapshot.progress.map_or(0, |progress| progress.number);
    let next = next.map(|last| write_cursor(query.sort, number, &last.at));
    let page = first.into_iter().take(limit);
    let hits = page
        .map(|placed| run.hit(placed))
        .collect::<Result<_, _>>()?;
    let counted = if query.collapse == Collapse::Series {
        Counted::Series
    } else {
        Counted::Assets
    };
    let (total, facets) = (run.total(), run.all_counts(busy.is_alone));
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
        let numbers: Vec<u64> = docs
            .iter()
            .map(|doc| fixed.id_number(*doc).into())
            .collect();
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
