//! A product that may be taken.

use std::collections::BTreeMap;

use gantry_asset::{Asset, AssetId, DayRange, TimeSpan};

use crate::length::seconds;

/// A product that says it covers more days than this belongs to none of them.
const MAX_DAYS: u64 = 60;

/// A product that may be taken, with what its asset says.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub(crate) id: AssetId,
    /// `ORB`, …; `NAV` for merged navigation messages, `ANTEX` for antenna models.
    pub(super) content: String,
    /// The days it covers; none for antenna models.
    pub(super) days: Option<DayRange>,
    pub(super) time: Option<TimeSpan>,
    /// What its name says first, `COD0OPSFIN`: centre, version, campaign and latency.
    pub(super) solution: String,
    /// The solution with its archive.
    pub(super) line: String,
    pub(super) centre: String,
    pub(super) campaign: Option<String>,
    pub(super) latency: String,
    pub(super) span_s: Option<f64>,
    pub(super) sampling_s: Option<f64>,
    pub(super) rank: u32,
    pub(super) antenna_models: Vec<String>,
    pub(super) is_mixed: bool,
    /// Whether it is the usual form of its content: no other kind of bias, no half that is only predicted.
    pub(super) is_usual: bool,
}

impl Candidate {
    /// What an asset is to a set; none when it is nothing to it.
    ///
    /// The solution is the first word of the series, by which archives of GNSS products name it; a product of no
    /// series, of no centre or of no latency belongs to no set. Neither do those of tests and demonstrations.
    #[must_use]
    pub fn of(asset: &Asset) -> Option<Self> {
        let first = |field: &str| asset.facets.first(field);
        let content = first("content")?;
        let key = asset.series.as_ref().map_or("", |series| series.local());
        let mut words = key.trim_start_matches('~').split('-');
        let solution = words.next().unwrap_or_default().to_owned();
        let words: Vec<&str> = words.collect();
        let (centre, latency) = (first("analysis_centre"), first("latency"));
        let is_of_set = match content {
            "NAV" => asset.facets.get("tag").iter().any(|tag| tag == "BRDC"),
            "ANTEX" => true,
            _ => !solution.is_empty() && centre.is_some() && latency.is_some(),
        };
        let campaign = first("campaign").map(str::to_owned);
        let is_trial = matches!(campaign.as_deref(), Some("TST" | "DEM"));
        let days = asset.days.as_ref().and_then(gantry_asset::Days::range);
        let days = days.filter(|days| days.n_days() <= MAX_DAYS);
        (is_of_set && !is_trial && (days.is_some() || content == "ANTEX")).then(|| Self {
            id: asset.id.clone(),
            content: content.to_owned(),
            days,
            time: asset.time,
            line: format!("{}:{solution}", asset.id.archive()),
            solution,
            centre: centre.unwrap_or_default().to_owned(),
            campaign,
            latency: latency.unwrap_or_default().to_owned(),
            span_s: first("span").and_then(seconds),
            sampling_s: first("sampling").and_then(seconds),
            rank: asset.rank,
            antenna_models: asset.facets.get("antenna_model").to_vec(),
            is_mixed: asset
                .facets
                .get("constellation")
                .iter()
                .any(|of| of == "mixed"),
            is_usual: words.contains(&content) && !words.contains(&"P"),
        })
    }
}

/// Candidates by each day they cover.
pub(super) fn by_day(candidates: &[Candidate]) -> BTreeMap<i32, Vec<&Candidate>> {
    let mut days: BTreeMap<i32, Vec<&Candidate>> = BTreeMap::new();
    for candidate in candidates {
        let Some(range) = candidate.days else {
            continue;
        };
        for day in range.first.number()..=range.last.number() {
            days.entry(day).or_default().push(candidate);
        }
    }
    days
}
