//! Stations, by the site logs that lie in the archive.
//!
//! Of each station the newest log of a folder is read, once: what it says is noted for later harvests. The folders of
//! site logs come first in a harvest, so that the files of a station say where it stands and what stood there.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use futures::StreamExt;
use gantry_asset::{Asset, Day, Equipment, Place, Station};
use gantry_connector::Harvested;
use gantry_formats::sitelog::{self, SiteLog};
use gantry_net::Entry;
use serde::{Deserialize, Serialize};

use crate::files::{self, Found};
use crate::names::{Name, read_name};
use crate::{Gssc, peek};

/// The longest site log that is read; real ones have tens of kilobytes.
const MOST_BYTES: usize = 1 << 20;
/// What the notes about site logs begin with; a blank, so that no folder is called so.
const NOTE: &str = "site log ";

/// A site log that was read, as it is noted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Log {
    size_bytes: Option<u64>,
    modified: Option<DateTime<Utc>>,
    /// The program that read it.
    by: String,
    place: Option<Place>,
    station: Station,
}

/// The stations known so far.
#[derive(Debug, Default)]
pub(crate) struct Stations {
    /// By the path of their log.
    logs: BTreeMap<String, Log>,
    /// The path of the newest log of each, by the code it gives itself.
    newest: BTreeMap<String, String>,
}

impl Stations {
    /// Takes what earlier harvests noted of site logs out of the notes.
    pub(crate) fn take(notes: &mut BTreeMap<String, String>) -> Self {
        let mut stations = Self::default();
        let of_logs: Vec<String> = notes
            .keys()
            .filter(|about| about.starts_with(NOTE))
            .cloned()
            .collect();
        for about in of_logs {
            let log = notes
                .remove(&about)
                .and_then(|note| serde_json::from_str::<Log>(&note).ok());
            if let (Some(path), Some(log)) = (
                about.strip_prefix(NOTE),
                log.filter(|log| log.by == env!("CARGO_PKG_VERSION")),
            ) {
                stations.keep(path.to_owned(), log);
            }
        }
        stations
    }

    fn keep(&mut self, path: String, log: Log) {
        let id = log.station.id.clone();
        let is_newer = |than: &String| {
            self.logs
                .get(than)
                .is_none_or(|other| other.station.prepared <= log.station.prepared)
        };
        if self.newest.get(&id).is_none_or(is_newer) {
            self.newest.insert(id, path.clone());
        }
        self.logs.insert(path, log);
    }

    /// Reads the site logs of a folder that are new; gives notes, and why a log could not be read by its path.
    pub(crate) async fn read(
        &mut self,
        gssc: &Gssc,
        folder: &str,
        entries: &[Entry],
    ) -> (Vec<Harvested>, BTreeMap<String, String>) {
        let (mut notes, mut faults) = (self.forget(folder, entries), BTreeMap::new());
        let unread = newest(folder, entries)
            .into_iter()
            .filter(|(path, entry)| !self.is_read(path, entry));
        let at_once = gssc.client.limits().max_in_flight.max(1);
        let mut reading = futures::stream::iter(unread.collect::<Vec<_>>())
            .map(|(path, entry)| async move { (gssc.read_log(&path, &entry).await, path) })
            .buffered(at_once);
        while let Some((read, path)) = reading.next().await {
            match read {
                Ok(log) => {
                    let note = serde_json::to_string(&log).ok();
                    notes.push(Harvested::Note {
                        about: format!("{NOTE}{path}"),
                        note,
                    });
                    self.keep(path, log);
                }
                Err(why) => {
                    faults.insert(path, format!("it could not be read as a site log: {why}"));
                }
            }
        }
        (notes, faults)
    }

    fn is_read(&self, path: &str, entry: &Entry) -> bool {
        let as_it_is =
            |log: &Log| log.size_bytes == entry.size_bytes && log.modified == entry.modified;
        self.logs.get(path).is_some_and(as_it_is)
    }

    /// Takes back what is noted of logs that are in the listing of their folder no more.
    fn forget(&mut self, folder: &str, entries: &[Entry]) -> Vec<Harvested> {
        let in_folder = |path: &str| path.rsplit_once('/').map_or("", |(above, _)| above) == folder;
        let is_gone = |path: &str| {
            let name = path.rsplit('/').next();
            entries
                .iter()
                .all(|entry| Some(entry.name.as_str()) != name)
        };
        let gone: Vec<String> = self
            .logs
            .keys()
            .filter(|path| in_folder(path) && is_gone(path))
            .cloned()
            .collect();
        for path in &gone {
            self.logs.remove(path);
            self.newest.retain(|_, newest| newest != path);
        }
        gone.into_iter()
            .map(|path| Harvested::Note {
                about: format!("{NOTE}{path}"),
                note: None,
            })
            .collect()
    }

    /// The station of a code on a day: by nine characters, or by four where one station alone has had them by then.
    fn of(&self, code: &str, day: Option<NaiveDate>) -> Option<&Log> {
        let log = |id: &str| self.newest.get(id).and_then(|path| self.logs.get(path));
        if code.len() != 4 {
            return log(code);
        }
        let had = |log: &&Log| match (day, first_day(&log.station)) {
            (Some(day), Some(first)) => first <= day,
            _ => true,
        };
        let long = self
            .newest
            .range(code.to_owned()..)
            .take_while(|(id, _)| id.starts_with(code));
        let mut long = long
            .filter(|(id, _)| id.len() == 9)
            .filter_map(|(id, _)| log(id))
            .filter(had);
        match (long.next(), long.next()) {
            (Some(only), None) => Some(only),
            (None, _) => log(code),
            _ => None,
        }
    }

    /// Adds to a file of a station, or to a series, where the station stands and what stood there.
    pub(crate) fn describe(&self, asset: &mut Asset, name: &Name) {
        let Some(code) = name.station.as_deref().filter(|_| name.is_of_station()) else {
            return;
        };
        let day = name.start.map(|start| start.date());
        let Some(log) = self.of(code, day) else {
            return;
        };
        asset.place = asset.place.or(log.place);
        if code.len() == 4 && log.station.id.len() == 9 {
            peek::set(&mut asset.facets, "station", &log.station.id);
            asset.synonyms.push(code.to_owned());
        }
        asset.synonyms.extend(log.station.domes.clone());
        asset.synonyms.sort_unstable();
        asset.synonyms.dedup();
        let day = day
            .filter(|_| !asset.is_series())
            .and_then(|day| Day::of_number(day.num_days_from_ce()));
        let words = words(&log.station, day);
        let apart = if asset.description.is_empty() {
            ""
        } else {
            "; "
        };
        asset.description = format!("{}{apart}{words}", asset.description);
    }

    /// Adds to a site log what it says.
    pub(crate) fn describe_log(&self, asset: &mut Asset, path: &str) {
        let Some(log) = self.logs.get(path) else {
            return;
        };
        let today = Day::of_number(Utc::now().num_days_from_ce());
        asset.place = log.place;
        asset.description = words(&log.station, today);
        asset.synonyms.extend(log.station.domes.clone());
        if log.station.id.len() == 9 {
            peek::set(&mut asset.facets, "station", &log.station.id);
        }
        asset.station = Some(Box::new(log.station.clone()));
    }
}

/// The newest logs, by station and form, each with the day in its name.
type Kept<'e> = BTreeMap<(String, Option<String>), (Option<NaiveDate>, &'e Entry)>;

/// The newest log of each station and form in a folder.
fn newest(folder: &str, entries: &[Entry]) -> Vec<(String, Entry)> {
    let mut newest = Kept::new();
    for entry in entries.iter().filter(|entry| !entry.is_folder) {
        let name = read_name(&entry.name);
        if let (Some("site log"), Some(station)) = (name.content.as_deref(), name.station) {
            let this = (name.start.map(|start| start.date()), entry);
            let kept = newest.entry((station, name.format)).or_insert(this);
            if kept.0 <= this.0 {
                *kept = this;
            }
        }
    }
    let path = |entry: &Entry| {
        format!("{folder}/{}", entry.name)
            .trim_start_matches('/')
            .to_owned()
    };
    newest
        .into_values()
        .map(|(_, entry)| (path(entry), entry.clone()))
        .collect()
}

/// The first day something stood at a station.
fn first_day(station: &Station) -> Option<NaiveDate> {
    station
        .receivers
        .iter()
        .chain(&station.antennas)
        .filter_map(|one| one.installed)
        .min()
}

/// A station in words, with what stood there on a day.
fn words(station: &Station, day: Option<Day>) -> String {
    let mut words: Vec<String> = [&station.name, &station.country]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    words.extend(station.domes.as_ref().map(|domes| format!("DOMES {domes}")));
    let (receiver, antenna) = day.map_or((None, None), |day| station.on(day));
    let kind = |one: &Equipment| one.kind.split_whitespace().collect::<Vec<_>>().join(" ");
    words.extend(receiver.map(|one| format!("receiver {}", kind(one))));
    words.extend(antenna.map(|one| format!("antenna {}", kind(one))));
    words.join(", ")
}

impl Gssc {
    async fn read_log(&self, path: &str, entry: &Entry) -> Result<Log, String> {
        let found = Found {
            path: path.to_owned(),
            entry: entry.clone(),
            also_at: Vec::new(),
        };
        let file = files::file(&self.facts, &found, &read_name(&entry.name));
        let (bytes, is_whole) = self.first_bytes(&file, MOST_BYTES).await?;
        if !is_whole {
            return Err(format!("it is longer than {MOST_BYTES} bytes"));
        }
        let reading = tokio::task::spawn_blocking(move || sitelog::read(bytes.as_slice())).await;
        let log = reading
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        Ok(Log {
            size_bytes: entry.size_bytes,
            modified: entry.modified,
            by: env!("CARGO_PKG_VERSION").to_owned(),
            place: place(&log),
            station: station(log),
        })
    }
}

fn station(log: SiteLog) -> Station {
    let all = |all: Vec<sitelog::Equipment>| {
        all.into_iter()
            .filter(|one| !one.kind.is_empty())
            .map(equipment)
            .collect()
    };
    Station {
        id: log.long_id.unwrap_or(log.id),
        domes: log.domes,
        name: log.name,
        country: log.country,
        prepared: log.prepared.as_deref().and_then(day),
        receivers: all(log.receivers),
        antennas: all(log.antennas),
    }
}

fn equipment(one: sitelog::Equipment) -> Equipment {
    Equipment {
        installed: one.installed.as_deref().and_then(day),
        removed: one.removed.as_deref().and_then(day),
        kind: one.kind,
        serial: one.serial,
        firmware: one.firmware,
    }
}

/// The day of `2023-01-04` or `2023-01-04T10:00Z`.
fn day(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}

/// Where a log says the station is: its angles, or else its earth-fixed position.
fn place(log: &SiteLog) -> Option<Place> {
    let (Some(lat), Some(lon)) = (log.latitude_deg, log.longitude_deg) else {
        return log.position_m.and_then(geodetic);
    };
    let lon = if lon > 180.0 { lon - 360.0 } else { lon };
    Some(rounded(lat, lon, log.height_m))
}

/// A place to a tenth of a millimetre, so that it is the same when it is read from a note.
fn rounded(lat: f64, lon: f64, height_m: Option<f64>) -> Place {
    let to = |value: f64, parts: f64| (value * parts).round() / parts;
    Place {
        lat: to(lat, 1e9),
        lon: to(lon, 1e9),
        height_m: height_m.map(|height| to(height, 1e4)),
    }
}

/// Earth-fixed metres as geodetic angles on GRS 80; nothing for what lies farther than 100 km from its surface.
///
/// # Source
/// Bowring 1976, Survey Review 23, 323; its error is below a micrometre at heights of some kilometres.
pub(crate) fn geodetic([x, y, z]: [f64; 3]) -> Option<Place> {
    const A: f64 = 6_378_137.0;
    const F: f64 = 1.0 / 298.257_222_101;
    let b = A * (1.0 - F);
    let (e2, ep2) = (F * (2.0 - F), (A * A - b * b) / (b * b));
    let p = x.hypot(y);
    let u = (z * A).atan2(p * b);
    let lat = (z + ep2 * b * u.sin().powi(3)).atan2(p - e2 * A * u.cos().powi(3));
    let n = A / (1.0 - e2 * lat.sin().powi(2)).sqrt();
    // Near the poles the distance from the axis says nothing of the height.
    let height = match lat.cos() > 1e-3 {
        true => p / lat.cos() - n,
        false => z.abs() - b,
    };
    let is_on_earth = height.is_finite() && height.abs() < 100_000.0;
    is_on_earth.then(|| rounded(lat.to_degrees(), y.atan2(x).to_degrees(), Some(height)))
}
