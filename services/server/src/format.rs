//! Numbers as people read them: the same words the scripts use.

use chrono::{DateTime, Utc};

use crate::words::{language, t};

/// A size in decimal units: `2.0 GB`, `48 MB`, `614 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let (value, unit) = scaled(bytes);
    number(value, unit)
}

/// A size that may be unknown.
pub(crate) fn maybe_size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| t("size unknown").into(), size)
}

/// Part of a size, both in the unit of the whole: `1.2 of 2.0 GB`.
pub(crate) fn part_of(done: u64, total: u64) -> String {
    let (total_value, unit) = scaled(total);
    let done_value = done as f64 / divisor(unit);
    let digits = usize::from(total_value < 10.0 && unit != "B");
    let done = decimal(done_value, digits);
    let total = format!("{} {unit}", decimal(total_value, digits));
    t("{done} of {total}")
        .with("done", done)
        .with("total", total)
        .into()
}

fn scaled(bytes: u64) -> (f64, &'static str) {
    let unit = match bytes {
        0..1_000 => "B",
        1_000..1_000_000 => "kB",
        1_000_000..1_000_000_000 => "MB",
        1_000_000_000..1_000_000_000_000 => "GB",
        _ => "TB",
    };
    (bytes as f64 / divisor(unit), unit)
}

fn divisor(unit: &str) -> f64 {
    match unit {
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => 1.0,
    }
}

fn number(value: f64, unit: &str) -> String {
    let digits = usize::from(value < 10.0 && unit != "B");
    format!("{} {unit}", decimal(value, digits))
}

/// A number with so many digits after the point, as the reader's language writes it.
fn decimal(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match language().separators.1 {
        '.' => text,
        point => text.replace('.', &point.to_string()),
    }
}

/// A duration: `40 s`, `6 min`, `2 h 10 min`.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5_400 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A count with thousands separated as the reader's language does: `80,818`.
pub(crate) fn count(n: u64) -> String {
    separated(n, language().separators.0)
}

/// A count within a sentence that is English for everybody.
pub(crate) fn count_in_english(n: u64) -> String {
    separated(n, ',')
}

fn separated(n: u64, separator: char) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// An instant: `2026-11-20 03:10 UTC`.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// How much of a whole, in per cent.
pub(crate) fn percent(done: u64, total: u64) -> u8 {
    let percent = done.min(total).saturating_mul(100).checked_div(total);
    percent
        .and_then(|percent| u8::try_from(percent).ok())
        .unwrap_or(0)
}

/// One or many within a sentence that is English for everybody: `1 file`, `2 files`.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        count_in_english(n),
        if n == 1 { "" } else { "s" }
    )
}

/// A path as it stands in an address.
pub(crate) fn encode_path(path: &str) -> String {
    let steps: Vec<String> = path
        .split('/')
        .map(|step| encode(step).replace('+', "%20"))
        .collect();
    steps.join("/")
}

/// A value as part of a query in an address.
pub(crate) fn encode(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// An error with everything behind it.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_digit_below_ten_and_none_from_there_on() {
        assert_eq!(
            [size(0), size(999), size(2_013_275_520), size(48_000_000)],
            ["0 B", "999 B", "2.0 GB", "48 MB"]
        );
        assert_eq!(part_of(1_200_000_000, 2_013_275_520), "1.2 of 2.0 GB");
        assert_eq!(
            [duration(40), duration(400), duration(7_800)],
            ["40 s", "6 min", "2 h 10 min"]
        );
        assert_eq!(
            [count(7), count(80_818), count(1_000_000)],
            ["7", "80,818", "1,000,000"]
        );
    }
}
