//! The words of the archive, as data: contents, formats, analysis centres.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a kind of content is called and where it belongs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContentFacts {
    pub(crate) content: String,
    /// Codes in long product names that mean it, where they are not the content itself.
    #[serde(default)]
    codes: Vec<String>,
    #[serde(rename = "type")]
    pub(crate) product_type: String,
    pub(crate) title: String,
    pub(crate) rank: u32,
    pub(crate) domains: Vec<String>,
}

/// What an extension of a product means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormatFacts {
    ends: Vec<String>,
    pub(crate) format: String,
    pub(crate) content: String,
}

/// An analysis centre.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Centre {
    code: String,
    pub(crate) name: String,
    pub(crate) rank: u32,
    #[serde(default)]
    pub(crate) organizations: Vec<String>,
}

/// What the three letters at the start of a short product name mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShortCode {
    code: String,
    pub(crate) centre: String,
    pub(crate) latency: String,
    #[serde(default)]
    pub(crate) campaign: Option<String>,
}

#[derive(Deserialize)]
struct Centres {
    centres: Vec<Centre>,
    short: Vec<ShortCode>,
}

/// Which folders of the tree are walked, and which of them lead to the same files.
#[derive(Deserialize)]
pub(crate) struct Folders {
    pub(crate) folders: Vec<String>,
    /// Where site logs are.
    pub(crate) stations: Vec<String>,
    pub(crate) aliases: Vec<Alias>,
}

/// A folder in which the files of another are found again.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Alias {
    pub(crate) alias: String,
    pub(crate) of: String,
}

fn shipped<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the data shipped is read by a test")
}

static CONTENTS: LazyLock<Vec<ContentFacts>> =
    LazyLock::new(|| shipped(include_str!("../data/contents.json")));
static FORMATS: LazyLock<Vec<FormatFacts>> =
    LazyLock::new(|| shipped(include_str!("../data/formats.json")));
static CENTRES: LazyLock<Centres> = LazyLock::new(|| shipped(include_str!("../data/centres.json")));
static FOLDERS: LazyLock<Folders> = LazyLock::new(|| shipped(include_str!("../data/folders.json")));

pub(crate) fn content(content: &str) -> Option<&'static ContentFacts> {
    CONTENTS.iter().find(|facts| facts.content == content)
}

/// The content that a code in a long product name stands for.
pub(crate) fn content_of_code(code: &str) -> Option<&'static str> {
    let means = |facts: &&ContentFacts| match facts.codes.as_slice() {
        [] => facts.content == code,
        codes => codes.iter().any(|known| known == code),
    };
    CONTENTS
        .iter()
        .find(means)
        .map(|facts| facts.content.as_str())
}

pub(crate) fn format(extension: &str) -> Option<&'static FormatFacts> {
    FORMATS
        .iter()
        .find(|facts| facts.ends.iter().any(|end| end == extension))
}

pub(crate) fn centre(code: &str) -> Option<&'static Centre> {
    CENTRES.centres.iter().find(|centre| centre.code == code)
}

pub(crate) fn short_code(code: &str) -> Option<&'static ShortCode> {
    CENTRES.short.iter().find(|short| short.code == code)
}

pub(crate) fn folders() -> &'static Folders {
    &FOLDERS
}

/// How soon a product comes, from the last three letters of a long name's first word.
pub(crate) fn latency_of(solution: &str) -> Option<&'static str> {
    Some(match solution {
        "FIN" => "final",
        "RAP" => "rapid",
        "ULT" => "ultra",
        "NRT" => "near real time",
        "RTS" => "real time",
        "PRD" => "predicted",
        _ => return None,
    })
}

/// The constellation of a system letter of RINEX; `mixed` for `M`.
pub(crate) fn constellation(letter: char) -> Option<&'static str> {
    Some(match letter.to_ascii_uppercase() {
        'G' => "GPS",
        'R' => "GLONASS",
        'E' => "Galileo",
        'C' => "BeiDou",
        'J' => "QZSS",
        'I' => "NavIC",
        'S' => "SBAS",
        'M' => "mixed",
        _ => return None,
    })
}

/// The frames that were in use with an antenna model, each from a GPS week on.
#[derive(Deserialize)]
struct Frames {
    model: String,
    frames: Vec<(u32, String)>,
}

static FRAMES: LazyLock<Vec<Frames>> =
    LazyLock::new(|| shipped(include_str!("../data/frames.json")));

/// The frame of a product that was made with an antenna model, `IGS14` or `igs14_2148`, in a GPS week.
///
/// A reprocessed week is older than its model; it has the first frame of that model.
pub(crate) fn frame_of(model: &str, week: Option<u32>) -> Option<&'static str> {
    let family = model.split('_').next()?;
    let known = FRAMES
        .iter()
        .find(|known| known.model.eq_ignore_ascii_case(family))?;
    let in_use = |(from, _): &&(u32, String)| week.is_some_and(|week| *from <= week);
    let frame = known.frames.iter().rev().find(in_use);
    let (_, frame) = frame.or(known.frames.first())?;
    Some(frame)
}

/// The antenna model that was in use in a GPS week.
pub(crate) fn family_in_use(week: u32) -> Option<&'static str> {
    let begins = |known: &&Frames| known.frames.first().is_some_and(|(from, _)| *from <= week);
    let known = FRAMES.iter().rev().find(begins)?;
    Some(&known.model)
}
