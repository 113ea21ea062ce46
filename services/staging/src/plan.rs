//! The plan: per file, what would be done; it touches nothing.

use std::path::PathBuf;

use gantry_asset::Completeness;
use gantry_store::StagedFile;
use serde::Serialize;

use crate::request::{Method, OnConflict, StageRequest};
use crate::volume::{Entry, VolumePath};

/// What is known of one file and its place before anything is done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// What is at its path now.
    pub(crate) there: Option<Entry>,
    /// What Gantry staged at its path.
    pub(crate) staged: Option<StagedFile>,
    /// Whether what was staged is this asset at this version.
    pub(crate) same: bool,
    /// Whether what was staged is the same file of another version of this asset.
    pub(crate) other_version: bool,
    /// Where it is below a mount.
    pub(crate) mounted: Option<PathBuf>,
    /// Whether the volume is elsewhere, so that links lead nowhere from it.
    pub(crate) is_elsewhere: bool,
    /// Whether it is to be unpacked or cut, so that a link will not do.
    pub(crate) is_made_anew: bool,
    /// Whether a cut-out is wanted of what is no map by its name.
    pub(crate) is_not_cut: bool,
    /// Whether the cache has it.
    pub(crate) cached: bool,
    /// Whether its name is one that Gantry writes itself.
    pub(crate) reserved: bool,
    /// Whether the archive serves it, or has it behind a query only.
    pub(crate) needs_a_query: bool,
}

/// What is to be done with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is there, unchanged since it was staged.
    Present,
    /// It may be there, but was touched: its hash decides.
    Recheck,
    /// Link it into the mounted archive.
    Link(PathBuf),
    /// Take its bytes from the mounted archive.
    CopyMounted(PathBuf),
    /// Take its bytes from the shared cache.
    CopyCached,
    /// Fetch its bytes from the archive.
    Download,
    /// Leave it out, for this reason.
    Skip(&'static str),
    /// It cannot be done as asked, for this reason.
    Fail(&'static str),
}

/// Decides what to do with one file; a pure function.
#[must_use]
pub(crate) fn decide(request: &StageRequest, facts: &Facts) -> Step {
    if facts.reserved {
        return Step::Skip(
            "name-reserved: Gantry writes a file of this name itself; stage into another folder",
        );
    }
    if facts.needs_a_query {
        return Step::Skip("needs-a-query");
    }
    if facts.is_not_cut {
        return Step::Skip("not-a-nested-map: by its name it is no FITS file, or it is packed");
    }
    match state(request, facts) {
        State::Present => return Step::Present,
        State::Touched => return Step::Recheck,
        State::Foreign if facts.there.as_ref().is_some_and(|there| there.is_folder) => {
            return Step::Skip("name-taken: a folder has its name");
        }
        State::Foreign if request.on_conflict != OnConflict::Replace => {
            return Step::Skip(if facts.other_version {
                "name-taken: another version of it is there; stage it with `on_conflict` `replace` or `rename`"
            } else {
                "name-taken"
            });
        }
        State::Foreign | State::Free => {}
    }
    match (&facts.mounted, request.method) {
        (_, Method::Link) if facts.is_elsewhere => {
            Step::Fail("not-linked: the volume is elsewhere, where a link leads nowhere")
        }
        (_, Method::Link) if facts.is_made_anew => {
            Step::Fail("not-linked: what is to be unpacked or cut cannot be linked")
        }
        (Some(path), Method::Auto | Method::Link) if !facts.is_elsewhere && !facts.is_made_anew => {
            Step::Link(path.clone())
        }
        (Some(path), _) => Step::CopyMounted(path.clone()),
        (None, Method::Link) => Step::Fail("not-mounted"),
        (None, _) if facts.cached => Step::CopyCached,
        (None, _) => Step::Download,
    }
}

/// What is at a file's path.
enum State {
    /// Nothing, or a link of ours that is to be made anew.
    Free,
    /// The file, as it was staged.
    Present,
    /// What was staged, but touched since.
    Touched,
    /// Something else.
    Foreign,
}

fn state(request: &StageRequest, facts: &Facts) -> State {
    let Some(there) = &facts.there else {
        return State::Free;
    };
    let Some(staged) = facts.staged.as_ref().filter(|_| facts.same) else {
        return State::Foreign;
    };
    let same_entry = there.modified_ns == staged.modified_ns && there.inode == staged.inode;
    let unchanged = same_entry && there.size_bytes == staged.size_bytes;
    let wants_bytes = matches!(request.method, Method::Clone | Method::Copy);
    // A link of ours whose target is gone is made anew, and so is one that is to become a file of its own.
    if there.is_link && same_entry && (!unchanged || wants_bytes) {
        State::Free
    } else if unchanged {
        State::Present
    } else {
        State::Touched
    }
}

/// A path with another name, `name-2.ext`; double extensions such as `.fits.gz` stay whole.
#[must_use]
pub(crate) fn renamed(path: &VolumePath, n: u32) -> Option<VolumePath> {
    let name = path.name();
    let last = name.rfind('.').filter(|at| *at > 0);
    let packed = last.filter(|at| matches!(&name[*at..], ".gz" | ".tgz" | ".Z" | ".bz2" | ".zip"));
    let inner = packed
        .and_then(|at| name[..at].rfind('.'))
        .filter(|at| *at > 0);
    let at = inner.or(last).unwrap_or(name.len());
    path.parent()?
        .join(&format!("{}-{n}{}", &name[..at], &name[at..]))
        .ok()
}

/// What a plan says of all files done alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedMethod {
    /// `present`, `link`, `clone`, `copy`, `download` or `skip`.
    pub method: &'static str,
    /// How many files.
    pub n_files: u64,
    /// How many bytes, where all are known.
    pub size_bytes: Option<u64>,
    /// How long that takes at the archive's measured speed.
    pub seconds: Option<u64>,
    /// From which archive.
    pub archive: String,
    /// Its name for people.
    pub archive_title: String,
}

/// One file of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedFile {
    /// The asset.
    pub asset: String,
    /// The file's name.
    pub name: String,
    /// Where it would be.
    pub path: String,
    /// What would be done.
    pub method: &'static str,
    /// Why it would be skipped.
    pub reason: Option<&'static str>,
    /// How long it is.
    pub size_bytes: Option<u64>,
}

/// What a click would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What would be done, summed up.
    pub methods: Vec<PlannedMethod>,
    /// What to know before, in sentences.
    pub warnings: Vec<String>,
    /// The first two hundred files.
    pub files: Vec<PlannedFile>,
    /// How many files there are in all.
    pub n_files: u64,
    /// How long it takes at the archives' measured speed, in seconds; archives are asked beside each other.
    pub seconds: Option<u64>,
    /// Bytes that can still be written to the volume.
    pub free_bytes: Option<u64>,
    /// Bytes the quota leaves, where there is one.
    pub quota_bytes_left: Option<u64>,
    /// Files the quota leaves, where there is one.
    pub quota_files_left: Option<u64>,
    /// The days asked for, and which of them are missing.
    #[serde(flatten)]
    pub days: Completeness,
}

impl Step {
    /// The name of what is done.
    #[must_use]
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Present | Self::Recheck => "present",
            Self::Link(_) => "link",
            Self::CopyMounted(_) | Self::CopyCached => "copy",
            Self::Download => "download",
            Self::Skip(_) | Self::Fail(_) => "skip",
        }
    }

    /// Why it is left out.
    #[must_use]
    pub(crate) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Skip(reason) | Self::Fail(reason) => Some(reason),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(modified_ns: i64) -> Entry {
        Entry {
            name: "a".into(),
            is_folder: false,
            is_link: false,
            size_bytes: 1,
            modified_ns,
            inode: 7,
        }
    }

    fn staged() -> StagedFile {
        StagedFile {
            path: "planck/a".into(),
            asset: "planck:a".parse().unwrap(),
            version: 1,
            name: "a".into(),
            method: "copy".into(),
            size_bytes: 1,
            modified_ns: 5,
            inode: 7,
            sha256: None,
            verified_by: "size".into(),
            staged: chrono::Utc::now(),
        }
    }

    #[test]
    fn what_is_there_unchanged_is_never_moved_again_and_what_was_touched_is_looked_at() {
        let facts = |modified| Facts {
            there: Some(entry(modified)),
            staged: Some(staged()),
            same: true,
            ..Facts::default()
        };
        assert_eq!(decide(&StageRequest::default(), &facts(5)), Step::Present);
        assert_eq!(decide(&StageRequest::default(), &facts(6)), Step::Recheck);
    }

    #[test]
    fn a_foreign_file_is_kept_unless_the_request_says_otherwise() {
        let facts = Facts {
            there: Some(entry(5)),
            ..Facts::default()
        };
        assert_eq!(
            decide(&StageRequest::default(), &facts),
            Step::Skip("name-taken")
        );
        let replace = StageRequest {
            on_conflict: OnConflict::Replace,
            ..StageRequest::default()
        };
        assert_eq!(decide(&replace, &facts), Step::Download);
    }

    #[test]
    fn a_mounted_file_is_linked_unless_bytes_of_its_own_are_wanted() {
        let facts = Facts {
            mounted: Some("/m/a".into()),
            ..Facts::default()
        };
        assert_eq!(
            decide(&StageRequest::default(), &facts),
            Step::Link("/m/a".into())
        );
        let copy = StageRequest {
            method: Method::Copy,
            ..StageRequest::default()
        };
        assert_eq!(decide(&copy, &facts), Step::CopyMounted("/m/a".into()));
        let link = StageRequest {
            method: Method::Link,
            ..StageRequest::default()
        };
        assert_eq!(decide(&link, &Facts::default()), Step::Fail("not-mounted"));
    }

    #[test]
    fn another_name_keeps_every_extension() {
        let path = VolumePath::parse("planck/map.fits.gz").unwrap();
        assert_eq!(renamed(&path, 2).unwrap().as_str(), "planck/map-2.fits.gz");
        let spectrum = VolumePath::parse("a_R3.01.txt").unwrap();
        assert_eq!(renamed(&spectrum, 3).unwrap().as_str(), "a_R3.01-3.txt");
    }
}
