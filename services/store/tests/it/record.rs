//! A record in a temporary folder, and assets to put into it.

use gantry_asset::{ArchiveId, Asset, AssetId, File, Kind, Location};
use gantry_store::{Harvest, Lease, Store, User};

/// A record that goes with its folder.
pub(crate) struct Record {
    pub(crate) store: Store,
    pub(crate) folder: tempfile::TempDir,
}

impl std::ops::Deref for Record {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

pub(crate) async fn record() -> Record {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(folder.path())).await.unwrap();
    Record { store, folder }
}

impl Record {
    /// The same record, opened by another process.
    pub(crate) async fn again(&self) -> Store {
        Store::open(&url(self.folder.path())).await.unwrap()
    }

    pub(crate) async fn user(&self, name: &str) -> User {
        self.ensure_user(name, false).await.unwrap()
    }

    /// Begins a harvest that nobody else runs.
    pub(crate) async fn begin(&self) -> Lease {
        let (lease, _) = self
            .begin_harvest(&planck(), "one", true)
            .await
            .unwrap()
            .expect("nobody harvests");
        lease
    }

    /// A whole harvest that lists exactly these.
    pub(crate) async fn harvested(&self, assets: &[Asset]) -> Harvest {
        let lease = self.begin().await;
        self.upsert_assets(&lease, assets).await.unwrap();
        self.complete_scope(&lease, "").await.unwrap();
        self.finish_harvest(&lease).await.unwrap()
    }
}

pub(crate) fn url(folder: &std::path::Path) -> String {
    format!("sqlite:{}", folder.join("gantry.db").display())
}

pub(crate) fn planck() -> ArchiveId {
    ArchiveId::new("planck").unwrap()
}

pub(crate) fn id(local: &str) -> AssetId {
    AssetId::parse(&format!("planck:{local}")).unwrap()
}

/// An asset with one file of this size.
pub(crate) fn asset(local: &str, size_bytes: u64) -> Asset {
    let json = serde_json::json!({"id": id(local), "kind": Kind::InformationProduct, "title": format!("Map {local}")});
    let mut asset: Asset = serde_json::from_value(json).unwrap();
    asset.files = vec![File {
        name: local.to_owned(),
        path: None,
        media_type: "application/fits".to_owned(),
        size_bytes: Some(size_bytes),
        checksum: None,
        modified: None,
        locations: vec![Location::Address(format!("https://pla.example/{local}"))],
    }];
    asset
}

/// So many assets, `m000` and on.
pub(crate) fn maps(n: usize) -> Vec<Asset> {
    (0..n).map(|n| asset(&format!("m{n:03}"), 2880)).collect()
}
