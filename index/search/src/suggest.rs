//! Completions of what is being typed: facet values, names, words.

use std::collections::{HashMap, HashSet};

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tantivy::schema::Field;
use tantivy_fst::Automaton;

use crate::error::SearchError;
use crate::execute::Run;
use crate::facets::Dictionary;
use crate::names::{Named, Rest};
use crate::query::{Query, Suggested, Suggestion};
use crate::schema::fields;
use crate::snapshot::Snapshot;
use crate::text::fold;

/// How many words of a field are looked at per segment.
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
    let (mut all, mut last): (Vec<Suggestion>, Vec<Suggestion>) = (Vec::new(), Vec::new());
    for (field, dictionary) in snapshot.dictionaries.iter().enumerate() {
        let of_field = facets(&everything, field, dictionary, &typed);
        all.extend(of_field.0);
        last.extend(of_field.1);
    }
    // What goes on from all that was typed says more than what goes on from its last word.
    for several in [&mut all, &mut last] {
        several.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    }
    all.append(&mut last);
    if !before.is_empty() {
        // Of those that many have, some have nothing of what stands before.
        all.truncate(limit);
        let texts = all.iter().map(|one| one.text.clone()).collect();
        let counts = found(snapshot, texts)?;
        for (one, (_, count)) in all.iter_mut().zip(counts) {
            one.count = count;
        }
        all.retain(|one| one.count > 0);
    }
    all.truncate(limit.div_ceil(2));
    let mut taken: HashSet<String> = all.iter().map(|one| fold(&one.text)).collect();
    taken.insert(typed.whole.clone());
    // Beside other words some are found nowhere.
    let tried = if before.is_empty() { limit } else { 2 * limit };
    let mut begun: Vec<(String, Suggested)> = Vec::new();
    for (words, what) in [
        (words(snapshot, &typed.last), Suggested::Word),
        (names(snapshot, &typed.last), Suggested::Name),
    ] {
        let texts = words.into_iter().map(|word| format!("{before}{word}"));
        let new = texts.filter(|text| taken.insert(fold(text)));
        let room = tried.saturating_sub(all.len() + begun.len());
        begun.extend(new.take(room).map(|text| (text, what.clone())));
    }
    let (texts, whats): (Vec<_>, Vec<_>) = begun.into_iter().unzip();
    let counted = found(snapshot, texts)?.into_iter().zip(whats);
    all.extend(counted.map(|((text, count), what)| Suggestion { text, what, count }));
    all.retain(|one| one.count > 0);
    all.truncate(limit);
    Ok(all)
}

/// How many one finds who searches for each of some texts; none where its words, but for those that occur nowhere, are
/// nowhere together.
fn found(snapshot: &Snapshot, texts: Vec<String>) -> Result<Vec<(String, u64)>, SearchError> {
    let one = |text: String| {
        let query = Query {
            q: text,
            ..Query::default()
        };
        let run = Run::new(snapshot, &query)?;
        let n = if run.any_word { 0 } else { run.total() };
        drop(run);
        Ok((query.q, n))
    };
    texts.into_par_iter().map(one).collect()
}

/// Values of a field that go on from all that was typed, and others that go on from the last word.
fn facets(
    everything: &Run<'_>,
    field: usize,
    dictionary: &Dictionary,
    typed: &Typed<'_>,
) -> (Vec<Suggestion>, Vec<Suggestion>) {
    let whole: Vec<usize> = dictionary.begun_by(&typed.whole).collect();
    let last = dictionary
        .begun_by(&typed.last)
        .filter(|number| whole.binary_search(number).is_err());
    let last: Vec<usize> = last.collect();
    if whole.is_empty() && last.is_empty() {
        return Default::default();
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
    let all = |numbers: Vec<usize>, before: &str| {
        let all = numbers.into_iter().map(|number| complete(number, before));
        all.filter(|one| one.count > 0).collect()
    };
    (all(whole, ""), all(last, typed.before))
}

/// Words of titles with this beginning, most frequent first.
///
/// Only words of letters go on, unless digits were typed: identifiers would fill the list before the words.
fn words(snapshot: &Snapshot, prefix: &str) -> Vec<String> {
    let goes_on = GoesOn {
        prefix: prefix.as_bytes(),
        letters_only: prefix.chars().all(char::is_alphabetic),
    };
    let mut counts = HashMap::new();
    count(
        snapshot,
        fields().title,
        &goes_on,
        str::to_owned,
        &mut counts,
    );
    by_frequency(counts)
}

/// Names with this beginning, most frequent first.
fn names(snapshot: &Snapshot, prefix: &str) -> Vec<String> {
    let mut counts = HashMap::new();
    for named in Named::both(prefix, Rest::Any) {
        let called = |key: &str| named.called(key).to_owned();
        count(snapshot, named.field(), &named, called, &mut counts);
    }
    by_frequency(counts)
}

/// Counts the documents of the words of a field that an automaton takes, by what the words are called.
fn count<A: Automaton>(
    snapshot: &Snapshot,
    field: Field,
    automaton: &A,
    called: impl Fn(&str) -> String,
    counts: &mut HashMap<String, u64>,
) where
    A::State: Clone,
{
    for reader in snapshot.searcher.segment_readers() {
        let Ok(words) = reader.inverted_index(field) else {
            continue;
        };
        let Ok(mut stream) = words.terms().search(automaton).into_stream() else {
            continue;
        };
        let mut n = 0;
        while n < MOST_WORDS && stream.advance() {
            let word = called(&String::from_utf8_lossy(stream.key()));
            *counts.entry(word).or_default() += u64::from(stream.value().doc_freq);
            n += 1;
        }
    }
}

fn by_frequency(counts: HashMap<String, u64>) -> Vec<String> {
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
