//! Names of data: RINEX 2 and RINEX 3 and 4.

use chrono::TimeDelta;

use super::{Name, Period, day_of_year, is_word, moment, number};
use crate::calendar;
use crate::vocabulary;

/// `SSSSMRCCC_S_YYYYDDDHHMM_LEN[_SMP]_TY.ext`, in capitals.
///
/// `SSSSMRCCC_S_YYYYDDDHHMM_LEN[_SMP]_TY.zip` and the like, without an extension of their own, are read too.
pub(super) fn long(name: &str) -> Option<Name> {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let words: Vec<&str> = stem.split('_').collect();
    let (station, source, start, span, sampling, kind) = match words.as_slice() {
        [station, source, start, span, kind] => (station, source, start, span, None, kind),
        [station, source, start, span, sampling, kind] => {
            (station, source, start, span, Some(sampling), kind)
        }
        _ => return None,
    };
    let (system, content) = (kind.chars().next()?, content_of(kind.get(1..)?)?);
    let is_good = is_word(station, 9)
        && matches!(*source, "R" | "S" | "U")
        && matches!(extension, "" | "RNX" | "CRX")
        && vocabulary::constellation(system).is_some();
    let sampling = match sampling {
        Some(text) => Some(Period::parse(text)?),
        None => None,
    };
    is_good.then_some(())?;
    Some(Name {
        content: Some(content.to_owned()),
        station: Some((*station).to_owned()),
        source: source.chars().next(),
        start: Some(moment(start)?),
        span: Some(Period::parse(span)?),
        sampling,
        system: Some(system).filter(|_| content != "MET"),
        is_compact: extension == "CRX",
        format: Some("RINEX".to_owned()),
        ..Name::default()
    })
}

fn content_of(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "O" => "OBS",
        "N" => "NAV",
        "M" => "MET",
        _ => return None,
    })
}

/// `ssssdddf.yyt`, `ssssdddhmm.yyt`, in capitals: `0` is the whole day, a letter an hour, `h00` to `h45` a quarter.
pub(super) fn short(name: &str) -> Option<Name> {
    let (stem, end) = name.split_once('.')?;
    let (year, kind) = end.split_at_checked(2)?;
    let (station, rest) = stem.split_at_checked(4)?;
    let (day, session) = rest.split_at_checked(3)?;
    let (content, system, is_compact) = kind_of(kind)?;
    let day = day_of_year(year, day).filter(|_| year.len() == 2 && is_word(station, 4))?;
    let (minutes, span) = session_of(session)?;
    Some(Name {
        content: Some(content.to_owned()),
        station: Some(station.to_owned()),
        start: calendar::midnight(day).checked_add_signed(TimeDelta::minutes(minutes)),
        span: Some(span),
        rinex_version: Some(2),
        system,
        is_compact,
        is_short: true,
        format: Some("RINEX 2".to_owned()),
        ..Name::default()
    })
}

/// Content, constellation and packing of the last letter; `e` is Compact RINEX in a DOS archive.
fn kind_of(letter: &str) -> Option<(&'static str, Option<char>, bool)> {
    Some(match letter {
        "O" => ("OBS", None, false),
        "D" | "E" => ("OBS", None, true),
        "N" => ("NAV", Some('G'), false),
        "G" => ("NAV", Some('R'), false),
        "L" => ("NAV", Some('E'), false),
        "Q" => ("NAV", Some('J'), false),
        "H" => ("NAV", Some('S'), false),
        "F" => ("NAV", Some('C'), false),
        "P" => ("NAV", Some('M'), false),
        "M" => ("MET", None, false),
        _ => return None,
    })
}

/// The minute of the day at which a session begins, and how long it is.
fn session_of(session: &str) -> Option<(i64, Period)> {
    let (hour, minute) = session.split_at_checked(1)?;
    let letter = hour.bytes().next()?;
    match (letter, minute) {
        (b'0', "") => Some((0, Period::new(1, 'D'))),
        (b'A'..=b'X', "") => Some((i64::from(letter - b'A') * 60, Period::new(1, 'H'))),
        (b'A'..=b'X', minute) if minute.len() == 2 => {
            let minute = number(minute).filter(|minute| *minute < 60)?;
            let start = i64::from(letter - b'A') * 60 + i64::from(minute);
            Some((start, Period::new(15, 'M')))
        }
        _ => None,
    }
}
