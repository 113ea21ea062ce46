//! Names of products: long and short, ionosphere maps, antenna models, site logs.

use chrono::{NaiveDate, TimeDelta};

use super::{Name, Period, day_of_year, is_word, moment, number};
use crate::calendar::{day_of_week, midnight};
use crate::vocabulary;

/// `AAAVPPPTTT_YYYYDDDHHMM_LEN[_SMP][_STATION]_CNT.FMT`, in capitals.
pub(super) fn long(name: &str) -> Option<Name> {
    let (stem, extension) = name.split_once('.')?;
    let words: Vec<&str> = stem.split('_').collect();
    let (first, start, span, middle, code) = match words.as_slice() {
        [first, start, span, middle @ .., code] if middle.len() <= 2 => {
            (first, start, span, middle, code)
        }
        _ => return None,
    };
    let (centre, rest) = first
        .split_at_checked(3)
        .filter(|_| is_word(first, 10) && is_word(code, 3))?;
    let (version, rest) = rest.split_at_checked(1)?;
    let (campaign, solution) = rest.split_at_checked(3)?;
    let (sampling, station) = middle_of(middle)?;
    let facts = vocabulary::format(&extension.to_ascii_lowercase());
    let content = vocabulary::content_of_code(code)
        .or(facts.map(|facts| facts.content.as_str()))
        .unwrap_or(code);
    Some(Name {
        content: Some(content.to_owned()),
        station,
        analysis_centre: Some(centre.to_owned()),
        campaign: Some(campaign.to_owned()),
        solution: Some(solution.to_owned()),
        latency: vocabulary::latency_of(solution).map(ToOwned::to_owned),
        version: version.chars().next(),
        start: Some(moment(start)?),
        span: Some(Period::parse(span)?),
        sampling,
        format: Some(facts.map_or_else(|| extension.to_owned(), |facts| facts.format.clone())),
        code: (*code != content).then(|| (*code).to_owned()),
        ..Name::default()
    })
}

/// What stands between the length and the content: sampling, station, both or neither.
fn middle_of(words: &[&str]) -> Option<(Option<Period>, Option<String>)> {
    let station = |word: &str| is_word(word, 9).then(|| word.to_owned());
    Some(match words {
        [] => (None, None),
        [word] => match Period::parse(word) {
            Some(sampling) => (Some(sampling), None),
            None => (None, Some(station(word)?)),
        },
        [sampling, word] => (Some(Period::parse(sampling)?), Some(station(word)?)),
        _ => return None,
    })
}

/// `cccwwwwd.fmt`, `iguwwwwd_hh[_p].fmt`, in capitals; day 7 is the whole week.
pub(super) fn short(name: &str) -> Option<Name> {
    let (stem, extension) = name.split_once('.')?;
    let facts = vocabulary::format(&extension.to_ascii_lowercase())?;
    let (stem, session) = stem
        .split_once('_')
        .map_or((stem, None), |(stem, session)| (stem, Some(session)));
    let (code, digits) = stem
        .split_at_checked(3)
        .filter(|(code, digits)| is_word(code, 3) && digits.len() == 5)?;
    let (week, day) = (
        number(digits.get(..4)?)?,
        number(digits.get(4..)?).filter(|day| *day <= 7)?,
    );
    let known = vocabulary::short_code(&code.to_ascii_lowercase());
    let mut read = Name {
        content: Some(facts.content.clone()),
        analysis_centre: Some(known.map_or_else(|| code.to_owned(), |known| known.centre.clone())),
        campaign: known.and_then(|known| known.campaign.clone()),
        solution: Some(code.to_owned()),
        latency: known.map(|known| known.latency.clone()),
        format: Some(facts.format.clone()),
        code: Some(extension.to_owned()).filter(|end| end.starts_with("CLK_")),
        is_short: true,
        ..Name::default()
    };
    let (first, span) = if day == 7 {
        (day_of_week(week, 0)?, Period::new(7, 'D'))
    } else {
        (day_of_week(week, day)?, Period::new(1, 'D'))
    };
    read.start = Some(midnight(first));
    read.span = Some(span);
    match session {
        None => Some(read),
        Some(session) => with_hour(read, first, session),
    }
}

/// An ultra-rapid: the hour is where its predicted half begins; the observed half lies in the 24 hours before.
fn with_hour(read: Name, day: NaiveDate, session: &str) -> Option<Name> {
    let (hour, half) = session
        .split_once('_')
        .map_or((session, None), |(hour, half)| (hour, Some(half)));
    let turns = day.and_hms_opt(number(hour).filter(|_| hour.len() == 2)?, 0, 0)?;
    let (start, span, is_predicted) = match half {
        None => (
            turns.checked_sub_signed(TimeDelta::days(1))?,
            Period::new(2, 'D'),
            false,
        ),
        Some("P") => (turns, Period::new(1, 'D'), true),
        Some(_) => return None,
    };
    Some(Name {
        start: Some(start),
        span: Some(span),
        is_predicted,
        latency: read.latency.or_else(|| Some("ultra".to_owned())),
        ..read
    })
}

/// `cccGddd0.yyI`, in capitals.
pub(super) fn ionex(name: &str) -> Option<Name> {
    let (stem, end) = name.split_once('.')?;
    let (code, rest) = stem
        .split_at_checked(3)
        .filter(|(code, _)| is_word(code, 3))?;
    let day = rest
        .strip_prefix('G')?
        .strip_suffix('0')
        .filter(|day| day.len() == 3)?;
    let year = end.strip_suffix('I').filter(|year| year.len() == 2)?;
    let known = vocabulary::short_code(&code.to_ascii_lowercase());
    Some(Name {
        content: Some("GIM".to_owned()),
        analysis_centre: Some(known.map_or_else(|| code.to_owned(), |known| known.centre.clone())),
        campaign: known.and_then(|known| known.campaign.clone()),
        solution: Some(code.to_owned()),
        latency: known.map(|known| known.latency.clone()),
        start: Some(midnight(day_of_year(year, day)?)),
        span: Some(Period::new(1, 'D')),
        is_short: true,
        format: Some("IONEX".to_owned()),
        ..Name::default()
    })
}

/// `igs20.atx`, `igs20_2274.atx`: the model's frame, and the GPS week of its release.
pub(super) fn antennas(name: &str) -> Option<Name> {
    let model = name.strip_suffix(".ATX").filter(|model| {
        !model.is_empty()
            && model
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })?;
    Some(Name {
        content: Some("ANTEX".to_owned()),
        antenna_model: Some(model.to_ascii_lowercase()),
        format: Some("ANTEX".to_owned()),
        ..Name::default()
    })
}

/// `ssss_yyyymmdd.log`, `ssssmrccc_yyyymmdd.log`, and the same as GeodesyML: `SSSSMRCCC[_yyyymmdd].xml`.
pub(super) fn site_log(name: &str) -> Option<Name> {
    let (stem, extension) = name.rsplit_once('.')?;
    let (station, date) = stem
        .split_once('_')
        .map_or((stem, None), |(station, date)| (station, Some(date)));
    let format = match (extension, date) {
        ("LOG", Some(_)) => "site log",
        ("XML", Some(_)) => "GeodesyML",
        ("XML", None) if is_station(station) => "GeodesyML",
        _ => return None,
    };
    let start = match date {
        Some(date) if date.len() == 8 && number(date).is_some() => {
            let day = NaiveDate::parse_from_str(date, "%Y%m%d").ok()?;
            Some(midnight(day))
        }
        Some(_) => return None,
        None => None,
    };
    (is_word(station, 4) || is_station(station)).then(|| Name {
        content: Some("site log".to_owned()),
        station: Some(station.to_owned()),
        start,
        format: Some(format.to_owned()),
        ..Name::default()
    })
}

/// Nine characters: a code of four, a digit each for monument and receiver, three letters for the country.
fn is_station(word: &str) -> bool {
    is_word(word, 9)
        && word.bytes().enumerate().all(|(n, byte)| match n {
            0..=3 => true,
            4 | 5 => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphabetic(),
        })
}
