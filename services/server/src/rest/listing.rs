//! How the files of a folder are listed: sorted, found by name, a page at a time.

use gantry_staging::volume::Entry;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::once;
use crate::problem::{BAD_REQUEST, Problem};

/// How the files of a folder are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// `name` (default), `size` or `modified`; with a `-` before it from the largest or newest on.
    #[serde(deserialize_with = "once")]
    pub(crate) sort: Option<String>,
    /// Only names that hold this, whatever the case.
    #[serde(deserialize_with = "once")]
    pub(crate) q: Option<String>,
    /// Also names that begin with a dot.
    #[serde(deserialize_with = "once")]
    pub(crate) hidden: Option<bool>,
    /// How many at most, up to 1000.
    #[serde(deserialize_with = "once")]
    pub(crate) limit: Option<usize>,
    /// From which on.
    #[serde(deserialize_with = "once")]
    pub(crate) after: Option<usize>,
}

/// A page of a folder.
pub(crate) struct Listing {
    /// What is on it.
    pub(crate) entries: Vec<Entry>,
    /// How many there are in all.
    pub(crate) total: usize,
    /// From which on the next page begins.
    pub(crate) next: Option<usize>,
}

impl Listing {
    /// Nothing.
    pub(crate) fn empty() -> Self {
        Self {
            entries: Vec::new(),
            total: 0,
            next: None,
        }
    }
}

/// The most entries on one page.
const PAGE: usize = 1000;

impl ListParams {
    /// The page asked for of what lies in a folder: folders first, then by what was asked.
    pub(crate) fn page(&self, mut entries: Vec<Entry>) -> Result<Listing, Problem> {
        let wanted = self.q.as_deref().unwrap_or_default().to_lowercase();
        let hidden = self.hidden.unwrap_or(false);
        entries.retain(|entry| {
            (hidden || !entry.name.starts_with('.'))
                && (wanted.is_empty() || entry.name.to_lowercase().contains(&wanted))
        });
        self.order(&mut entries)?;
        let (total, from) = (entries.len(), self.after.unwrap_or(0));
        let limit = self.limit.unwrap_or(PAGE).clamp(1, PAGE);
        let entries: Vec<Entry> = entries.into_iter().skip(from).take(limit).collect();
        let next = from + entries.len();
        Ok(Listing {
            entries,
            total,
            next: (next < total).then_some(next),
        })
    }

    fn order(&self, entries: &mut [Entry]) -> Result<(), Problem> {
        let sort = self.sort.as_deref().unwrap_or("name");
        let (by, reversed) = match sort.strip_prefix('-') {
            Some(by) => (by, true),
            None => (sort, false),
        };
        match by {
            "name" => {
                entries.sort_by_cached_key(|entry| (entry.name.to_lowercase(), entry.name.clone()))
            }
            "size" => entries.sort_by_key(|entry| entry.size_bytes),
            "modified" => entries.sort_by_key(|entry| entry.modified_ns),
            _ => {
                let text = format!(
                    "`sort={sort}`: allowed are name, size and modified, each also with `-` before it"
                );
                return Err(Problem::new(&BAD_REQUEST, text));
            }
        }
        if reversed {
            entries.reverse();
        }
        entries.sort_by_key(|entry| !entry.is_folder);
        Ok(())
    }

    /// The same parameters, for the page that begins at `after`.
    pub(crate) fn query(&self, after: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("sort", &self.sort), ("q", &self.q)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if self.hidden == Some(true) {
            query.append_pair("hidden", "true");
        }
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        query.append_pair("after", &after.to_string());
        query.finish()
    }
}
