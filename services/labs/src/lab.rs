//! The lab catalogue: what can be launched, as data.
//!
//! Entries are TOML files, those of Gantry embedded, those of an operator in a folder. An entry says what a lab is
//! and which command becomes it; how that command is run, watched and ended is up to a [`crate::launcher::Launcher`].

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::LabError;

/// The entries that come with Gantry: file, content.
const BUILT_IN: &[(&str, &str)] = &[(
    "sepp/jupyterlab.toml",
    include_str!("../catalogue/sepp/jupyterlab.toml"),
)];

/// What may stand in braces in a command.
const PLACEHOLDERS: &[&str] = &["bin", "python", "port", "workspace"];

/// One entry of the lab catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// Whose entry it is, `sepp`.
    pub namespace: String,
    /// Its name, `jupyterlab`.
    pub name: String,
    /// Which edition, `v1`.
    pub version: String,
    /// What people read first.
    pub title: String,
    /// What it offers, in a sentence.
    pub description: String,
    /// The name of its picture.
    #[serde(default)]
    pub icon: String,
    /// The sciences it is made for.
    #[serde(default)]
    pub domain: Vec<String>,
    /// What kind of lab it is.
    pub kind: LabKind,
    /// The media types it opens.
    #[serde(default)]
    pub media_types: Vec<String>,
    /// What its command needs.
    pub environment: LabEnvironment,
    /// The program and its arguments; `{bin}`, `{python}`, `{port}` and `{workspace}` are replaced.
    pub command: Vec<String>,
    /// Arguments more when Gantry runs as root.
    #[serde(default)]
    pub command_as_root: Vec<String>,
    /// The variable that carries the secret which opens it.
    #[serde(default)]
    pub secret_variable: Option<String>,
    /// The path that answers once it serves.
    pub health: String,
    /// The path people are sent to.
    pub open: String,
    /// The path below which it opens a file of the workspace.
    #[serde(default)]
    pub open_file: Option<String>,
    /// The query parameter that carries the secret.
    #[serde(default)]
    pub secret_query: Option<String>,
    /// What it may use.
    #[serde(default)]
    pub resources: Resources,
}

/// What kind of lab it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabKind {
    /// It opens notebooks.
    Notebook,
}

/// What the command of a lab needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabEnvironment {
    /// The labs' Python environment.
    Python,
    /// Nothing but the programs of the machine.
    System,
}

/// What a lab may use; without a value the machine is the limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Memory of each of its processes, in bytes.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Files each of its processes may have open.
    #[serde(default)]
    pub open_files: Option<u64>,
}

impl Lab {
    /// Its id, `sepp/jupyterlab:v1`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}:{}", self.namespace, self.name, self.version)
    }

    /// The command with its placeholders replaced; one without a value stays as it is.
    pub(crate) fn command_line(&self, values: &[(&str, &str)], as_root: bool) -> Vec<String> {
        let more = if as_root {
            self.command_as_root.as_slice()
        } else {
            &[]
        };
        self.command
            .iter()
            .chain(more)
            .map(|part| fill(part, values))
            .collect()
    }

    /// What is wrong with it, if anything.
    fn check(&self) -> Result<(), String> {
        for part in [&self.namespace, &self.name, &self.version] {
            if part.is_empty()
                || !part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            {
                return Err(format!(
                    "`{part}` may hold letters, digits, `.`, `_` and `-` only"
                ));
            }
        }
        if self.command.is_empty() {
            return Err("`command` is empty".to_owned());
        }
        for path in [
            Some(&self.health),
            Some(&self.open),
            self.open_file.as_ref(),
        ]
        .into_iter()
        .flatten()
        {
            if !path.starts_with('/') {
                return Err(format!("`{path}` is no path that starts with `/`"));
            }
        }
        for name in self
            .command
            .iter()
            .chain(&self.command_as_root)
            .flat_map(|part| placeholders(part))
        {
            if !PLACEHOLDERS.contains(&name) {
                return Err(format!(
                    "`{{{name}}}` in `command` is not one of {}",
                    PLACEHOLDERS.join(", ")
                ));
            }
            if self.environment == LabEnvironment::System && matches!(name, "bin" | "python") {
                return Err(format!("`{{{name}}}` needs `environment = \"python\"`"));
            }
        }
        Ok(())
    }
}

/// Every lab that can be launched.
#[derive(Debug, Clone)]
pub struct LabCatalogue(BTreeMap<String, Lab>);

impl LabCatalogue {
    /// The labs that come with Gantry, and those of the TOML files in `folder` and one level below it, where one is
    /// given. An entry of an operator replaces Gantry's of the same id.
    ///
    /// # Errors
    /// [`LabError::Catalogue`] for an entry that cannot be used, with its file; [`LabError::Io`] when the folder
    /// cannot be read.
    pub fn load(folder: Option<&Path>) -> Result<Self, LabError> {
        let mut catalogue = Self(BTreeMap::new());
        for (file, text) in BUILT_IN {
            catalogue.add(file, text)?;
        }
        if let Some(folder) = folder {
            catalogue.add_folder(folder, true)?;
        }
        Ok(catalogue)
    }

    /// All labs, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Lab> {
        self.0.values()
    }

    /// The lab of this id; without a version, the last of that name.
    ///
    /// # Errors
    /// [`LabError::NoSuchLab`] when there is none.
    pub fn lab(&self, id: &str) -> Result<&Lab, LabError> {
        let named = |lab: &&Lab| format!("{}/{}", lab.namespace, lab.name) == id;
        let found = self.0.get(id).or_else(|| self.iter().filter(named).last());
        found.ok_or_else(|| LabError::NoSuchLab(id.to_owned()))
    }

    /// The lab that opens notebooks when nobody names one: Gantry's own where it is there.
    #[must_use]
    pub fn for_notebooks(&self) -> Option<&Lab> {
        let opens = |lab: &&Lab| lab.kind == LabKind::Notebook && lab.open_file.is_some();
        self.lab("sepp/jupyterlab")
            .ok()
            .filter(opens)
            .or_else(|| self.iter().find(opens))
    }

    fn add(&mut self, file: &str, text: &str) -> Result<(), LabError> {
        let unusable = |why: String| LabError::Catalogue {
            file: file.to_owned(),
            why,
        };
        let lab: Lab = toml::from_str(text).map_err(|error| unusable(error.to_string()))?;
        lab.check().map_err(unusable)?;
        self.0.insert(lab.id(), lab);
        Ok(())
    }

    fn add_folder(&mut self, folder: &Path, with_folders: bool) -> Result<(), LabError> {
        let fail = LabError::io("read the lab catalogue", folder);
        let entries =
            std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut paths: Vec<_> = entries
            .map_err(fail)?
            .iter()
            .map(std::fs::DirEntry::path)
            .collect();
        paths.sort();
        for path in paths {
            if path.is_dir() && with_folders {
                self.add_folder(&path, false)?;
            } else if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let text = std::fs::read_to_string(&path).map_err(LabError::io("read", &path))?;
                self.add(&path.display().to_string(), &text)?;
            }
        }
        Ok(())
    }
}

/// The names in braces in a text.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
}

/// Replaces every `{name}` that has a value, in one pass, so that a value is never looked into.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let known = after.split_once('}').and_then(|(name, tail)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((value, tail))
        });
        if let Some((value, tail)) = known {
            filled.push_str(value);
            rest = tail;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: &str = r#"
        namespace = "mine"
        name = "rows"
        version = "v2"
        title = "Rows"
        description = "Shows rows."
        kind = "notebook"
        environment = "system"
        command = ["rows", "--port={port}"]
        health = "/"
        open = "/"
    "#;

    #[test]
    fn gantry_brings_a_jupyterlab_that_asks_nobody_outside_and_holds_no_secret_in_its_command() {
        let catalogue = LabCatalogue::load(None).unwrap();
        let lab = catalogue.for_notebooks().unwrap();
        assert_eq!(lab.id(), "sepp/jupyterlab:v1");
        assert_eq!(catalogue.lab("sepp/jupyterlab").unwrap(), lab);
        let values = [
            ("bin", "/e/bin"),
            ("port", "4711"),
            ("workspace", "/w/{port}"),
        ];
        let command = lab.command_line(&values, false);
        assert_eq!(command[0], "/e/bin/jupyter-lab");
        assert!(command.contains(&"--ServerApp.port=4711".to_owned()));
        assert!(command.contains(&"--ServerApp.root_dir=/w/{port}".to_owned()));
        assert!(command.contains(&"--LabApp.news_url=None".to_owned()));
        assert!(!command.join(" ").contains("token"));
        assert_eq!(
            lab.command_line(&values, true).last().unwrap(),
            "--allow-root"
        );
    }

    #[test]
    fn an_operator_adds_labs_in_a_folder_and_one_level_below() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("mine")).unwrap();
        std::fs::write(folder.path().join("mine/rows.toml"), MINE).unwrap();
        std::fs::write(folder.path().join("README.md"), "no lab").unwrap();
        let catalogue = LabCatalogue::load(Some(folder.path())).unwrap();
        let ids: Vec<_> = catalogue.iter().map(Lab::id).collect();
        assert_eq!(ids, ["mine/rows:v2", "sepp/jupyterlab:v1"]);
        assert!(
            matches!(catalogue.lab("mine/rows:v1"), Err(LabError::NoSuchLab(id)) if id == "mine/rows:v1")
        );
    }

    #[test]
    fn an_entry_that_cannot_be_used_is_refused_with_its_file_and_what_is_wrong() {
        let wrong = [
            (
                MINE.replace("{port}", "{secret}"),
                "`{secret}` in `command` is not one of bin, python, port, workspace",
            ),
            (
                MINE.replace("\"rows\",", "\"{bin}/rows\","),
                "`{bin}` needs `environment = \"python\"`",
            ),
            (
                MINE.replace("health = \"/\"", "health = \"x\""),
                "`x` is no path that starts with `/`",
            ),
            (MINE.replace("title", "titel"), "unknown field `titel`"),
        ];
        for (text, why) in wrong {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("rows.toml");
            std::fs::write(&file, text).unwrap();
            let error = LabCatalogue::load(Some(folder.path()))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(why) && error.contains("rows.toml"),
                "{error}"
            );
        }
    }
}
