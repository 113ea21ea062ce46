//! Completions of what is being typed: facet values, names, words.

use std::collections::HashMap;

use tantivy::schema::Field;
use tantivy_fst::Automaton;

use crate::error::SearchError;
use crate::execute::Run;
use crate::facets::Dictionary;
use crate::query::{Query, Suggested, Suggestion};
use crate::schema::fields;
use crate::snapshot::Snapshot;
use crate::text::fold;

/// How many words of the index are looked at per segment.
const MOST_WORDS: usize = 2_000;

/// The longest text that is completed, in bytes.
const LONGEST: usize = 200;

/// What was typed so far.
struct Typed<'a> {
    /// All of it, folded.
    whole: String,
    /// What stands before the last word.
    before: &'a str,
    /// The last word, folded.
    last: String,
}

/// See [`crate::Index::suggest`].
///
/// What stands beside a completion is what one finds with it: series in place of their members, and nothing hidden.
pub(crate) fn suggest(
    snapshot: &Snapshot,
    text: &str,
    limit: usize,
) -> Result<Vec<Suggestion>, SearchError> {
    let typed = text.trim_start();
    let start = typed.rfind(char::is_whitespace).map_or(0, |at| {
        at + typed[at..].chars().next().map_or(1, char::len_utf8)
    });
    let (before, last) = typed.split_at(start);
    if last.is_empty() || typed.len() > LONGEST {
        return Ok(Vec::new());
    }
    let typed = Typed {
        whole: fold(typed.trim_end()),
        before,
        last: fold(last),
    };
    let everything = Query::default();
    let everything = Run::new(snapshot, &everything)?;
    let mut all: Vec<Suggestion> = snapshot
        .dictionaries
        .iter()
        .enumerate()
        .flat_map(|(field, dictionary)| facets(&everything, field, dictionary, &typed))
        .collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    all.truncate(limit.div_ceil(2));
    if !before.is_empty() {
        for one in &mut all {
            one.count = found(snapshot, &one.text)?;
        }
    }
    let taken: Vec<String> = all.iter().map(|one| fold(&one.text)).collect();
    for (field, what) in [
        (fields().title, Suggested::Word),
        (fields().name, Suggested::Name),
    ] {
        let completed = words(snapshot, field, &typed.last);
        let texts = completed.into_iter().map(|word| format!("{before}{word}"));
        let new = texts.filter(|text| !taken.contains(&fold(text)) && fold(text) != typed.whole);
        for text in new.take(limit.saturating_sub(all.len())) {
            let count = found(snapshot, &text)?;
            let what = what.clone();
            all.push(Suggestion { text, what, count });
        }
    }
    all.retain(|one| one.count > 0);
    Ok(all)
}

/// How many one finds who searches for a text.
fn found(snapshot: &Snapshot, text: &str) -> Result<u64, SearchError> {
    let query = Query {
        q: text.to_owned(),
        ..Query::default()
    };
    Ok(Run::new(snapshot, &query)?.total())
}

/// Values of a field that go on from all that was typed, or from the last word.
fn facets(
    everything: &Run<'_>,
    field: usize,
    dictionary: &Dictionary,
    typed: &Typed<'_>,
) -> Vec<Suggestion> {
    let whole: Vec<usize> = dictionary.begun_by(&typed.whole).collect();
    let last = dictionary
        .begun_by(&typed.last)
        .filter(|number| whole.binary_search(number).is_err());
    let last: Vec<usize> = last.collect();
    if whole.is_empty() && last.is_empty() {
        return Vec::new();
    }
    let counts = everything.numbers(field);
    let complete = |number: usize, before: &str| {
        let value = dictionary.value(number);
        let label = dictionary.field.label_of(value);
        Suggestion {
            text: format!("{before}{label}"),
            what: Suggested::Facet {
                field: dictionary.field.name.clone(),
                path: value.to_owned(),
                label,
            },
            count: counts[number],
        }
    };
    let all = whole.into_iter().map(|number| complete(number, ""));
    let all = all.chain(
        last.into_iter()
            .map(|number| complete(number, typed.before)),
    );
    all.filter(|one| one.count > 0).collect()
}

/// Words of a field with this beginning, most frequent first.
///
/// Of titles only words of letters go on, unless digits were typed: identifiers would fill the list before the words.
fn words(snapshot: &Snapshot, field: Field, prefix: &str) -> Vec<String> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let letters_only = field == fields().title && prefix.chars().all(char::is_alphabetic);
    let goes_on = GoesOn {
        prefix: prefix.as_bytes(),
        letters_only,
    };
    for reader in snapshot.searcher.segment_readers() {
        let Ok(words) = reader.inverted_index(field) else {
            continue;
        };
        let Ok(mut stream) = words.terms().search(&goes_on).into_stream() else {
            continue;
        };
        let mut n = 0;
        while n < MOST_WORDS && stream.advance() {
            let word = String::from_utf8_lossy(stream.key()).into_owned();
            *counts.entry(word).or_default() += u64::from(stream.value().doc_freq);
            n += 1;
        }
    }
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.into_iter().map(|(word, _)| word).collect()
}

/// Words with a beginning, and perhaps without digits and signs after it.
struct GoesOn<'a> {
    prefix: &'a [u8],
    letters_only: bool,
}

/// How much of the beginning was read; `None` when it was another.
type Read = Option<usize>;

impl Automaton for GoesOn<'_> {
    type State = Read;

    fn start(&self) -> Read {
        Some(0)
    }

    fn is_match(&self, read: &Read) -> bool {
        *read == Some(self.prefix.len())
    }

    fn can_match(&self, read: &Read) -> bool {
        read.is_some()
    }

    fn accept(&self, read: &Read, byte: u8) -> Read {
        let at = (*read)?;
        match self.prefix.get(at) {
            Some(wanted) => (*wanted == byte).then_some(at + 1),
            None => {
                let is_letter = byte.is_ascii_alphabetic() || !byte.is_ascii();
                (is_letter || !self.letters_only).then_some(at)
            }
        }
    }
}
