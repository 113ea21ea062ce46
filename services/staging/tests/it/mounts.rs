use std::os::unix::fs::symlink;

use gantry_staging::volume::{VolumeError, VolumePath};
use gantry_store::FileOutcome;
use serde_json::json;

use crate::fake::Held;
use crate::world::{fake, mounted, plain, request, sha256};

fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("map"), "mounted bytes").unwrap();
    tree
}

fn map() -> Held {
    Held::new("map", "mounted bytes")
}

#[tokio::test]
async fn a_mounted_file_is_linked_and_no_byte_moves() {
    let tree = tree();
    let world = mounted([map()], tree.path()).await;
    let ended = world.stage(&["fake:map"], &plain()).await;
    let expected = FileOutcome {
        outcome: "staged".to_owned(),
        method: Some("link".to_owned()),
        path: Some("fake/map".to_owned()),
        size_bytes: Some(13),
        verified_by: Some("size".to_owned()),
        ..FileOutcome::default()
    };
    assert_eq!((ended.one(), ended.job.bytes_moved), (&expected, 0));
    let target = std::fs::read_link(world.path("fake/map")).unwrap();
    assert_eq!(target, tree.path().canonicalize().unwrap().join("map"));
    assert_eq!(
        (world.read("fake/map"), world.fake.opened()),
        (b"mounted bytes".to_vec(), vec![])
    );
    assert_eq!(
        world.stage(&["fake:map"], &plain()).await.counted(),
        [0, 1, 0, 0]
    );

    let copy = world
        .stage(&["fake:map"], &request(json!({"method": "copy"})))
        .await;
    assert_eq!(
        copy.counted(),
        [1, 0, 0, 0],
        "bytes of its own were asked for"
    );
    assert!(!world.path("fake/map").is_symlink());
}

#[tokio::test]
async fn a_mounted_file_is_copied_where_bytes_of_its_own_are_wanted() {
    for method in ["copy", "clone"] {
        let tree = tree();
        let world = mounted([map()], tree.path()).await;
        let ended = world
            .stage(&["fake:map"], &request(json!({"method": method})))
            .await;
        let one = ended.one();
        assert_eq!(
            (one.outcome.as_str(), one.verified_by.as_deref()),
            ("staged", Some("size"))
        );
        assert!(
            matches!(one.method.as_deref(), Some("copy" | "clone")),
            "{one:?}"
        );
        assert_eq!(one.sha256, Some(sha256(b"mounted bytes")));
        assert!(!world.path("fake/map").is_symlink());
        assert_eq!(
            (world.listing(), world.fake.opened()),
            (vec!["fake/map".to_owned()], vec![])
        );
    }
}

#[tokio::test]
async fn what_is_not_mounted_fails_where_only_links_are_wanted() {
    let world = fake([map()]).await;
    let ended = world
        .stage(&["fake:map"], &request(json!({"method": "link"})))
        .await;
    assert_eq!(
        (ended.counted(), ended.one().reason.as_deref()),
        ([0, 0, 0, 1], Some("not-mounted"))
    );
    assert_eq!(world.fake.opened(), []);
}

#[tokio::test]
async fn a_mounted_file_that_leads_out_of_its_mount_or_has_another_size_is_not_taken() {
    let (tree, outside) = (tempfile::tempdir().unwrap(), tree());
    symlink(outside.path().join("map"), tree.path().join("map")).unwrap();
    std::fs::write(tree.path().join("short"), "short").unwrap();
    let world = mounted([map(), Held::new("short", "longer than that")], tree.path()).await;
    let ended = world
        .stage(
            &["fake:map", "fake:short"],
            &request(json!({"method": "link"})),
        )
        .await;
    assert_eq!(ended.counted(), [0, 0, 0, 2]);
    let ended = world.stage(&["fake:map", "fake:short"], &plain()).await;
    assert_eq!(ended.counted(), [2, 0, 0, 0]);
    assert_eq!(world.fake.opened().len(), 2);
    assert_eq!(world.read("fake/short"), b"longer than that");
}

#[tokio::test]
async fn only_links_into_a_mount_are_followed() {
    let (tree, outside) = (tree(), tempfile::tempdir().unwrap());
    std::fs::write(outside.path().join("secret"), "s").unwrap();
    let world = mounted([map()], tree.path()).await;
    world.stage(&["fake:map"], &plain()).await;
    symlink(outside.path().join("secret"), world.path("fake/stolen")).unwrap();
    symlink("../../../etc/hostname", world.path("fake/climbing")).unwrap();
    let volume = world.open();
    let read = |path: &str| volume.read(&VolumePath::parse(path).unwrap());
    assert!(read("fake/map").is_ok());
    assert!(matches!(
        read("fake/stolen"),
        Err(VolumeError::ForeignLink { .. })
    ));
    assert!(read("fake/climbing").is_err());
}

#[tokio::test]
async fn a_link_whose_target_is_gone_is_made_anew_or_replaced_by_the_bytes() {
    let tree = tree();
    let world = mounted([map()], tree.path()).await;
    world.stage(&["fake:map"], &plain()).await;
    std::fs::remove_file(tree.path().join("map")).unwrap();
    let ended = world.stage(&["fake:map"], &plain()).await;
    assert_eq!(
        (ended.counted(), ended.one().method.as_deref()),
        ([1, 0, 0, 0], Some("copy"))
    );
    assert_eq!(world.fake.opened().len(), 1);
    assert!(!world.path("fake/map").is_symlink());
}
