//! Cards: the 80-character records of a FITS header.

use super::FitsError;

/// Bytes of a card.
pub const CARD_BYTES: usize = 80;

/// What a card says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `T` or `F`.
    Logical(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent, or too large for an `i64`.
    Float(f64),
    /// A string, trailing blanks taken off, CONTINUE cards joined.
    Text(String),
    /// The text of COMMENT, HISTORY, a blank keyword, or a card without `= `.
    Commentary(String),
    /// `= ` with nothing behind it.
    Undefined,
    /// Anything else, as it stands, such as a complex number.
    Other(String),
}

/// One card.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The keyword without trailing blanks; of a HIERARCH card, the words behind HIERARCH.
    pub keyword: String,
    /// Its value.
    pub value: Value,
    /// What stands behind the slash.
    pub comment: Option<String>,
}

impl Card {
    /// A card to be written.
    pub fn new(keyword: &str, value: Value) -> Self {
        Self {
            keyword: keyword.to_owned(),
            value,
            comment: None,
        }
    }

    /// A card with a text value, to be written.
    pub fn text(keyword: &str, value: &str) -> Self {
        Self::new(keyword, Value::Text(value.to_owned()))
    }

    /// A card with a whole number, to be written.
    pub fn int(keyword: &str, value: i64) -> Self {
        Self::new(keyword, Value::Integer(value))
    }

    /// The same card with a comment behind the value.
    #[must_use]
    pub fn with_comment(mut self, comment: &str) -> Self {
        self.comment = Some(comment.to_owned());
        self
    }

    /// Reads the 80 bytes of a card. Bytes outside of UTF-8 become replacement characters.
    pub fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        if let Some(rest) = text.strip_prefix("HIERARCH ")
            && let Some((words, field)) = rest.split_once('=')
        {
            return Self::with_field(words.trim(), field);
        }
        let keyword_end = bytes.len().min(8);
        let keyword = String::from_utf8_lossy(&bytes[..keyword_end]);
        let rest = String::from_utf8_lossy(&bytes[keyword_end..]);
        match rest.strip_prefix("= ") {
            Some(field) => Self::with_field(keyword.trim_end(), field),
            None => Self::new(
                keyword.trim_end(),
                Value::Commentary(rest.trim_end().to_owned()),
            ),
        }
    }

    /// Joins a CONTINUE card to this one, if this one ends in `&` and that one holds a string.
    pub(crate) fn continue_with(&mut self, next: &Self) -> bool {
        let (Value::Text(text), Value::Commentary(field)) = (&mut self.value, &next.value) else {
            return false;
        };
        if next.keyword != "CONTINUE" || !text.ends_with('&') {
            return false;
        }
        let Some((more, comment)) = read_text(field.trim_start()) else {
            return false;
        };
        text.pop();
        text.push_str(&more);
        if let Some(comment) = comment {
            let whole = self.comment.get_or_insert_default();
            if !whole.is_empty() {
                whole.push(' ');
            }
            whole.push_str(&comment);
        }
        true
    }

    fn with_field(keyword: &str, field: &str) -> Self {
        let (value, comment) = read_field(field);
        Self {
            keyword: keyword.to_owned(),
            value,
            comment,
        }
    }

    /// The 80 bytes of the card.
    ///
    /// # Errors
    /// [`FitsError::Unwritable`] when keyword or value do not fit, or are not ASCII.
    pub fn encode(&self) -> Result<[u8; CARD_BYTES], FitsError> {
        let body = match &self.value {
            Value::Logical(value) => format!("= {:>20}", if *value { "T" } else { "F" }),
            Value::Integer(value) => format!("= {value:>20}"),
            Value::Float(value) => format!("= {:>20}", float_text(*value)),
            Value::Text(text) => format!("= {:<20}", quoted(text)),
            Value::Other(text) => format!("= {text:>20}"),
            Value::Undefined => "= ".to_owned(),
            Value::Commentary(text) => text.clone(),
        };
        let mut line = format!("{:<8}{body}", self.keyword);
        if self.keyword.len() > 8 || line.len() > CARD_BYTES || !line.is_ascii() {
            let reason = format!("the card `{line}` is longer than 80 characters or not ASCII");
            return Err(FitsError::Unwritable { reason });
        }
        if let Some(comment) = self.comment.as_deref().filter(|text| text.is_ascii()) {
            line.push_str(" / ");
            line.push_str(comment);
        }
        let mut card = [b' '; CARD_BYTES];
        let n = line.len().min(CARD_BYTES);
        card[..n].copy_from_slice(&line.as_bytes()[..n]);
        Ok(card)
    }
}

fn quoted(text: &str) -> String {
    // A string shorter than eight characters is padded, as the standard asks for XTENSION.
    format!("'{:<8}'", text.replace('\'', "''"))
}

fn float_text(value: f64) -> String {
    let text = format!("{value:E}");
    let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}E{sign}{exponent}")
}

fn read_field(field: &str) -> (Value, Option<String>) {
    let field = field.trim_start();
    if let Some((text, comment)) = read_text(field) {
        return (Value::Text(text), comment);
    }
    let (value, comment) = match field.split_once('/') {
        Some((value, comment)) => (value.trim(), Some(comment.trim().to_owned())),
        None => (field.trim(), None),
    };
    (read_plain(value), comment)
}

/// A quoted string and the comment behind it; a missing closing quote is forgiven.
fn read_text(field: &str) -> Option<(String, Option<String>)> {
    let mut rest = field.strip_prefix('\'')?;
    let mut text = String::new();
    loop {
        match rest.split_once('\'') {
            Some((before, after)) => {
                text.push_str(before);
                match after.strip_prefix('\'') {
                    Some(more) => {
                        text.push('\'');
                        rest = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            None => {
                text.push_str(rest);
                rest = "";
                break;
            }
        }
    }
    text.truncate(text.trim_end_matches(' ').len());
    let comment = rest.split_once('/').map(|(_, text)| text.trim().to_owned());
    Some((text, comment))
}

fn read_plain(text: &str) -> Value {
    match text {
        "" => return Value::Undefined,
        "T" => return Value::Logical(true),
        "F" => return Value::Logical(false),
        _ => {}
    }
    if let Ok(value) = text.parse() {
        return Value::Integer(value);
    }
    read_float(text).map_or_else(|| Value::Other(text.to_owned()), Value::Float)
}

/// A FITS real: `D` may stand for `E`; `inf` and `nan` are not numbers here.
pub(crate) fn read_float(text: &str) -> Option<f64> {
    let numeric =
        |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'E' | 'D' | 'e' | 'd');
    if !text.chars().all(numeric) {
        return None;
    }
    text.replace(['D', 'd'], "E").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(text: &str) -> Card {
        Card::read(format!("{text:<80}").as_bytes())
    }

    #[test]
    fn values_are_told_by_their_form() {
        assert_eq!(
            card("SIMPLE  =                    T").value,
            Value::Logical(true)
        );
        assert_eq!(
            card("NAXIS   =                    2 / axes").value,
            Value::Integer(2)
        );
        assert_eq!(
            card("BAD_DATA=         -1.6375D+30").value,
            Value::Float(-1.6375e30)
        );
        assert_eq!(card("BLANKED =x").value, Value::Commentary("=x".into()));
        assert_eq!(card("BLANKED = / nothing").value, Value::Undefined);
        assert_eq!(
            card("COMPLEX = (1.0, 2.0)").value,
            Value::Other("(1.0, 2.0)".into())
        );
    }

    #[test]
    fn a_string_keeps_its_quotes_and_slashes() {
        let read = card("OBJECT  = 'O''Neill/x  '  / who");
        assert_eq!(read.value, Value::Text("O'Neill/x".into()));
        assert_eq!(read.comment.as_deref(), Some("who"));
    }

    #[test]
    fn hierarch_words_are_the_keyword() {
        let read = card("HIERARCH ESO INS NAME = 'UVES' / instrument");
        assert_eq!(read.keyword, "ESO INS NAME");
        assert_eq!(read.value, Value::Text("UVES".into()));
    }

    #[test]
    fn what_is_written_reads_back() {
        for value in [
            Value::Logical(false),
            Value::Integer(-7),
            Value::Float(-1.6375e30),
            Value::Float(100.0),
            Value::Text("it's".into()),
        ] {
            let written = Card::new("KEY", value).with_comment("a comment");
            assert_eq!(Card::read(&written.encode().unwrap()), written);
        }
    }
}
