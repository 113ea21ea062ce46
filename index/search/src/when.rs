//! Days as people type them: `2023 001`, `2023-01-01`, `3 January 2023`, `GPS week 2250`, `2250/3`.

use gantry_asset::{Day, DayRange};

/// Satellite navigation began in 1980; a four-digit number outside these years is a resolution or something else.
const YEARS: std::ops::RangeInclusive<i32> = 1980..=2039;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The days that words in a row begin with, and how many of the words say so.
pub(crate) fn when(words: &[&str]) -> Option<(DayRange, usize)> {
    let lower: Vec<String> = words
        .iter()
        .take(5)
        .map(|word| word.trim_end_matches(',').to_lowercase())
        .collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    of_week(&lower)
        .or_else(|| of_month(&lower))
        .or_else(|| of_year(&lower))
        .or_else(|| in_one_word(lower.first()?).map(|days| (days, 1)))
}

/// Whether a word is a year that files of days may be of.
pub(crate) fn is_year(word: &str) -> bool {
    year(word).is_some()
}

/// `week 2250`, `gps week 2250 day 3`, `week 2250/3`.
fn of_week(words: &[&str]) -> Option<(DayRange, usize)> {
    let is_week = |word: &&str| matches!(*word, "week" | "wk" | "gpsweek");
    let at = match words {
        [first, ..] if is_week(first) => 1,
        ["gps", second, ..] if is_week(second) => 2,
        _ => return None,
    };
    let text = words.get(at)?;
    if let Some((week, day)) = text.split_once('/') {
        return Some((of_gps(week, Some(day))?, at + 1));
    }
    match words.get(at + 1..) {
        Some(["day", day, ..]) if number(day).is_some_and(|day| day < 7) => {
            Some((of_gps(text, Some(day))?, at + 3))
        }
        _ => Some((of_gps(text, None)?, at + 1)),
    }
}

fn of_gps(week: &str, day: Option<&str>) -> Option<DayRange> {
    let week = number(week).filter(|week| *week < 10_000)?;
    match day {
        Some(day) => Some(DayRange::of(Day::of_gps_week(week, number(day)?)?)),
        None => Some(DayRange {
            first: Day::of_gps_week(week, 0)?,
            last: Day::of_gps_week(week, 6)?,
        }),
    }
}

/// `3 January 2023`, `January 3, 2023`, `Jan 2023`, `2023 January`.
fn of_month(words: &[&str]) -> Option<(DayRange, usize)> {
    match words {
        [day, month, of, ..] if self::month(month).is_some() && year(of).is_some() => {
            Some((DayRange::of(date(of, month, number(day)?)?), 3))
        }
        [month, day, of, ..] if self::month(month).is_some() && year(of).is_some() => {
            Some((DayRange::of(date(of, month, number(day)?)?), 3))
        }
        [month, of, ..] | [of, month, ..] if self::month(month).is_some() && year(of).is_some() => {
            let first = date(of, month, 1)?;
            let last = (28..=31).rev().find_map(|day| date(of, month, day))?;
            Some((DayRange { first, last }, 2))
        }
        _ => None,
    }
}

fn date(of: &str, month: &str, day: u32) -> Option<Day> {
    let month = self::month(month)?;
    format!("{}-{month:02}-{day:02}", year(of)?).parse().ok()
}

/// The number of a month, by its name or its first three letters.
fn month(word: &str) -> Option<usize> {
    let word = word.trim_end_matches('.');
    let is_it = |name: &str| name == word || (word.len() == 3 && name.starts_with(word));
    MONTHS.iter().position(|name| is_it(name)).map(|at| at + 1)
}

/// `2023 001`, `2023 doy 1`, `doy 001 2023`, `day 1 of 2023`.
fn of_year(words: &[&str]) -> Option<(DayRange, usize)> {
    let is_day = |word: &str| matches!(word, "doy" | "day");
    let (of, day, length) = match words {
        [of, word, day, ..] if is_day(word) && year(of).is_some() => (of, day, 3),
        [word, day, "of", of, ..] if is_day(word) => (of, day, 4),
        [word, day, of, ..] if is_day(word) => (of, day, 3),
        // `2018 100 GHz` is no day.
        [of, day, rest @ ..]
            if day.len() == 3 && rest.first().is_none_or(|unit| !is_unit(unit)) =>
        {
            (of, day, 2)
        }
        _ => return None,
    };
    let day = Day::of_year(year(of)?, number(day)?)?;
    Some((DayRange::of(day), length))
}

fn is_unit(word: &str) -> bool {
    crate::synonyms::synonyms().unit(word).is_some()
}

/// `2023-001`, `2023/001`, `2023-01-01`, `20230101`, `2250/3`, `2023-001..2023-010`.
fn in_one_word(word: &str) -> Option<DayRange> {
    let bytes = word.as_bytes();
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if bytes.len() == 8 && is_digits(word) {
        return in_years(
            format!("{}-{}-{}", &word[..4], &word[4..6], &word[6..])
                .parse()
                .ok()?,
        );
    }
    let parts: Vec<&str> = word.split(['-', '/', '.']).collect();
    if (2..=3).contains(&parts.len()) && parts.iter().all(|part| is_digits(part)) {
        let is_day_of_year = parts.len() == 2 && parts[1].len() == 3;
        let is_date = parts.len() == 3 && parts[1..].iter().all(|part| part.len() == 2);
        if year(parts[0]).is_some() && (is_day_of_year || is_date) {
            return in_years(parts.join("-").parse().ok()?);
        }
        return match parts.as_slice() {
            [week, day]
                if word.contains('/') && day.len() == 1 && (3..=4).contains(&week.len()) =>
            {
                of_gps(week, Some(day))
            }
            _ => None,
        };
    }
    let range: DayRange = word.replace("..", "/").parse().ok()?;
    (range.first != range.last).then_some(range)
}

fn in_years(days: DayRange) -> Option<DayRange> {
    use chrono::Datelike;
    YEARS.contains(&days.first.date().year()).then_some(days)
}

fn year(word: &str) -> Option<i32> {
    let year = i32::try_from(number(word)?).ok()?;
    (word.len() == 4 && YEARS.contains(&year)).then_some(year)
}

/// Digits only.
fn number(word: &str) -> Option<u32> {
    let is_plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| word.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, usize)> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, length) = when(&words)?;
        let text = if days.first == days.last {
            days.first.to_string()
        } else {
            format!("{}/{}", days.first, days.last)
        };
        Some((text, length))
    }

    #[test]
    fn a_day_is_read_however_it_is_written() {
        // 2023-003 was Tuesday, 3 January, day 2 of GPS week 2243 (IGS names of that week).
        for (text, length) in [
            ("2023-003", 1),
            ("2023/003", 1),
            ("2023.003", 1),
            ("2023-01-03", 1),
            ("2023/01/03", 1),
            ("20230103", 1),
            ("2243/2", 1),
            ("2023 003", 2),
            ("2023 003 observations", 2),
            ("2023 doy 3", 3),
            ("doy 003 2023", 3),
            ("day 3 of 2023", 4),
            ("3 January 2023", 3),
            ("Jan 3, 2023", 3),
            ("week 2243 day 2", 4),
            ("GPS week 2243 day 2", 5),
            ("week 2243/2", 2),
        ] {
            assert_eq!(read(text), Some(("2023-003".to_owned(), length)), "{text}");
        }
    }

    #[test]
    fn a_week_and_a_month_are_all_their_days() {
        let of = |days: &str, length| Some((days.to_owned(), length));
        assert_eq!(read("GPS week 2243"), of("2023-001/2023-007", 3));
        assert_eq!(read("wk 2243 orbits"), of("2023-001/2023-007", 2));
        assert_eq!(read("February 2024"), of("2024-032/2024-060", 2));
        assert_eq!(read("2023-001..2023-005"), of("2023-001/2023-005", 1));
    }

    #[test]
    fn numbers_that_are_no_days_are_left_alone() {
        for text in [
            "2018 100 GHz",
            "2048 353",
            "353 2048",
            "100 143",
            "2023",
            "week",
            "week x",
            "day 3",
            "2023 367",
            "2023-02-30",
            "R3.01",
            "3.01",
            "143.25",
            "56.75",
            "12345678",
            "may",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
