//! Words that occur nowhere: which they are, and what may have been meant.
//!
//! A word is meant by another when few letters are missing, too many, wrong or swapped. The dictionary of titles is
//! walked by an automaton that follows only what can still become such a word, so its size hardly matters.

use std::collections::HashMap;

use tantivy_fst::Automaton;

use crate::language::{Parsed, shown};
use crate::schema::fields;
use crate::snapshot::Snapshot;
use crate::text::parts;
use crate::words::{Clause, Place, Text, Wanted};

/// Shorter words have too many neighbours.
const SHORTEST: usize = 4;

/// From this length on two letters may be wrong.
const LONG: usize = 8;

/// Longer words are nobody's slip of the pen.
const LONGEST: usize = 40;

/// How many neighbours of a word are looked at in a segment.
const MOST_NEIGHBOURS: usize = 2_000;

/// How many words of a query are corrected.
const MOST_CORRECTED: usize = 4;

/// Leaves out the words that occur nowhere, where others remain, and says so; gives the query with what may have been
/// meant in their place.
pub(crate) fn leave_out_unknown(
    q: &str,
    snapshot: &Snapshot,
    parsed: &mut Parsed,
    texts: &mut [Text],
) -> Option<String> {
    let is_nowhere = |at: usize| texts.iter().all(|text| text.words[at].is_empty());
    let nowhere: Vec<bool> = (0..parsed.words.len()).map(is_nowhere).collect();
    if !nowhere.contains(&true) || texts.is_empty() {
        return None;
    }
    let unknown: Vec<Clause> = among(&parsed.words, &nowhere, true);
    let meant = meant(q, snapshot, &unknown);
    if nowhere.contains(&false) {
        let typed: Vec<String> = unknown.iter().map(|word| shown(&word.typed)).collect();
        let those = if typed.len() == 1 {
            "it was"
        } else {
            "they were"
        };
        parsed.notes.push(format!(
            "nothing has {}, so {those} left out",
            typed.join(", ")
        ));
        parsed.words = among(&parsed.words, &nowhere, false);
        for text in texts {
            text.words = among(&text.words, &nowhere, false);
        }
    }
    if let Some(meant) = &meant {
        parsed.notes.push(format!("did you mean `{meant}`?"));
    }
    meant
}

fn among<T: Clone>(all: &[T], marks: &[bool], mark: bool) -> Vec<T> {
    let marked = all.iter().zip(marks).filter(|(_, is)| **is == mark);
    marked.map(|(one, _)| one.clone()).collect()
}

fn meant(q: &str, snapshot: &Snapshot, unknown: &[Clause]) -> Option<String> {
    let mut text = q.to_owned();
    let is_plain = |clause: &&Clause| {
        clause.place != Place::Name
            && clause
                .any
                .iter()
                .all(|wanted| matches!(wanted, Wanted::Word(_)))
    };
    for clause in unknown.iter().filter(is_plain).take(MOST_CORRECTED) {
        if let Some(word) = nearest(snapshot, &clause.typed) {
            text = text.replacen(&clause.typed, &word, 1);
        }
    }
    (text != q).then_some(text)
}

/// The word of titles that is nearest to one that occurs nowhere, and of those as near the most frequent.
fn nearest(snapshot: &Snapshot, typed: &str) -> Option<String> {
    let folded = parts(typed);
    let [word] = folded.as_slice() else {
        return None;
    };
    let has_letters = word.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !(SHORTEST..=LONGEST).contains(&word.len()) || !has_letters {
        return None;
    }
    let most = if word.len() < LONG { 1 } else { 2 };
    let mut counts: HashMap<String, u64> = HashMap::new();
    for reader in snapshot.searcher.segment_readers() {
        let Ok(words) = reader.inverted_index(fields().title) else {
            continue;
        };
        let neighbours = Neighbours {
            word: word.as_bytes(),
            most,
        };
        let Ok(mut stream) = words.terms().search(neighbours).into_stream() else {
            continue;
        };
        let mut n = 0;
        while n < MOST_NEIGHBOURS && stream.advance() {
            let found = String::from_utf8_lossy(stream.key()).into_owned();
            *counts.entry(found).or_default() += u64::from(stream.value().doc_freq);
            n += 1;
        }
    }
    let best = counts.into_iter().min_by_key(|(found, count)| {
        let away = distance(word.as_bytes(), found.as_bytes());
        (away, std::cmp::Reverse(*count), found.clone())
    });
    best.map(|(found, _)| found)
}

fn distance(word: &[u8], other: &[u8]) -> u8 {
    let all = Neighbours {
        word,
        most: u8::MAX,
    };
    let end = other
        .iter()
        .fold(all.start(), |rows, byte| all.accept(&rows, *byte));
    end.row.last().copied().unwrap_or(u8::MAX)
}

/// Words that differ from one by at most so many letters missing, too many, wrong, or swapped with the next.
struct Neighbours<'a> {
    word: &'a [u8],
    most: u8,
}

/// How far what was read so far is from each beginning of the word; and the same one letter before.
#[derive(Clone)]
struct Rows {
    row: Vec<u8>,
    before: Vec<u8>,
    last: Option<u8>,
}

impl Automaton for Neighbours<'_> {
    type State = Rows;

    fn start(&self) -> Rows {
        let row = (0..=self.word.len()).map(|n| u8::try_from(n).unwrap_or(u8::MAX));
        Rows {
            row: row.collect(),
            before: Vec::new(),
            last: None,
        }
    }

    fn is_match(&self, rows: &Rows) -> bool {
        rows.row.last().is_some_and(|away| *away <= self.most)
    }

    fn can_match(&self, rows: &Rows) -> bool {
        rows.row.iter().any(|away| *away <= self.most)
    }

    fn accept(&self, rows: &Rows, byte: u8) -> Rows {
        let mut row = Vec::with_capacity(rows.row.len());
        row.push(rows.row[0].saturating_add(1));
        for (at, letter) in self.word.iter().enumerate() {
            let wrong = rows.row[at].saturating_add(u8::from(*letter != byte));
            let missing_or_more = rows.row[at + 1].min(row[at]).saturating_add(1);
            let mut away = wrong.min(missing_or_more);
            let is_swapped = at > 0
                && !rows.before.is_empty()
                && self.word[at - 1] == byte
                && rows.last == Some(*letter);
            if is_swapped {
                away = away.min(rows.before[at - 1].saturating_add(1));
            }
            row.push(away);
        }
        Rows {
            row,
            before: rows.row.clone(),
            last: Some(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_missing_too_many_wrong_or_swapped_are_one_away_each() {
        for (word, other, away) in [
            ("smica", "smica", 0),
            ("smcia", "smica", 1),
            ("smca", "smica", 1),
            ("smiica", "smica", 1),
            ("snica", "smica", 1),
            ("likelyhood", "likelihood", 1),
            ("spetcrm", "spectrum", 2),
            ("ca", "abc", 3),
        ] {
            assert_eq!(distance(word.as_bytes(), other.as_bytes()), away, "{word}");
        }
    }
}
