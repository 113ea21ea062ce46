//! From the name and place of a file to its asset.

use gantry_asset::{Asset, AssetId, Days, Facets, IdError, Kind, TimeScale, TimeSpan};

use crate::calendar::{self, label, week_of};
use crate::config::Facts;
use crate::files::{self, Found};
use crate::names::Name;
use crate::{series, title, vocabulary};

/// The asset of one file, with everything its name and its place say.
///
/// # Errors
/// [`IdError`] when its path is too long for an id.
pub(crate) fn asset(facts: &Facts, found: &Found, name: &Name) -> Result<Asset, IdError> {
    let id = AssetId::from_path(&facts.archive, &found.path)?;
    let days = name.time_scale().and_then(|_| name.days());
    Ok(Asset {
        id,
        kind: kind(name),
        title: title::title(name, found.name()),
        description: String::new(),
        synonyms: synonyms(name, found.name()),
        facets: facets(facts, found, name),
        series: series::id(&facts.archive, name),
        time: time(name),
        time_scale: name.time_scale().filter(|scale| *scale != TimeScale::Utc),
        days: days.map(|(first, last)| Days {
            first: label(first),
            last: label(last),
        }),
        sky: None,
        place: None,
        station: None,
        related: Vec::new(),
        warnings: Vec::new(),
        columns: Vec::new(),
        rank: rank(name),
        files: vec![files::file(facts, found, name)],
    })
}

/// Observations, navigation, weather and site logs are data; all else was made from them.
pub(crate) fn kind(name: &Name) -> Kind {
    match name.content.as_deref() {
        Some("OBS" | "NAV" | "MET" | "site log") | None => Kind::InformationData,
        Some(_) => Kind::InformationProduct,
    }
}

/// The UTC interval of what the name says, as the clock of its own scale shows it.
fn time(name: &Name) -> Option<TimeSpan> {
    let scale = name.time_scale()?;
    Some(TimeSpan {
        start: calendar::to_utc(name.start?, scale),
        end: calendar::to_utc(name.end()?, scale),
    })
}

/// The facets that a name says by itself, the same for all members of a series.
pub(crate) fn common_facets(facts: &Facts, name: &Name) -> Facets {
    let mut facets = Facets::new();
    let mut add = |field: &str, value: Option<&str>| {
        if let Some(value) = value {
            facets.add(field, value);
        }
    };
    add("publisher", Some(&facts.publisher));
    add("license", facts.license.as_deref());
    add("content", name.content.as_deref());
    let content = name.content.as_deref().and_then(vocabulary::content);
    let unnamed = name.content.as_deref().map_or("other", |_| "other product");
    add(
        "product_type",
        Some(content.map_or(unnamed, |content| &content.product_type)),
    );
    add("format", name.format.as_deref());
    add(
        "station",
        name.station.as_deref().filter(|_| !name.is_broadcast()),
    );
    add("tag", name.is_broadcast().then_some("BRDC"));
    add("constellation", name.constellation());
    add(
        "sampling",
        name.sampling
            .and_then(|sampling| sampling.label())
            .as_deref(),
    );
    add("span", name.span.map(|span| span.to_string()).as_deref());
    add(
        "rinex_version",
        name.rinex_version
            .map(|version| version.to_string())
            .as_deref(),
    );
    add("analysis_centre", name.analysis_centre.as_deref());
    add("campaign", name.campaign.as_deref());
    add("latency", name.latency.as_deref());
    add_belongings(&mut facets, facts, name);
    facets
}

/// Domains, organisations and networks.
fn add_belongings(facets: &mut Facets, facts: &Facts, name: &Name) {
    let content = name.content.as_deref().and_then(vocabulary::content);
    let centre = name.analysis_centre.as_deref().and_then(vocabulary::centre);
    for domain in content.map_or(&[][..], |content| &content.domains) {
        facets.add("domain", domain.as_str());
    }
    if !name.is_other() {
        facets.add("organization", "IGS");
    }
    for organization in centre.map_or(&[][..], |centre| &centre.organizations) {
        facets.add("organization", organization.as_str());
    }
    if name.campaign.as_deref() == Some("MGX") {
        facets.add("network", "MGEX");
    }
    for network in facts.networks_of(name.station.as_deref()) {
        facets.add("network", network);
    }
}

fn facets(facts: &Facts, found: &Found, name: &Name) -> Facets {
    let mut facets = common_facets(facts, name);
    facets.add("collection", collection(&found.path));
    if let Some(model) = &name.antenna_model {
        facets.add("antenna_model", model.as_str());
        if let Some(frame) = frame_of(model) {
            facets.add("frame", frame);
        }
    }
    if let Some((first, last)) = name.time_scale().and_then(|_| name.days()) {
        use chrono::Datelike;
        for year in first.year()..=last.year() {
            facets.add("year", year.to_string());
        }
    }
    facets
}

/// The frame of an antenna model: `igs20_2274` belongs to IGS20.
pub(crate) fn frame_of(model: &str) -> Option<String> {
    let frame = model.split('_').next()?.to_ascii_uppercase();
    let digits = frame.strip_prefix("IGS")?;
    (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(frame)
}

/// The folders of a path that are words, below the first: `data/daily`, `products/mgex`.
fn collection(path: &str) -> String {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    let start = usize::from(folders.len() > 1);
    folders
        .into_iter()
        .skip(start)
        .filter(|folder| !folder.bytes().all(|byte| byte.is_ascii_digit()))
        .collect::<Vec<_>>()
        .join("/")
}

/// Other words people type for all members of a series: codes and centres.
pub(crate) fn common_synonyms(name: &Name) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(station) = name.station.as_deref().filter(|station| station.len() == 9) {
        words.push(station[..4].to_owned());
    }
    if name.is_broadcast() {
        words.extend(["BRDC".to_owned(), "broadcast ephemerides".to_owned()]);
    }
    words.extend(name.code.clone());
    if let Some(centre) = name.analysis_centre.as_deref().and_then(vocabulary::centre) {
        words.push(centre.name.clone());
    }
    words
}

/// Other words people type for it: codes, the other form of its name, dates.
fn synonyms(name: &Name, file_name: &str) -> Vec<String> {
    let mut words = common_synonyms(name);
    words.extend(short_form(name));
    if name.is_short {
        words.push(files::unpacked(file_name).to_owned());
    }
    if let Some((first, last)) = name.time_scale().and_then(|_| name.days()) {
        words.push(first.to_string());
        if let Some((week, day)) = week_of(first) {
            let is_week = last.signed_duration_since(first).num_days() == 6 && day == 0;
            words.push(match is_week {
                true => format!("GPS week {week}"),
                false => format!("GPS week {week} day {day}"),
            });
        }
    }
    if let Some(week) = name.antenna_model.as_deref().and_then(release_week) {
        words.push(format!("GPS week {week}"));
    }
    words.sort_unstable();
    words.dedup();
    words.retain(|word| word != file_name);
    words
}

/// The week of an antenna model's release, `2274` of `igs20_2274`.
pub(crate) fn release_week(model: &str) -> Option<u32> {
    let (_, week) = model.split_once('_')?;
    week.parse().ok().filter(|_| week.len() == 4)
}

/// The short name of data with a long one: `brux0010.23d`, `brux001f.23n`, `brux001f15.23d`.
fn short_form(name: &Name) -> Option<String> {
    use chrono::{Datelike, Timelike};
    let station = name.station.as_deref().filter(|_| !name.is_short)?;
    let start = name.start.filter(|_| name.span.is_some())?;
    let letter = match (name.content.as_deref()?, name.system) {
        ("OBS", _) if name.is_compact => 'd',
        ("OBS", _) => 'o',
        ("MET", _) => 'm',
        ("NAV", Some('G')) => 'n',
        ("NAV", Some('R')) => 'g',
        ("NAV", Some('E')) => 'l',
        ("NAV", _) => 'p',
        _ => return None,
    };
    let hour = char::from(b'a' + u8::try_from(start.hour()).ok()?);
    let session = match name.span?.unit {
        'D' => "0".to_owned(),
        'H' => hour.to_string(),
        _ => format!("{hour}{:02}", start.minute()),
    };
    let code = station.get(..4)?.to_ascii_lowercase();
    let (day, year) = (start.ordinal(), start.year() % 100);
    Some(format!("{code}{day:03}{session}.{year:02}{letter}"))
}

/// Daily 30 s before hourly and high-rate, R before S before U, RINEX 3 and 4 before 2; finals before rapids before
/// ultras, IGS before COD before ESA; the merged broadcast file before the stations'.
pub(crate) fn rank(name: &Name) -> u32 {
    let Some(content) = name.content.as_deref() else {
        return 10;
    };
    let base = vocabulary::content(content).map_or(50, |facts| facts.rank);
    match content {
        "OBS" | "NAV" | "MET" => base + data_rank(name),
        "ANTEX" => base + name.antenna_model.as_deref().map_or(0, model_rank),
        _ => base + product_rank(name),
    }
}

fn data_rank(name: &Name) -> u32 {
    let span = match name.span {
        Some(span) if span.unit == 'D' => 80,
        Some(span) if span.unit == 'H' => 30,
        _ => 0,
    };
    let is_30_s = name
        .sampling
        .and_then(|sampling| sampling.label())
        .as_deref()
        == Some("30 s");
    let source = match name.source {
        Some('R') => 8,
        Some('S') => 4,
        None => 6,
        Some(_) => 0,
    };
    let mut rank = span + source;
    rank += if is_30_s { 20 } else { 0 };
    rank += if name.is_short { 0 } else { 10 };
    rank += u32::from(name.is_compact);
    if name.content.as_deref() == Some("NAV") {
        rank += if name.is_broadcast() { 50 } else { 0 };
        rank += if name.system == Some('M') { 5 } else { 0 };
    }
    rank
}

fn product_rank(name: &Name) -> u32 {
    let latency = match name.latency.as_deref() {
        Some("final") => 100,
        Some("rapid") => 50,
        _ => 0,
    };
    let centre = name.analysis_centre.as_deref().and_then(vocabulary::centre);
    let is_first = !name.is_short && !name.is_predicted;
    latency + centre.map_or(0, |centre| 2 * centre.rank) + u32::from(is_first)
}

/// The model in use before its dated releases, newer models before older ones.
fn model_rank(model: &str) -> u32 {
    let Some(frame) = frame_of(model) else {
        return 0;
    };
    let year: u32 = frame[3..].parse().unwrap_or(0);
    let in_use = if model.contains('_') { 0 } else { 40 };
    in_use + if year < 80 { year.min(30) } else { 0 }
}

#[cfg(test)]
mod tests {
    use gantry_connector::ArchiveConfig;
    use gantry_net::Entry;
    use proptest::prelude::*;

    use super::*;
    use crate::names::read_name;

    fn asset_of(path: &str) -> Asset {
        let archive = "gssc".parse().unwrap();
        let config = ArchiveConfig::new("gssc", "ftp://archive.example/".parse().unwrap());
        let file_name = path.rsplit('/').next().unwrap().to_owned();
        let name = read_name(&file_name);
        let entry = Entry {
            name: file_name,
            is_folder: false,
            is_link: false,
            size_bytes: Some(1),
            modified: None,
        };
        let found = Found {
            path: path.to_owned(),
            entry,
            also_at: Vec::new(),
        };
        asset(&Facts::read(&archive, &config), &found, &name).unwrap()
    }

    #[test]
    fn glonass_counts_in_utc_and_beidou_in_its_own_time() {
        let begins = |file: &str| {
            let asset = asset_of(&format!("gnss/data/daily/2021/001/{file}"));
            (asset.time.unwrap().start.to_rfc3339(), asset.time_scale)
        };
        let (start, scale) = begins("dlf10010.21g");
        assert_eq!((start.as_str(), scale), ("2021-01-01T00:00:00+00:00", None));
        let (start, scale) = begins("DLF100NLD_R_20210010000_01D_CN.rnx.gz");
        assert_eq!(start, "2020-12-31T23:59:56+00:00");
        assert_eq!(scale, Some(TimeScale::Bdt));
    }

    proptest! {
        #[test]
        fn no_file_is_lost_whatever_it_is_called(file in "[^/]{1,40}") {
            let asset = asset_of(&format!("misc/{file}"));
            prop_assert!(!asset.title.is_empty());
            prop_assert_eq!(asset.series.is_some(), read_name(&file).series().is_some());
            for (field, _) in asset.facets.iter() {
                prop_assert!(gantry_asset::vocabulary().field(field).is_some(), "{}", field);
            }
        }
    }
}
