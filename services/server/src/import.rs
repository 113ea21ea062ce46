//! Assets that come from outside, a line each in the form of `GET /assets/{id}`: what is taken over, and what is not.
//!
//! An address in a line is data of whoever wrote the file. It is taken over when a connector could be asked to open it:
//! on a host of the archive, or anywhere public. A path counts below the archive's mounts only, so it may not leave
//! them. A query never comes in this way, since it would be run with the rights of whoever stages it.

use gantry_asset::{
    Algorithm, ArchiveId, Asset, AssetId, Checksum, Column, Days, Facets, File, Kind, Location,
    Place, Related, Sky, Station, TimeScale, TimeSpan,
};
use gantry_net::{Net, Scope};
use gantry_staging::volume::VolumePath;
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

/// The longest line: an asset of some ten thousand files fits.
pub(crate) const LINE_BYTES: usize = 8 << 20;

/// Number of HEALPix cells at order 8.
const CELLS: u32 = 786_432;

/// The longest title, synonym or facet value, in characters.
const MOST_CHARS: usize = 1_000;

/// The most values of a facet field.
const MOST_VALUES: usize = 1_000;

/// A line. What follows from the rest is read over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: AssetId,
    #[serde(default)]
    archive: Option<String>,
    kind: Kind,
    #[serde(default)]
    version: Option<u32>,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    synonyms: Vec<String>,
    #[serde(default)]
    facets: Facets,
    #[serde(default)]
    series: Option<AssetId>,
    #[serde(default)]
    time: Option<TimeSpan>,
    #[serde(default)]
    time_scale: Option<TimeScale>,
    #[serde(default)]
    sky: Option<Sky>,
    #[serde(default)]
    place: Option<Place>,
    #[serde(default)]
    station: Option<Box<Station>>,
    #[serde(default)]
    days: Option<Days>,
    #[serde(default, rename = "members")]
    _members: Option<IgnoredAny>,
    #[serde(default, rename = "n_files")]
    _n_files: Option<IgnoredAny>,
    #[serde(default, rename = "size_bytes")]
    _size_bytes: Option<IgnoredAny>,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    related: Vec<Related>,
    #[serde(default)]
    columns: Vec<Column>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    rank: u32,
    #[serde(default)]
    withdrawn: Option<IgnoredAny>,
}

/// Where lines are imported to.
pub(crate) struct LineReader<'a> {
    pub(crate) archive: &'a ArchiveId,
    pub(crate) net: &'a Net,
    /// The hosts the archive is on.
    pub(crate) scope: &'a Scope,
}

impl LineReader<'_> {
    /// The asset of a line and the number its version has at least, or why it is not taken over.
    pub(crate) fn read(&self, line: &[u8]) -> Result<(Asset, u32), String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| in_line(&error))?;
        self.check(&line)?;
        let version = line.version.unwrap_or(1);
        let asset = Asset {
            id: line.id,
            kind: line.kind,
            title: line.title,
            description: line.description,
            synonyms: line.synonyms,
            facets: line.facets,
            series: line.series,
            time: line.time,
            time_scale: line.time_scale,
            days: line.days,
            sky: line.sky,
            place: line.place,
            station: line.station,
            related: line.related,
            warnings: line.warnings,
            columns: line.columns,
            rank: line.rank,
            files: line.files,
        };
        Ok((asset, version))
    }

    fn check(&self, line: &Line) -> Result<(), String> {
        let (id, archive) = (&line.id, self.archive);
        let named = line.archive.as_deref().unwrap_or(archive.as_str());
        if id.archive() != *archive || named != archive.as_str() {
            return Err(format!("`{id}` is of another archive than `{archive}`"));
        }
        if line.withdrawn.is_some() {
            return Err(format!("`{id}` is withdrawn"));
        }
        if line.title.trim().is_empty() {
            return Err(format!("`{id}` has no title"));
        }
        if line.version == Some(0) {
            return Err("version = `0`: allowed is 1 or more".to_owned());
        }
        check_words(line)?;
        check_series(line, archive)?;
        check_coverage(line)?;
        let mut names = Vec::with_capacity(line.files.len());
        for file in &line.files {
            self.check_file(file)
                .map_err(|why| format!("file `{}`: {why}", shown(&file.name)))?;
            names.push((&file.path, &file.name));
        }
        names.sort_unstable();
        match names.windows(2).find(|two| two[0] == two[1]) {
            Some(two) => Err(format!("file `{}` is there twice", shown(two[0].1))),
            None => Ok(()),
        }
    }

    fn check_file(&self, file: &File) -> Result<(), String> {
        let name = VolumePath::parse(&file.name).map_err(|error| error.to_string())?;
        if name.as_str().is_empty() || file.name.contains('/') {
            return Err("a name has no folder, and is not empty".to_owned());
        }
        if let Some(path) = &file.path {
            VolumePath::parse(path).map_err(|error| error.to_string())?;
        }
        if file
            .size_bytes
            .is_some_and(|size| i64::try_from(size).is_err())
        {
            return Err("its size is none".to_owned());
        }
        if let Some(checksum) = file.checksum.as_ref().filter(|sum| !is_checksum(sum)) {
            return Err(format!(
                "checksum `{}` is none",
                shown(&checksum.to_string())
            ));
        }
        file.locations
            .iter()
            .try_for_each(|location| self.check_location(location))
    }

    fn check_location(&self, location: &Location) -> Result<(), String> {
        match location {
            Location::Query(_) => Err("a query is not imported; ask it here".to_owned()),
            Location::Mounted(path) => match VolumePath::parse(path) {
                Ok(path) if !path.as_str().is_empty() => Ok(()),
                Ok(_) => Err("its mounted path is empty".to_owned()),
                Err(error) => Err(format!(
                    "its mounted path does not stay below a mount: {error}"
                )),
            },
            Location::Address(address) => {
                let url = Url::parse(address)
                    .map_err(|error| format!("address `{}`: {error}", shown(address)))?;
                if !url.username().is_empty() || url.password().is_some() {
                    return Err("an address holds a user name or a password".to_owned());
                }
                let checked = self.net.check_address(self.scope, &url);
                checked.map_err(|error| crate::format::sentence(&error))
            }
        }
    }
}

/// Series have a `~` before their name and no files; everything else has files.
/// Titles, synonyms and facet values are shown and searched for as they are.
fn check_words(line: &Line) -> Result<(), String> {
    let check = |what: &str, text: &str, most: usize| {
        if text.chars().any(char::is_control) {
            return Err(format!("{what} `{}` holds control characters", shown(text)));
        }
        if text.chars().nth(most).is_some() {
            return Err(format!(
                "{what} `{}` is longer than {most} characters",
                shown(text)
            ));
        }
        Ok(())
    };
    check("the title", &line.title, MOST_CHARS)?;
    for synonym in &line.synonyms {
        check("the synonym", synonym, MOST_CHARS)?;
    }
    for (field, values) in line.facets.iter() {
        if values.len() > MOST_VALUES {
            return Err(format!(
                "`{field}` has {} values; allowed are {MOST_VALUES}",
                values.len()
            ));
        }
        for value in values {
            if value.trim().is_empty() {
                return Err(format!("`{field}` has an empty value"));
            }
            check(&format!("the `{field}`"), value, MOST_CHARS)?;
        }
    }
    Ok(())
}

fn check_series(line: &Line, archive: &ArchiveId) -> Result<(), String> {
    let (id, local) = (&line.id, line.id.local());
    if local.starts_with("~query-") {
        return Err(format!("`{id}` is somebody's query"));
    }
    // `~~` is a byte of a name that is written by its number.
    let is_marked = local.starts_with('~') && !local.starts_with("~~");
    match (is_marked, line.files.is_empty()) {
        (true, false) => return Err(format!("`{id}` is a series, which has no files")),
        (false, true) => return Err(format!("`{id}` has no files")),
        (true, true) if line.series.is_some() => {
            return Err(format!("`{id}` is a series, which is in no other"));
        }
        _ => {}
    }
    match &line.series {
        Some(series) if series.archive() != *archive || !series.local().starts_with('~') => {
            Err(format!("`{series}` is no series of `{archive}`"))
        }
        _ => Ok(()),
    }
}

fn check_coverage(line: &Line) -> Result<(), String> {
    if line.time.is_some_and(|time| time.start > time.end) {
        return Err("its time ends before it begins".to_owned());
    }
    if let Some(days) = line.days.as_ref().filter(|days| days.range().is_none()) {
        let text = format!("{}/{}", days.first, days.last);
        return Err(format!("days `{}` are no range of days", shown(&text)));
    }
    let cells = line.sky.iter().flat_map(|sky| &sky.healpix8);
    if let Some((first, last)) = cells
        .into_iter()
        .find(|(first, last)| first > last || *last >= CELLS)
    {
        return Err(format!("{first} to {last} are no cells of order 8"));
    }
    match line.place {
        Some(place) if !(place.lat.abs() <= 90.0 && place.lon.abs() <= 180.0) => {
            Err(format!("{}, {} is no place on Earth", place.lat, place.lon))
        }
        _ => Ok(()),
    }
}

fn is_checksum(checksum: &Checksum) -> bool {
    let length = match checksum.algorithm {
        Algorithm::Md5 => 32,
        Algorithm::Sha256 => 64,
    };
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    checksum.value.len() == length && checksum.value.bytes().all(is_digit)
}

/// What is wrong with the JSON of a line, whose number is told already.
fn in_line(error: &serde_json::Error) -> String {
    error
        .to_string()
        .replace(" at line 1 column ", " at column ")
}

/// The beginning of a text from outside.
fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}
