//! Times of typical searches: `cargo run --release -p gantry-search --example measure`.
//! `GANTRY_MEASURE_ASSETS` says over how many assets, 100 000 without it.
#![expect(
    clippy::unwrap_used,
    reason = "it measures made-up assets and may stop at the first surprise"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use gantry_asset::FacetPath;
use gantry_search::Query;
use support::{Catalogue, Dice, Searched, asset, query};

const WORDS: [&str; 12] = [
    "map", "dust", "lensing", "beam", "noise", "point", "source", "orbit", "clock", "station",
    "spectrum", "galaxy",
];

fn catalogue(n: u64) -> Catalogue {
    let dice = &mut Dice(42);
    let made = (0..n).map(|number| {
        let words: Vec<&str> = (0..5).map(|_| *dice.one(&WORDS)).collect();
        let band = format!(
            "band={} GHz",
            dice.one(&[30, 44, 70, 100, 143, 217, 353, 545, 857])
        );
        let station = format!("station=ST{:04}", dice.below(700));
        let facets = [
            *dice.one(&[
                "mission=Planck",
                "mission=Gaia",
                "mission=IGS",
                "mission=IGS",
            ]),
            *dice.one(&["instrument=HFI", "instrument=LFI", "instrument=RVS"]),
            *dice.one(&[
                "product_type=sky map",
                "product_type=mask",
                "product_type=source list",
            ]),
            *dice.one(&["release=PR1", "release=PR2", "release=PR3", "release=PR4"]),
            *dice.one(&["split=full", "split=half-mission 1", "split=half-mission 2"]),
            *dice.one(&[
                "provenance=observed",
                "provenance=observed",
                "provenance=simulated",
            ]),
            &band,
            &station,
        ];
        let mut made = asset(
            &format!("product_{number:08}.fits"),
            &words.join(" "),
            0,
            &facets,
        );
        made.rank = u32::try_from(dice.below(1000)).unwrap();
        made.description = (0..20)
            .map(|_| format!("{}{} ", dice.one(&WORDS), dice.below(500)))
            .collect();
        made
    });
    Catalogue::of(made)
}

#[tokio::main]
async fn main() {
    let n = std::env::var("GANTRY_MEASURE_ASSETS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(100_000);
    let catalogue = catalogue(n);
    let began = Instant::now();
    let here = Searched::over(&catalogue).await;
    eprintln!("{n} assets indexed in {:.1?}", began.elapsed());
    let selected = |q: &str, facets: &[&str]| Query {
        facets: facets
            .iter()
            .map(|facet| FacetPath::parse(facet).unwrap())
            .collect(),
        limit: 20,
        ..query(q)
    };
    for (name, query) in [
        ("everything", selected("", &[])),
        ("a common word", selected("dust", &[])),
        ("a rare word", selected("dust17", &[])),
        ("two words", selected("dust lensing", &[])),
        ("a band", selected("100 GHz", &[])),
        ("a name", selected("product_00001234.fits", &[])),
        ("one facet", selected("", &["mission/Planck"])),
        (
            "three facets",
            selected(
                "",
                &[
                    "mission/IGS",
                    "band/100 GHz",
                    "band/143 GHz",
                    "station/ST0007",
                ],
            ),
        ),
        (
            "word and facets",
            selected("orbit", &["mission/Gaia", "release/PR3"]),
        ),
    ] {
        let mut times: Vec<_> = (0..50)
            .map(|_| here.index.search(&query).unwrap().took)
            .collect();
        times.sort();
        let total = here.index.search(&query).unwrap().total;
        eprintln!(
            "{name:16} {total:8} hits  p50 {:9.1?}  p95 {:9.1?}",
            times[25], times[47]
        );
    }
    for typed in [
        "p",
        "l",
        "le",
        "st",
        "ST00",
        "product_0000",
        "100",
        "dust ga",
        "orbit 14",
    ] {
        let mut times: Vec<_> = (0..50)
            .map(|_| {
                let began = Instant::now();
                let n = here.index.suggest(typed, 10).unwrap().len();
                (began.elapsed(), n)
            })
            .collect();
        times.sort();
        eprintln!(
            "completing {typed:14} {:3}  p50 {:9.1?}  p95 {:9.1?}",
            times[25].1, times[25].0, times[47].0
        );
    }
    for typed in ["lensng", "spectrm galxy", "prodcut"] {
        let found = here.index.search(&selected(typed, &[])).unwrap();
        eprintln!(
            "misspelt {typed:16} {:?} in {:.1?}",
            found.meant, found.took
        );
    }
}
