//! The index follows the catalogue: search's `Changes` over the store.

use gantry_asset::AssetId;
use gantry_search::{BoxFuture, Change, Changes, ChangesError, IndexedAsset};
use gantry_store::{ChangeRecord, Store, StoreError};
use uuid::Uuid;

use crate::views::{HitView, size_bytes};

/// The catalogue as the index sees it.
pub(crate) struct Catalogue(pub(crate) Store);

fn fail(error: StoreError) -> ChangesError {
    ChangesError(Box::new(error))
}

impl Changes for Catalogue {
    fn catalogue(&self) -> Uuid {
        self.0.catalogue()
    }

    fn latest(&self) -> BoxFuture<'_, Result<u64, ChangesError>> {
        Box::pin(async { self.0.change_number().await.map_err(fail) })
    }

    fn changes(
        &self,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(u64, Change)>, ChangesError>> {
        Box::pin(async move {
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            let records = self.0.changes(after, limit).await.map_err(fail)?;
            records.into_iter().map(change).collect()
        })
    }
}

fn change(record: ChangeRecord) -> Result<(u64, Change), ChangesError> {
    let (number, record) = (record.number, record.record);
    let id: AssetId = record.asset.id.clone();
    if record.withdrawn.is_some() {
        return Ok((number, Change::Gone(id)));
    }
    let view = serde_json::value::to_raw_value(&HitView::from(&record))
        .map_err(|error| ChangesError(Box::new(error)))?;
    let n_files = u32::try_from(record.asset.files.len()).unwrap_or(u32::MAX);
    Ok((
        number,
        Change::Put(Box::new(IndexedAsset {
            version: record.version,
            n_files,
            size_bytes: size_bytes(&record),
            view,
            asset: record.asset,
        })),
    ))
}
