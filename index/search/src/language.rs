//! The search language: words, `"phrases"`, `-not`, `field:value`, `prefix*`.
//!
//! Nothing a person types is an error. What cannot be meant as it stands is taken as plain words, and a note says so.

use gantry_asset::{AssetId, vocabulary};

use crate::items::{Item, items};
use crate::proposal::{Proposal, proposal};
use crate::synonyms::{LONGEST_EXPRESSION, synonyms};
use crate::text::{fold, parts};
use crate::when::when;
use crate::words::{Clause, Place, Wanted};

/// The most clauses of one query; what comes after is left out with a note.
const MOST_CLAUSES: usize = 64;

/// The most characters of one query; what comes after is left out with a note.
const MOST_CHARS: usize = 2_000;

/// The most of what was typed that a note repeats.
const MOST_SHOWN: usize = 60;

/// What was typed, as a note repeats it.
pub(crate) fn shown(typed: &str) -> String {
    let mut short: String = typed.chars().take(MOST_SHOWN).collect();
    if short.len() < typed.len() {
        short.push('…');
    }
    format!("`{short}`")
}

/// A query as it was understood.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// All of these are wanted.
    pub(crate) words: Vec<Clause>,
    /// None of these is.
    pub(crate) nots: Vec<Clause>,
    /// `field:value` of facet fields.
    pub(crate) fields: Vec<FieldWord>,
    /// What was typed that may be the whole name of a file or an asset.
    pub(crate) names: Vec<String>,
    /// The parts of all words wanted, in order.
    pub(crate) typed: Vec<String>,
    /// Those and the parts of their synonyms.
    pub(crate) meant: Vec<String>,
    /// How it was understood, where that is not plain.
    pub(crate) notes: Vec<String>,
    /// What it asks for that no asset is.
    pub(crate) proposal: Option<Proposal>,
}

/// `field:value` of a facet field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FieldWord {
    /// Its place in the vocabulary.
    pub(crate) field: usize,
    /// The value as typed.
    pub(crate) typed: String,
    /// Whether it ended in `*`.
    pub(crate) is_prefix: bool,
    /// Whether `-` stood before it.
    pub(crate) negated: bool,
}

/// Understands a query; `is_archive` tells archives' ids from unknown fields in `planck:HFI…`.
pub(crate) fn parse(q: &str, is_archive: &dyn Fn(&str) -> bool) -> Parsed {
    let mut parsed = Parsed::default();
    let short = q.char_indices().nth(MOST_CHARS).map(|(end, _)| &q[..end]);
    if short.is_some() {
        let note = format!("only the first {MOST_CHARS} characters were searched");
        parsed.notes.push(note);
    }
    let q = short
        .unwrap_or(q)
        .replace(['“', '”', '„', '«', '»'], "\"")
        .replace('\0', " ");
    let mut run: Vec<&str> = Vec::new();
    for item in items(&q, &mut parsed.notes) {
        let plain = item.field.is_none() && !item.negated && !item.quoted;
        if plain {
            run.extend(item.text.split('=').filter(|text| !text.is_empty()));
            continue;
        }
        parsed.take_run(&mut run);
        parsed.take_item(&item, is_archive, &mut run);
    }
    parsed.take_run(&mut run);
    parsed.drop_small_words();
    for clauses in [&mut parsed.words, &mut parsed.nots] {
        if clauses.len() > MOST_CLAUSES {
            clauses.truncate(MOST_CLAUSES);
            parsed
                .notes
                .push(format!("only the first {MOST_CLAUSES} words were searched"));
        }
    }
    let whole = fold(q.trim());
    if !whole.is_empty() {
        parsed.names.push(whole);
    }
    parsed.names.dedup();
    parsed.names.truncate(MOST_CLAUSES);
    parsed
}

impl Parsed {
    fn take_item<'a>(
        &mut self,
        item: &Item<'a>,
        is_archive: &dyn Fn(&str) -> bool,
        run: &mut Vec<&'a str>,
    ) {
        let prefix = item.text.strip_suffix('*').filter(|_| !item.quoted);
        let Some(name) = item.field else {
            return self.push(clause_of(item.text, item.quoted), item.negated);
        };
        match name.to_lowercase().as_str() {
            "id" => {
                let name = fold(prefix.unwrap_or(item.text));
                self.names.push(name.clone());
                let wanted = if prefix.is_some() {
                    Wanted::Prefix(name)
                } else {
                    Wanted::Word(name)
                };
                let clause = Clause {
                    typed: item.text.to_owned(),
                    any: vec![wanted],
                    place: Place::Name,
                };
                self.push(clause, item.negated);
            }
            "title" => {
                let clause = Clause {
                    place: Place::Title,
                    ..clause_of(item.text, item.quoted)
                };
                self.push(clause, item.negated);
            }
            lower => match vocabulary()
                .fields
                .iter()
                .position(|field| field.name == lower)
            {
                Some(field) => self.fields.push(FieldWord {
                    field,
                    typed: prefix.unwrap_or(item.text).to_owned(),
                    is_prefix: prefix.is_some(),
                    negated: item.negated,
                }),
                None => self.take_unknown(name, item, is_archive, run),
            },
        }
    }

    /// `planck:HFI_…` is an id; any other unknown field is plain words.
    fn take_unknown<'a>(
        &mut self,
        name: &'a str,
        item: &Item<'a>,
        is_archive: &dyn Fn(&str) -> bool,
        run: &mut Vec<&'a str>,
    ) {
        let whole = format!("{name}:{}", item.text);
        let is_id = is_archive(name) && AssetId::parse(&whole).is_ok();
        if is_id {
            // What is called so, or has these words in this archive: the name of a file is behind its folders in an id.
            self.names.push(fold(&whole));
            let mut clause = clause_of(item.text, true);
            clause.any.iter_mut().for_each(|wanted| {
                let words = std::mem::replace(wanted, Wanted::All(Vec::new()));
                *wanted = Wanted::All(vec![Wanted::Word(fold(name)), words]);
            });
            clause.typed = whole;
            return self.push(clause, item.negated);
        }
        self.notes.push(format!(
            "{} is no field, so it was searched as a word",
            shown(&format!("{name}:"))
        ));
        if item.negated || item.quoted {
            self.push(clause_of(&whole, true), item.negated);
        } else {
            run.extend([name, item.text]);
        }
    }

    fn push(&mut self, clause: Clause, negated: bool) {
        if clause.any.is_empty() {
            return;
        }
        if negated {
            self.nots.push(clause);
        } else {
            if clause.place != Place::Name {
                self.typed.extend(parts(&clause.typed));
                self.meant.extend(parts(&clause.typed));
            }
            self.words.push(clause);
        }
    }

    /// Plain words in a row: expressions with synonyms, quantities, single words.
    fn take_run(&mut self, run: &mut Vec<&str>) {
        if let Some(asked) = proposal(run) {
            self.proposal = Some(asked.proposal);
            *run = asked.rest;
            self.push(clause_of("gaia source", true), false);
        }
        let words: Vec<(&str, Vec<String>)> =
            run.drain(..).map(|word| (word, parts(word))).collect();
        let mut at = 0;
        while at < words.len() {
            let rest = &words[at..];
            let (clause, length) = days(rest)
                .or_else(|| expression(rest))
                .or_else(|| quantity(rest))
                .unwrap_or_else(|| (clause_of(rest[0].0, false), 1));
            let looks_like_a_name = |word: &str| word.contains(|c: char| !c.is_alphanumeric());
            let names = rest[..length]
                .iter()
                .filter(|(word, _)| looks_like_a_name(word));
            self.names.extend(names.map(|(word, _)| fold(word)));
            if clause.says_when() {
                self.words.push(clause);
                at += length;
                continue;
            }
            let synonyms = synonyms()
                .of(&parts(&clause.typed))
                .into_iter()
                .flatten()
                .flatten();
            self.meant.extend(synonyms.cloned());
            self.push(clause, false);
            at += length;
        }
    }

    fn drop_small_words(&mut self) {
        let small = |clause: &Clause| {
            clause.place == Place::Text
                && synonyms()
                    .small_words
                    .contains(&clause.typed.to_lowercase())
        };
        if !self.words.iter().all(small) {
            self.words.retain(|clause| !small(clause));
        }
    }
}

/// The longest expression at the beginning that has synonyms.
fn expression(words: &[(&str, Vec<String>)]) -> Option<(Clause, usize)> {
    (1..=words.len().min(LONGEST_EXPRESSION))
        .rev()
        .find_map(|length| {
            let span = &words[..length];
            if span.iter().any(|(word, _)| word.ends_with('*')) {
                return None;
            }
            let typed: Vec<String> = span
                .iter()
                .flat_map(|(_, parts)| parts.iter().cloned())
                .collect();
            let group = synonyms().of(&typed)?;
            let mut any: Vec<Wanted> = Vec::new();
            for expression in group {
                let wanted = in_a_row(expression.clone());
                any.extend(wanted.filter(|wanted| !any.contains(wanted)));
                let whole = Wanted::Word(expression.concat());
                if expression.len() > 1 && !any.contains(&whole) {
                    any.push(whole);
                }
            }
            Some((
                Clause {
                    typed: text_of(span),
                    any,
                    place: Place::Text,
                },
                length,
            ))
        })
}

/// Nominal days, or the words that say them.
fn days(words: &[(&str, Vec<String>)]) -> Option<(Clause, usize)> {
    let texts: Vec<&str> = words.iter().take(5).map(|(word, _)| *word).collect();
    let (days, length) = when(&texts)?;
    let typed = text_of(&words[..length]);
    let (first, last) = (days.first.number().into(), days.last.number().into());
    let mut any = vec![Wanted::Days(first, last)];
    any.extend(clause_of(&typed, length > 1).any);
    let each = words[..length]
        .iter()
        .flat_map(|(_, parts)| parts.iter().cloned());
    let each: Vec<Wanted> = each.map(Wanted::Word).collect();
    if length > 1 && first == last && each.len() == 2 {
        any.push(Wanted::All(each));
    }
    let place = Place::Text;
    Some((Clause { typed, any, place }, length))
}

/// A number and its unit, `100 GHz`, `30s` or `NSIDE 2048`.
fn quantity(words: &[(&str, Vec<String>)]) -> Option<(Clause, usize)> {
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (first, second, length) = match words {
        [(_, first), (_, second), ..] if first.len() == 1 && second.len() == 1 => {
            (first[0].as_str(), second[0].as_str(), 2)
        }
        [(_, both), ..] if both.len() == 2 => (both[0].as_str(), both[1].as_str(), 1),
        _ => ("", "", 0),
    };
    let phrase =
        |first: &str, second: &str| Wanted::Phrase(vec![first.to_owned(), second.to_owned()]);
    let any =
        if length > 0 && synonyms().units.before_number.contains_key(first) && is_number(second) {
            vec![phrase(first, second)]
        } else if let Some(unit) = synonyms()
            .unit(second)
            .filter(|_| length > 0 && is_number(first))
        {
            vec![phrase(first, unit), Wanted::Word(format!("{first}{unit}"))]
        } else {
            // `30s` stays one part, since `23d` does.
            let [only] = words.first()?.1.as_slice() else {
                return None;
            };
            let (number, unit) = only.split_at(only.bytes().take_while(u8::is_ascii_digit).count());
            let unit = synonyms().unit(unit).filter(|_| !number.is_empty())?;
            let any = vec![Wanted::Word(only.clone()), phrase(number, unit)];
            let typed = text_of(&words[..1]);
            let place = Place::Text;
            return Some((Clause { typed, any, place }, 1));
        };
    let typed = text_of(&words[..length]);
    let place = Place::Text;
    Some((Clause { typed, any, place }, length))
}

fn text_of(words: &[(&str, Vec<String>)]) -> String {
    words
        .iter()
        .map(|(word, _)| *word)
        .collect::<Vec<_>>()
        .join(" ")
}

/// One word or one phrase; nothing to look for when it holds neither letter nor digit.
fn clause_of(text: &str, quoted: bool) -> Clause {
    let mut any = Vec::new();
    let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
    let all = parts(text);
    if !quoted && text.ends_with('*') && !bare.is_empty() {
        any.push(Wanted::Prefix(fold(bare)));
    } else {
        if all.len() > 1 && !bare.contains(char::is_whitespace) {
            any.push(Wanted::Word(fold(bare)));
        }
        any.extend(in_a_row(all));
    }
    Clause {
        typed: text.to_owned(),
        any,
        place: Place::Text,
    }
}

fn in_a_row(mut parts: Vec<String>) -> Option<Wanted> {
    parts.truncate(32);
    match parts.len() {
        0 => None,
        1 => parts.pop().map(Wanted::Word),
        _ => Some(Wanted::Phrase(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(q: &str) -> Parsed {
        parse(q, &|name| name == "planck")
    }

    fn typed(clauses: &[Clause]) -> Vec<&str> {
        clauses.iter().map(|clause| clause.typed.as_str()).collect()
    }

    #[test]
    fn words_phrases_nots_fields_and_prefixes_are_told_apart() {
        let parsed =
            read(r#"HFI "common mask" -smica band:"100 GHz" -split:full likeli* title:map"#);
        assert_eq!(
            typed(&parsed.words),
            ["HFI", "common mask", "likeli*", "map"]
        );
        assert_eq!(typed(&parsed.nots), ["smica"]);
        assert_eq!(parsed.fields.len(), 2);
        assert_eq!(parsed.fields[0].typed, "100 GHz");
        assert!(parsed.fields[1].negated);
        assert!(parsed.notes.is_empty(), "{:?}", parsed.notes);
        assert!(
            parsed.words[2]
                .any
                .contains(&Wanted::Prefix("likeli".to_owned()))
        );
    }

    #[test]
    fn a_number_and_its_unit_are_one() {
        assert_eq!(
            typed(&read("HFI 100 GHz nside 2048 maps").words),
            ["HFI", "100 GHz", "nside 2048", "maps"]
        );
    }

    #[test]
    fn a_unit_may_be_written_in_several_ways() {
        let phrase =
            |number: &str, unit: &str| Wanted::Phrase(vec![number.to_owned(), unit.to_owned()]);
        for q in ["30 s", "30 seconds", "30s", "30sec", "30S"] {
            assert!(read(q).words[0].any.contains(&phrase("30", "s")), "{q}");
        }
        assert!(read("5 minutes").words[0].any.contains(&phrase("5", "min")));
        assert!(read("1 Hz").words[0].any.contains(&phrase("1", "s")));
        assert_eq!(typed(&read("nside=2048 353").words), ["nside 2048", "353"]);
    }

    #[test]
    fn days_are_read_as_days_and_as_the_words_they_are() {
        let parsed = read("BRUX 2023 001");
        assert_eq!(typed(&parsed.words), ["BRUX", "2023 001"]);
        assert!(matches!(parsed.words[1].any[0], Wanted::Days(first, last) if first == last));
        assert_eq!(typed(&read("2018 100 GHz").words), ["2018", "100 GHz"]);
        let week = read("final orbits GPS week 2250");
        assert_eq!(typed(&week.words), ["final", "orbits", "GPS week 2250"]);
        assert!(matches!(week.words[2].any[0], Wanted::Days(first, last) if last - first == 6));
    }

    #[test]
    fn synonyms_take_the_longest_expression() {
        let parsed = read("cosmic microwave background map");
        assert_eq!(typed(&parsed.words), ["cosmic microwave background", "map"]);
        assert!(
            parsed.words[0]
                .any
                .contains(&Wanted::Word("cmb".to_owned()))
        );
    }

    #[test]
    fn an_unknown_field_is_words_with_a_note_and_an_id_is_not() {
        let parsed = read("colour:red planck:HFI_SkyMap.fits");
        assert_eq!(
            parsed.notes,
            ["`colour:` is no field, so it was searched as a word"]
        );
        assert_eq!(
            typed(&parsed.words),
            ["colour", "red", "planck:HFI_SkyMap.fits"]
        );
        assert!(parsed.names.contains(&"planck:hfi_skymap.fits".to_owned()));
    }

    #[test]
    fn a_lost_quotation_mark_is_a_note() {
        let parsed = read("\"common mask");
        assert_eq!(typed(&parsed.words), ["common mask"]);
        assert_eq!(parsed.notes.len(), 1);
    }

    #[test]
    fn small_words_do_not_count_beside_others() {
        assert_eq!(typed(&read("map of the CMB").words), ["map", "CMB"]);
        assert_eq!(typed(&read("the").words), ["the"]);
    }

    #[test]
    fn signs_alone_look_for_nothing() {
        for q in [
            "", "  ", "-", "--", "*", ":", "::", "\"\"", "\"", "-\"", "()", "id:", "a:",
        ] {
            assert!(read(q).nots.is_empty(), "{q}");
        }
    }
}
