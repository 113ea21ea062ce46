//! Words of a query: names, numbers, texts and signs, without comments.

use super::AdqlError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// A name or keyword, as written.
    Name(String),
    /// A name in double quotes.
    Quoted(String),
    Number(String),
    Text(String),
    Sign(&'static str),
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) word: Word,
    /// Byte of the query where it begins.
    pub(super) at: usize,
}

const SIGNS: [&str; 18] = [
    "<>", "!=", "<=", ">=", "||", "(", ")", ",", ".", "*", "+", "-", "/", "=", "<", ">", ";", "%",
];

pub(super) fn words(query: &str) -> Result<Vec<Token>, AdqlError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = query[at..].chars().next() {
        let rest = &query[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if let Some(n) = comment(rest) {
            at += n;
            continue;
        }
        let (word, n) = match first {
            '\'' | '"' => quoted(query, at, first)?,
            _ if first.is_alphabetic() || first == '_' => {
                let n = length(rest, |c| c.is_alphanumeric() || c == '_' || c == '$');
                (Word::Name(rest[..n].to_owned()), n)
            }
            _ if is_number(rest) => {
                let n = number_length(rest);
                (Word::Number(rest[..n].to_owned()), n)
            }
            _ => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let sign =
                    sign.ok_or_else(|| syntax(query, at, &format!("`{first}` is not understood")))?;
                (Word::Sign(sign), sign.len())
            }
        };
        tokens.push(Token { word, at });
        at += n;
    }
    Ok(tokens)
}

/// An error with its place in the query.
pub(super) fn syntax(query: &str, at: usize, what: &str) -> AdqlError {
    let before = &query[..at.min(query.len())];
    AdqlError::Syntax {
        what: what.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1,
    }
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("--") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let inner = rest.strip_prefix("/*")?;
    Some(inner.find("*/").map_or(rest.len(), |n| n + 4))
}

/// A text or name in quotes, where a doubled quote is one.
fn quoted(query: &str, at: usize, quote: char) -> Result<(Word, usize), AdqlError> {
    let mut text = String::new();
    let mut chars = query[at + 1..].char_indices().peekable();
    while let Some((n, c)) = chars.next() {
        if c != quote {
            text.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
            text.push(quote);
        } else {
            let word = if quote == '"' {
                Word::Quoted(text)
            } else {
                Word::Text(text)
            };
            return Ok((word, n + 2));
        }
    }
    Err(syntax(query, at, "a quote is not closed"))
}

fn is_number(rest: &str) -> bool {
    let digits = rest.strip_prefix('.').unwrap_or(rest);
    digits.starts_with(|c: char| c.is_ascii_digit())
}

fn number_length(rest: &str) -> usize {
    let mut n = length(rest, |c| c.is_ascii_digit() || c == '.');
    if let Some(exponent) = rest[n..].strip_prefix(['e', 'E']) {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let n_digits = length(digits, |c| c.is_ascii_digit());
        if n_digits > 0 {
            n += 1 + (exponent.len() - digits.len()) + n_digits;
        }
    }
    n
}

fn length(rest: &str, is_part: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !is_part(c)).unwrap_or(rest.len())
}
