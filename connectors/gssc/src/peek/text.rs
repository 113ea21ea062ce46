//! Telling formats by their first lines, and what these say.

use super::{Facts, Start, rinex};

/// The formats that are told here.
pub(super) const READ: [&str; 7] = [
    "SP3",
    "RINEX clock",
    "IONEX",
    "ANTEX",
    "SINEX",
    "Bias-SINEX",
    "ORBEX",
];

/// Reads what a text says of itself. Nothing is known of a text of another format.
pub(super) fn read(start: &Start) -> Facts {
    // There are files that begin with a blank line.
    let text = start.text.trim_start_matches(['\n', '\r', ' ']);
    let first = start
        .text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let label = first.get(60..).unwrap_or_default().trim();
    if label.contains("RINEX VERS") {
        return rinex::read(start);
    }
    if label.contains("IONEX VERSION") {
        return ionosphere(start);
    }
    let starts = |mark: &str| text.starts_with(mark);
    match first.as_bytes() {
        [b'#', b'a'..=b'd', b'P' | b'V', ..] => orbits(start, first),
        _ if label.contains("ANTEX VERSION") => antennas(start),
        _ if starts("%=SNX") => simple("SNX", "SINEX"),
        _ if starts("%=BIA") => simple("OSB", "Bias-SINEX"),
        _ if starts("%=ORBEX") => simple("ATT", "ORBEX"),
        _ if starts("%=TRO") => simple("TRO", "SINEX troposphere"),
        _ if first.contains("Site Information Form") => simple("site log", "site log"),
        _ if starts("<?xml") && text.contains("GeodesyML") => simple("site log", "GeodesyML"),
        _ => Facts::default(),
    }
}

fn simple(content: &'static str, format: &str) -> Facts {
    Facts {
        content: Some(content),
        format: Some(format.to_owned()),
        ..Facts::default()
    }
}

/// SP3: the models applied stand in a comment. The frame's own field cuts it to five characters and is not used.
///
/// # Source
/// SP3-d, 2016; IGS comment `PCV:IGS20_2274 OL/AL:…`.
fn orbits(start: &Start, first: &str) -> Facts {
    let mut facts = simple("ORB", "SP3");
    let version = first.get(1..2).unwrap_or_default();
    facts.remarks.push(format!("SP3-{version}"));
    let comments = start.text.lines().filter(|line| line.starts_with("/*"));
    for line in comments {
        if let Some((_, models)) = line.split_once("PCV:")
            && let Some(model) = models.split_whitespace().next()
            && !model.eq_ignore_ascii_case("NONE")
        {
            facts.antenna_models.push(model.to_owned());
        }
    }
    facts
}

fn ionosphere(start: &Start) -> Facts {
    let mut facts = simple("GIM", "IONEX");
    if let Some(maps) = labelled(start, "# OF MAPS IN FILE") {
        facts.remarks.push(format!("{maps} maps"));
    }
    let interval = labelled(start, "INTERVAL").and_then(|text| text.parse::<f64>().ok());
    if let Some(seconds) = interval.filter(|seconds| *seconds > 0.0) {
        facts.sampling = Some(duration(seconds));
    }
    facts
}

fn antennas(start: &Start) -> Facts {
    let mut facts = simple("ANTEX", "ANTEX");
    let n = start.text.matches("START OF ANTENNA").count();
    let more = if start.is_whole { "" } else { "at least " };
    facts.remarks.push(format!("{more}{n} antennas"));
    facts
}

/// What stands before a label of the header.
fn labelled<'t>(start: &'t Start, label: &str) -> Option<&'t str> {
    let mut lines = start.text.lines();
    let line = lines.find(|line| line.get(60..).is_some_and(|end| end.trim() == label))?;
    line.get(..60).map(str::trim)
}

/// Seconds as people and names write them: `30 s`, `5 min`, `2 h`.
pub(super) fn duration(seconds: f64) -> String {
    let whole = |unit: f64| seconds >= unit && seconds % unit == 0.0;
    match seconds {
        _ if whole(3600.0) => format!("{} h", seconds / 3600.0),
        _ if whole(60.0) => format!("{} min", seconds / 60.0),
        _ if seconds < 1.0 && (1.0 / seconds).fract() < 1e-6 => format!("{} Hz", 1.0 / seconds),
        _ => format!("{seconds} s"),
    }
}
