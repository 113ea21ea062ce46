//! Volumes in the record, and the secrets sealed in it.

use gantry_store::{Resealed, Seal, Volume};

use crate::record::record;

#[tokio::test]
async fn secrets_are_sealed_anew_and_one_that_no_key_opens_is_counted_and_stays() {
    let record = record().await;
    let ada = record.user("ada").await;
    let folder = tempfile::tempdir().unwrap();
    let (seal, other) = (
        Seal::open(&folder.path().join("key")).unwrap(),
        Seal::open(&folder.path().join("other")).unwrap(),
    );
    for (name, by) in [("mine", &seal), ("lost", &other)] {
        let mut volume = Volume::local(&ada.id, name, "");
        volume.secret = Some(by.seal(&volume.id, "s3cret"));
        record.new_volume(&volume).await.unwrap();
    }
    seal.add_key().unwrap();
    let done = record.reseal(&seal, &|_, _| Ok(None)).await.unwrap();
    let expected = Resealed {
        n_sealed: 1,
        n_lost: 1,
    };
    assert_eq!(done, expected);
    seal.drop_old_keys().unwrap();
    let mine = record.volume(&ada.id, "mine").await.unwrap();
    let opened = seal.open_sealed(&mine.id, mine.secret.as_deref().unwrap());
    assert_eq!(opened.unwrap(), "s3cret");
    let lost = record.volume(&ada.id, "lost").await.unwrap();
    let opened = other.open_sealed(&lost.id, lost.secret.as_deref().unwrap());
    assert_eq!(opened.unwrap(), "s3cret");
}
