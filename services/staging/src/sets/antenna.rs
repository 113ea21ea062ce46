//! The antenna model of a set: the one that was applied, not the newest.

use gantry_asset::Day;

use super::Candidate;

/// The antenna models of a day.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// The files; none when the model is not there.
    pub(super) files: Vec<&'a Candidate>,
    /// What is to be said of it.
    pub(super) said: Vec<String>,
}

/// Finds the models applied in the products of a day, else those that their week suggests.
///
/// What was applied stands in clocks and orbits, and is known when these were looked into during the harvest.
pub(super) fn of<'a>(
    picks: &[&Candidate],
    antennas: &'a [Candidate],
    family: fn(u32) -> Option<&'static str>,
    day: Day,
) -> Found<'a> {
    let mut applied: Vec<(&str, &str)> = Vec::new();
    for pick in picks {
        for model in &pick.antenna_models {
            if !applied.iter().any(|(_, known)| known == model) {
                applied.push((&pick.solution, model));
            }
        }
    }
    let mut found = Found::default();
    let dated = applied
        .iter()
        .copied()
        .filter(|(_, model)| antenna_release(model).is_some());
    for (solution, model) in dated {
        match antennas.iter().find(|one| has(one, model)) {
            Some(file) => found.files.push(file),
            None => found.said.push(format!(
                "the antenna model {model}, applied in {solution}, is not in the catalogue"
            )),
        }
    }
    if found.files.len() > 1 {
        let models: Vec<&str> = applied.iter().map(|(_, model)| *model).collect();
        let models = models.join(" and ");
        found.said.push(format!(
            "the products were made with different antenna models: {models}"
        ));
    }
    if !found.files.is_empty() || !found.said.is_empty() {
        return found;
    }
    by_week(
        picks,
        applied.first().map(|(_, model)| *model),
        antennas,
        family,
        day,
    )
}

/// The newest release that is not younger than the day, else the oldest that is.
fn by_week<'a>(
    picks: &[&Candidate],
    undated: Option<&str>,
    antennas: &'a [Candidate],
    family: fn(u32) -> Option<&'static str>,
    day: Day,
) -> Found<'a> {
    let why = match (picks.first(), undated) {
        (Some(pick), Some(model)) => {
            format!(
                "{} says {model} was applied and not which release",
                pick.solution
            )
        }
        (Some(pick), None) => format!(
            "which antenna model was applied in {} is not known",
            pick.solution
        ),
        (None, _) => "there is no product that says which antenna model was applied".to_owned(),
    };
    let week = day.gps_week().map(|(week, _)| week).unwrap_or_default();
    let Some(family) = undated.or_else(|| family(week)) else {
        return Found {
            files: Vec::new(),
            said: vec![why],
        };
    };
    let family = family.to_ascii_lowercase();
    let of_family = |one: &'a Candidate| {
        let models = one.antenna_models.iter();
        let mut weeks = models.filter(|model| model.split('_').next() == Some(&family));
        weeks
            .find_map(|model| antenna_release(model))
            .map(|week| (week, one))
    };
    let mut releases: Vec<(u32, &Candidate)> = antennas.iter().filter_map(of_family).collect();
    releases.sort_by_key(|(released, one)| (*released, &one.id));
    let older = releases
        .iter()
        .rev()
        .find(|(released, _)| *released <= week);
    let (file, which) = match (older, releases.first()) {
        (Some(older), _) => (
            *older,
            "the newest release of its frame that is not younger",
        ),
        (None, Some(first)) => (
            *first,
            "the oldest release of its frame there is, younger than the day",
        ),
        (None, None) => {
            let said = format!("{why}, and no dated release of {family} is in the catalogue");
            return Found {
                files: Vec::new(),
                said: vec![said],
            };
        }
    };
    let said = format!("{why}; {family}_{:04} taken by the week, {which}", file.0);
    Found {
        files: vec![file.1],
        said: vec![said],
    }
}

/// The week of a release, 2274 of `igs20_2274`.
pub fn antenna_release(model: &str) -> Option<u32> {
    let (_, week) = model.rsplit_once('_')?;
    week.parse().ok().filter(|_| week.len() == 4)
}

fn has(one: &Candidate, model: &str) -> bool {
    one.antenna_models
        .iter()
        .any(|known| known.eq_ignore_ascii_case(model))
}
