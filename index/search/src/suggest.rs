//! Completions of what is being typed: facet values, names, words.

use std::collections::HashMap;

use tantivy::schema::Field;

use crate::facets::Dictionary;
use crate::query::{Suggested, Suggestion};
use crate::schema::fields;
use crate::snapshot::Snapshot;
use crate::text::fold;

/// How many words of the index are looked at per segment.
const MOST_WORDS: usize = 2_000;

/// See [`crate::Index::suggest`].
pub(crate) fn suggest(snapshot: &Snapshot, text: &str, limit: usize) -> Vec<Suggestion> {
    let typed = text.trim_start();
    let start = typed.rfind(char::is_whitespace).map_or(0, |at| {
        at + typed[at..].chars().next().map_or(1, char::len_utf8)
    });
    let (before, last) = typed.split_at(start);
    if last.is_empty() {
        return Vec::new();
    }
    let whole = fold(typed.trim_end());
    let mut all: Vec<Suggestion> = snapshot
        .dictionaries
        .iter()
        .enumerate()
        .flat_map(|(field, dictionary)| {
            facets(snapshot, field, dictionary, &whole, before, &fold(last))
        })
        .collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    all.truncate(limit.div_ceil(2));
    let taken: Vec<String> = all.iter().map(|one| fold(&one.text)).collect();
    for (field, what) in [
        (fields().title, Suggested::Word),
        (fields().name, Suggested::Name),
    ] {
        let completed = words(snapshot, field, &fold(last));
        let texts = completed
            .into_iter()
            .map(|(word, count)| (format!("{before}{word}"), count));
        let new = texts.filter(|(text, _)| !taken.contains(&fold(text)) && fold(text) != whole);
        all.extend(new.take(limit).map(|(text, count)| Suggestion {
            text,
            what: what.clone(),
            count,
        }));
    }
    all.truncate(limit);
    all
}

/// Values of a field that go on from all that was typed, or from the last word.
fn facets(
    snapshot: &Snapshot,
    field: usize,
    dictionary: &Dictionary,
    whole: &str,
    before: &str,
    last: &str,
) -> Vec<Suggestion> {
    let count = |number: usize| -> u64 {
        let totals = snapshot
            .segments
            .iter()
            .filter_map(|segment| segment.totals[field].get(number));
        totals.map(|total| u64::from(*total)).sum()
    };
    let complete = |(number, value): (usize, &str)| {
        let label = dictionary.field.label_of(value);
        let folded = fold(&label);
        let goes_on = |typed: &str| {
            folded.starts_with(typed) || folded.split(' ').any(|word| word.starts_with(typed))
        };
        let text = if goes_on(whole) {
            label.clone()
        } else if goes_on(last) {
            format!("{before}{label}")
        } else {
            return None;
        };
        let what = Suggested::Facet {
            field: dictionary.field.name.clone(),
            path: value.to_owned(),
            label,
        };
        Some(Suggestion {
            text,
            what,
            count: count(number),
        })
        .filter(|one| one.count > 0)
    };
    dictionary.iter().filter_map(complete).collect()
}

/// Words of a field with this beginning, most frequent first.
fn words(snapshot: &Snapshot, field: Field, prefix: &str) -> Vec<(String, u64)> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for reader in snapshot.searcher.segment_readers() {
        let Ok(words) = reader.inverted_index(field) else {
            continue;
        };
        let Ok(mut stream) = words.terms().range().ge(prefix).into_stream() else {
            continue;
        };
        let mut n = 0;
        while n < MOST_WORDS && stream.advance() && stream.key().starts_with(prefix.as_bytes()) {
            let word = String::from_utf8_lossy(stream.key()).into_owned();
            *counts.entry(word).or_default() += u64::from(stream.value().doc_freq);
            n += 1;
        }
    }
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all
}
