//! A path inside a volume: a type that cannot leave it.

use std::fmt;

use super::VolumeError;

/// A path below the root of a volume, `/` between its steps; the root itself is the empty path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumePath(String);

const STEP_BYTES: usize = 240;
const PATH_BYTES: usize = 2_000;

impl VolumePath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`VolumeError::Path`] for an absolute path, a step `.` or `..`, a control character, a backslash,
    /// a step longer than 240 bytes or a path longer than 2 000.
    pub fn parse(text: &str) -> Result<Self, VolumeError> {
        let refuse = |why| {
            Err(VolumeError::Path {
                path: text.chars().take(200).collect(),
                why,
            })
        };
        let trimmed = text.strip_suffix('/').unwrap_or(text);
        if trimmed.is_empty() {
            return Ok(Self(String::new()));
        }
        if trimmed.starts_with('/') {
            return refuse("it is absolute");
        }
        if trimmed.len() > PATH_BYTES {
            return refuse("it is too long");
        }
        for step in trimmed.split('/') {
            match step {
                "" => return refuse("it has an empty step"),
                "." | ".." => return refuse("it has a step `.` or `..`"),
                _ if step.len() > STEP_BYTES => return refuse("one of its steps is too long"),
                _ if step
                    .chars()
                    .any(|c| c.is_control() || c == '\\' || is_invisible(c)) =>
                {
                    return refuse("it holds a control character, an invisible one or a backslash");
                }
                _ => {}
            }
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The root of the volume.
    #[must_use]
    pub fn root() -> Self {
        Self(String::new())
    }

    /// The path of something in this folder.
    ///
    /// # Errors
    /// As [`VolumePath::parse`].
    pub fn join(&self, below: &str) -> Result<Self, VolumeError> {
        if self.0.is_empty() {
            Self::parse(below)
        } else {
            Self::parse(&format!("{}/{below}", self.0))
        }
    }

    /// The folder it lies in; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(
            self.0
                .rsplit_once('/')
                .map_or_else(String::new, |(folder, _)| folder.to_owned()),
        ))
    }

    /// Its last step; empty for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The path relative to the volume's folder, for the file system.
    pub(crate) fn on_disk(&self) -> &str {
        if self.0.is_empty() { "." } else { &self.0 }
    }

    /// The path of the part of this file while it is written.
    pub(crate) fn part(&self) -> String {
        format!("{}.part", self.0)
    }
}

/// Characters that make two names look the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

impl fmt::Display for VolumePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_that_lead_out_or_deceive_are_refused() {
        for bad in [
            "/etc/passwd",
            "..",
            "a/../b",
            "a/./b",
            "a//b",
            "a\0b",
            "a\nb",
            "a\\b",
            "a\u{202E}b",
            &"x".repeat(241),
        ] {
            assert!(
                matches!(VolumePath::parse(bad), Err(VolumeError::Path { .. })),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_path_knows_its_folder_and_its_name() {
        let path = VolumePath::parse("planck/maps/a.fits").unwrap();
        assert_eq!(
            (path.parent().unwrap().as_str(), path.name()),
            ("planck/maps", "a.fits")
        );
        assert_eq!(VolumePath::root().parent(), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_path_that_leaves_the_volume(text in "\\PC{0,40}") {
            if let Ok(path) = VolumePath::parse(&text) {
                let climbs = std::path::Path::new(path.on_disk()).components().any(|step| {
                    matches!(step, std::path::Component::ParentDir | std::path::Component::RootDir)
                });
                prop_assert!(!climbs);
            }
        }
    }
}
