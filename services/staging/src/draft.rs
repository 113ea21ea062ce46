//! Drafts: what will be a selection, before it is kept.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{Datelike, Utc};
use gantry_asset::{AssetId, Completeness, Day, DayRange, GapReason, Station};
use gantry_store::{AssetRecord, Store};

use crate::error::StagingError;
use crate::prefer::Prefer;
use crate::sets::{Candidate, Chosen, MAX_SET_DAYS};

/// How many assets one selection may hold.
pub const MAX_ASSETS: u64 = 100_000;

/// A member that says it covers more days than this is no file of a day.
const MAX_DAYS: u64 = 40;

/// What was asked for by a range of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranged {
    /// The days.
    pub days: DayRange,
    /// What was found in them.
    pub ids: Vec<AssetId>,
}

/// The assets of a selection that is being made, at the versions they have now.
pub struct Draft {
    pub(crate) change: u64,
    pub(crate) by_id: BTreeMap<AssetId, AssetRecord>,
    /// The series among the ids, whose members stand in `by_id`.
    series: Vec<AssetId>,
    ranged: Vec<Ranged>,
    /// Series that others count as, since of several one was preferred.
    counts_as: BTreeMap<AssetId, AssetId>,
    /// What was counted and is to be said beside the days of series.
    more: Completeness,
    /// What site logs say of stations.
    logs: BTreeMap<String, Station>,
}

impl Draft {
    /// The assets of these ids; a series stands for its members.
    ///
    /// # Errors
    /// [`StagingError::TooMany`], and [`StagingError::NoSuchAssets`] naming what is not there.
    pub async fn of(
        store: &Store,
        ids: &[AssetId],
        ranged: &[Ranged],
    ) -> Result<Self, StagingError> {
        let change = store.change_number().await?;
        let unique: HashSet<&AssetId> = ids.iter().collect();
        too_many(unique.len() as u64)?;
        let records = store.live_assets(ids).await?;
        let mut by_id: BTreeMap<AssetId, AssetRecord> = records
            .into_iter()
            .map(|record| (record.asset.id.clone(), record))
            .collect();
        let mut missing: Vec<AssetId> = unique
            .into_iter()
            .filter(|id| !by_id.contains_key(*id))
            .cloned()
            .collect();
        if !missing.is_empty() {
            missing.sort_unstable();
            return Err(StagingError::NoSuchAssets(missing));
        }
        let series: Vec<AssetId> = by_id
            .values()
            .filter(|record| record.asset.is_series())
            .map(|record| record.asset.id.clone())
            .collect();
        for id in &series {
            by_id.remove(id);
            let most = u32::try_from(MAX_ASSETS)
                .unwrap_or(u32::MAX)
                .saturating_add(1);
            let members = store.members_of(id, most).await?;
            too_many((by_id.len() + members.len()) as u64)?;
            let members = store.live_assets(&members).await?.into_iter();
            by_id.extend(members.map(|record| (record.asset.id.clone(), record)));
        }
        Ok(Self {
            change,
            by_id,
            series,
            ranged: ranged.to_vec(),
            counts_as: BTreeMap::new(),
            more: Completeness::default(),
            logs: BTreeMap::new(),
        })
    }

    /// Keeps of the observations of one station and day the ones that are preferred.
    pub fn prefer(&mut self, prefer: &Prefer) {
        let chosen = prefer.choose(self.by_id.values().map(|record| &record.asset));
        self.by_id.retain(|id, _| !chosen.left_out.contains(id));
        self.counts_as = chosen.counts_as;
        self.more.notes.extend(chosen.notes);
    }

    /// The nominal days of what is selected: of its observations, where there are some.
    ///
    /// # Errors
    /// [`StagingError::NoDays`] when there are none, [`StagingError::TooManyDays`].
    pub fn nominal_days(&self) -> Result<BTreeSet<Day>, StagingError> {
        let mut observed = BTreeSet::new();
        let mut all = BTreeSet::new();
        for record in self.by_id.values() {
            let range = record
                .asset
                .days
                .as_ref()
                .and_then(gantry_asset::Days::range);
            let Some(range) = range.filter(|range| range.n_days() <= MAX_DAYS) else {
                continue;
            };
            let days = (range.first.number()..=range.last.number()).filter_map(Day::of_number);
            match record.asset.facets.first("content") {
                Some("OBS") => observed.extend(days),
                _ => all.extend(days),
            }
        }
        let days = if observed.is_empty() { all } else { observed };
        match days.len() as u64 {
            0 => Err(StagingError::NoDays),
            n if n > MAX_SET_DAYS => Err(StagingError::TooManyDays {
                n,
                max: MAX_SET_DAYS,
            }),
            _ => Ok(days),
        }
    }

    /// The stations of what is selected, each with its first day and its last.
    #[must_use]
    pub fn stations(&self) -> BTreeMap<String, DayRange> {
        let mut stations: BTreeMap<String, DayRange> = BTreeMap::new();
        for record in self.by_id.values() {
            let asset = &record.asset;
            let range = asset.days.as_ref().and_then(gantry_asset::Days::range);
            let range = range.filter(|range| range.n_days() <= MAX_DAYS);
            if let (Some(station), Some(range)) = (asset.facets.first("station"), range) {
                let known = stations.entry(station.to_owned()).or_insert(range);
                known.first = known.first.min(range.first);
                known.last = known.last.max(range.last);
            }
        }
        stations
    }

    /// Says what the site logs of stations tell of the days taken: what changed, and when a station had nothing to
    /// observe with. Of several logs of a station the last one given counts.
    pub fn tell_stations(&mut self, stations: impl IntoIterator<Item = Station>) {
        let days = self.stations();
        for station in stations {
            if let Some(days) = days.get(&station.id) {
                self.more.notes.extend(station.changes(*days));
            }
            self.logs.insert(station.id.clone(), station);
        }
    }

    /// Adds products that were chosen, and what is to be said of them.
    ///
    /// # Errors
    /// [`StagingError::TooMany`], and [`StagingError::Store`] when the record does not answer.
    pub async fn add(&mut self, store: &Store, chosen: Chosen) -> Result<(), StagingError> {
        let ids: Vec<AssetId> = chosen.ids.into_iter().collect();
        too_many((self.by_id.len() + ids.len()) as u64)?;
        let records = store.live_assets(&ids).await?.into_iter();
        self.by_id
            .extend(records.map(|record| (record.asset.id.clone(), record)));
        self.more.merge(chosen.days);
        Ok(())
    }

    /// Which days are there of those asked for: of a whole series, of each range, and of products.
    pub(crate) fn days(&self) -> Completeness {
        let mut days = Completeness::default();
        let counted = |series: &AssetId| self.counts_as.get(series).unwrap_or(series).clone();
        let whole: BTreeSet<AssetId> = self.series.iter().map(counted).collect();
        if let Some(today) = Day::of_number(Utc::now().num_days_from_ce()) {
            for series in &whole {
                let members = self.by_id.values().map(|record| &record.asset);
                let members = members
                    .filter(|asset| asset.series.as_ref().map(counted).as_ref() == Some(series));
                days.add(members, None, today, &self.counts_as);
            }
            for range in &self.ranged {
                let members = range.ids.iter().filter_map(|id| self.by_id.get(id));
                let members = members.map(|record| &record.asset);
                days.add(members, Some(range.days), today, &self.counts_as);
            }
        }
        for gap in &mut days.gaps {
            let log = gap
                .station
                .as_ref()
                .and_then(|station| self.logs.get(station));
            if gap.reason == GapReason::NotAtArchive
                && let (Some(log), Ok(day)) = (log, gap.day.parse())
                && log.was_inactive(day)
            {
                gap.reason = GapReason::StationInactive;
            }
        }
        days.merge(self.more.clone());
        days
    }
}

/// What of these assets may be taken for a set.
///
/// # Errors
/// [`StagingError::Store`] when the record does not answer.
pub async fn candidates(store: &Store, ids: &[AssetId]) -> Result<Vec<Candidate>, StagingError> {
    let mut found = Vec::new();
    for some in ids.chunks(PAGE) {
        let records = store.live_assets(some).await?;
        found.extend(
            records
                .iter()
                .filter_map(|record| Candidate::of(&record.asset)),
        );
    }
    Ok(found)
}

/// How many assets are looked up at once.
const PAGE: usize = 2000;

fn too_many(n: u64) -> Result<(), StagingError> {
    if n > MAX_ASSETS {
        let max = MAX_ASSETS;
        return Err(StagingError::TooMany { n, max });
    }
    Ok(())
}
