//! From the product list to assets.

use std::sync::LazyLock;

use chrono::{TimeZone, Utc};
use futures::stream::BoxStream;
use gantry_asset::{Asset, AssetId, Facets, Kind, Sky, TimeSpan};
use gantry_connector::{Cursor, HarvestError, Harvested};
use serde::Deserialize;

use crate::Planck;
use crate::grammar::{Name, read_name};
use crate::product::{Product, Products};
use crate::related::Families;
use crate::series::Realisations;

/// A title, and words to find a product by, that its name does not hold.
#[derive(Deserialize)]
struct Title {
    prefix: String,
    title: String,
    synonyms: Vec<String>,
}

static TITLES: LazyLock<Vec<Title>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/titles.json"))
        .expect("the data shipped is read by a test")
});

/// After how many products the harvest can go on when it is cut.
const CURSOR_EVERY: usize = 500;

pub(crate) fn harvest(
    planck: &Planck,
    cursor: Option<Cursor>,
) -> BoxStream<'_, Result<Harvested, HarvestError>> {
    Box::pin(async_stream::try_stream! {
        let Products { products, rejected, is_whole } = planck.products().await?;
        for (what, why) in rejected {
            yield Harvested::Rejected { what, why };
        }
        let names: Vec<Name> = products.iter().map(|product| read_name(&product.name)).collect();
        let mut realisations = Realisations::new(products.iter().map(|product| product.name.as_str()), is_whole);
        let families = Families::new(products.iter().map(|product| product.name.as_str()).zip(&names));
        let mirrors = planck.mirrored(&products).await;
        // A cursor counts only for the list it was made from: a name that is new in another list may come before it.
        let list = list_hash(&products);
        let done = cursor.and_then(|Cursor(text)| text.strip_prefix(&list)?.strip_prefix(' ').map(ToOwned::to_owned));
        for (n, (product, name)) in products.iter().zip(&names).enumerate() {
            if done.as_ref().is_some_and(|done| product.name <= *done) {
                realisations.was_told(&product.name);
                continue;
            }
            match planck.asset(product, name, &families) {
                Ok(mut asset) => {
                    if planck.peek.wants(!name.is_unknown()) {
                        planck.peek_into(&mut asset).await;
                    }
                    if let Some(series) = realisations.join(&planck.archive.id, &mut asset, &product.name) {
                        yield Harvested::Asset(Box::new(series));
                    }
                    let others = mirrors.add_to(&planck.archive.id, &mut asset);
                    for told in std::iter::once(asset).chain(others) {
                        yield Harvested::Asset(Box::new(told));
                    }
                }
                Err(why) => yield Harvested::Rejected { what: product.name.clone(), why },
            }
            if (n + 1) % CURSOR_EVERY == 0 {
                yield Harvested::Cursor(Cursor(format!("{list} {}", product.name)));
            }
        }
        yield Harvested::ScopeComplete(String::new());
    })
}

/// What tells one product list from another.
fn list_hash(products: &[Product]) -> String {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    for product in products {
        (&product.name, product.size_bytes, product.modified).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

impl Planck {
    fn asset(
        &self,
        product: &Product,
        name: &Name,
        families: &Families<'_>,
    ) -> Result<Asset, String> {
        let id = AssetId::from_path(&self.archive.id, &product.name)
            .map_err(|error| error.to_string())?;
        let mut facets = Facets::new();
        name.add_facets(&mut facets);
        let known = TITLES
            .iter()
            .find(|title| product.name.starts_with(&title.prefix));
        let is_map = matches!(
            name.kind.as_deref(),
            Some("SkyMap" | "CMB" | "CompMap" | "Mask")
        );
        Ok(Asset {
            id,
            kind: if product.name.contains("Likelihood_Code") {
                Kind::ProcessingSoftware
            } else {
                Kind::InformationProduct
            },
            title: known.map_or_else(|| title(product, name), |known| known.title.clone()),
            description: columns(name).to_owned(),
            synonyms: known
                .map(|known| known.synonyms.clone())
                .unwrap_or_default()
                .into_iter()
                .chain(synonyms(name))
                .collect(),
            facets,
            series: None,
            time: name
                .kind
                .as_deref()
                .filter(|kind| matches!(*kind, "SkyMap" | "CMB") && !name.simulated)
                .and_then(|_| mission(name)),
            time_scale: None,
            days: None,
            sky: is_map.then(Sky::all),
            place: None,
            station: None,
            related: families.related(&self.archive.id, &product.name, name),
            warnings: Vec::new(),
            columns: Vec::new(),
            rank: rank(name, families.is_superseded(name)),
            files: vec![self.file(product, name)],
        })
    }
}

fn title(product: &Product, name: &Name) -> String {
    let Some(facts) = name.facts() else {
        return if name.simulated {
            format!("Simulation, {}", product.name)
        } else {
            product.name.clone()
        };
    };
    let mut title = match name.instrument {
        Some(instrument @ ("HFI" | "LFI")) => format!("{instrument} {}", facts.title),
        _ => capital(&facts.title),
    };
    let mut add = |part: &str| {
        title.push_str(", ");
        title.push_str(part);
    };
    match name.band_ghz {
        Some(band) => add(&format!("{band} GHz")),
        None if !name.subject.is_empty() => add(&name.subject.replace(['-', '_'], " ")),
        None => {}
    }
    if let Some(detset) = &name.detset {
        add(&if detset.ends_with("psb") {
            format!("polarisation-sensitive bolometers ({detset})")
        } else {
            format!("detector set {detset}")
        });
    }
    for correction in &name.corrections {
        add(correction);
    }
    if let Some(split) = &name.split {
        add(split);
    }
    if matches!(&name.release, Some((4, _))) && name.band_ghz.is_some() {
        add("dipole included");
    }
    title
}

/// What a frequency map of 2015 and later holds: LFI and HFI up to 353 GHz measured polarisation.
fn columns(name: &Name) -> &'static str {
    let polarised =
        name.kind.as_deref() == Some("SkyMap") && name.band_ghz.is_some_and(|band| band <= 353);
    if polarised
        && name
            .release
            .as_ref()
            .is_some_and(|(release, _)| *release >= 2)
    {
        "Intensity and polarisation, I Q U with their covariance."
    } else {
        ""
    }
}

fn synonyms(name: &Name) -> Vec<String> {
    let mut words = Vec::new();
    if matches!(&name.release, Some((4, _))) {
        words.extend(["NPIPE".to_owned(), "PR4".to_owned()]);
    }
    if name.detset.as_deref() == Some("353-psb") || name.stokes == Some("IQU") {
        words.extend(["polarization".to_owned(), "polarisation".to_owned()]);
    }
    if name.kind.as_deref() == Some("PowerSpect") {
        words.push("spectrum".to_owned());
    }
    words
}

/// When the sky of a map was observed: HFI until its helium was used up, LFI to the end (ESA mission page).
fn mission(name: &Name) -> Option<TimeSpan> {
    let day = |year, month, day| Utc.with_ymd_and_hms(year, month, day, 0, 0, 0).single();
    let end = if name.instrument == Some("LFI") {
        day(2013, 10, 4)?
    } else {
        day(2012, 1, 14)?
    };
    (name.split.as_deref() == Some("full mission")).then_some(TimeSpan {
        start: day(2009, 8, 12)?,
        end,
    })
}

/// What a name says of a product that is only part of another, or beside it.
const PARTS: [&str; 8] = [
    "field-",
    "excluded",
    "selfunc",
    "MMF",
    "PwS",
    "masks",
    "stddev",
    "confidence",
];

/// Observed before simulated, full mission before splits, whole instrument before detector sets, all of a map before
/// some of it, data before the code for them, SMICA before other methods, PR3 before others.
fn rank(name: &Name, superseded: bool) -> u32 {
    let release = match &name.release {
        Some((3, _)) => 40,
        Some((4, _)) => 30,
        Some((2, _)) => 20,
        _ => 0,
    };
    if name.simulated {
        return 10 + release / 4;
    }
    let mut rank = name.facts().map_or(100, |facts| facts.rank);
    let is_of_the_sky = matches!(name.kind.as_deref(), Some("SkyMap" | "CMB"));
    if is_of_the_sky && name.split.as_deref() == Some("full mission") {
        rank += 200;
    }
    if name.detset.is_none() {
        rank += 100;
    }
    if name.method == Some("smica") {
        rank += 5;
    }
    if name.subject.contains("nosz") {
        rank -= 20;
    }
    if PARTS.iter().any(|part| name.subject.contains(part)) {
        rank -= 60;
    }
    if name.subject.starts_with("Code") {
        rank -= 10;
    }
    rank += release;
    if superseded { rank - 35 } else { rank }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}
