//! A look at the first bytes of a file: what its name does not say, and what is broken.

mod layers;
mod rinex;
mod text;

use std::io::Cursor;

use futures::StreamExt;
use gantry_asset::{Asset, Days, Facets, File};
use gantry_connector::{Connector, Resume};
use gantry_formats::inspect::{Limits, inspect};

use crate::names::Name;
use crate::{Gssc, asset, calendar, stations, vocabulary};

/// How much of a file is read: the headers of every file seen so far fit in, packed ones many times over.
const PEEK_BYTES: usize = 256 * 1024;

/// The start of a file, unpacked.
pub(crate) struct Start {
    /// Its text, with what is not UTF-8 replaced.
    pub(crate) text: String,
    /// Whether that is all of it.
    pub(crate) is_whole: bool,
}

/// What the first bytes of a file say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) content: Option<&'static str>,
    pub(crate) format: Option<String>,
    pub(crate) rinex_version: Option<String>,
    pub(crate) constellations: Vec<&'static str>,
    pub(crate) sampling: Option<String>,
    pub(crate) station: Option<String>,
    /// Antenna models applied or held.
    pub(crate) antenna_models: Vec<String>,
    pub(crate) days: Option<(chrono::NaiveDate, chrono::NaiveDate)>,
    /// Where the antenna stood, earth-fixed metres.
    pub(crate) position_m: Option<[f64; 3]>,
    /// What else there is to say, in a few words each.
    pub(crate) remarks: Vec<String>,
    /// What is broken or odd, a sentence each.
    pub(crate) faults: Vec<String>,
}

impl Gssc {
    /// Reads the start of a file and adds what it says; what is broken or cannot be read becomes a warning.
    pub(crate) async fn peek_into(&self, asset: &mut Asset, name: &Name) {
        let Some(file) = asset.files.first().cloned() else {
            return;
        };
        match self.first_bytes(&file, PEEK_BYTES).await {
            Ok((bytes, is_whole)) => {
                let file_name = file.name.clone();
                let reading =
                    tokio::task::spawn_blocking(move || read(&file_name, &bytes, is_whole));
                match reading.await {
                    Ok(facts) => add(asset, name, facts),
                    Err(_) => asset
                        .warnings
                        .push("its first bytes could not be read".to_owned()),
                }
            }
            Err(why) => asset
                .warnings
                .push(format!("its first bytes could not be read: {why}")),
        }
    }

    /// The first bytes of a file, and whether these are all of them.
    pub(crate) async fn first_bytes(
        &self,
        file: &File,
        most: usize,
    ) -> Result<(Vec<u8>, bool), String> {
        let mut stream = self
            .open(file, &Resume::default())
            .await
            .map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        while bytes.len() <= most {
            match stream.bytes.next().await {
                Some(chunk) => {
                    bytes.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
                }
                None => return Ok((bytes, true)),
            }
        }
        bytes.truncate(most);
        Ok((bytes, false))
    }
}

/// Reads the start of a file of this name; `is_whole` says whether these are all its bytes.
fn read(file_name: &str, bytes: &[u8], is_whole: bool) -> Facts {
    if bytes.is_empty() {
        return Facts {
            faults: vec!["it is empty".to_owned()],
            ..Facts::default()
        };
    }
    let mut facts = text::read(&layers::start(bytes, is_whole));
    if is_whole {
        let found = inspect(&mut Cursor::new(bytes), limits());
        let faults = found.faults.into_iter();
        facts.faults = faults
            .map(|fault| format!("it is broken: {fault}"))
            .chain(found.warnings)
            .collect();
    }
    if facts.format.is_none()
        && let Some(expected) = expected_format(file_name)
    {
        facts.faults.push(format!(
            "it is named as {expected} but does not begin as such"
        ));
    }
    facts
}

/// The start of a file is small; what it unpacks to may not be.
fn limits() -> Limits {
    Limits {
        max_unpacked_bytes: 256 << 20,
        max_held_bytes: 16 << 20,
        ..Limits::default()
    }
}

/// The format that the extension of a name promises.
fn expected_format(file_name: &str) -> Option<String> {
    let plain = crate::files::unpacked(file_name).to_ascii_lowercase();
    let (_, extension) = plain.rsplit_once('.')?;
    let is_rinex = matches!(extension, "rnx" | "crx")
        || (extension.len() == 3
            && extension.bytes().take(2).all(|byte| byte.is_ascii_digit())
            && extension.ends_with(['o', 'd', 'n', 'g', 'm']));
    if is_rinex {
        return Some("RINEX".to_owned());
    }
    vocabulary::format(extension)
        .filter(|facts| text::READ.contains(&facts.format.as_str()))
        .map(|facts| facts.format.clone())
}

/// Adds to an asset what the start of its file says.
fn add(asset: &mut Asset, name: &Name, facts: Facts) {
    if name.is_other()
        && let Some(content) = facts.content
    {
        become_known(asset, content, &facts);
    }
    if let Some(format) = &facts.format {
        set(&mut asset.facets, "format", format);
    }
    if let Some(version) = &facts.rinex_version {
        set(&mut asset.facets, "rinex_version", version);
    }
    if let Some(sampling) = &facts.sampling {
        set(&mut asset.facets, "sampling", sampling);
    }
    for constellation in &facts.constellations {
        asset.facets.add("constellation", *constellation);
    }
    let week = name
        .start
        .and_then(|start| calendar::week_of(start.date()))
        .map(|(week, _)| week);
    for model in &facts.antenna_models {
        asset
            .facets
            .add("antenna_model", model.to_ascii_lowercase());
        if let Some(frame) = vocabulary::frame_of(model, week) {
            asset.facets.add("frame", frame);
        }
    }
    asset.place = facts.position_m.and_then(stations::geodetic);
    asset.description = facts.remarks.join("; ");
    asset.warnings.extend(facts.faults);
}

/// Makes a file whose name says nothing what its first bytes say it is.
fn become_known(asset: &mut Asset, content: &str, facts: &Facts) {
    let known = Name {
        content: Some(content.to_owned()),
        ..Name::default()
    };
    asset.kind = asset::kind(&known);
    asset.facets.add("content", content);
    if let Some(words) = vocabulary::content(content) {
        set(&mut asset.facets, "product_type", &words.product_type);
        for domain in &words.domains {
            asset.facets.add("domain", domain.as_str());
        }
        asset.title = format!("{}, {}", capital(&words.title), asset.title);
    }
    if let Some(station) = &facts.station {
        asset.facets.add("station", station.as_str());
    }
    if let Some((first, last)) = facts.days {
        use chrono::Datelike;
        for year in first.year()..=last.year() {
            asset.facets.add("year", year.to_string());
        }
        asset.days = Some(Days {
            first: calendar::label(first),
            last: calendar::label(last),
        });
    }
}

/// Gives a field one value in place of those it has.
pub(crate) fn set(facets: &mut Facets, field: &str, value: &str) {
    let mut others = Facets::new();
    for (other, values) in facets.iter().filter(|(other, _)| *other != field) {
        for value in values {
            others.add(other, value.as_str());
        }
    }
    others.add(field, value);
    *facets = others;
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}
