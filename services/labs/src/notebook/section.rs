//! Sections: which products a notebook opens, and which of them together.

use super::opening::Opening;
use super::product::Product;

/// How many sections open products: maps, stations, and all kinds together; few enough to run within a minute.
const MAPS: usize = 3;
const STATIONS: usize = 2;

/// How many navigation and orbit files go with the observations of a station.
const ORBITS: usize = 16;

/// A block and what it opens, as places in the list of products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) block: &'static str,
    pub(super) indices: Vec<usize>,
    /// Navigation and orbit files that say where the satellites are; of orbits and clocks, those of orbits.
    pub(super) orbits: Vec<usize>,
}

impl Section {
    /// The place of its first product.
    pub(super) fn first(&self) -> usize {
        self.indices[0]
    }
}

/// The sections of a notebook, `n_sections` at most, in the order of the selection.
///
/// All days of a station are one section, and so are all orbits and clocks, all maps of the ionosphere, and all spectra
/// and light curves.
pub(super) fn sections(products: &[Product], n_sections: usize) -> Vec<Section> {
    let mut made: Vec<Section> = Vec::new();
    let has_observations = products
        .iter()
        .any(|product| product.block() == Some("rinex_obs"));
    for (index, product) in products.iter().enumerate() {
        let block = match product.opening() {
            None if product.table.is_some() => "query",
            None => continue,
            Some(Opening::Navigation) if has_observations => continue,
            Some(Opening::Navigation) => "other",
            Some(Opening::Block(block)) => block,
        };
        let joins = |section: &&mut Section| joins(products, section, block, product);
        match made.iter_mut().find(joins) {
            Some(section) => section.indices.push(index),
            None => made.push(Section {
                block,
                indices: vec![index],
                orbits: Vec::new(),
            }),
        }
    }
    let mut chosen = few(made, n_sections);
    for section in &mut chosen {
        section.orbits = match section.block {
            "rinex_obs" => orbits_for(products, products[section.first()].station()),
            "orbits_clocks" => {
                let is_orbit = |index: &usize| products[*index].is_orbit();
                section.indices.iter().copied().filter(is_orbit).collect()
            }
            _ => Vec::new(),
        };
    }
    chosen
}

/// Whether a product belongs to a section that is there already.
fn joins(products: &[Product], section: &Section, block: &str, product: &Product) -> bool {
    section.block == block
        && match block {
            "rinex_obs" => products[section.first()].station() == product.station(),
            "orbits_clocks" | "gaia_spectra" | "ionex" => true,
            _ => false,
        }
}

/// The first sections, of maps and of stations no more than run within a minute.
fn few(sections: Vec<Section>, n_sections: usize) -> Vec<Section> {
    let (mut n_maps, mut n_stations) = (0, 0);
    let fits = |section: &Section| {
        n_maps += usize::from(section.block == "healpix");
        n_stations += usize::from(section.block == "rinex_obs");
        match section.block {
            "healpix" => n_maps <= MAPS,
            "rinex_obs" => n_stations <= STATIONS,
            _ => true,
        }
    };
    sections.into_iter().filter(fits).take(n_sections).collect()
}

/// Navigation of the station itself or of the whole world, and orbits.
fn orbits_for(products: &[Product], station: Option<String>) -> Vec<usize> {
    let serves = |product: &Product| match product.opening() {
        Some(Opening::Navigation) => {
            let own = product.station();
            own == station || own.is_none_or(|name| name.to_ascii_uppercase().starts_with("BRD"))
        }
        Some(Opening::Block("orbits_clocks")) => product.is_orbit(),
        _ => false,
    };
    let all = products.iter().enumerate();
    all.filter(|(_, product)| serves(product))
        .map(|(index, _)| index)
        .take(ORBITS)
        .collect()
}
