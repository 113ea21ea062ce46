//! The grammar of PLA file names: `<INST>_<Kind>…_[<NSIDE>_]<R#.##>[_<coverage>].<ext>`.
//!
//! Names outside it exist (`dx12_v3_…`, `npipe6v20_…`, and whatever a mirror adds): they are read as far as they go.

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

const EXTENSIONS: [&str; 8] = [
    "fits.tgz", "fits.gz", "tar.gz", "fits", "txt", "zip", "pdf", "tgz",
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
const BANDS_GHZ: [u32; 9] = [30, 44, 70, 100, 143, 217, 353, 545, 857];

/// Reads a file name as far as the grammar goes.
pub(crate) fn read_name(file_name: &str) -> Name {
    let (stem, extension) = split_extension(file_name);
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
        "COM" => Some("COM"),
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
    name.release = Some((
        words[release_at].as_bytes()[1] - b'0',
        words[release_at].to_owned(),
    ));
    name.split =
        (release_at + 1 < words.len()).then(|| split_label(&words[release_at + 1..].join(" ")));
    let mut middle = &words[1..release_at];
    if let Some((last, rest)) = middle.split_last()
        && last.len() == 4
        && let Ok(nside) = last.parse()
    {
        name.nside = Some(nside);
        middle = rest;
    }
    name.kind = middle
        .first()
        .filter(|kind| KINDS.contains_key(**kind))
        .map(|kind| (*kind).to_owned());
    name.subject = middle.get(1..).unwrap_or_default().join("_");
    read_subject(&mut name);
    name
}

/// What a name outside the grammar still says: a frequency, a split, a method.
fn read_loose(words: &[&str], name: &mut Name) {
    name.subject = words.join("_");
    for word in words {
        name.band_ghz = name.band_ghz.or_else(|| band_of(word));
        name.method = name.method.or_else(|| method_of(word));
        if let "full" | "hm1" | "hm2" = *word {
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
            "ZodiCorrected" => name.corrections.push("zodi corrected"),
            "IQU" => name.stokes = Some("IQU"),
            "Int" if subject.contains("field-Int") => name.stokes = Some("I"),
            part if part.starts_with("ds") && part.len() == 3 => {
                name.detset = name.band_ghz.map(|band| format!("{band}-{part}"))
            }
            part => name.method = name.method.or_else(|| method_of(part)),
        }
    }
    if name.kind.as_deref() == Some("SimMap") {
        name.band_ghz = parts.iter().rev().find_map(|part| band_of(part));
    }
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
    let bytes = word.as_bytes();
    bytes.len() == 5
        && bytes[0] == b'R'
        && bytes[1].is_ascii_digit()
        && bytes[2] == b'.'
        && bytes[3..].iter().all(u8::is_ascii_digit)
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
    match word {
        "full" => "full mission".to_owned(),
        "hm1" | "halfmission-1" => "half-mission 1".to_owned(),
        "hm2" | "halfmission-2" => "half-mission 2".to_owned(),
        "oddring" => "odd rings".to_owned(),
        "evenring" => "even rings".to_owned(),
        "nominal" => "nominal mission".to_owned(),
        other => other.replace('-', " "),
    }
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
