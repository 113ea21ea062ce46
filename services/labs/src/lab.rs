//! The lab catalogue: what can be launched, as data.
//!
//! Entries are TOML files, those of Gantry embedded, those of an operator in a folder. An entry says what a lab is,
//! what it needs, and which command becomes it; how that command is run, watched and ended is up to a
//! [`crate::launcher::Launcher`].

mod catalogue;
mod opens;
mod programs;

use std::collections::BTreeMap;

use gantry_staging::volume::VolumePath;
use serde::{Deserialize, Serialize};

pub use catalogue::LabCatalogue;
pub use opens::Opens;
pub use programs::{Program, to_install};

/// What may stand in braces in a command.
const PLACEHOLDERS: &[&str] = &["bin", "python", "port", "workspace", "desktop"];

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
    /// The media types it opens; `text/*` and `*/*` are many.
    #[serde(default)]
    pub media_types: Vec<String>,
    /// What somebody who opens it for the first time should know.
    #[serde(default)]
    pub login_hint: Option<String>,
    /// The programs it needs on the machine it runs on.
    #[serde(default)]
    pub programs: Vec<Program>,
    /// What can be chosen when it is launched.
    #[serde(default)]
    pub options: Vec<LabOption>,
    /// What its command needs.
    pub environment: LabEnvironment,
    /// A set of Python packages beside those of every lab, one of [`crate::PACKAGES`].
    #[serde(default)]
    pub packages: Option<String>,
    /// The program and its arguments; `{bin}`, `{python}`, `{port}`, `{workspace}` and `{desktop}` are replaced.
    pub command: Vec<String>,
    /// How names of files end that it opens at its start, each with the arguments that come before such a file. A lab
    /// with any waits for what is staged for it, and begins with it.
    #[serde(default)]
    pub opens_files: BTreeMap<String, Vec<String>>,
    /// Files that are written into the datalab's own folder before it starts, with what is in them.
    #[serde(default)]
    pub runtime_files: BTreeMap<String, String>,
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
    /// A program with windows, on a display that a browser shows.
    Desktop,
    /// A command line.
    Terminal,
    /// A page of its own.
    Application,
    /// A whole machine, on a display that a browser shows.
    Vm,
}

impl LabKind {
    /// How people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Notebook => "Notebooks",
            Self::Desktop => "Desktop",
            Self::Terminal => "Terminal",
            Self::Application => "Web application",
            Self::Vm => "Virtual machine",
        }
    }
}

/// Something that can be chosen when a lab is launched: one of some values of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabOption {
    /// The variable that carries the choice into the lab.
    pub variable: String,
    /// What is chosen.
    pub title: String,
    /// The values there are; the first is what the lab does where nothing is chosen.
    pub choices: Vec<Choice>,
}

/// One value of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What the variable is set to.
    pub value: String,
    /// How people call it.
    pub title: String,
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

    /// Whether it opens a notebook in a workspace.
    #[must_use]
    pub fn opens_notebooks(&self) -> bool {
        self.kind == LabKind::Notebook && self.open_file.is_some()
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
        self.check_needs()
    }

    /// What is wrong with what it needs and offers, if anything.
    fn check_needs(&self) -> Result<(), String> {
        if let Some(packages) = &self.packages {
            if self.environment == LabEnvironment::System {
                return Err("`packages` needs `environment = \"python\"`".to_owned());
            }
            if crate::PACKAGES.iter().all(|(name, _)| name != packages) {
                let known: Vec<&str> = crate::PACKAGES.iter().map(|(name, _)| *name).collect();
                return Err(format!(
                    "the packages `{packages}` are not one of {}",
                    known.join(", ")
                ));
            }
        }
        for option in &self.options {
            if option.choices.is_empty() {
                return Err(format!("the option `{}` has no `choices`", option.variable));
            }
        }
        if let Some(ending) = self.opens_files.keys().find(|key| !key.starts_with('.')) {
            return Err(format!(
                "`{ending}` in `opens_files` does not start with `.`"
            ));
        }
        for path in self.runtime_files.keys() {
            VolumePath::parse(path)
                .map_err(|error| format!("`{path}` in `runtime_files` cannot be used: {error}"))?;
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
    use crate::LabError;

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
        assert_eq!(
            ids.len(),
            1 + LabCatalogue::load(None).unwrap().iter().count()
        );
        assert!(ids.contains(&"mine/rows:v2".to_owned()), "{ids:?}");
        assert!(
            matches!(catalogue.lab("mine/rows:v1"), Err(LabError::NoSuchLab(id)) if id == "mine/rows:v1")
        );
    }

    #[test]
    fn an_entry_that_cannot_be_used_is_refused_with_its_file_and_what_is_wrong() {
        let wrong = [
            (
                MINE.replace("{port}", "{secret}"),
                "`{secret}` in `command` is not one of bin, python, port, workspace, desktop",
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
            (
                format!("{MINE}packages = 'gnss'"),
                "`packages` needs `environment = \"python\"`",
            ),
            (
                format!("{}packages = 'none'", MINE.replace("system", "python")),
                "the packages `none` are not one of ai, cmb, gaia, gnss",
            ),
            (
                format!("{MINE}options = [{{variable = 'A', title = 'a', choices = []}}]"),
                "the option `A` has no `choices`",
            ),
            (
                format!("{MINE}opens_files = {{fits = []}}"),
                "`fits` in `opens_files` does not start with `.`",
            ),
            (
                format!("{MINE}runtime_files = {{'../x' = ''}}"),
                "`../x` in `runtime_files` cannot be used",
            ),
            (
                format!("{MINE}based_on = 'none/none:v1'"),
                "it is based on `none/none:v1`, which is not there",
            ),
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
