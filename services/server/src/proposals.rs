//! What a search proposes that no asset is: a query to the Gaia archive for a source or for a part of the sky.

use gantry_search::Proposal;
use serde_json::{Value, json};

use crate::app::App;
use crate::format;

/// Sources of Gaia DR3 (ESA, Gaia Data Release 3: 1 811 709 771), spread evenly for an estimate.
const N_SOURCES: f64 = 1.812e9;

/// Products of a source that the archive holds beside its row, by DataLink.
const TYPES: &str = "XP_SAMPLED, XP_CONTINUOUS, RVS, EPOCH_PHOTOMETRY";

/// A query that an archive may be asked.
pub(crate) struct Proposed {
    /// The table it asks.
    pub(crate) asset: String,
    /// The query.
    pub(crate) adql: String,
    /// What it gives, in a sentence.
    pub(crate) text: String,
    /// What else there is.
    pub(crate) more: Option<String>,
    archive: String,
    release: String,
}

impl Proposed {
    /// The query for what was typed; none where no archive here is Gaia's.
    pub(crate) fn of(app: &App, proposal: &Proposal) -> Option<Self> {
        let mut archives = app.archives.iter();
        let (archive, _) =
            archives.find(|(_, access)| access.connector.archive().kind == "gaia")?;
        let (Proposal::Source { release, .. } | Proposal::Cone { release, .. }) = proposal;
        let table = format!("gaia{}.gaia_source", release.to_lowercase());
        let (adql, text, more) = match proposal {
            Proposal::Source { source_id, .. } => (
                format!("SELECT *\nFROM {table}\nWHERE source_id = {source_id}"),
                format!("The row of Gaia {release} source {source_id} is a query of its archive"),
                Some(format!("its products are {TYPES}, by DataLink")),
            ),
            Proposal::Cone {
                target,
                ra,
                dec,
                radius_deg,
                ..
            } => (
                format!(
                    "SELECT *\nFROM {table}\nWHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE({ra}, {dec}, {radius_deg}))"
                ),
                format!(
                    "Gaia {release} within {radius_deg}° of {} is a query of its archive, some {} rows",
                    target
                        .clone()
                        .unwrap_or_else(|| format!("{ra} {dec}")),
                    format::count_in_english(rows(*radius_deg)),
                ),
                Some("the number is for sources spread evenly; near the Galactic plane there are several times as many".to_owned()),
            ),
        };
        Some(Self {
            asset: format!("{archive}:{table}"),
            adql,
            text,
            more,
            archive: archive.to_string(),
            release: release.clone(),
        })
    }

    /// The sentence that notes of an answer hold.
    pub(crate) fn note(&self) -> String {
        let adql = self.adql.replace('\n', " ");
        let more = self.more.iter().map(|more| format!("; {more}"));
        format!("{}: `{adql}`{}", self.text, more.collect::<String>())
    }

    /// What to take, as a member of a selection.
    pub(crate) fn take(&self) -> Value {
        json!({"adql": self.adql, "archive": self.archive, "release": self.release})
    }
}

/// About how many sources are within a radius, to two digits.
fn rows(radius_deg: f64) -> u64 {
    let share = (1.0 - radius_deg.to_radians().cos()) / 2.0;
    let n = N_SOURCES * share;
    let unit = 10_f64.powf(n.max(1.0).log10().floor() - 1.0).max(1.0);
    ((n / unit).round() * unit) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cone_has_its_share_of_the_sky() {
        // A cap of 2° is 0.000305 of the sphere.
        assert_eq!(rows(2.0), 550_000);
        assert_eq!(rows(90.0), 910_000_000);
        assert_eq!(rows(0.001), 0);
    }
}
