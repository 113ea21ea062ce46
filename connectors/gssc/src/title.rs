//! Titles: what people read first.

use crate::asset::release_week;
use crate::calendar::label;
use crate::names::Name;
use crate::vocabulary;

/// What a file is called: `BRUX00BEL, observations, 2023-001, daily 30 s`; its name where that says nothing.
pub(crate) fn title(name: &Name, file_name: &str) -> String {
    let what = match name.content.as_deref() {
        None => return file_name.to_owned(),
        Some("ANTEX") => return antennas(name),
        Some(content) => content_title(content),
    };
    if name.analysis_centre.is_some() {
        return product(name, &what);
    }
    let station = name.station.as_deref().unwrap_or(file_name);
    if name.content.as_deref() == Some("site log") {
        let date = name.start.map(|start| format!(", {}", start.date()));
        return format!("{station}, site log{}", date.unwrap_or_default());
    }
    let mut parts = vec![station.to_owned(), what];
    if name.is_broadcast() {
        parts = vec![broadcast(name)];
    }
    parts.extend(when(name));
    parts.push(cadence(name));
    parts.extend(aside(name));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// The title of the series that a file is a member of.
pub(crate) fn series(name: &Name) -> String {
    let content = name.content.as_deref().unwrap_or_default();
    let what = content_title(content);
    match content {
        "ANTEX" => {
            let model = name.antenna_model.as_deref().unwrap_or_default();
            let frame = model.split('_').next().unwrap_or_default();
            return format!("Antenna models {frame}, releases by GPS week");
        }
        "site log" => {
            let station = name.station.as_deref().unwrap_or_default();
            let format = name
                .format
                .as_deref()
                .filter(|format| *format != "site log");
            let aside = format.map_or_else(String::new, |format| format!(" ({format})"));
            return format!("{station}, site logs{aside}");
        }
        _ => {}
    }
    let mut parts = if name.analysis_centre.is_some() {
        let sampling = name.sampling.and_then(|sampling| sampling.label());
        let mut parts = vec![solution(name, &what)];
        parts.extend(span_in_words(name));
        parts.extend(sampling);
        parts
    } else if name.is_broadcast() {
        vec![broadcast(name), cadence(name)]
    } else {
        let station = name.station.clone().unwrap_or_default();
        vec![
            station,
            format!("{} {what}", cadence(name)).trim().to_owned(),
        ]
    };
    parts.extend(aside(name));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn content_title(content: &str) -> String {
    vocabulary::content(content).map_or_else(|| content.to_owned(), |facts| facts.title.clone())
}

fn broadcast(name: &Name) -> String {
    let station = name.station.as_deref().unwrap_or_default();
    format!("Merged broadcast navigation {station}")
}

fn antennas(name: &Name) -> String {
    let model = name.antenna_model.as_deref().unwrap_or_default();
    match release_week(model) {
        Some(week) => format!("Antenna models {model}, release of GPS week {week}"),
        None => format!("Antenna models {model}"),
    }
}

/// `ESA final orbits`, with the campaign where it is not the operational one.
fn solution(name: &Name, what: &str) -> String {
    let centre = name.analysis_centre.as_deref().unwrap_or_default();
    let latency = match name.latency.as_deref() {
        Some("ultra") => "ultra-rapid",
        Some(latency) => latency,
        None => "",
    };
    let what = match &name.code {
        Some(code) => format!("{what} ({code})"),
        None => what.to_owned(),
    };
    let words = [centre, latency, &what];
    let title: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    title.join(" ")
}

fn product(name: &Name, what: &str) -> String {
    let mut parts = vec![solution(name, what)];
    parts.extend(name.station.clone());
    parts.extend(when(name));
    parts.extend(aside(name));
    parts.join(", ")
}

/// The day or days, with the hour where it does not begin at midnight.
fn when(name: &Name) -> Option<String> {
    use chrono::Timelike;
    let start = name.start?;
    let (first, last) = name.days()?;
    let is_within_day = start.num_seconds_from_midnight() != 0
        || name
            .span
            .is_some_and(|span| matches!(span.unit, 'H' | 'M' | 'S'));
    Some(match is_within_day {
        true => format!("{} {:02}:{:02}", label(first), start.hour(), start.minute()),
        false if first == last => label(first),
        false => format!("{} to {}", label(first), label(last)),
    })
}

/// `daily 30 s`, `hourly`, `15 min 1 s`.
fn cadence(name: &Name) -> String {
    let parts = [
        span_in_words(name),
        name.sampling.and_then(|sampling| sampling.label()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" ")
}

fn span_in_words(name: &Name) -> Option<String> {
    let span = name.span?;
    Some(match (span.n, span.unit) {
        (1, 'D') => "daily".to_owned(),
        (7, 'D') | (1, 'W') => "weekly".to_owned(),
        (1, 'H') => "hourly".to_owned(),
        _ => return span.label(),
    })
}

/// What tells it from others of the same content, day and station or centre.
fn aside(name: &Name) -> Vec<String> {
    let mut parts = Vec::new();
    match (name.content.as_deref(), name.constellation()) {
        (Some("NAV"), Some("mixed")) if name.is_broadcast() => {
            parts.push("all constellations".to_owned());
        }
        (Some("NAV" | "OBS"), Some(constellation)) if constellation != "mixed" => {
            parts.push(format!("{constellation} only"));
        }
        _ => {}
    }
    if name.source == Some('S') {
        parts.push("from a stream".to_owned());
    }
    if name.source.is_none() && name.rinex_version == Some(2) {
        parts.push("RINEX 2".to_owned());
    }
    if name.content.as_deref() == Some("OBS") && !name.is_compact {
        parts.push("not Hatanaka-compressed".to_owned());
    }
    if let Some(campaign) = name
        .campaign
        .as_deref()
        .filter(|campaign| *campaign != "OPS")
    {
        parts.push(format!("campaign {campaign}"));
    }
    if name.version.is_some_and(|version| version != '0') {
        parts.push(format!("version {}", name.version.unwrap_or_default()));
    }
    if name.is_predicted {
        parts.push("predicted half".to_owned());
    }
    if name.is_short && name.analysis_centre.is_some() {
        parts.push("under its short name".to_owned());
    }
    parts
}
