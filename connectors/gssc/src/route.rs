//! Which folders of the tree are walked, and which of them were walked whole.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use chrono::Datelike;
use gantry_net::Entry;

use crate::calendar::day_of_week;

/// Which folders are walked.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// The folders whose files are catalogued, by path below the root.
    pub(crate) folders: Vec<String>,
    /// The years that are; all when there is none.
    pub(crate) years: Option<RangeInclusive<i32>>,
    /// The folders that are told first, since they say something of the files in others.
    pub(crate) first: Vec<String>,
    /// The last folder whose files an earlier part of the same harvest told.
    pub(crate) done: Option<String>,
}

/// What to do with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Go into it.
    Into,
    /// It was walked before the harvest was cut.
    Done,
    /// It is not asked for.
    Outside,
}

impl Route {
    pub(crate) fn way(&self, path: &str, entry: &Entry) -> Way {
        let leads_there = self.folders.iter().any(|folder| is_in(folder, path));
        let is_asked = leads_there || (self.counts(path) && !entry.is_link);
        if !is_asked || !self.is_in_years(path) {
            return Way::Outside;
        }
        match &self.done {
            Some(done)
                if self.order(path, done) == Ordering::Less
                    && !is_in(done, path)
                    && !self.is_first(path) =>
            {
                Way::Done
            }
            _ => Way::Into,
        }
    }

    /// Whether what is in this folder is catalogued.
    pub(crate) fn counts(&self, path: &str) -> bool {
        self.folders.iter().any(|folder| is_in(path, folder))
    }

    /// Whether the files in this folder were told before the harvest was cut.
    pub(crate) fn was_told(&self, path: &str) -> bool {
        self.done
            .as_ref()
            .is_some_and(|done| self.order(path, done) != Ordering::Greater)
    }

    /// Whether a folder is told before those beside it: it leads to a first one, or lies in it.
    pub(crate) fn is_first(&self, path: &str) -> bool {
        let mut first = self.first.iter();
        first.any(|folder| is_in(folder, path) || is_in(path, folder))
    }

    /// The order in which a walk tells folders: step by step, each before what is in it.
    fn order(&self, a: &str, b: &str) -> Ordering {
        let places = |path: &str| {
            let ends = path.match_indices('/').map(|(at, _)| at);
            let steps = ends.chain([path.len()]).filter_map(|end| path.get(..end));
            let steps = steps.filter(|step| !step.is_empty());
            steps
                .map(|step| (!self.is_first(step), step.to_owned()))
                .collect::<Vec<_>>()
        };
        places(a).cmp(&places(b))
    }

    /// A folder of four digits is a year, below `products` a GPS week; all others are of every year.
    fn is_in_years(&self, path: &str) -> bool {
        let Some(years) = &self.years else {
            return true;
        };
        let steps: Vec<&str> = path.split('/').collect();
        steps.iter().enumerate().all(|(n, step)| {
            if step.len() != 4 {
                return true;
            }
            let Ok(number) = step.parse::<u32>() else {
                return true;
            };
            let above = n.checked_sub(1).and_then(|above| steps.get(above));
            if above == Some(&"products") {
                let day = |day| day_of_week(number, day).map(|day| day.year());
                [day(0), day(6)]
                    .into_iter()
                    .flatten()
                    .any(|year| years.contains(&year))
            } else {
                number.try_into().is_ok_and(|year| years.contains(&year))
            }
        })
    }
}

/// Whether a path is a folder or lies in it.
pub(crate) fn is_in(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The folders of a walk that have begun and of which something may still come.
#[derive(Debug, Default)]
pub(crate) struct OpenFolders {
    open: Vec<(String, bool)>,
    /// Whether something in the folder that is told now is not gone into.
    is_partial: bool,
    /// Whether something was left out, because of its year or because it was listed not long ago.
    pub(crate) left_out: bool,
    /// The folders of the route that were found.
    met: Vec<String>,
}

impl OpenFolders {
    /// Takes note of a folder that was found.
    pub(crate) fn found(&mut self, route: &Route, path: &str, entry: &Entry) {
        match route.way(path, entry) {
            Way::Outside => {
                self.is_partial = true;
                self.left_out |= !route.is_in_years(path);
            }
            Way::Into => self.meet(route, path),
            Way::Done => self.meet_if(route, |folder| is_in(folder, path)),
        }
    }

    /// Takes note of a folder that was found and is not listed in this harvest.
    pub(crate) fn leave_out(&mut self, route: &Route, path: &str) {
        self.meet(route, path);
        self.is_partial = true;
        self.left_out = true;
    }

    /// Takes note of a folder that is there and was not told; gives the folders that are whole by now.
    pub(crate) fn refuse(&mut self, path: &str) -> Vec<String> {
        let whole = self.leave(|open| !is_in(path, open));
        if let Some((_, is_partial)) = self.open.last_mut() {
            *is_partial = true;
        }
        self.left_out = true;
        whole
    }

    /// Takes note that a folder is there.
    pub(crate) fn meet(&mut self, route: &Route, path: &str) {
        self.meet_if(route, |folder| folder == path);
    }

    /// The folders of the route that were not found.
    pub(crate) fn missing(&self, route: &Route) -> Vec<String> {
        let folders = route.folders.iter();
        let missing = folders.filter(|folder| !self.met.contains(folder));
        missing.cloned().collect()
    }

    fn meet_if(&mut self, route: &Route, is_met: impl Fn(&str) -> bool) {
        let met = route.folders.iter().filter(|folder| is_met(folder));
        self.met.extend(met.cloned());
    }

    /// Enters a folder whose own names were told; gives the folders that are whole by now, innermost first.
    pub(crate) fn enter(&mut self, path: &str) -> Vec<String> {
        let whole = self.leave(|open| !is_in(path, open));
        let is_partial = std::mem::take(&mut self.is_partial);
        self.open.push((path.to_owned(), is_partial));
        whole
    }

    /// Ends the walk; gives the folders that are whole by now.
    pub(crate) fn end(&mut self) -> Vec<String> {
        self.leave(|_| true)
    }

    /// Whether every folder of the route was found and nothing was left out, so that no series can be missing.
    pub(crate) fn is_whole(&self, route: &Route, is_optional: impl Fn(&str) -> bool) -> bool {
        let mut folders = route.folders.iter();
        !self.left_out
            && folders
                .all(|folder| folder.is_empty() || is_optional(folder) || self.met.contains(folder))
    }

    fn leave(&mut self, is_left: impl Fn(&str) -> bool) -> Vec<String> {
        let mut whole = Vec::new();
        while let Some((path, is_partial)) = self.open.pop_if(|(path, _)| is_left(path)) {
            if !is_partial {
                whole.push(path);
            } else if let Some((_, above)) = self.open.last_mut() {
                *above = true;
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> Entry {
        Entry {
            name: name.rsplit('/').next().unwrap().to_owned(),
            is_folder: true,
            is_link: false,
            size_bytes: None,
            modified: None,
        }
    }

    fn route(years: Option<RangeInclusive<i32>>, done: Option<&str>) -> Route {
        Route {
            folders: vec!["gnss/data".to_owned(), "gnss/products".to_owned()],
            years,
            first: vec!["gnss/stations".to_owned()],
            done: done.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn only_the_folders_and_years_asked_for_are_walked() {
        let route = route(Some(2023..=2023), None);
        let way = |path: &str| route.way(path, &folder(path));
        assert_eq!(way("gnss"), Way::Into);
        assert_eq!(way("gnss/software"), Way::Outside);
        assert_eq!(way("gnss/data/daily/2022"), Way::Outside);
        assert_eq!(way("gnss/data/daily/2023/001"), Way::Into);
        assert_eq!(way("gnss/products/2242"), Way::Outside);
        assert_eq!(way("gnss/products/2243"), Way::Into);
        assert_eq!(way("gnss/products/ionex/2023"), Way::Into);
    }

    #[test]
    fn a_harvest_goes_on_behind_the_folder_told_last_and_looks_into_it_again() {
        let route = route(None, Some("gnss/data/daily/2023/002"));
        let way = |path: &str| route.way(path, &folder(path));
        assert_eq!(way("gnss/data/daily"), Way::Into);
        assert_eq!(way("gnss/data/daily/2023/001"), Way::Done);
        assert_eq!(way("gnss/data/daily/2023/002"), Way::Into);
        assert_eq!(way("gnss/data/daily/2023/003"), Way::Into);
        assert!(route.was_told("gnss/data/daily/2023/002"));
        assert!(!route.was_told("gnss/data/daily/2023/002/23p"));
    }

    #[test]
    fn a_folder_of_which_something_was_left_out_is_not_whole() {
        let route = route(Some(2023..=2023), None);
        let mut open = OpenFolders::default();
        assert_eq!(open.enter(""), [""; 0]);
        open.found(&route, "gnss/data/2022", &folder("2022"));
        open.found(&route, "gnss/data/2023", &folder("2023"));
        assert_eq!(open.enter("gnss/data"), [""; 0]);
        assert_eq!(open.enter("gnss/data/2023"), [""; 0]);
        assert_eq!(open.end(), ["gnss/data/2023"]);
        assert!(open.left_out);
    }
}
