//! The grammar of PLA file names: `<INST>_<Kind>…_[<NSIDE>_]<R#.##>[_<coverage>].<ext>`.
//!
//! Names outside it exist (`dx12_v3_…`, `npipe6v20_…`, and whatever a mirror adds): they are read as far as they go.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use gantry_asset::Facets;
use serde::Deserialize;

/// What a file name says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) instrument: Option<&'static str>,
    /// The second word, when it is one the archive uses.
    pub(crate) kind: Option<String>,
    /// The word that tells products of a kind apart: `353-psb`, `IQU-smica`, `CMB-TT-full`.
    pub(crate) subject: String,
    pub(crate) band_ghz: Option<u32>,
    pub(crate) detset: Option<String>,
    pub(crate) corrections: Vec<&'static str>,
    pub(crate) stokes: Option<&'static str>,
    pub(crate) method: Option<&'static str>,
    pub(crate) nside: Option<u32>,
    /// Release and re-release: `(3, "R3.01")`.
    pub(crate) release: Option<(u8, String)>,
    pub(crate) split: Option<String>,
    pub(crate) simulated: bool,
    pub(crate) extension: String,
}

/// What is known of a kind of product.
#[derive(Debug, Deserialize)]
pub(crate) struct KindFacts {
    pub(crate) product_type: String,
    pub(crate) title: String,
    pub(crate) rank: u32,
}

static KINDS: LazyLock<HashMap<String, KindFacts>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/kinds.json"))
        .expect("the data shipped is read by a test")
});

const EXTENSIONS: [&str; 10] = [
    "fits.tgz", "fits.gz", "tar.gz", "tar.bz2", "fits", "txt", "zip", "pdf", "tgz", "tar",
];
const METHODS: [&str; 7] = [
    "smica",
    "commander",
    "nilc",
    "sevem",
    "milca",
    "gnilc",
    "madam",
];
const ZODI: &str = "zodi corrected";
const BANDS_GHZ: [u32; 9] = [30, 44, 70, 100, 143, 217, 353, 545, 857];

/// Reads a file name as far as the grammar goes.
pub(crate) fn read_name(file_name: &str) -> Name {
    let (stem, extension) = split_extension(file_name);
    let stem = with_a_release_of_its_own(stem);
    let words: Vec<&str> = stem.split('_').collect();
    let mut name = Name {
        extension: extension.to_owned(),
        ..Name::default()
    };
    name.simulated = ["ffp", "febecop", "dx12"]
        .iter()
        .any(|start| stem.starts_with(start))
        || stem.contains("_mc_")
        || stem.contains("SimMap");
    name.instrument = match words[0] {
        "HFI" => Some("HFI"),
        "LFI" => Some("LFI"),
        "COM" | "PLANCK" => Some("COM"),
        _ => None,
    };
    let Some(release_at) = words
        .iter()
        .position(|word| is_release(word))
        .filter(|_| name.instrument.is_some())
    else {
        read_loose(&words, &mut name);
        return name;
    };
    name.release = read_release(words[release_at]);
    read_coverage(&words[release_at + 1..], &mut name);
    let mut middle = &words[1..release_at];
    if let Some((last, rest)) = middle.split_last()
        && last.len() == 4
        && let Ok(nside) = last.parse()
    {
        name.nside = Some(nside);
        middle = rest;
    }
    read_kind(middle, &mut name);
    read_subject(&mut name);
    name
}

/// A stem whose release ends it behind a dot has it behind an underscore: `…-v2.0.R2.00` is `…-v2.0_R2.00`.
fn with_a_release_of_its_own(stem: &str) -> Cow<'_, str> {
    let split = stem
        .len()
        .checked_sub(6)
        .and_then(|at| stem.split_at_checked(at));
    match split {
        Some((before, release)) if release.starts_with('.') && is_release(&release[1..]) => {
            Cow::Owned(format!("{before}_{}", &release[1..]))
        }
        _ => Cow::Borrowed(stem),
    }
}

/// The kind is the second word up to its first hyphen, of code and data the third; what is left is the subject.
fn read_kind(middle: &[&str], name: &mut Name) {
    let (aside, middle) = match middle.split_first() {
        Some((aside @ (&"Code" | &"Data"), rest)) => (Some(*aside), rest),
        _ => (None, middle),
    };
    let (first, rest) = middle.split_first().unwrap_or((&"", &[]));
    let (kind, tail) = match first.split_once('-') {
        Some((kind, tail)) => (kind, Some(tail)),
        None => (*first, None),
    };
    name.kind = KINDS
        .keys()
        .find(|known| known.eq_ignore_ascii_case(kind))
        .cloned();
    let subject = match name.kind {
        Some(_) => aside.into_iter().chain(tail).chain(rest.iter().copied()),
        None => None
            .into_iter()
            .chain(None)
            .chain(middle.get(1..).unwrap_or_default().iter().copied()),
    };
    name.subject = subject.collect::<Vec<_>>().join("_");
}

/// What follows the release: which part of the mission, or which operating day of timelines.
fn read_coverage(words: &[&str], name: &mut Name) {
    let is_day = |word: &str| {
        word.strip_prefix("OD")
            .is_some_and(|day| day.len() == 4 && day.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let words = words.iter().filter(|word| !is_day(word));
    let (corrected, words): (Vec<&str>, Vec<&str>) =
        words.partition(|word| **word == "ZodiCorrected");
    name.corrections.extend(corrected.first().map(|_| ZODI));
    name.split = (!words.is_empty()).then(|| split_label(&words.join("_")));
}

/// What a name outside the grammar still says: a frequency, a split, a method.
fn read_loose(words: &[&str], name: &mut Name) {
    name.subject = words.join("_");
    for word in words {
        name.band_ghz = name.band_ghz.or_else(|| band_of(word));
        name.method = name.method.or_else(|| method_of(word));
        if let "full" | "hm1" | "hm2" | "oe1" | "oe2" = *word {
            name.split = Some(split_label(word));
        }
    }
    if words[0].starts_with("npipe") {
        name.release = Some((4, "R4.00".to_owned()));
    }
    if !name.simulated {
        name.band_ghz = None;
    }
}

fn read_subject(name: &mut Name) {
    let subject = name.subject.clone();
    let mut parts = subject.split('-').peekable();
    if let Some(band) = parts.peek().and_then(|part| band_of(part)) {
        name.band_ghz = Some(band);
        parts.next();
    }
    let parts: Vec<&str> = parts.collect();
    for part in &parts {
        match *part {
            "psb" | "swb" => name.detset = name.band_ghz.map(|band| format!("{band}-{part}")),
            "BPassCorrected" => name.corrections.push("band-pass corrected"),
            "ZodiCorrected" => name.corrections.push(ZODI),
            "deconvolved" => name.corrections.push("beam deconvolved"),
            "IQU" => name.stokes = Some("IQU"),
            "QU" => name.stokes = Some("QU"),
            "Pol" if subject.contains("field-Pol") => name.stokes = Some("QU"),
            "hm1" | "hm2" if name.split.is_none() => name.split = Some(split_label(part)),
            "Int" if subject.contains("field-Int") => name.stokes = Some("I"),
            part if part.starts_with("ds") && part.len() == 3 => {
                name.detset = name.band_ghz.map(|band| format!("{band}-{part}"))
            }
            part => name.method = name.method.or_else(|| method_of(part)),
        }
    }
    // A frequency stands first, or last: `IQU-143-fgsub-sevem`, `Foregrounds-smica-100`, `Dust-GNILC-F353`.
    name.band_ghz = name.band_ghz.or_else(|| {
        let mut parts = parts.iter().rev();
        parts.find_map(|part| band_of(part.strip_prefix('F').unwrap_or(part)))
    });
}

fn split_extension(file_name: &str) -> (&str, &str) {
    let known = EXTENSIONS.iter().find_map(|extension| {
        Some((
            file_name.strip_suffix(extension)?.strip_suffix('.')?,
            *extension,
        ))
    });
    known
        .or_else(|| file_name.rsplit_once('.'))
        .unwrap_or((file_name, ""))
}

fn is_release(word: &str) -> bool {
    read_release(word).is_some()
}

/// `R3.01` is the re-release of PR3; some names have it without the letter, some only `vPR2`.
fn read_release(word: &str) -> Option<(u8, String)> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
    match (
        word.strip_prefix("vPR"),
        word.strip_prefix('R').unwrap_or(word).as_bytes(),
    ) {
        (Some(release), _) if release.len() == 1 => Some((
            digit(release.as_bytes()[0])?,
            word.trim_start_matches('v').to_owned(),
        )),
        (_, &[release, b'.', a, b]) if digit(a).and(digit(b)).is_some() => Some((
            digit(release)?,
            format!("R{}", word.trim_start_matches('R')),
        )),
        _ => None,
    }
}

fn band_of(word: &str) -> Option<u32> {
    (word.len() == 3)
        .then(|| word.parse().ok())
        .flatten()
        .filter(|band| BANDS_GHZ.contains(band))
}

fn method_of(word: &str) -> Option<&'static str> {
    METHODS
        .into_iter()
        .find(|method| method.eq_ignore_ascii_case(word))
}

/// The splits' names for people.
fn split_label(word: &str) -> String {
    let part = word.strip_prefix("full-").unwrap_or(word);
    let fixed = match part {
        "full" => "full mission",
        "hm1" | "halfmission-1" => "half-mission 1",
        "hm2" | "halfmission-2" => "half-mission 2",
        "ringhalf-1" => "half-ring 1",
        "ringhalf-2" => "half-ring 2",
        "oddring" | "oe1" => "odd rings",
        "evenring" | "oe2" => "even rings",
        "nominal" => "nominal mission",
        _ => "",
    };
    if !fixed.is_empty() {
        return fixed.to_owned();
    }
    several(part, "survey")
        .or_else(|| several(part, "year"))
        .unwrap_or_else(|| word.replace(['-', '_'], " "))
}

/// `year-1` is year 1, `survey-1-3-5` surveys 1, 3, 5.
fn several(part: &str, what: &str) -> Option<String> {
    let numbers: Vec<&str> = part
        .strip_prefix(what)?
        .get(1..)?
        .split(['-', '_'])
        .collect();
    let are_numbers = numbers.iter().all(|number| number.parse::<u8>().is_ok());
    let plural = if numbers.len() == 1 { "" } else { "s" };
    are_numbers.then(|| format!("{what}{plural} {}", numbers.join(", ")))
}

impl Name {
    /// What is known of its kind.
    pub(crate) fn facts(&self) -> Option<&'static KindFacts> {
        KINDS.get(self.kind.as_deref()?)
    }

    /// Whether the name lies outside the grammar.
    pub(crate) fn is_unknown(&self) -> bool {
        self.kind.is_none()
    }

    /// What makes two names the same product but for its release.
    pub(crate) fn key_without_release(&self) -> Option<String> {
        let kind = self.kind.as_ref()?;
        let split = self.split.as_deref().unwrap_or_default();
        Some(format!(
            "{}|{kind}|{}|{split}|{}",
            self.instrument.unwrap_or_default(),
            self.subject,
            self.extension
        ))
    }

    /// Writes what the name says as facets.
    pub(crate) fn add_facets(&self, facets: &mut Facets) {
        for (field, value) in [
            ("mission", "Planck"),
            ("organization", "ESA"),
            ("publisher", "ESA"),
            ("domain", "Cosmology"),
        ] {
            facets.add(field, value);
        }
        if let Some(instrument @ ("HFI" | "LFI")) = self.instrument {
            facets.add("instrument", instrument);
        } else if let Some(band) = self.band_ghz {
            facets.add("instrument", if band < 100 { "LFI" } else { "HFI" });
        }
        facets.add(
            "product_type",
            self.facts()
                .map_or("other", |facts| facts.product_type.as_str()),
        );
        facets.add(
            "provenance",
            if self.simulated {
                "simulated"
            } else {
                "observed"
            },
        );
        facets.add("format", format_label(&self.extension));
        if let Some(band) = self.band_ghz {
            facets.add("band", format!("{band} GHz"));
        }
        if let Some((release, rerelease)) = &self.release {
            facets.add("release", format!("PR{release}"));
            facets.add("rerelease", rerelease.as_str());
            facets.add("collection", format!("Planck PR{release}"));
        }
        let options = [
            ("detset", self.detset.as_deref()),
            ("split", self.split.as_deref()),
            ("method", self.method),
            ("stokes", self.stokes),
        ];
        for (field, value) in options {
            if let Some(value) = value {
                facets.add(field, value);
            }
        }
        for correction in &self.corrections {
            facets.add("correction", *correction);
        }
        if let Some(nside) = self.nside {
            facets.add("nside", nside.to_string());
        }
    }
}

fn format_label(extension: &str) -> &str {
    match extension {
        "fits" | "fits.gz" => "FITS",
        "fits.tgz" | "tar.gz" | "tgz" => "tar.gz",
        "tar.bz2" => "tar.bz2",
        "txt" => "text",
        "" => "other",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequency_map_tells_band_detector_set_nside_release_and_split() {
        let name = read_name("HFI_SkyMap_353-psb_2048_R3.01_full.fits");
        assert_eq!(
            (name.instrument, name.band_ghz, name.nside),
            (Some("HFI"), Some(353), Some(2048))
        );
        assert_eq!(name.detset.as_deref(), Some("353-psb"));
        assert_eq!(name.release, Some((3, "R3.01".to_owned())));
        assert_eq!(name.split.as_deref(), Some("full mission"));
        assert!(!name.simulated);
    }

    #[test]
    fn corrections_and_fields_are_read_from_lfi_names() {
        let name = read_name("LFI_SkyMap_030-BPassCorrected-field-IQU_1024_R3.00_full.fits");
        assert_eq!(
            (name.band_ghz, name.nside, name.stokes),
            (Some(30), Some(1024), Some("IQU"))
        );
        assert_eq!(name.corrections, ["band-pass corrected"]);
    }

    #[test]
    fn simulations_are_told_by_their_names_whatever_their_grammar() {
        for name in [
            "ffp10_noise_217_full_map_mc_00010.fits",
            "dx12_v3_smica_cmb_mc_00000_raw.fits",
            "npipe6v20_noise_100_A_mc_00200.fits",
            "febecop_ffp10_lensed_scl_cmb_100_mc_0000.fits",
        ] {
            assert!(read_name(name).simulated, "{name}");
        }
        let noise = read_name("ffp10_noise_217_full_map_mc_00010.fits");
        assert_eq!(
            (noise.band_ghz, noise.split.as_deref()),
            (Some(217), Some("full mission"))
        );
        let dust = read_name("COM_SimMap_thermaldust-ffp10-skyinbands-217_2048_R3.00_full.fits");
        assert_eq!((dust.simulated, dust.band_ghz), (true, Some(217)));
    }

    #[test]
    fn parts_of_the_mission_have_names_for_people() {
        let split = |coverage: &str| {
            let name = read_name(&format!("LFI_SkyMap_030_1024_R2.01_{coverage}.fits"));
            name.split.unwrap()
        };
        assert_eq!(split("survey-1-3-5-6-7-8"), "surveys 1, 3, 5, 6, 7, 8");
        assert_eq!(split("year-1-2"), "years 1, 2");
        assert_eq!(split("survey_1"), "survey 1");
        assert_eq!(split("full-oddring"), "odd rings");
        assert_eq!(split("of-its-own"), "of its own");
    }

    #[test]
    fn a_leading_zero_of_nside_and_double_extensions_are_read() {
        assert_eq!(
            read_name("COM_CompMap_dust-commander_0256_R2.00.fits").nside,
            Some(256)
        );
        assert_eq!(
            read_name("COM_CompMap_YSZ_R2.00.fits.tgz").extension,
            "fits.tgz"
        );
        assert_eq!(
            read_name("COM_CMB_IQU-smica-nosz_2048_R3.00_full.fits").method,
            Some("smica")
        );
    }

    #[test]
    fn names_outside_the_grammar_are_unknown_and_never_fail() {
        for name in [
            "",
            "_",
            "map.fits",
            "justq_gal2ecl.fits.gz",
            "wmap_band_iqumap_r9_7yr_V_v4_udgraded32.fits",
            "HFI",
            "HFI__R3.01",
            "é_R3.01_x",
        ] {
            assert!(read_name(name).is_unknown(), "{name}");
        }
    }
}
