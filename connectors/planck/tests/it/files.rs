use gantry_connector::{OpenError, Resume};
use gantry_standin::{Fault, Times};

use crate::archive::{MAP, archive, read};

#[tokio::test]
async fn a_file_whose_product_was_removed_is_gone() {
    let archive = archive();
    let file = archive.file(MAP).await;
    archive
        .standin
        .faults()
        .set_for(MAP, Fault::Removed, Times::Always);
    let error = archive
        .connector()
        .open(&file, &Resume::default())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Gone { .. }) && !error.is_transient());
    assert_eq!(error.to_string(), format!("planck no longer has `{MAP}`"));
}

#[tokio::test]
async fn a_page_under_200_is_told_from_the_file() {
    let archive = archive();
    let file = archive.file(MAP).await;
    archive
        .standin
        .faults()
        .set_for(MAP, Fault::HtmlInstead, Times::Always);
    let error = archive
        .connector()
        .open(&file, &Resume::default())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Page { .. }) && error.is_transient());
    assert_eq!(
        error.to_string(),
        format!("planck sent a web page instead of `{MAP}`")
    );
}

#[tokio::test]
async fn a_transfer_that_was_cut_goes_on_by_range_where_it_ended() {
    let archive = archive();
    let (connector, file) = (archive.connector(), archive.file(MAP).await);
    let (_, whole, ..) = read(connector.as_ref(), &file, &Resume::default()).await;
    assert_eq!(Some(whole.len() as u64), file.size_bytes);
    archive
        .standin
        .faults()
        .set_for(MAP, Fault::CutAt { byte: 70_001 }, Times::Next(1));
    let (_, first, resume, broken) = read(connector.as_ref(), &file, &Resume::default()).await;
    assert!(broken.is_some_and(|error| error.is_transient()));
    assert_eq!(first, whole[..70_001]);
    let (starts_at, rest, _, broken) = read(connector.as_ref(), &file, &resume).await;
    assert!(broken.is_none());
    assert_eq!((starts_at, rest.as_slice()), (70_001, &whole[70_001..]));
    let last = archive.standin.requests().pop().unwrap();
    assert_eq!(
        (last.range.as_deref(), last.status),
        (Some("bytes=70001-"), Some(206))
    );
    assert_eq!(last.if_range, resume.validator.etag);
}

#[tokio::test]
async fn a_server_without_ranges_and_a_file_that_changed_begin_anew() {
    let archive = archive();
    let (connector, file) = (archive.connector(), archive.file(MAP).await);
    let (_, whole, mut resume, _) = read(connector.as_ref(), &file, &Resume::default()).await;
    resume.from = 1000;
    archive
        .standin
        .faults()
        .set_for(MAP, Fault::NoRange, Times::Next(1));
    let (starts_at, bytes, ..) = read(connector.as_ref(), &file, &resume).await;
    assert_eq!((starts_at, &bytes), (0, &whole));
    archive
        .standin
        .faults()
        .set_for(MAP, Fault::ChangedContent, Times::Always);
    let (starts_at, changed, ..) = read(connector.as_ref(), &file, &resume).await;
    assert_eq!((starts_at, changed.len()), (0, whole.len()));
    assert_ne!(changed, whole);
}

#[tokio::test]
async fn a_file_that_ends_before_the_byte_asked_for_begins_anew() {
    let archive = archive();
    let (connector, file) = (archive.connector(), archive.file(MAP).await);
    let (_, whole, resume, _) = read(connector.as_ref(), &file, &Resume::default()).await;
    assert_eq!(resume.from, whole.len() as u64);
    let (starts_at, again, ..) = read(connector.as_ref(), &file, &resume).await;
    assert_eq!((starts_at, again), (0, whole));
}

#[tokio::test]
async fn a_product_is_found_by_its_number_where_its_name_is_not_known() {
    let archive = archive();
    let mut file = archive
        .file("HFI_SkyMap_353-psb_0016_R3.01_full.fits")
        .await;
    assert_eq!(file.locations.len(), 2);
    let gantry_asset::Location::Address(by_name) = &mut file.locations[0] else {
        panic!("an address");
    };
    *by_name = by_name.replace("353-psb", "999-psb");
    let (_, bytes, ..) = read(archive.connector().as_ref(), &file, &Resume::default()).await;
    assert_eq!(Some(bytes.len() as u64), file.size_bytes);
    let targets: Vec<String> = archive
        .standin
        .requests()
        .into_iter()
        .map(|request| request.target)
        .collect();
    assert_eq!(
        targets.last().unwrap(),
        "/pla-sl/data-action?MAP.MAP_OID=14613"
    );
}
