use gantry_store::{Kept, NewHandover, NewIntent, Store, StoreError};

use crate::record::record;

const CLICK: NewIntent<'_> = NewIntent {
    action: "add-to-volume",
    body: "{}",
    lasts_s: 3600,
    max_intents: 3,
    max_bytes: 100,
};

async fn kept(store: &Store, new: NewIntent<'_>) -> String {
    match store.keep_intent(new, None).await.unwrap() {
        Kept::As(id) => id,
        other => panic!("not kept: {other:?}"),
    }
}

fn is_gone<T: std::fmt::Debug>(found: Result<T, StoreError>) -> bool {
    matches!(found, Err(StoreError::NotFound { .. }))
}

#[tokio::test]
async fn a_click_is_nobodys_until_the_first_who_confirms_it_has_it() {
    let record = record().await;
    let (ada, eve) = (record.user("ada").await, record.user("eve").await);
    let id = kept(&record, CLICK).await;
    assert_eq!(id.len(), 32);
    assert!(record.has_intent(&id).await.unwrap());
    assert_eq!(record.intent(&id, &eve.id).await.unwrap().owner, None);
    for _ in 0..2 {
        let claimed = record.claim_intent(&id, &ada.id).await.unwrap();
        assert_eq!(claimed.owner.as_deref(), Some(ada.id.as_str()));
    }
    assert!(is_gone(record.claim_intent(&id, &eve.id).await));
    assert!(is_gone(record.intent(&id, &eve.id).await));
    record
        .keep_where_intent_led(&id, "/staging-jobs/1")
        .await
        .unwrap();
    let led = record.intent(&id, &ada.id).await.unwrap();
    assert_eq!(led.leads_to.as_deref(), Some("/staging-jobs/1"));
    assert!(led.expires > chrono::Utc::now() + chrono::Duration::days(6));
}

#[tokio::test]
async fn a_click_is_forgotten_when_its_time_is_over() {
    let record = record().await;
    let ada = record.user("ada").await;
    let id = kept(
        &record,
        NewIntent {
            lasts_s: -1,
            ..CLICK
        },
    )
    .await;
    let fresh = kept(&record, CLICK).await;
    assert!(!record.has_intent(&id).await.unwrap());
    assert!(is_gone(record.intent(&id, &ada.id).await));
    assert!(is_gone(record.claim_intent(&id, &ada.id).await));
    assert_eq!(record.forget_old_intents().await.unwrap(), 1);
    assert!(record.has_intent(&fresh).await.unwrap());
}

#[tokio::test]
async fn no_more_clicks_are_kept_than_may_be_neither_in_number_nor_in_bytes() {
    let record = record().await;
    let ada = record.user("ada").await;
    let long = "x".repeat(99);
    let too_long = NewIntent {
        body: &long,
        ..CLICK
    };
    let first = kept(&record, CLICK).await;
    assert_eq!(
        record.keep_intent(too_long, None).await.unwrap(),
        Kept::Full
    );
    kept(&record, CLICK).await;
    kept(&record, CLICK).await;
    assert_eq!(record.keep_intent(CLICK, None).await.unwrap(), Kept::Full);
    // What was confirmed takes nobody's place.
    record.claim_intent(&first, &ada.id).await.unwrap();
    kept(&record, CLICK).await;
}

#[tokio::test]
async fn the_same_hand_over_is_the_same_click_and_another_under_its_name_is_none() {
    let record = record().await;
    let handover = NewHandover {
        portal: "https://pla.example",
        jti: "1",
        content_hash: "a",
        expires: chrono::Utc::now() + chrono::Duration::minutes(5),
    };
    let first = record.keep_intent(CLICK, Some(handover)).await.unwrap();
    let again = record.keep_intent(CLICK, Some(handover)).await.unwrap();
    assert_eq!(first, again);
    let other = NewHandover {
        content_hash: "b",
        ..handover
    };
    let replayed = record.keep_intent(CLICK, Some(other)).await.unwrap();
    assert_eq!(replayed, Kept::Replayed);
    let elsewhere = NewHandover {
        portal: "https://gaia.example",
        ..handover
    };
    let elsewhere = record.keep_intent(CLICK, Some(elsewhere)).await.unwrap();
    assert!(matches!(&elsewhere, Kept::As(id) if Kept::As(id.clone()) != first));
}

#[tokio::test]
async fn a_pseudonym_stands_for_one_user_and_a_user_has_one_at_each_portal() {
    let record = record().await;
    let (ada, eve) = (record.user("ada").await, record.user("eve").await);
    let stands = async |portal: &str, subject: &str, user: &str| {
        record
            .is_portal_subject(portal, subject, user)
            .await
            .unwrap()
    };
    let confirmed = async |portal: &str, subject: &str, user: &str| {
        let kept = record.bind_portal_subject(portal, subject, user).await;
        kept.unwrap();
        stands(portal, subject, user).await
    };
    assert!(!stands("pla", "s1", &ada.id).await, "asking binds nothing");
    assert!(confirmed("pla", "s1", &ada.id).await);
    assert!(confirmed("pla", "s1", &ada.id).await);
    assert!(!confirmed("pla", "s1", &eve.id).await);
    assert!(!confirmed("pla", "s2", &ada.id).await);
    assert!(confirmed("pla", "s2", &eve.id).await);
    assert!(confirmed("gaia", "s1", &eve.id).await);
}

#[tokio::test]
async fn clicks_are_counted_by_day_portal_and_action() {
    let record = record().await;
    for action in ["add-to-volume", "open-in-notebook", "add-to-volume"] {
        record.count_click("pla", action).await.unwrap();
    }
    let counted = record.clicks().await.unwrap();
    let counted: Vec<_> = counted
        .iter()
        .map(|(_, portal, action, n)| (portal.as_str(), action.as_str(), *n))
        .collect();
    assert_eq!(
        counted,
        [("pla", "add-to-volume", 2), ("pla", "open-in-notebook", 1)]
    );
}
