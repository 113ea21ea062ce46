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
    assert!(record.datalabs(&eve.id, 10).await.unwrap().is_empty());
    assert_eq!(record.datalabs(&ada.id, 10).await.unwrap().len(), 1);
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
        record.datalabs(&ada.id, 10).await.unwrap().is_empty(),
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
}
