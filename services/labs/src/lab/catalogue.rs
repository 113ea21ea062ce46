//! Every lab that can be launched: those that come with Gantry, and those of an operator.

use std::collections::BTreeMap;
use std::path::Path;

use super::Lab;
use crate::LabError;

/// The entries that come with Gantry: file, content.
macro_rules! built_in {
    ($($name:literal)*) => {
        &[$((
            concat!("sepp/", $name, ".toml"),
            include_str!(concat!("../../catalogue/sepp/", $name, ".toml")),
        )),*]
    };
}

const BUILT_IN: &[(&str, &str)] = built_in! {
    "jupyterlab" "jupyterlab-ai" "jupyterlab-cmb" "jupyterlab-gaia" "jupyterlab-gnss"
    "debian-vm" "files" "octave" "terminal" "topcat"
};

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
        let opens = |lab: &&Lab| lab.opens_notebooks();
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
        let lab = self.read(text).map_err(unusable)?;
        lab.check().map_err(unusable)?;
        self.0.insert(lab.id(), lab);
        Ok(())
    }

    /// An entry; one with `based_on` has what it does not say itself from the entry of that id.
    fn read(&self, text: &str) -> Result<Lab, String> {
        let mut table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let Some(base) = table.remove("based_on") else {
            return toml::from_str(text).map_err(|error| error.to_string());
        };
        let id = base.as_str().unwrap_or_default();
        let base = self.0.get(id).ok_or_else(|| {
            format!("it is based on `{id}`, which is not there, or comes later by name")
        })?;
        let mut whole = toml::Table::try_from(base).map_err(|error| error.to_string())?;
        whole.extend(table);
        whole
            .try_into()
            .map_err(|error: toml::de::Error| error.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_catalogue_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue/sepp");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| format!("sepp/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect();
        let mut known: Vec<&str> = BUILT_IN.iter().map(|(file, _)| *file).collect();
        there.sort();
        known.sort_unstable();
        assert_eq!(there, known);
    }
}
