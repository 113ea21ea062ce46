//! From text to tokens, the same for documents and for what a person types.
//!
//! Text falls into *chunks*, runs of letters, digits and `_ - . + ~ /`: `HFI_SkyMap_100_2048_R3.01_full.fits`,
//! `353-psb`, `100GHz`. A chunk that is not long is indexed whole, lower-cased and without accents, and in *parts*, split at its
//! signs and, where that helps, between letters and digits (`100GHz` → `100`, `ghz`; `R3` stays `r3`). Parts stand
//! at consecutive positions, so a typed identifier is found as a phrase inside a longer one; the whole stands at
//! the position of its first part. `SkyMap` is also `sky` and `map`, `030` also `30`, and a plural its singular.

use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer};

/// The name the analyzer is registered under.
pub(crate) const ANALYZER: &str = "gantry";

/// Chunks of more bytes than this are indexed in parts only: most stand in one document alone, where their parts in a row
/// find it as well, and as names they are whole.
const LONGEST_WHOLE: usize = 24;

/// Few tokens stand at one place; of more, some may stand there twice.
const AT_ONE_PLACE: usize = 8;

/// The analyzer of all text fields.
pub(crate) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::from(Identifiers::default())
}

/// One token with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) position: usize,
}

/// All tokens of a text, as they are indexed.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut all = Pieces::default();
    all.read(text);
    let piece = |span: &Span| Piece {
        text: all.folded[span.start..span.end].to_owned(),
        position: span.position,
    };
    all.spans.iter().map(piece).collect()
}

/// The parts of a text in order: what is looked for, as a phrase when there are several.
pub(crate) fn parts(text: &str) -> Vec<String> {
    chunks(text)
        .flat_map(alphanumeric_runs)
        .flat_map(split_run)
        .map(|part| {
            let mut folded = fold(part);
            let (stays, ending) = singular(&folded);
            folded.truncate(stays);
            folded + ending
        })
        .collect()
}

/// Lower case, without accents.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

fn fold_into(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        out[start..].make_ascii_lowercase();
        return;
    }
    for c in text.chars().flat_map(char::to_lowercase) {
        match plain_letters(c) {
            Some(letters) => out.push_str(letters),
            None => out.push(c),
        }
    }
}

/// The tokens of a text: where each stands in a buffer that all share, since most documents have a hundred.
#[derive(Debug, Clone, Default)]
struct Pieces {
    folded: String,
    spans: Vec<Span>,
    position: usize,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    position: usize,
}

/// In which form a word is a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Itself,
    Singular,
}

impl Pieces {
    /// Reads another text.
    fn read(&mut self, text: &str) {
        self.folded.clear();
        self.spans.clear();
        self.position = 0;
        chunks(text).for_each(|chunk| self.push_chunk(chunk));
    }

    fn push_chunk(&mut self, chunk: &str) {
        let is_split = alphanumeric_runs(chunk).nth(1).is_some();
        if is_split && chunk.len() <= LONGEST_WHOLE {
            self.push(chunk, Form::Itself);
        }
        for run in alphanumeric_runs(chunk) {
            let parts = split_run(run);
            if parts.clone().nth(1).is_some() {
                self.push(run, Form::Itself);
            }
            for part in parts {
                self.push_part(part);
                self.position += 1;
            }
        }
    }

    fn push_part(&mut self, part: &str) {
        if part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()) {
            self.push(part.trim_start_matches('0'), Form::Itself);
        }
        for hump in humps(part) {
            self.push(hump, Form::Singular);
        }
        self.push(part, Form::Singular);
    }

    /// Adds a token, folded, unless it stands at this place already, which is the last or a new one.
    fn push(&mut self, text: &str, form: Form) {
        let start = self.folded.len();
        fold_into(text, &mut self.folded);
        if form == Form::Singular {
            let (stays, ending) = singular(&self.folded[start..]);
            self.folded.truncate(start + stays);
            self.folded.push_str(ending);
        }
        let end = self.folded.len();
        let mut here = self
            .spans
            .iter()
            .rev()
            .take(AT_ONE_PLACE)
            .take_while(|span| span.position == self.position);
        let new = &self.folded[start..];
        if new.is_empty() || here.any(|span| self.folded[span.start..span.end] == *new) {
            self.folded.truncate(start);
        } else {
            self.spans.push(Span {
                start,
                end,
                position: self.position,
            });
        }
    }
}

/// Maximal runs of letters, digits and signs of identifiers, without signs at either end.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let sign = |c: char| matches!(c, '_' | '-' | '.' | '+' | '~' | '/');
    text.split(move |c: char| !(c.is_alphanumeric() || sign(c) || is_combining(c)))
        .map(move |chunk| chunk.trim_matches(sign))
        .filter(|chunk| !chunk.is_empty())
}

fn alphanumeric_runs(chunk: &str) -> impl Iterator<Item = &str> {
    chunk
        .split(|c: char| !(c.is_alphanumeric() || is_combining(c)))
        .filter(|run| !run.is_empty())
}

/// Splits `100GHz` and `psz2` between letters and digits; leaves `R3`, `PR4`, `23d` as they are.
fn split_run(run: &str) -> impl Iterator<Item = &str> + Clone {
    let digits = run.bytes().take_while(u8::is_ascii_digit).count();
    let letters = run[digits..]
        .chars()
        .take_while(|c| !c.is_ascii_digit())
        .map(char::len_utf8)
        .sum::<usize>();
    let at = match (digits, letters) {
        (0, letters) if letters >= 3 && letters < run.len() => letters,
        (digits, letters) if digits > 0 && letters >= 2 => digits,
        _ => run.len(),
    };
    let (head, tail) = run.split_at(at);
    [head, tail].into_iter().filter(|part| !part.is_empty())
}

/// The humps of `SkyMap`, each of three letters at least; nothing when there is only one.
fn humps(part: &str) -> Vec<&str> {
    let bytes = part.as_bytes();
    let mut borders = (1..bytes.len())
        .filter(|&i| bytes[i - 1].is_ascii_lowercase() && bytes[i].is_ascii_uppercase())
        .peekable();
    if borders.peek().is_none() || !part.is_ascii() {
        return Vec::new();
    }
    let ends = borders.chain([bytes.len()]).collect::<Vec<_>>();
    let starts = [0].into_iter().chain(ends.iter().copied());
    starts
        .zip(&ends)
        .map(|(from, to)| &part[from..*to])
        .filter(|hump| hump.len() >= 3)
        .collect()
}

/// How much of a word stays in its singular, and what follows: `maps` → `map`, `frequencies` → `frequenc` and `y`; short
/// words and `-ss`, `-us`, `-is` stay.
fn singular(word: &str) -> (usize, &'static str) {
    let is_plural = !["series", "species"].contains(&word);
    let is_word = is_plural && word.len() >= 4 && word.bytes().all(|b| b.is_ascii_lowercase());
    if !is_word || !word.ends_with('s') || ["ss", "us", "is"].iter().any(|end| word.ends_with(end))
    {
        (word.len(), "")
    } else if word.len() >= 6 && word.ends_with("ies") {
        (word.len() - 3, "y")
    } else {
        (word.len() - 1, "")
    }
}

fn is_combining(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// The plain letters of a lower-case letter with an accent, or of a ligature.
fn plain_letters(c: char) -> Option<&'static str> {
    Some(match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ł' | 'ĺ' | 'ļ' | 'ľ' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'ŕ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' => "s",
        'ţ' | 'ť' | 'ț' => "t",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'µ' | 'μ' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'æ' => "ae",
        'œ' => "oe",
        'ß' => "ss",
        c if is_combining(c) => "",
        _ => return None,
    })
}

/// The tokenizer behind [`analyzer`]; what it reads one text into serves for the next.
#[derive(Clone, Default)]
struct Identifiers {
    pieces: Pieces,
}

impl Tokenizer for Identifiers {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        self.pieces.read(text);
        Stream {
            pieces: &self.pieces,
            next: 0,
            token: Token::default(),
        }
    }
}

struct Stream<'a> {
    pieces: &'a Pieces,
    next: usize,
    token: Token,
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some(span) = self.pieces.spans.get(self.next) else {
            return false;
        };
        self.next += 1;
        self.token.text.clear();
        self.token
            .text
            .push_str(&self.pieces.folded[span.start..span.end]);
        self.token.position = span.position;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        pieces(text)
            .into_iter()
            .map(|piece| format!("{}@{}", piece.text, piece.position))
            .collect()
    }

    #[test]
    fn an_identifier_is_indexed_whole_and_in_parts_at_consecutive_places() {
        let all = texts("HFI_SkyMap_030_R3.01");
        for one in [
            "hfi_skymap_030_r3.01@0",
            "hfi@0",
            "skymap@1",
            "sky@1",
            "map@1",
            "030@2",
            "30@2",
            "r3@3",
            "01@4",
        ] {
            assert!(all.contains(&one.to_owned()), "{one} is not among {all:?}");
        }
        let long = texts("HFI_SkyMap_030_1024_R3.01_full");
        assert!(long.iter().all(|one| !one.contains('_')), "{long:?}");
        assert_eq!(parts("HFI_SkyMap_030"), ["hfi", "skymap", "030"]);
    }

    #[test]
    fn units_part_from_their_numbers_and_releases_do_not() {
        assert_eq!(parts("143ghz"), ["143", "ghz"]);
        assert_eq!(parts("100 GHz"), ["100", "ghz"]);
        assert_eq!(parts("PR4 R3.01 23d"), ["pr4", "r3", "01", "23d"]);
        assert_eq!(parts("PSZ2"), ["psz", "2"]);
        assert!(texts("PSZ2").contains(&"psz2@0".to_owned()));
    }

    #[test]
    fn case_accents_and_plurals_fold() {
        assert_eq!(
            parts("Écarts-Types Ångström µK mask̀s"),
            ["ecart", "type", "angstrom", "uk", "mask"]
        );
    }
}
