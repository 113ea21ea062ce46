use std::time::Duration;

use gantry_store::{Harvest, Phase, Rejection, StoreError};

use crate::record::{asset, id, maps, planck, record};

fn is_lost<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::LeaseLost { .. }))
}

#[tokio::test]
async fn what_a_completed_scope_did_not_show_is_withdrawn_and_comes_back_when_it_does() {
    let record = record().await;
    record.harvested(&maps(20)).await;
    let report = record.harvested(&maps(19)).await;
    assert_eq!((report.phase, report.n_withdrawn), (Phase::Completed, 1));
    let gone = record.asset(&id("m019"), None).await.unwrap();
    assert!(gone.withdrawn.is_some());
    assert_eq!((gone.change, gone.version), (21, 1));
    assert_eq!(record.n_assets(&planck()).await.unwrap(), 19);
    assert!(record.live_assets(&[id("m019")]).await.unwrap().is_empty());

    let report = record.harvested(&maps(20)).await;
    assert_eq!((report.counts.changed, report.counts.unchanged), (1, 19));
    let back = record.asset(&id("m019"), None).await.unwrap();
    assert_eq!((back.withdrawn, back.change, back.version), (None, 22, 1));
}

#[tokio::test]
async fn without_a_completed_scope_nothing_is_withdrawn_and_with_one_only_within_it() {
    let record = record().await;
    let mut all = maps(20);
    all.extend((0..20).map(|n| asset(&format!("other{n}"), 1)));
    record.harvested(&all).await;
    let lease = record.begin().await;
    record.upsert_assets(&lease, &maps(18)).await.unwrap();
    assert_eq!(record.finish_harvest(&lease).await.unwrap().n_withdrawn, 0);
    let lease = record.begin().await;
    record.upsert_assets(&lease, &maps(18)).await.unwrap();
    record.complete_scope(&lease, "m").await.unwrap();
    assert_eq!(record.finish_harvest(&lease).await.unwrap().n_withdrawn, 2);
    assert_eq!(record.n_assets(&planck()).await.unwrap(), 38);
}

#[tokio::test]
async fn more_than_a_tenth_gone_at_once_waits_for_the_operator() {
    let record = record().await;
    record.harvested(&maps(20)).await;
    let held = record.harvested(&maps(17)).await;
    assert_eq!(
        (held.phase, held.n_withdrawn, held.n_withdrawals_waiting),
        (Phase::Held, 0, 3)
    );
    let text = held.message.unwrap();
    assert!(
        text.contains("3 of 20") && text.contains("accept-withdrawals"),
        "{text}"
    );
    assert_eq!(record.n_assets(&planck()).await.unwrap(), 20);

    let done = record.accept_withdrawals(&held.id).await.unwrap();
    assert_eq!(
        (
            done.phase,
            done.n_withdrawn,
            done.n_withdrawals_waiting,
            done.message
        ),
        (Phase::Completed, 3, 0, None)
    );
    assert_eq!(record.n_assets(&planck()).await.unwrap(), 17);
    let twice = record.accept_withdrawals(&held.id).await;
    assert!(matches!(twice, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn exactly_a_tenth_gone_is_withdrawn_at_once() {
    let record = record().await;
    record.harvested(&maps(20)).await;
    let report = record.harvested(&maps(18)).await;
    assert_eq!((report.phase, report.n_withdrawn), (Phase::Completed, 2));
}

#[tokio::test]
async fn withdrawals_accepted_late_leave_alone_what_a_later_harvest_saw() {
    let record = record().await;
    record.harvested(&maps(20)).await;
    let held = record.harvested(&maps(10)).await;
    assert_eq!(held.phase, Phase::Held);
    // The archive is whole again but for one.
    record.harvested(&maps(19)).await;
    let done = record.accept_withdrawals(&held.id).await.unwrap();
    assert_eq!(done.n_withdrawn, 0);
    assert_eq!(record.n_assets(&planck()).await.unwrap(), 19);
}

#[tokio::test]
async fn an_archive_can_withdraw_only_what_is_its_own() {
    let record = record().await;
    record.harvested(&maps(2)).await;
    let gaia = "gaia".parse().unwrap();
    let (lease, _) = record
        .begin_harvest(&gaia, "one", false)
        .await
        .unwrap()
        .unwrap();
    record.withdraw_asset(&lease, &id("m000")).await.unwrap();
    assert_eq!(record.finish_harvest(&lease).await.unwrap().n_withdrawn, 0);
    assert_eq!(record.n_assets(&planck()).await.unwrap(), 2);

    let lease = record.begin().await;
    record.withdraw_asset(&lease, &id("m000")).await.unwrap();
    record.withdraw_asset(&lease, &id("m000")).await.unwrap();
    assert_eq!(record.finish_harvest(&lease).await.unwrap().n_withdrawn, 1);
}

#[tokio::test]
async fn a_second_harvest_of_an_archive_is_refused_while_one_runs_and_other_archives_are_free() {
    let record = record().await;
    let other = record.again().await;
    let _lease = record.begin().await;
    for full in [false, true] {
        let second = other.begin_harvest(&planck(), "two", full).await.unwrap();
        assert!(second.is_none());
    }
    let gaia = "gaia".parse().unwrap();
    assert!(
        other
            .begin_harvest(&gaia, "two", false)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_harvest_whose_process_died_goes_on_at_its_cursor_and_the_dead_can_write_no_more() {
    let record = record().await;
    let other = record.again().await;
    let dead = record.begin().await;
    record.upsert_assets(&dead, &maps(10)).await.unwrap();
    record.keep_cursor(&dead, "m009").await.unwrap();
    record.upsert_assets(&dead, &maps(12)[10..]).await.unwrap();
    record.expire_harvests("one").await.unwrap();

    let (lease, cursor) = other
        .begin_harvest(&planck(), "two", false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (lease.id.as_str(), cursor.as_deref()),
        (dead.id.as_str(), Some("m009"))
    );
    assert!(is_lost(record.upsert_assets(&dead, &maps(1)).await));
    assert!(is_lost(record.keep_cursor(&dead, "m000").await));
    assert!(is_lost(record.complete_scope(&dead, "").await));
    assert!(is_lost(record.reject(&dead, "x", "y").await));
    assert!(is_lost(record.withdraw_asset(&dead, &id("m000")).await));
    assert!(is_lost(record.renew_harvest(&dead).await));
    assert!(is_lost(record.finish_harvest(&dead).await));
    assert!(is_lost(record.fail_harvest(&dead, "no").await));

    other.upsert_assets(&lease, &maps(20)[10..]).await.unwrap();
    other.complete_scope(&lease, "").await.unwrap();
    let report = other.finish_harvest(&lease).await.unwrap();
    // Each is counted once, though two were written twice.
    assert_eq!(
        (
            report.counts.new,
            report.counts.changed,
            report.counts.unchanged
        ),
        (20, 0, 0)
    );
    assert_eq!(report.n_withdrawn, 0);
}

#[tokio::test]
async fn a_full_harvest_or_one_without_a_cursor_begins_anew() {
    let record = record().await;
    let first = record.begin().await;
    record.give_back_harvest(&first).await.unwrap();
    let (second, cursor) = record
        .begin_harvest(&planck(), "two", false)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(cursor, None);
    assert_eq!(
        record.harvest(&first.id).await.unwrap().phase,
        Phase::Aborted
    );
    record.keep_cursor(&second, "m001").await.unwrap();
    record.give_back_harvest(&second).await.unwrap();
    let (third, cursor) = record
        .begin_harvest(&planck(), "two", true)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(third.id, second.id);
    assert_eq!(cursor, None);
}

#[tokio::test]
async fn giving_one_harvest_back_leaves_the_others_of_the_same_process_alone() {
    let record = record().await;
    let gaia = "gaia".parse().unwrap();
    let planck_lease = record.begin().await;
    let _gaia_lease = record
        .begin_harvest(&gaia, "one", false)
        .await
        .unwrap()
        .unwrap();
    record.give_back_harvest(&planck_lease).await.unwrap();
    assert!(
        record
            .begin_harvest(&gaia, "two", false)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        record
            .begin_harvest(&planck(), "two", false)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_rejection_is_kept_with_its_reason_and_counted_once() {
    let record = record().await;
    let lease = record.begin().await;
    for why in ["no name", "no name again"] {
        record.reject(&lease, "product 7", why).await.unwrap();
    }
    let report = record
        .fail_harvest(&lease, "planck cut its list short")
        .await
        .unwrap();
    assert_eq!((report.phase, report.n_rejected), (Phase::Error, 1));
    assert_eq!(report.message.as_deref(), Some("planck cut its list short"));
    assert_eq!(
        record.rejections(&report.id, None, 100).await.unwrap(),
        [Rejection {
            what: "product 7".to_owned(),
            why: "no name".to_owned()
        }]
    );
    let listed = record.harvests(Some(&planck()), 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].ended.is_some());
}

#[tokio::test]
async fn two_processes_that_begin_at_once_are_one_harvest() {
    let record = record().await;
    let other = record.again().await;
    for _ in 0..5 {
        let (archive, wait) = (planck(), Duration::from_secs(30));
        let both = async {
            tokio::join!(
                record.begin_harvest(&archive, "one", false),
                other.begin_harvest(&archive, "two", false)
            )
        };
        let (ours, theirs) = tokio::time::timeout(wait, both).await.unwrap();
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(u8::from(ours.is_some()) + u8::from(theirs.is_some()), 1);
        let (lease, _) = ours.or(theirs).unwrap();
        record.finish_harvest(&lease).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_harvest_notes_counts_once_it_has_come_to_its_end() {
    let record = record().await;
    let note = |about: &str, note: Option<&str>| (about.to_owned(), note.map(ToOwned::to_owned));
    let notes = async || record.archive_notes(&planck()).await.unwrap().into_iter();
    record.harvested(&maps(20)).await;

    let failed = record.begin().await;
    let lost = [note("2023", Some("never counts"))];
    record.keep_notes(&failed, &lost).await.unwrap();
    record.fail_harvest(&failed, "cut").await.unwrap();
    assert_eq!(notes().await.count(), 0);
    assert!(is_lost(record.keep_notes(&failed, &lost).await));

    let whole = record.begin().await;
    let kept = [note("2023", Some("first")), note("2024", Some("x"))];
    record.keep_notes(&whole, &kept).await.unwrap();
    let later = [note("2023", Some("second"))];
    record.keep_notes(&whole, &later).await.unwrap();
    assert_eq!(notes().await.count(), 0, "it is under way");
    record.finish_harvest(&whole).await.unwrap();
    let told = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect::<Vec<_>>()
    };
    let now = notes().await.collect::<Vec<_>>();
    assert_eq!(now, told(&[("2023", "second"), ("2024", "x")]));

    // One that waits for the operator has not come to its end.
    let held = record.begin().await;
    record.complete_scope(&held, "").await.unwrap();
    record
        .keep_notes(&held, &[note("2024", None)])
        .await
        .unwrap();
    let report = record.finish_harvest(&held).await.unwrap();
    assert_eq!((report.phase, notes().await.count()), (Phase::Held, 2));
    record.accept_withdrawals(&held.id).await.unwrap();
    let now = notes().await.collect::<Vec<_>>();
    assert_eq!(now, told(&[("2023", "second")]));
}

#[tokio::test]
async fn scopes_within_scopes_withdraw_an_asset_once_and_not_what_only_begins_alike() {
    let record = record().await;
    let mut all = maps(40);
    all.extend(["a~1", "a~2", "a~b~3", "ab", "a"].map(|name| asset(name, 1)));
    record.harvested(&all).await;
    let lease = record.begin().await;
    for scope in ["a~b~", "a~"] {
        record.complete_scope(&lease, scope).await.unwrap();
    }
    assert_eq!(record.finish_harvest(&lease).await.unwrap().n_withdrawn, 3);
    let live = record.live_assets(&[id("ab"), id("a")]).await.unwrap();
    assert_eq!(live.len(), 2);
}

#[tokio::test]
async fn a_harvest_that_is_due_begins_only_behind_the_one_it_was_found_due_by() {
    let record = record().await;
    let begin = async |newest: Option<&Harvest>| {
        let begun = record.begin_due_harvest(&planck(), "one", newest).await;
        begun.unwrap().map(|(lease, _)| lease)
    };
    let newest = async || record.harvests(Some(&planck()), 1).await.unwrap().remove(0);
    let first = begin(None).await.unwrap();
    assert_eq!(begin(None).await, None);
    let under_way = newest().await;
    assert_eq!(begin(Some(&under_way)).await, None, "somebody has it");
    record.finish_harvest(&first).await.unwrap();
    assert_eq!(begin(Some(&under_way)).await, None, "it has ended since");
    let ended = newest().await;
    let second = begin(Some(&ended)).await.unwrap();
    record.finish_harvest(&second).await.unwrap();
    assert_eq!(begin(Some(&ended)).await, None, "another came between");
}
