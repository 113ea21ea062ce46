//! A catalogue in memory and assets as the connectors make them.
#![expect(dead_code, reason = "each test file uses some of it")]
#![expect(unreachable_pub, reason = "shared between test files as a module")]
#![expect(clippy::unwrap_used, reason = "a test may")]

pub mod planck;
pub mod sphere;

use std::sync::Mutex;

use gantry_asset::{ArchiveId, Asset, AssetId, Facets, File, Kind};
use gantry_search::{
    BoxFuture, Change, Changes, ChangesError, Collapse, FacetCount, Found, Index, IndexedAsset,
    Mode, Query,
};
use tempfile::TempDir;
use uuid::Uuid;

/// A catalogue that numbers its changes.
pub struct Catalogue {
    pub id: Uuid,
    pub changes: Mutex<Vec<(u64, Change)>>,
    /// Changes above this number are not told; `None` tells all.
    pub fails_after: Mutex<Option<u64>>,
}

impl Catalogue {
    pub fn of(assets: impl IntoIterator<Item = Asset>) -> Self {
        let catalogue = Self {
            id: Uuid::new_v4(),
            changes: Mutex::default(),
            fails_after: Mutex::default(),
        };
        assets.into_iter().for_each(|asset| catalogue.put(asset, 1));
        catalogue
    }

    pub fn put(&self, asset: Asset, version: u32) {
        let view = serde_json::json!({ "id": asset.id, "title": asset.title });
        let view = serde_json::value::to_raw_value(&view).unwrap();
        let n_files = u32::try_from(asset.files.len()).unwrap();
        self.add(Change::Put(Box::new(IndexedAsset {
            size_bytes: asset.size_bytes(),
            asset,
            version,
            n_files,
            view,
        })));
    }

    pub fn add(&self, change: Change) {
        let mut changes = self.changes.lock().unwrap();
        let number = changes.last().map_or(1, |(number, _)| number + 1);
        changes.push((number, change));
    }
}

impl Changes for Catalogue {
    fn catalogue(&self) -> Uuid {
        self.id
    }

    fn latest(&self) -> BoxFuture<'_, Result<u64, ChangesError>> {
        let latest = self
            .changes
            .lock()
            .unwrap()
            .last()
            .map_or(0, |(number, _)| *number);
        Box::pin(async move { Ok(latest) })
    }

    fn changes(
        &self,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(u64, Change)>, ChangesError>> {
        let end = self.fails_after.lock().unwrap().unwrap_or(u64::MAX);
        if after >= end {
            return Box::pin(async { Err(ChangesError("the connection was cut".into())) });
        }
        let changes = self.changes.lock().unwrap();
        let told = changes
            .iter()
            .filter(|(number, _)| *number > after && *number <= end)
            .take(limit)
            .cloned();
        let told = told.collect();
        Box::pin(async move { Ok(told) })
    }
}

/// An index over a catalogue, in a directory of its own.
pub struct Searched {
    pub dir: TempDir,
    pub index: Index,
}

impl Searched {
    pub async fn over(catalogue: &Catalogue) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open(dir.path(), Mode::Writer).unwrap();
        index.follow(catalogue).await.unwrap();
        Self { dir, index }
    }

    pub fn search(&self, q: &str) -> Found {
        self.index.search(&query(q)).unwrap()
    }

    /// The local ids found, best first.
    pub fn ids(&self, q: &str) -> Vec<String> {
        ids(&self.search(q))
    }

    pub fn first(&self, q: &str) -> String {
        self.ids(q).into_iter().next().unwrap_or_default()
    }
}

pub fn query(q: &str) -> Query {
    Query {
        q: q.to_owned(),
        limit: 100,
        collapse: Collapse::None,
        ..Query::default()
    }
}

pub fn ids(found: &Found) -> Vec<String> {
    found
        .hits
        .iter()
        .map(|hit| hit.id.local().to_owned())
        .collect()
}

/// The values of a field with their counts.
pub fn counts(found: &Found, field: &str) -> Vec<(String, u64)> {
    let values = found
        .facets
        .iter()
        .find(|counts| counts.field == field)
        .map(|counts| counts.values.clone());
    let pair = |value: FacetCount| (value.path, value.count);
    values.unwrap_or_default().into_iter().map(pair).collect()
}

/// An asset of one file called as its path, with facets as `field=value`.
pub fn asset(name: &str, title: &str, rank: u32, facets: &[&str]) -> Asset {
    let archive = ArchiveId::new("planck").unwrap();
    let mut all = Facets::new();
    for facet in facets {
        let (field, value) = facet.split_once('=').unwrap();
        all.add(field, value);
    }
    let file = File {
        name: name.to_owned(),
        path: None,
        media_type: "application/fits".to_owned(),
        size_bytes: Some(2880),
        checksum: None,
        modified: None,
        locations: vec![],
    };
    Asset {
        id: AssetId::from_path(&archive, name).unwrap(),
        kind: Kind::InformationProduct,
        title: title.to_owned(),
        description: String::new(),
        synonyms: vec![],
        facets: all,
        series: None,
        time: None,
        time_scale: None,
        days: None,
        sky: None,
        place: None,
        station: None,
        related: vec![],
        warnings: vec![],
        columns: vec![],
        rank,
        files: vec![file],
    }
}

/// How often long loops run.
pub fn rounds() -> u64 {
    std::env::var("GANTRY_TEST_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(5)
}

/// Numbers that look random, the same for the same seed (xorshift64*).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}
