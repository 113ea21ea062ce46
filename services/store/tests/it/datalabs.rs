use std::time::Duration;

use gantry_store::{DatalabUpdate, NewDatalab, Phase, StoreError};

use crate::record::record;

fn lab(owner: &str) -> NewDatalab<'_> {
    NewDatalab {
        owner,
        lab: "sepp/jupyterlab:v1",
        name: "comparison",
        request: "{}",
        opens_on: None,
        auto_remove: true,
        time_limit_s: Some(60),
        at_most: None,
    }
}

#[tokio::test]
async fn a_second_click_finds_the_live_datalab_without_waiting() {
    let record = record().await;
    let ada = record.user("ada").await;
    let first = record.new_datalab(&lab(&ada.id)).await.unwrap();
    let again = tokio::time::timeout(Duration::from_secs(5), async {
        record.new_datalab(&lab(&ada.id)).await.unwrap()
    });
    assert_eq!(again.await.expect("it answers at once").id, first.id);
    record.stop_datalab(&first).await.unwrap();
    assert_ne!(
        record.new_datalab(&lab(&ada.id)).await.unwrap().id,
        first.id
    );
}

#[tokio::test]
async fn somebody_elses_datalab_is_not_found() {
    let record = record().await;
    let (ada, eve) = (record.user("ada").await, record.user("eve").await);
    let datalab = record.new_datalab(&lab(&ada.id)).await.unwrap();
    let hidden = record.datalab(&datalab.id, &eve.id).await.unwrap_err();
    assert_eq!(hidden.to_string(), format!("no datalab `{}`", datalab.id));
    assert!(record.datalabs(&eve.id, None, 10).await.unwrap().is_empty());
    assert_eq!(record.datalabs(&ada.id, None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_launcher_that_lost_its_lease_can_write_no_more() {
    let record = record().await;
    let ada = record.user("ada").await;
    let datalab = record.new_datalab(&lab(&ada.id)).await.unwrap();
    let dead = record.claim_datalab("one").await.unwrap().unwrap();
    record.expire_datalabs("one").await.unwrap();
    let lease = record.claim_datalab("two").await.unwrap().unwrap();
    let serving = DatalabUpdate {
        phase: Some(Phase::Executing),
        running: Some("{}"),
        ..DatalabUpdate::default()
    };
    let late = record.update_datalab(&dead, &serving).await;
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })));
    record.update_datalab(&lease, &serving).await.unwrap();
    let now = record.datalab(&datalab.id, &ada.id).await.unwrap();
    assert_eq!(
        (now.phase, now.running.as_deref()),
        (Phase::Executing, Some("{}"))
    );
    assert!(now.ready.is_some() && now.ended.is_none());
    let ended = DatalabUpdate {
        phase: Some(Phase::Completed),
        ..DatalabUpdate::default()
    };
    record.update_datalab(&lease, &ended).await.unwrap();
    assert!(
        record.datalabs(&ada.id, None, 10).await.unwrap().is_empty(),
        "it removes itself"
    );
    assert_eq!(
        record.ended_datalabs_with_processes().await.unwrap().len(),
        1
    );
    assert_eq!(record.claim_datalab("two").await.unwrap(), None);
}

#[tokio::test]
async fn a_datalab_given_more_time_ends_later() {
    let record = record().await;
    let ada = record.user("ada").await;
    let datalab = record.new_datalab(&lab(&ada.id)).await.unwrap();
    let later = record.extend_datalab(&datalab, 30).await.unwrap();
    assert_eq!(
        later.expires.unwrap() - datalab.expires.unwrap(),
        chrono::TimeDelta::seconds(30)
    );
    assert!(later.kept_until.unwrap() > datalab.created);
    let endless = NewDatalab {
        request: "{\"endless\": true}",
        time_limit_s: None,
        ..lab(&ada.id)
    };
    let endless = record.new_datalab(&endless).await.unwrap();
    let kept = record.extend_datalab(&endless, 30).await.unwrap();
    assert!(kept.expires.is_none(), "more time is no limit");
    let shorter = record.extend_datalab(&endless, 10).await.unwrap();
    assert_eq!(shorter.kept_until, kept.kept_until);
}

#[tokio::test]
async fn a_user_has_as_many_living_datalabs_as_they_may_and_the_same_one_is_found_all_the_same() {
    let record = record().await;
    let (ada, eve) = (record.user("ada").await, record.user("eve").await);
    let limited = |owner| NewDatalab {
        at_most: Some(1),
        ..lab(owner)
    };
    let first = record.new_datalab(&limited(&ada.id)).await.unwrap();
    let again = record.new_datalab(&limited(&ada.id)).await.unwrap();
    assert_eq!(again.id, first.id);
    let other = NewDatalab {
        lab: "sepp/topcat:v1",
        ..limited(&ada.id)
    };
    let refused = record.new_datalab(&other).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there may be 1 datalabs of yours at once, and there are"
    );
    record.new_datalab(&limited(&eve.id)).await.unwrap();
}

#[tokio::test]
async fn one_that_has_ended_and_is_kept_leaves_the_list_when_it_is_destroyed_again() {
    let record = record().await;
    let ada = record.user("ada").await;
    let kept = NewDatalab {
        auto_remove: false,
        ..lab(&ada.id)
    };
    let datalab = record.new_datalab(&kept).await.unwrap();
    record.stop_datalab(&datalab).await.unwrap();
    let lease = record.claim_datalab("one").await.unwrap().unwrap();
    let ended = DatalabUpdate {
        phase: Some(Phase::Aborted),
        ..DatalabUpdate::default()
    };
    record.update_datalab(&lease, &ended).await.unwrap();
    assert_eq!(record.datalabs(&ada.id, None, 10).await.unwrap().len(), 1);
    record.stop_datalab(&datalab).await.unwrap();
    assert!(record.datalabs(&ada.id, None, 10).await.unwrap().is_empty());
    record.datalab(&datalab.id, &ada.id).await.unwrap();
}
