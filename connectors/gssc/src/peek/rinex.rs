//! What the header of a RINEX file says, Hatanaka files included.

use chrono::NaiveDate;
use gantry_formats::rinex::{Header, Kind, Time};

use super::text::duration;
use super::{Facts, Start};
use crate::vocabulary;

pub(super) fn read(start: &Start) -> Facts {
    let text = start.text.trim_start_matches(['\n', '\r']);
    match Header::read(text.as_bytes()) {
        Ok(header) => of_header(&header),
        Err(_) => Facts {
            format: Some("RINEX".to_owned()),
            content: content_of(text),
            ..Facts::default()
        },
    }
}

/// The content by the type letter of the first line, for a header that cannot be read whole.
fn content_of(text: &str) -> Option<&'static str> {
    match text.as_bytes().get(20)? {
        b'O' => Some("OBS"),
        b'N' => Some("NAV"),
        b'M' => Some("MET"),
        b'C' => Some("CLK"),
        _ => None,
    }
}

fn of_header(header: &Header) -> Facts {
    let major = header.version.split('.').next().unwrap_or_default().trim();
    let (content, format) = match header.kind {
        Kind::Observation => ("OBS", format!("RINEX {major}")),
        Kind::Navigation => ("NAV", format!("RINEX {major}")),
        Kind::Meteorological => ("MET", format!("RINEX {major}")),
        Kind::Clock => ("CLK", "RINEX clock".to_owned()),
    };
    let is_clock = header.kind == Kind::Clock;
    let is_doris = header.system == Some('D');
    let mut facts = Facts {
        content: (!is_doris).then_some(content),
        format: Some(if is_doris {
            "DORIS RINEX".to_owned()
        } else {
            format
        }),
        rinex_version: (!is_clock && !is_doris).then(|| major.to_owned()),
        sampling: header.interval_s.filter(|s| *s > 0.0).map(duration),
        station: header.marker_name.clone().and_then(station),
        antenna_models: header
            .pcvs
            .iter()
            .filter_map(|pcv| model(&pcv.source))
            .collect(),
        days: days(header),
        position_m: header.position_m,
        remarks: remarks(header),
        ..Facts::default()
    };
    let systems = header.system.into_iter().filter(|_| !is_clock);
    let of_types = header.observation_types.iter().map(|(system, _)| *system);
    for system in systems.chain(of_types) {
        facts
            .constellations
            .extend(vocabulary::constellation(system).filter(|_| system != ' '));
    }
    facts.constellations.dedup();
    facts.antenna_models.dedup();
    facts
}

/// A marker that is a station's code.
fn station(marker: String) -> Option<String> {
    let is_code =
        matches!(marker.len(), 4 | 9) && marker.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then(|| marker.to_ascii_uppercase())
}

/// The antenna model of `igs20_2274.atx` or `IGS20_2274`.
fn model(source: &str) -> Option<String> {
    let name = source.rsplit('/').next()?.trim();
    let end = name.len().saturating_sub(4);
    let name = match name.split_at_checked(end) {
        Some((stem, end)) if end.eq_ignore_ascii_case(".atx") => stem,
        _ => name,
    };
    let is_word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_word.then(|| name.to_owned())
}

fn days(header: &Header) -> Option<(NaiveDate, NaiveDate)> {
    let day = |time: &Time| {
        NaiveDate::from_ymd_opt(
            i32::from(time.year),
            u32::from(time.month),
            u32::from(time.day),
        )
    };
    let first = day(header.first.as_ref()?)?;
    let last = header.last.as_ref().and_then(day).filter(|last| {
        let days = last.signed_duration_since(first).num_days();
        (0..=366).contains(&days)
    });
    Some((first, last.unwrap_or(first)))
}

fn remarks(header: &Header) -> Vec<String> {
    let mut remarks = vec![format!("RINEX {}", header.version)];
    if let Some(version) = &header.crinex {
        remarks.push(format!("Compact RINEX {version}"));
    }
    if let Some(centre) = &header.analysis_centre {
        remarks.push(centre.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if let Some(receiver) = &header.receiver {
        let words = [receiver.kind.trim(), receiver.version.trim()].join(" ");
        remarks.push(format!("receiver {}", words.trim()));
    }
    if let Some(antenna) = &header.antenna {
        let kind = antenna.kind.split_whitespace().collect::<Vec<_>>();
        remarks.push(format!("antenna {}", kind.join(" ")));
    }
    if let Some(number) = &header.marker_number {
        remarks.push(format!("marker number {number}"));
    }
    remarks.retain(|remark| !matches!(remark.as_str(), "receiver " | "antenna "));
    remarks
}
