//! Cut-outs on the way: a cone of a map from the archive, the cache and a mount, by a small part of its bytes.

use std::io::Cursor;

use gantry_formats::fits::write::{Cell, Layout, NewColumn, TableWriter};
use gantry_formats::fits::{Card, ColumnType, Limits, Table, scan};
use gantry_staging::StageRequest;
use gantry_store::{FileOutcome, Phase};
use serde_json::{Value, json};

use crate::fake::{Held, Mishap};
use crate::world::{Setup, World, fake, made, mounted, plain, request, sha256, standin_of};

const NSIDE: u32 = 256;
const CUT: &str = "fake/map_cut-83.633_+22.014_1.fits";
/// Number and sum of the NESTED pixels of healpy 1.20.1's
/// `query_disc(256, crab, radians(1) + max_pixrad(256))`, the Crab in astropy's galactic frame.
const PIXELS: (u64, u64) = (93, 37959375);

/// A map of the whole sky whose values tell their pixels.
fn map(ordering: &str) -> Vec<u8> {
    let layout = Layout {
        primary: Vec::new(),
        cards: vec![
            Card::text("PIXTYPE", "HEALPIX"),
            Card::text("ORDERING", ordering),
            Card::text("COORDSYS", "GALACTIC"),
            Card::int("NSIDE", i64::from(NSIDE)),
        ],
        columns: vec![
            NewColumn::new("I_STOKES", ColumnType::Float).unit("K_CMB"),
            NewColumn::new("HITS", ColumnType::Int),
        ],
        n_rows: 12 * u64::from(NSIDE).pow(2),
        checksums: true,
    };
    let n_rows = layout.n_rows;
    let mut writer = TableWriter::start(Cursor::new(Vec::new()), layout).unwrap();
    for pixel in 0..n_rows {
        let cells = [Cell::Float(pixel as f64 + 0.5), Cell::Int(3 * pixel as i64)];
        writer.row(&cells).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn crab() -> StageRequest {
    request(json!({"cut_out": {"ra": 83.633, "dec": 22.014, "radius": 1}}))
}

/// Looks at the cut-out in the volume: its pixels, and that they have the values of the map.
fn is_the_cone(world: &World, outcome: &FileOutcome) {
    let bytes = world.read(CUT);
    let hdus = scan(&bytes[..], Limits::default()).unwrap();
    let file = std::fs::File::open(world.path(CUT)).unwrap();
    let table = Table::new(&file, &hdus[1]).unwrap();
    let all = 0..table.n_rows();
    let pixels = table.ints("PIXEL", all.clone()).unwrap();
    let pixels: Vec<i64> = pixels.into_iter().map(Option::unwrap).collect();
    let values = table.floats("I_STOKES", all.clone()).unwrap();
    let hits = table.ints("HITS", all).unwrap();
    for (pixel, (value, hits)) in pixels.iter().zip(values.iter().zip(hits)) {
        assert_eq!((*value, hits), (*pixel as f64 + 0.5, Some(3 * pixel)));
    }
    let sum = pixels.iter().sum::<i64>() as u64;
    assert_eq!((pixels.len() as u64, sum), PIXELS);
    let expected = FileOutcome {
        outcome: "staged".to_owned(),
        method: Some("copy".to_owned()),
        path: Some(CUT.to_owned()),
        size_bytes: Some(bytes.len() as u64),
        sha256: Some(sha256(&bytes)),
        verified_by: Some("size".to_owned()),
        warnings: vec![format!(
            "cut out of `map.fits`: the {} pixels of NSIDE 256 that the cone at RA 83.633, Dec 22.014 of radius 1 degrees (ICRS) touches, and a few beside its edge",
            PIXELS.0
        )],
        n_rows: Some(PIXELS.0),
        ..FileOutcome::default()
    };
    assert_eq!(outcome, &expected);
}

fn held() -> Held {
    Held::new("map.fits", map("NESTED"))
}

#[tokio::test]
async fn a_cone_comes_from_the_archive_by_a_small_part_of_the_bytes_and_is_there_the_second_time() {
    let map = held();
    let n_bytes = map.bytes.len() as u64;
    let world = fake([map]).await;
    let ended = world.stage(&["fake:map.fits"], &crab()).await;
    is_the_cone(&world, ended.one());
    assert_eq!(world.listing(), [CUT]);
    assert!(world.fake.sent() * 4 < n_bytes, "{}", world.fake.sent());
    let opened = world.fake.opened();
    assert!((2..=9).contains(&opened.len()), "{opened:?}");
    assert_eq!(
        world.stage(&["fake:map.fits"], &crab()).await.counted(),
        [0, 1, 0, 0]
    );
    assert_eq!(world.fake.opened(), opened);
    let report = format!("fake/report-{}.json", ended.job.id);
    let report: Value = serde_json::from_slice(&world.read(&report)).unwrap();
    assert_eq!(
        report["request"]["cut_out"],
        json!({"ra": 83.633, "dec": 22.014, "radius": 1.0})
    );
    let file = &report["files"][0];
    assert_eq!(
        (&file["name"], &file["n_rows"]),
        (&json!("map.fits"), &json!(PIXELS.0))
    );
    // Another cone is another file, and so is the whole map.
    let other = request(json!({"cut_out": {"ra": 83.633, "dec": 22.014, "radius": 2}}));
    assert_eq!(
        world.stage(&["fake:map.fits"], &other).await.counted(),
        [1, 0, 0, 0]
    );
    assert_eq!(
        world.stage(&["fake:map.fits"], &plain()).await.counted(),
        [1, 0, 0, 0]
    );
}

#[tokio::test]
async fn a_cone_comes_from_an_archive_that_breaks_off_or_sends_the_whole_file_again() {
    for mishaps in [
        vec![Mishap::Refused],
        vec![Mishap::Cut(1), Mishap::Cut(1)],
        vec![Mishap::Cut(1), Mishap::WholeAgain],
    ] {
        let mut map = held();
        map.mishaps = mishaps.into();
        let world = fake([map]).await;
        let ended = world.stage(&["fake:map.fits"], &crab()).await;
        is_the_cone(&world, ended.one());
    }
}

#[tokio::test]
async fn a_map_that_is_replaced_between_two_ranges_is_not_cut_from_both() {
    let mut map = held();
    // The header is whole by then, and the pixels come from elsewhere in the file.
    map.mishaps = vec![Mishap::Replaced(100)].into();
    map.other = Some(map.bytes.iter().map(|byte| byte ^ 1).collect());
    let world = fake([map]).await;
    let ended = world.stage(&["fake:map.fits"], &crab()).await;
    let outcome = ended.one();
    assert_eq!(outcome.outcome, "failed");
    let reason = outcome.reason.as_deref().unwrap();
    assert!(reason.starts_with("replaced-at-archive: "), "{reason}");
    assert_eq!(world.listing(), Vec::<String>::new());
}

#[tokio::test]
async fn a_cone_comes_from_the_cache_or_a_mount_and_nothing_from_the_archive() {
    let setup = Setup {
        cache_bytes: Some(1 << 30),
        ..Setup::default()
    };
    let world = made([held()], setup).await;
    world.stage(&["fake:map.fits"], &plain()).await;
    let opened = world.fake.opened();
    let ended = world.stage(&["fake:map.fits"], &crab()).await;
    is_the_cone(&world, ended.one());
    assert_eq!(world.fake.opened(), opened);

    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("map.fits"), held().bytes).unwrap();
    let world = mounted([held()], tree.path()).await;
    let ended = world.stage(&["fake:map.fits"], &crab()).await;
    is_the_cone(&world, ended.one());
    assert_eq!(world.fake.opened(), vec![]);
}

#[tokio::test]
async fn what_is_no_nested_map_is_skipped_and_not_fetched() {
    let world = fake([
        Held::new("ring.fits", map("RING")),
        Held::new("notes.txt", "no map"),
        Held::new("packed.fits.gz", vec![0x1f; 9000]),
        Held::new("wrong.fits", vec![b'x'; 4 << 20]),
    ])
    .await;
    let ids = ["notes.txt", "packed.fits.gz", "ring.fits", "wrong.fits"];
    let ids = ids.map(|name| format!("fake:{name}"));
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let ended = world.stage(&ids, &crab()).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [0, 0, 4, 0])
    );
    for (name, outcome) in &ended.files {
        let reason = outcome.reason.as_deref().unwrap();
        assert!(reason.starts_with("not-a-nested-map: "), "{name}: {reason}");
    }
    assert!(world.fake.sent() <= 2 << 20, "{}", world.fake.sent());
    assert_eq!(world.listing(), Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_tells_the_name_and_about_the_bytes_of_a_cone_and_a_cone_that_is_none_is_refused() {
    let map = held();
    let n_bytes = map.bytes.len() as u64;
    let world = fake([map]).await;
    let selection = world.select(&["fake:map.fits"]).await;
    let plan = async |request| {
        let volume = Some(&world.volume);
        world.staging.plan(&selection, volume, &request).await
    };
    let planned = plan(crab()).await.unwrap();
    assert_eq!(planned.files[0].path, CUT);
    assert!(planned.files[0].size_bytes.unwrap() * 100 < n_bytes);
    for (bad, said) in [
        (
            json!({"cut_out": {"ra": 83, "dec": 22, "radius": 91}}),
            "`cut_out.radius` is 91; allowed is a millionth of a degree to 90 degrees",
        ),
        (
            json!({"unpack": true, "cut_out": {"ra": 83, "dec": 22, "radius": 1}}),
            "`cut_out` and `unpack` do not go together; leave one of them out",
        ),
    ] {
        let error = plan(request(bad)).await.unwrap_err();
        assert_eq!(error.to_string(), said);
    }
}

#[tokio::test]
async fn a_cone_comes_over_http_by_ranges() {
    let world = standin_of(128).await;
    let name = "HFI_SkyMap_100_0128_R3.01_full.fits";
    let ended = world.stage(&[&format!("planck:{name}")], &crab()).await;
    assert_eq!(ended.counted(), [1, 0, 0, 0], "{ended:?}");
    let asked = world.standin().requests();
    let asked: Vec<_> = asked
        .iter()
        .filter(|asked| asked.name.as_deref() == Some(name))
        .collect();
    // The beginning for its headers, then the few places where the cone is.
    assert!((2..=9).contains(&asked.len()), "{asked:?}");
    assert_eq!((asked[0].status, &asked[0].range), (Some(200), &None));
    for range in &asked[1..] {
        assert_eq!(range.status, Some(206), "{range:?}");
        assert!(range.if_range.is_some(), "{range:?}");
    }
}
