//! What is asked for in a set.

use serde::{Deserialize, Serialize};

use crate::error::StagingError;

/// The most days of orbits before and after.
const MAX_MARGIN: u32 = 7;
/// The most values of a list.
const MAX_LIST: usize = 20;
const CONTENTS: [&str; 8] = ["ORB", "CLK", "ERP", "OSB", "ATT", "GIM", "SNX", "TRO"];
const LATENCIES: [&str; 6] = [
    "final",
    "rapid",
    "ultra",
    "near real time",
    "real time",
    "predicted",
];

/// The products that are added to the days of a selection; what comes first in a list is better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct With {
    /// What a set holds.
    pub content: Vec<String>,
    /// Which classes of latency; a set that is incomplete in one is looked for in the next.
    pub latency: Vec<String>,
    /// Which centres; all, the best first, when there are none.
    pub analysis_centre: Vec<String>,
    /// Whether all of a day comes from one solution; else each content for itself.
    pub one_set: bool,
    /// How many days before and after have orbits too.
    pub margin_days: u32,
    /// Whether the antenna model that was applied comes along.
    pub antenna: bool,
    /// `BRDC`: the merged navigation messages of each day.
    pub nav: Option<String>,
}

impl Default for With {
    fn default() -> Self {
        let all = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        Self {
            content: all(&["ORB", "CLK", "ERP", "OSB", "ATT"]),
            latency: all(&["final", "rapid"]),
            analysis_centre: Vec::new(),
            one_set: true,
            margin_days: 1,
            antenna: false,
            nav: None,
        }
    }
}

impl With {
    /// That everything asked for is something there can be.
    ///
    /// # Errors
    /// [`StagingError::Asked`] naming what cannot be used and what is allowed.
    pub fn check(&self) -> Result<(), StagingError> {
        one_of("with.content", &self.content, &CONTENTS)?;
        one_of("with.latency", &self.latency, &LATENCIES)?;
        let is_centre = |code: &String| {
            let capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            code.len() == 3 && code.bytes().all(capital)
        };
        let asked = |name: &str, value: &str, allowed: &str| {
            Err(StagingError::asked(format!("with.{name}"), value, allowed))
        };
        if let Some(code) = self.analysis_centre.iter().find(|code| !is_centre(code)) {
            return asked("analysis_centre", code, "a list of codes such as `COD`");
        }
        if self.analysis_centre.len() > MAX_LIST {
            return asked("analysis_centre", "…", "at most 20 centres");
        }
        if self.margin_days > MAX_MARGIN {
            return asked("margin_days", &self.margin_days.to_string(), "0 to 7");
        }
        match self.nav.as_deref() {
            None | Some("BRDC") => Ok(()),
            Some(nav) => asked("nav", nav, "`BRDC`, the merged messages of all stations"),
        }
    }
}

fn one_of(name: &str, values: &[String], allowed: &[&str]) -> Result<(), StagingError> {
    let unknown = |value: &&String| !allowed.contains(&value.as_str());
    let twice = |(at, value): (usize, &String)| values[..at].contains(value);
    let wrong = values.iter().find(unknown).map(String::as_str);
    let wrong = wrong.or(values.iter().enumerate().any(twice).then_some("…"));
    match wrong {
        Some(value) => Err(StagingError::asked(
            name.to_owned(),
            value,
            &format!("a list of {}, each once", allowed.join(", ")),
        )),
        None => Ok(()),
    }
}
