//! Fills a catalogue with made-up assets like those of the three archives, the same for the same seed, and writes what
//! another search engine needs to hold the same, and queries over them.
//!
//! `fill STORE_URL N SEED FOLDER` leaves `rows.tsv` and `queries.json` in the folder.
#![expect(
    clippy::unwrap_used,
    reason = "it makes up assets for benchmarks and may stop at the first surprise"
)]

mod made;
mod queries;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use gantry_asset::{ArchiveId, Asset};
use gantry_store::{Lease, Store};
use made::{Made, Maker};

const ARCHIVES: [&str; 3] = ["gaia", "gssc", "planck"];
const BATCH: usize = 5_000;
/// Of how many assets queries take their words and values.
const EXAMPLES: u64 = 400;

/// One harvest of an archive, with what is not written yet.
struct Harvesting {
    lease: Lease,
    batch: Vec<Asset>,
}

impl Harvesting {
    async fn write(&mut self, store: &Store) {
        store.upsert_assets(&self.lease, &self.batch).await.unwrap();
        self.batch.clear();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, n, seed, folder] = arguments.as_slice() else {
        panic!("fill STORE_URL N SEED FOLDER");
    };
    let (n, seed, folder) = (n.parse().unwrap(), seed.parse().unwrap(), Path::new(folder));
    let store = Store::open(url).await.unwrap();
    let mut harvests = Vec::new();
    for archive in ARCHIVES {
        let archive = ArchiveId::new(archive).unwrap();
        let begun = store.begin_harvest(&archive, "fill", true).await.unwrap();
        let (lease, _) = begun.expect("nobody else harvests");
        harvests.push(Harvesting {
            lease,
            batch: Vec::with_capacity(BATCH),
        });
    }
    let mut rows = BufWriter::new(File::create(folder.join("rows.tsv")).unwrap());
    let (mut maker, mut examples) = (Maker::new(seed), Vec::new());
    for number in 0..n {
        let made = maker.make(number);
        writeln!(rows, "{}", row(&made)).unwrap();
        let at = ARCHIVES
            .iter()
            .position(|archive| *archive == made.archive)
            .unwrap();
        harvests[at].batch.push(made.asset());
        if harvests[at].batch.len() == BATCH {
            harvests[at].write(&store).await;
        }
        if number % (n / EXAMPLES).max(1) == 0 {
            examples.push(made);
        }
    }
    for mut harvest in harvests {
        harvest.write(&store).await;
        store.complete_scope(&harvest.lease, "").await.unwrap();
        store.finish_harvest(&harvest.lease).await.unwrap();
    }
    rows.flush().unwrap();
    let asked = queries::made_of(&examples, seed);
    std::fs::write(folder.join("queries.json"), asked.to_string()).unwrap();
}

/// Number, beginning and end in seconds, rank, the values of the counted fields, and the words.
fn row(made: &Made) -> String {
    let facets: Vec<&str> = made
        .facets
        .iter()
        .map(|(_, value)| value.as_str())
        .collect();
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}",
        made.number,
        made.start,
        made.end,
        made.rank,
        facets.join("\t"),
        made.words.join(" ")
    )
}
