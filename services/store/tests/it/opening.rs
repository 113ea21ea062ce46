use gantry_store::{Phase, Seal, SealError, Store, StoreError};

use crate::record::{asset, id, maps, planck, record, url};

#[tokio::test]
async fn a_record_is_brought_to_this_version_as_often_as_it_is_opened() {
    let record = record().await;
    record.harvested(&maps(3)).await;
    for _ in 0..2 {
        let again = record.again().await;
        assert_eq!(again.catalogue(), record.catalogue());
        assert_eq!(again.n_assets(&planck()).await.unwrap(), 3);
    }
}

#[tokio::test]
async fn what_was_written_outlives_a_process_that_ended_without_closing() {
    let folder = tempfile::tempdir().unwrap();
    let address = url(folder.path());
    let killed = std::thread::spawn({
        let address = address.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let store = Store::open(&address).await.unwrap();
                let (lease, _) = store
                    .begin_harvest(&planck(), "one", false)
                    .await
                    .unwrap()
                    .unwrap();
                store.upsert_assets(&lease, &maps(5)).await.unwrap();
                store.keep_cursor(&lease, "m004").await.unwrap();
                // The process ends here: no close, no end of the harvest.
                std::mem::forget(store.clone());
            });
            runtime.shutdown_background();
        }
    });
    killed.join().unwrap();
    let store = Store::open(&address).await.unwrap();
    assert_eq!(store.change_number().await.unwrap(), 5);
    assert_eq!(
        store.asset(&id("m004"), None).await.unwrap().asset,
        asset("m004", 2880)
    );
    assert_eq!(
        store.begin_harvest(&planck(), "two", false).await.unwrap(),
        None
    );
    store.expire_harvests("one").await.unwrap();
    let (lease, cursor) = store
        .begin_harvest(&planck(), "two", false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(cursor.as_deref(), Some("m004"));
    assert_eq!(
        store.finish_harvest(&lease).await.unwrap().phase,
        Phase::Completed
    );
}

#[tokio::test]
async fn a_place_that_cannot_be_opened_is_named() {
    let error = Store::open("sqlite:/nowhere/at/all/gantry.db")
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }));
    assert_eq!(
        error.to_string(),
        "cannot open the record at `sqlite:/nowhere/at/all/gantry.db`"
    );
}

#[test]
fn a_sealing_key_is_made_for_its_owner_only_and_one_of_another_length_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    Seal::open(&path).unwrap();
    let meta = std::fs::metadata(&path).unwrap();
    assert_eq!((meta.len(), meta.permissions().mode() & 0o777), (32, 0o600));
    std::fs::write(&path, b"short").unwrap();
    let refused = Seal::open(&path).unwrap_err();
    assert!(matches!(refused, SealError::Key { .. }));
    assert!(refused.to_string().contains("key") && refused.to_string().contains("32 bytes"));
}

#[test]
fn the_same_secret_is_sealed_differently_each_time_and_a_changed_byte_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let seal = Seal::open(&folder.path().join("key")).unwrap();
    let sealed = seal.seal("volume-1", "s3cret");
    assert_ne!(sealed, seal.seal("volume-1", "s3cret"));
    for at in [0, 47, 48, sealed.len() - 1] {
        let mut changed = sealed.clone().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(matches!(
            seal.open_sealed("volume-1", &changed),
            Err(SealError::Foreign)
        ));
    }
    for damaged in ["", "é", &sealed[..40], &sealed[1..]] {
        assert!(
            matches!(
                seal.open_sealed("volume-1", damaged),
                Err(SealError::Foreign)
            ),
            "{damaged}"
        );
    }
}

#[tokio::test]
async fn a_record_of_a_newer_gantry_is_refused_and_left_as_it_is() {
    use sqlx::Connection;
    let folder = tempfile::tempdir().unwrap();
    let address = url(folder.path());
    Store::open(&address).await.unwrap().close().await;
    let mut database = sqlx::SqliteConnection::connect(&address).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9001, 'later', 1, x'00', 0)")
        .execute(&mut database)
        .await
        .unwrap();
    let refused = Store::open(&address).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Newer { step: 9001, .. }),
        "{refused}"
    );
    let said = refused.to_string();
    assert!(
        said.contains("newer Gantry") && said.contains("9001"),
        "{said}"
    );
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 9001")
        .execute(&mut database)
        .await
        .unwrap();
    Store::open(&address).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_was_made_while_the_record_was_used_is_whole() {
    let record = record().await;
    record.harvested(&maps(3)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gantry.db");
    record.copy_to(&file).await.unwrap();
    assert!(
        record.copy_to(&file).await.is_err(),
        "a copy was written over"
    );
    let copy = Store::open(&url(folder.path())).await.unwrap();
    assert_eq!(copy.catalogue(), record.catalogue());
    assert_eq!(copy.n_assets(&planck()).await.unwrap(), 3);
    assert_eq!(copy.damage().await.unwrap(), None);
}
