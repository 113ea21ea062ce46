use std::io::Write;

use gantry_store::Phase;

use crate::fake::Held;
use crate::world::{World, fake, plain, sha256, standin};

/// A source list with correct CHECKSUM and DATASUM, as the stand-in makes it.
async fn source_list() -> Vec<u8> {
    let target = "/pla/aio/product-action?SOURCE_LIST.FILE_ID=COM_PCCS_100_R2.01.fits";
    standin().await.served(target).await
}

async fn verified_by(world: &World, asset: &str) -> (String, Option<String>, Vec<String>) {
    let ended = world.stage(&[asset], &plain()).await;
    let one = ended.one();
    (
        one.outcome.clone(),
        one.verified_by.clone(),
        one.warnings.clone(),
    )
}

fn by(
    outcome: &str,
    verified_by: &str,
    warnings: &[&str],
) -> (String, Option<String>, Vec<String>) {
    let warnings = warnings.iter().map(|text| (*text).to_owned()).collect();
    (outcome.to_owned(), Some(verified_by.to_owned()), warnings)
}

#[tokio::test]
async fn checksums_inside_a_file_verify_it_and_wrong_ones_are_a_warning() {
    let right = source_list().await;
    let mut wrong = right.clone();
    let at = wrong.len() - 2880;
    wrong[at] ^= 1;
    let cut = right[..right.len() - 2880].to_vec();
    let world = fake([
        Held::new("right.fits", right),
        Held::new("wrong.fits", wrong.clone()),
        Held::new("cut.fits", cut),
    ])
    .await;
    assert_eq!(
        verified_by(&world, "fake:right.fits").await,
        by("staged", "embedded-checksum", &[])
    );
    let warnings = ["CHECKSUM in HDU 1 differs", "DATASUM in HDU 1 differs"];
    assert_eq!(
        verified_by(&world, "fake:wrong.fits").await,
        by("staged", "size", &warnings)
    );
    assert_eq!(world.read("fake/wrong.fits"), wrong);
    let (outcome, verified, warnings) = verified_by(&world, "fake:cut.fits").await;
    assert_eq!(
        (outcome.as_str(), verified.as_deref(), warnings.len()),
        ("staged", Some("size"), 1)
    );
    assert!(warnings[0].starts_with("as FITS: "), "{warnings:?}");
}

#[tokio::test]
async fn a_whole_gzip_file_is_verified_and_a_damaged_one_fails_after_a_second_try() {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&b"planck ".repeat(50_000)).unwrap();
    let whole = gz.finish().unwrap();
    let mut damaged = whole.clone();
    let at = damaged.len() - 6;
    damaged[at] ^= 0x10;
    let world = fake([
        Held::new("whole.gz", whole),
        Held::new("damaged.gz", damaged),
    ])
    .await;
    assert_eq!(
        verified_by(&world, "fake:whole.gz").await,
        by("staged", "embedded-checksum", &[])
    );
    let ended = world.stage(&["fake:damaged.gz"], &plain()).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [0, 0, 0, 1])
    );
    let reason = ended.one().reason.clone().unwrap();
    assert!(
        reason.starts_with("damaged: ") && reason.len() > 15,
        "{reason}"
    );
    assert_eq!(
        world.fake.opened()[1..],
        [("damaged.gz".to_owned(), 0), ("damaged.gz".to_owned(), 0)]
    );
    assert_eq!(world.listing(), ["fake/whole.gz"]);
}

#[tokio::test]
async fn an_archives_checksum_verifies_and_one_that_differs_fails() {
    // RFC 1321, appendix A.5: the MD5 of `abc`.
    let md5 = "900150983CD24FB0D6963F7D28E17F72".to_owned();
    let mut right = Held::new("right", "abc");
    right.md5 = Some(md5.clone());
    let mut wrong = Held::new("wrong", "abd");
    wrong.md5 = Some(md5);
    let world = fake([right, wrong]).await;
    let ended = world.stage(&["fake:right"], &plain()).await;
    assert_eq!(ended.one().verified_by.as_deref(), Some("archive-checksum"));
    assert_eq!(ended.one().sha256, Some(sha256(b"abc")));
    let ended = world.stage(&["fake:wrong"], &plain()).await;
    assert_eq!(
        ended.one().reason.as_deref(),
        Some("checksum-differs: the bytes are not those the archive's checksum is of")
    );
    assert_eq!(
        (ended.one().retry_may_help, &ended.one().sha256),
        (Some(true), &None)
    );
    assert_eq!(world.listing(), ["fake/right"]);
}

#[tokio::test]
async fn without_anything_to_compare_with_nothing_is_verified() {
    let mut held = Held::new("map", "bytes");
    (held.listed, held.announced) = (None, None);
    let world = fake([held]).await;
    assert_eq!(
        verified_by(&world, "fake:map").await,
        by("staged", "unverified", &[])
    );
    let world = fake([Held::new("map", "bytes"), Held::new("empty", "")]).await;
    assert_eq!(
        verified_by(&world, "fake:map").await,
        by("staged", "size", &[])
    );
    assert_eq!(
        verified_by(&world, "fake:empty").await,
        by("staged", "size", &[])
    );
    assert_eq!(world.read("fake/empty"), b"");
}
