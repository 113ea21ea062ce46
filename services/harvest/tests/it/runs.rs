use std::time::Duration;

use gantry_connector::{Connector, Cursor, Harvested};
use gantry_harvest::{HarvestRunError, Progress, harvest};
use gantry_standin::{Fault, Times};
use gantry_store::{BatchCounts, Harvest, Phase, Store};
use tokio_util::sync::CancellationToken;

use crate::archive::{Step, asset, scripted, world};

const MAP: &str = "HFI_SkyMap_100_0016_R3.01_full.fits";

async fn run(store: &Store, connector: &dyn Connector) -> Harvest {
    harvest(
        store,
        connector,
        "one",
        false,
        &CancellationToken::new(),
        &|_| {},
    )
    .await
    .unwrap()
}

/// New, changed, unchanged, withdrawn, rejected.
fn counts(report: &Harvest) -> [u64; 5] {
    let BatchCounts {
        new,
        changed,
        unchanged,
    } = report.counts;
    [
        new,
        changed,
        unchanged,
        report.n_withdrawn,
        report.n_rejected,
    ]
}

#[tokio::test]
async fn a_first_harvest_finds_everything_new_and_a_second_nothing() {
    let world = world().await;
    let first = run(&world.store, world.planck.as_ref()).await;
    assert_eq!(
        (first.phase, counts(&first)),
        (Phase::Completed, [32, 0, 0, 0, 0])
    );
    let second = run(&world.store, world.planck.as_ref()).await;
    assert_eq!(
        (second.phase, counts(&second)),
        (Phase::Completed, [0, 0, 32, 0, 0])
    );
    // One change more: the series of realisations, when its members were summed up.
    assert_eq!(world.store.change_number().await.unwrap(), 33);
}

#[tokio::test]
async fn a_removed_product_is_withdrawn_and_a_changed_one_becomes_version_2() {
    let world = world().await;
    run(&world.store, world.planck.as_ref()).await;
    let faults = world.standin.faults();
    faults.set_for(MAP, Fault::Removed, Times::Always);
    let changed = "HFI_SkyMap_143_0016_R3.01_full.fits";
    faults.set_for(changed, Fault::ChangedContent, Times::Always);
    let report = run(&world.store, world.planck.as_ref()).await;
    // The map of PR4 that names the removed one as its other release changes too.
    assert_eq!(counts(&report), [0, 2, 29, 1, 0]);
    let id = |name: &str| format!("planck:{name}").parse().unwrap();
    assert!(
        world
            .store
            .asset(&id(MAP), None)
            .await
            .unwrap()
            .withdrawn
            .is_some()
    );
    let versions = world.store.asset_versions(&id(changed)).await.unwrap();
    assert_eq!(
        versions
            .iter()
            .map(|version| version.version)
            .collect::<Vec<_>>(),
        [2, 1]
    );
    faults.clear();
    let report = run(&world.store, world.planck.as_ref()).await;
    assert_eq!(counts(&report), [0, 3, 29, 0, 0]);
    assert!(
        world
            .store
            .asset(&id(MAP), None)
            .await
            .unwrap()
            .withdrawn
            .is_none()
    );
}

#[tokio::test]
async fn a_list_that_was_cut_ends_as_an_error_and_withdraws_nothing() {
    let world = world().await;
    run(&world.store, world.planck.as_ref()).await;
    world
        .standin
        .faults()
        .set_for("products.json", Fault::CutAt { byte: 500 }, Times::Next(1));
    let report = run(&world.store, world.planck.as_ref()).await;
    assert_eq!((report.phase, counts(&report)), (Phase::Error, [0; 5]));
    let text = report.message.unwrap();
    assert!(
        text.starts_with("planck did not give its product list: ")
            && text.contains("ended after 500 of"),
        "{text}"
    );
    assert_eq!(
        world
            .store
            .n_assets(&"planck".parse().unwrap())
            .await
            .unwrap(),
        32
    );
    assert_eq!(
        run(&world.store, world.planck.as_ref()).await.phase,
        Phase::Completed
    );
}

#[tokio::test]
async fn an_error_on_the_way_keeps_what_was_written_and_withdraws_nothing() {
    let world = world().await;
    let complete = || Step::Yield(Harvested::ScopeComplete(String::new()));
    let connector = scripted(vec![
        (0..1200).map(asset).chain([complete()]).collect(),
        (0..600).map(asset).chain([Step::Fail]).collect(),
    ]);
    assert_eq!(
        counts(&run(&world.store, &connector).await),
        [1200, 0, 0, 0, 0]
    );
    let report = run(&world.store, &connector).await;
    assert_eq!(report.phase, Phase::Error);
    assert_eq!(
        report.message.as_deref(),
        Some("planck cut its list short: it ended early")
    );
    assert_eq!(report.n_withdrawn, 0);
    assert_eq!(report.counts.unchanged, 500, "one whole batch");
    assert_eq!(
        world
            .store
            .n_assets(&"planck".parse().unwrap())
            .await
            .unwrap(),
        1200
    );
}

#[tokio::test]
async fn a_list_that_lost_more_than_a_tenth_waits_for_the_operator() {
    let world = world().await;
    run(&world.store, world.planck.as_ref()).await;
    let empty = world.with_list(r#"{"products": []}"#);
    let report = run(&world.store, empty.as_ref()).await;
    assert_eq!(
        (
            report.phase,
            report.n_withdrawals_waiting,
            report.n_withdrawn
        ),
        (Phase::Held, 32, 0)
    );
    assert_eq!(
        world
            .store
            .n_assets(&"planck".parse().unwrap())
            .await
            .unwrap(),
        32
    );
    world.store.accept_withdrawals(&report.id).await.unwrap();
    assert_eq!(
        world
            .store
            .n_assets(&"planck".parse().unwrap())
            .await
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn what_is_no_product_is_counted_and_kept_with_its_reason() {
    let world = world().await;
    let list =
        r#"{"products": [{"name": "a.fits", "class": "MAP"}, {"name": "a/b", "class": "MAP"}, 7]}"#;
    let connector = world.with_list(list);
    let report = run(&world.store, connector.as_ref()).await;
    assert_eq!(counts(&report), [1, 0, 0, 0, 2]);
    let rejected = world.store.rejections(&report.id, None, 100).await.unwrap();
    assert_eq!(
        rejected
            .iter()
            .map(|row| row.what.as_str())
            .collect::<Vec<_>>(),
        ["a/b", "product 2"]
    );
    assert_eq!(rejected[0].why, "its name is no file name");
}

#[tokio::test]
async fn a_second_harvest_while_one_runs_is_told_so() {
    let world = world().await;
    let connector = scripted(vec![vec![asset(0), Step::Hang]]);
    let cancelled = CancellationToken::new();
    let (reached, mut is_reached) = tokio::sync::watch::channel(false);
    let shown = |_| {
        let _was_reached = reached.send_replace(true);
    };
    let running = harvest(&world.store, &connector, "one", false, &cancelled, &shown);
    let second = async {
        is_reached.wait_for(|reached| *reached).await.unwrap();
        let second = harvest(
            &world.store,
            world.planck.as_ref(),
            "two",
            true,
            &CancellationToken::new(),
            &|_| {},
        )
        .await;
        cancelled.cancel();
        second
    };
    let both = async { tokio::join!(running, second) };
    let (first, second) = tokio::time::timeout(Duration::from_secs(30), both)
        .await
        .unwrap();
    let busy = second.unwrap_err();
    assert!(matches!(busy, HarvestRunError::Busy(_)));
    assert_eq!(
        busy.to_string(),
        "planck is being harvested right now; wait for that harvest to end"
    );
    assert_eq!(first.unwrap().phase, Phase::Executing, "it can be taken up");
}

#[tokio::test]
async fn a_harvest_that_was_cancelled_goes_on_at_its_cursor() {
    let world = world().await;
    let cursor = |text: &str| Step::Yield(Harvested::Cursor(Cursor(text.to_owned())));
    let connector = scripted(vec![
        (0..700)
            .map(asset)
            .chain([cursor("m0699"), asset(700), Step::Hang])
            .collect(),
        (700..1000)
            .map(asset)
            .chain([Step::Yield(Harvested::ScopeComplete(String::new()))])
            .collect(),
    ]);
    let cancelled = CancellationToken::new();
    let shown = |progress: Progress| {
        if progress.counts.new == 701 {
            cancelled.cancel();
        }
    };
    let running = harvest(&world.store, &connector, "one", false, &cancelled, &shown);
    let cut = tokio::time::timeout(Duration::from_secs(30), running)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (cut.phase, counts(&cut)),
        (Phase::Executing, [701, 0, 0, 0, 0])
    );
    let report = run(&world.store, &connector).await;
    assert_eq!(report.id, cut.id);
    assert_eq!(
        (report.phase, counts(&report)),
        (Phase::Completed, [1000, 0, 0, 0, 0])
    );
    assert_eq!(
        *connector.cursors.lock().unwrap(),
        [None, Some("m0699".to_owned())]
    );
}

#[tokio::test]
async fn a_slow_archive_is_written_while_it_is_read() {
    let world = world().await;
    let connector = scripted(vec![vec![asset(0), asset(1), Step::Hang]]);
    let cancelled = CancellationToken::new();
    let shown = |progress: Progress| {
        assert_eq!(progress.counts.new, 2);
        cancelled.cancel();
    };
    let running = harvest(&world.store, &connector, "one", false, &cancelled, &shown);
    tokio::time::timeout(Duration::from_secs(30), running)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        world
            .store
            .n_assets(&"planck".parse().unwrap())
            .await
            .unwrap(),
        2
    );
}
