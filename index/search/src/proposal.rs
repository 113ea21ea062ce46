//! What a query asks for that no asset is, but a question to an archive would give: a source by its number, a cone of the
//! sky around a place.

use serde::Serialize;

use crate::targets::{Target, target};

/// Something to be asked of the Gaia archive in place of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Proposal {
    /// A source by its number.
    Source {
        /// The release that numbered it, such as `DR3`.
        release: String,
        /// The number, as a string since it may pass 2⁵³.
        source_id: String,
    },
    /// All sources of a part of the sky.
    Cone {
        /// The release to be asked.
        release: String,
        /// What is there, where it was typed by name.
        target: Option<String>,
        /// Right ascension, ICRS degrees.
        ra: f64,
        /// Declination, ICRS degrees.
        dec: f64,
        /// The radius in degrees.
        radius_deg: f64,
    },
}

/// A proposal, and the words that are searched for beside it.
pub(crate) struct Asked<'a> {
    pub(crate) proposal: Proposal,
    pub(crate) rest: Vec<&'a str>,
}

/// Sources have at least so many digits in their number, files and days fewer.
const SOURCE_DIGITS: usize = 15;

/// With the archive named, shorter numbers are sources too.
const SHORT_SOURCE_DIGITS: usize = 10;

/// The radius of a cone around what was typed without one.
const RADIUS_DEG: f64 = 1.0;

/// The largest cone that is asked for as one query.
const LARGEST_DEG: f64 = 90.0;

/// Longer texts ask for something else.
const MOST_WORDS: usize = 12;

/// Words that ask for nothing but sources.
const ABOUT_SOURCES: [&str; 12] = [
    "gaia",
    "source",
    "sources",
    "star",
    "stars",
    "cone",
    "around",
    "near",
    "within",
    "radius",
    "source_id",
    "of",
];

/// What a text asks for that no asset is.
#[must_use]
pub fn proposal_of(text: &str) -> Option<Proposal> {
    let words: Vec<&str> = text.split_whitespace().take(MOST_WORDS + 1).collect();
    proposal(&words).map(|asked| asked.proposal)
}

/// What words in a row ask for; only where they ask for nothing else.
pub(crate) fn proposal<'a>(words: &[&'a str]) -> Option<Asked<'a>> {
    if words.is_empty() || words.len() > MOST_WORDS {
        return None;
    }
    source(words).or_else(|| cone(words))
}

fn source<'a>(words: &[&'a str]) -> Option<Asked<'a>> {
    let names_archive = words.iter().any(|word| is_about_sources(word));
    let least = if names_archive {
        SHORT_SOURCE_DIGITS
    } else {
        SOURCE_DIGITS
    };
    let is_source = |word: &str| {
        (least..=19).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_digit())
            && word.parse::<i64>().is_ok_and(|number| number > 0)
    };
    let at = words.iter().position(|word| is_source(word))?;
    let rest = without(words, at, 1)?;
    Some(Asked {
        proposal: Proposal::Source {
            release: release(words),
            source_id: words[at].to_owned(),
        },
        rest,
    })
}

fn cone<'a>(words: &[&'a str]) -> Option<Asked<'a>> {
    let (radius_at, n_radius, radius_deg) = (0..words.len())
        .find_map(|at| radius(&words[at..]).map(|(n, radius)| (at, n, radius)))
        .unwrap_or((words.len(), 0, RADIUS_DEG));
    let rest: Vec<&str> = [&words[..radius_at], &words[radius_at + n_radius..]].concat();
    let named = (0..rest.len()).find_map(|at| target(&rest[at..]).map(|(n, named)| (at, n, named)));
    let (at, n, name, ra, dec) = match named {
        Some((at, n, Target { name, ra, dec })) => (at, n, Some(name.clone()), *ra, *dec),
        None => {
            let place = |at: usize| position(&rest[at..]).filter(|_| n_radius > 0);
            let (at, (ra, dec)) = (0..rest.len()).find_map(|at| Some((at, place(at)?)))?;
            (at, 2, None, ra, dec)
        }
    };
    let release = release(words);
    let proposal = Proposal::Cone {
        release,
        target: name,
        ra,
        dec,
        radius_deg,
    };
    let rest = without(&rest, at, n)?;
    Some(Asked { proposal, rest })
}

/// The words but for some; `None` when one of them asks for something else than sources.
fn without<'a>(words: &[&'a str], at: usize, n: usize) -> Option<Vec<&'a str>> {
    let mut rest = [&words[..at], &words[at + n..]].concat();
    let asks_otherwise = rest.iter().any(|word| !is_about_sources(word));
    rest.retain(|word| is_release(word) || word.eq_ignore_ascii_case("gaia"));
    (!asks_otherwise).then_some(rest)
}

fn is_about_sources(word: &str) -> bool {
    ABOUT_SOURCES.contains(&word.to_lowercase().as_str()) || is_release(word)
}

fn is_release(word: &str) -> bool {
    let upper = word.to_uppercase();
    let number = upper.trim_start_matches('E').strip_prefix("DR");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn release(words: &[&str]) -> String {
    let typed = words.iter().find(|word| is_release(word));
    typed.map_or_else(|| "DR3".to_owned(), |word| word.to_uppercase())
}

/// `2 deg`, `2°`, `30 arcmin`, `5'`: how many words, and the degrees.
fn radius(words: &[&str]) -> Option<(usize, f64)> {
    let first = words.first()?;
    let end = first
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(first.len());
    let (number, unit) = first.split_at(end);
    let (unit, n) = match (unit, words.get(1)) {
        ("", Some(unit)) => (*unit, 2),
        (unit, _) => (unit, 1),
    };
    let degrees = match unit.to_lowercase().as_str() {
        "deg" | "degree" | "degrees" | "°" | "d°" => 1.0,
        "arcmin" | "arcminute" | "arcminutes" | "'" | "′" => 1.0 / 60.0,
        "arcsec" | "arcsecond" | "arcseconds" | "″" | "''" => 1.0 / 3600.0,
        _ => return None,
    };
    let radius = number.parse::<f64>().ok()? * degrees;
    (radius > 0.0 && radius <= LARGEST_DEG).then_some((n, radius))
}

/// `56.75 +24.12`: right ascension and declination in degrees.
fn position(words: &[&str]) -> Option<(f64, f64)> {
    let [ra, dec, ..] = words else {
        return None;
    };
    let ra = ra.trim_end_matches(',');
    let is_plain = |text: &str| {
        text.contains('.')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b'-'))
    };
    let (ra, dec) = (
        ra.parse::<f64>().ok().filter(|_| is_plain(ra))?,
        dec.parse::<f64>().ok().filter(|_| is_plain(dec))?,
    );
    ((0.0..360.0).contains(&ra) && (-90.0..=90.0).contains(&dec)).then_some((ra, dec))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(q: &str) -> Option<(Proposal, Vec<&str>)> {
        let words: Vec<&str> = q.split_whitespace().collect();
        proposal(&words).map(|asked| (asked.proposal, asked.rest))
    }

    #[test]
    fn the_number_of_a_source_asks_for_it_in_its_release() {
        let source = |release: &str| Proposal::Source {
            release: release.to_owned(),
            source_id: "4583627001381815936".to_owned(),
        };
        let (asked, rest) = read("Gaia DR3 4583627001381815936").unwrap();
        assert_eq!((asked, rest), (source("DR3"), vec!["Gaia", "DR3"]));
        let (asked, _) = read("gaia dr2 4583627001381815936").unwrap();
        assert_eq!(asked, source("DR2"));
        assert_eq!(read("4583627001381815936").unwrap().0, source("DR3"));
        for q in [
            "20230010000",
            "99999999999999999999",
            "4583627001381815936 noise",
            "gaia dr3",
        ] {
            assert_eq!(read(q), None, "{q}");
        }
    }

    #[test]
    fn a_place_and_a_radius_ask_for_a_cone() {
        for (q, expected) in [
            ("Pleiades 2 deg", 2.0),
            ("2° around M45", 2.0),
            ("gaia pleiades 120 arcmin", 2.0),
            ("Pleiades", 1.0),
            ("56.75 +24.12 2deg", 2.0),
        ] {
            let Some((
                Proposal::Cone {
                    ra,
                    dec,
                    radius_deg,
                    ..
                },
                _,
            )) = read(q)
            else {
                panic!("{q} is no cone");
            };
            // The cluster's centre to a fifth of a degree, whoever measured it.
            assert!((ra - 56.7).abs() < 0.2 && (dec - 24.1).abs() < 0.2, "{q}");
            assert!((radius_deg - expected).abs() < 1e-9, "{q}");
        }
        for q in [
            "Pleiades dust map",
            "2 deg",
            "100 143 2 deg",
            "R3.00 1.10 2 deg",
        ] {
            assert_eq!(read(q), None, "{q}");
        }
    }
}
