//! Stations: where they stand and what has stood there, by their site logs.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Day, DayRange};

/// What a site log says of a station (IGS Site Log Instructions, sections 1 to 4).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Station {
    /// Nine characters, four where its log has no more; capitals.
    pub id: String,
    /// The number of its monument, IERS DOMES.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domes: Option<String>,
    /// The name of the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The country or region, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// When the log was prepared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<NaiveDate>,
    /// Its receivers, in the order of the log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receivers: Vec<Equipment>,
    /// Its antennas, in the order of the log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub antennas: Vec<Equipment>,
}

/// A receiver or an antenna, and the days it stood at a station.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Equipment {
    /// The IGS's name of its type, an antenna's with its radome.
    pub kind: String,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The firmware of a receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// The day it was installed, or this firmware was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<NaiveDate>,
    /// The day it was removed; none while it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<NaiveDate>,
}

impl Equipment {
    /// Whether it stood there for some of a day.
    fn stood(&self, day: NaiveDate) -> bool {
        self.installed.is_none_or(|installed| installed <= day)
            && self.removed.is_none_or(|removed| day <= removed)
    }

    fn words(&self) -> String {
        let kind = self.kind.split_whitespace().collect::<Vec<_>>().join(" ");
        match &self.firmware {
            Some(firmware) => format!("{kind} (firmware {firmware})"),
            None => kind,
        }
    }
}

impl Station {
    /// The receiver and the antenna on a day: the ones installed last of those that stood there.
    #[must_use]
    pub fn on(&self, day: Day) -> (Option<&Equipment>, Option<&Equipment>) {
        let last = |all: &'_ [Equipment]| {
            let there = all
                .iter()
                .enumerate()
                .filter(|(_, one)| one.stood(day.date()));
            there.max_by_key(|(_, one)| one.installed).map(|(n, _)| n)
        };
        (
            last(&self.receivers).and_then(|n| self.receivers.get(n)),
            last(&self.antennas).and_then(|n| self.antennas.get(n)),
        )
    }

    /// Whether it had no receiver or no antenna on a day; `false` where its log names none at all.
    #[must_use]
    pub fn was_inactive(&self, day: Day) -> bool {
        let (receiver, antenna) = self.on(day);
        (!self.receivers.is_empty() && receiver.is_none())
            || (!self.antennas.is_empty() && antenna.is_none())
    }

    /// What changed between the first day of a range and its last, a sentence each, by day.
    #[must_use]
    pub fn changes(&self, days: DayRange) -> Vec<String> {
        let mut told = Vec::new();
        for (what, all) in [("receiver", &self.receivers), ("antenna", &self.antennas)] {
            let mut in_order: Vec<&Equipment> = all.iter().collect();
            in_order.sort_by_key(|one| one.installed);
            for pair in in_order.windows(2) {
                let [before, after] = pair else { continue };
                let Some(installed) = after.installed else {
                    continue;
                };
                let is_within = days.first.date() <= installed && installed <= days.last.date();
                if is_within && before.words() != after.words() {
                    let verb = if before.kind == after.kind {
                        "was updated"
                    } else {
                        "was changed"
                    };
                    let of = format!("from {} to {}", before.words(), after.words());
                    told.push((installed, format!("its {what} {verb} on {installed}, {of}")));
                } else if is_within && before.serial != after.serial {
                    let of = after.words();
                    told.push((
                        installed,
                        format!("its {what} was replaced on {installed} by another {of}"),
                    ));
                }
            }
        }
        told.sort();
        told.into_iter()
            .map(|(_, sentence)| format!("{}: {sentence}", self.id))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(kind: &str, installed: &str, removed: Option<&str>) -> Equipment {
        Equipment {
            kind: kind.to_owned(),
            installed: installed.parse().ok(),
            removed: removed.map(|day| day.parse().unwrap()),
            ..Equipment::default()
        }
    }

    fn station() -> Station {
        let receivers = vec![
            receiver("SEPT POLARX4TR", "2012-01-31", Some("2022-12-24")),
            receiver("SEPT POLARX5TR", "2023-01-04", None),
        ];
        Station {
            id: "BRUX00BEL".to_owned(),
            receivers,
            ..Station::default()
        }
    }

    #[test]
    fn a_day_has_the_receiver_installed_last_and_none_between_two() {
        let on = |day: &str| {
            let station = station();
            let (receiver, _) = station.on(day.parse().unwrap());
            (
                receiver.map(|one| one.kind.clone()),
                station.was_inactive(day.parse().unwrap()),
            )
        };
        assert_eq!(on("2022-358"), (Some("SEPT POLARX4TR".to_owned()), false));
        assert_eq!(on("2023-001"), (None, true));
        assert_eq!(on("2023-004"), (Some("SEPT POLARX5TR".to_owned()), false));
        assert!(!Station::default().was_inactive("2023-001".parse().unwrap()));
    }

    #[test]
    fn changes_are_told_for_the_days_asked_for_only() {
        let changes = |days: &str| station().changes(days.parse().unwrap());
        assert_eq!(
            changes("2023-001/2023-010"),
            [
                "BRUX00BEL: its receiver was changed on 2023-01-04, from SEPT POLARX4TR to SEPT POLARX5TR"
            ]
        );
        assert_eq!(changes("2023-005/2023-010"), [""; 0]);
    }
}
