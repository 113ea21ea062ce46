use gantry_store::{Idempotent, Identity, NewToken, StoreError, User, secret_hash};

use crate::record::record;

#[tokio::test]
async fn a_one_time_login_works_once() {
    let record = record().await;
    let ada = record.user("ada").await;
    let code = record.new_login(&ada, 60).await.unwrap();
    assert_eq!(record.use_login("no such code").await.unwrap(), None);
    assert_eq!(record.use_login(&code).await.unwrap(), Some(ada.clone()));
    assert_eq!(record.use_login(&code).await.unwrap(), None);
    let old = record.new_login(&ada, -1).await.unwrap();
    assert_eq!(record.use_login(&old).await.unwrap(), None);
}

#[tokio::test]
async fn of_many_who_use_a_login_at_once_one_gets_in() {
    let record = record().await;
    let other = record.again().await;
    let ada = record.user("ada").await;
    let code = record.new_login(&ada, 60).await.unwrap();
    let (a, b, c) = tokio::join!(
        record.use_login(&code),
        other.use_login(&code),
        record.use_login(&code)
    );
    let n = [a, b, c]
        .into_iter()
        .filter(|user| user.as_ref().unwrap().is_some())
        .count();
    assert_eq!(n, 1);
}

#[tokio::test]
async fn a_user_is_made_once_and_keeps_their_rights() {
    let record = record().await;
    let ada = record.ensure_user("ada", true).await.unwrap();
    assert_eq!(record.ensure_user("ada", false).await.unwrap(), ada);
    assert_eq!(record.user(&ada.name).await, ada);
    assert_eq!(record.users("", 10).await.unwrap(), [ada]);
    assert!(matches!(
        record.store.user("nobody").await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn tokens_open_until_they_are_revoked_or_too_old_and_their_secret_is_kept_nowhere() {
    let record = record().await;
    let (ada, eve) = (record.user("ada").await, record.user("eve").await);
    let new = |lasts_s, datalab| NewToken {
        name: "laptop",
        scopes: &["search", "staging"],
        lasts_s,
        datalab,
    };
    let (secret, token) = record.new_token(&ada.id, &new(60, None)).await.unwrap();
    let (of_lab, _) = record
        .new_token(&ada.id, &new(60, Some("lab-1")))
        .await
        .unwrap();
    let (old, _) = record.new_token(&ada.id, &new(-1, None)).await.unwrap();
    assert!(secret.starts_with("gnt_") && secret.len() == 68);
    let scopes = vec!["search".to_owned(), "staging".to_owned()];
    assert_eq!(
        record.token_user(&secret, 60).await.unwrap(),
        Some((ada.clone(), scopes))
    );
    assert_eq!(record.token_user(&old, 60).await.unwrap(), None);
    assert_eq!(record.tokens(&ada.id).await.unwrap().len(), 1);
    assert!(matches!(
        record.revoke_token(&eve.id, &token.id).await,
        Err(StoreError::NotFound { .. })
    ));
    record.revoke_token(&ada.id, &token.id).await.unwrap();
    record.revoke_datalab_tokens("lab-1").await.unwrap();
    for revoked in [&secret, &of_lab] {
        assert_eq!(record.token_user(revoked, 60).await.unwrap(), None);
    }
    record.close().await;
    for file in std::fs::read_dir(record.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|at| at == text.as_bytes());
        assert!(!holds(&secret[4..]) && !holds(&of_lab[4..]));
    }
    assert_eq!(
        secret_hash("abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[tokio::test]
async fn a_personal_token_rests_when_its_owners_provider_has_not_vouched_for_long() {
    let record = record().await;
    let ada = Identity {
        issuer: "https://login.example",
        subject: "1",
        name: "ada",
        operator: None,
    };
    let user = record.identified(ada).await.unwrap();
    let token = async |owner: &User, datalab| {
        let new = NewToken {
            name: "laptop",
            scopes: &["search"],
            lasts_s: 60,
            datalab,
        };
        record.new_token(&owner.id, &new).await.unwrap().0
    };
    let (personal, of_lab) = (token(&user, None).await, token(&user, Some("lab-1")).await);
    let local = token(&record.user("robot").await, None).await;
    let opens = async |secret: &str, rests_after_s| {
        let found = record.token_user(secret, rests_after_s).await;
        found.unwrap().is_some()
    };
    assert!(opens(&personal, 60).await);
    // Nobody vouches within no time at all: only what no provider stands behind, and what dies with its lab, still opens.
    assert!(!opens(&personal, -60).await);
    assert!(opens(&of_lab, -60).await && opens(&local, -60).await);
    record.identified(ada).await.unwrap();
    assert!(opens(&personal, 60).await);

    let code = record.new_login(&user, 60).await.unwrap();
    record.shut_out(&user.id).await.unwrap();
    assert!(!opens(&personal, 60).await && !opens(&of_lab, 60).await);
    assert!(record.use_login(&code).await.unwrap().is_none());
    assert!(opens(&local, 60).await, "somebody else's stays");
}

#[tokio::test]
async fn a_browser_stays_logged_in_until_it_logs_out_or_its_time_is_over() {
    let record = record().await;
    let ada = record.user("ada").await;
    let secret = record.new_session(&ada, 60).await.unwrap();
    let old = record.new_session(&ada, -1).await.unwrap();
    let first = record.session(&secret).await.unwrap().unwrap();
    assert_eq!(first.user, ada);
    assert_eq!(first.csrf.len(), 64);
    assert!(record.session(&old).await.unwrap().is_none());
    record.end_session(&secret).await.unwrap();
    assert!(record.session(&secret).await.unwrap().is_none());
}

#[tokio::test]
async fn a_key_gives_the_same_answer_to_the_same_body_and_refuses_another() {
    let record = record().await;
    let (ada, eve) = (record.user("ada").await, record.user("eve").await);
    let ask = async |owner: &str, route: &str, hash: &str| {
        record.idempotent(owner, route, "key", hash).await.unwrap()
    };
    assert_eq!(ask(&ada.id, "/a", "h1").await, Idempotent::First);
    assert_eq!(ask(&ada.id, "/a", "h1").await, Idempotent::Running);
    assert_eq!(ask(&ada.id, "/a", "h2").await, Idempotent::OtherBody);
    record
        .keep_answer(&ada.id, "/a", "key", Some((202, r#"{"id":"1"}"#)))
        .await
        .unwrap();
    let answered = Idempotent::Answered {
        status: 202,
        answer: r#"{"id":"1"}"#.to_owned(),
    };
    assert_eq!(ask(&ada.id, "/a", "h1").await, answered);
    assert_eq!(ask(&ada.id, "/a", "h2").await, Idempotent::OtherBody);
    assert_eq!(ask(&ada.id, "/b", "h2").await, Idempotent::First);
    assert_eq!(ask(&eve.id, "/a", "h2").await, Idempotent::First);
    record
        .keep_answer(&eve.id, "/a", "key", None)
        .await
        .unwrap();
    assert_eq!(ask(&eve.id, "/a", "h3").await, Idempotent::First);
}

#[tokio::test]
async fn a_key_whose_process_died_before_it_answered_is_free_after_a_minute_and_any_after_a_day() {
    let record = record().await;
    let ada = record.user("ada").await;
    let ask = async |key: &str| record.idempotent(&ada.id, "/a", key, "h").await.unwrap();
    assert_eq!(ask("died").await, Idempotent::First);
    assert_eq!(ask("done").await, Idempotent::First);
    record
        .keep_answer(&ada.id, "/a", "done", Some((200, "{}")))
        .await
        .unwrap();
    let answered = Idempotent::Answered {
        status: 200,
        answer: "{}".to_owned(),
    };
    age(&record, 61_000).await;
    assert_eq!(ask("died").await, Idempotent::First);
    assert_eq!(ask("done").await, answered);
    age(&record, 24 * 3_600_000).await;
    assert_eq!(ask("done").await, Idempotent::First);
}

/// Lets the keys grow older by so many milliseconds.
async fn age(record: &crate::record::Record, ms: i64) {
    use sqlx::Connection;
    let url = crate::record::url(record.folder.path());
    let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let aged = sqlx::query("UPDATE idempotency SET created = created - $1").bind(ms);
    aged.execute(&mut database).await.unwrap();
}

#[tokio::test]
async fn the_audit_tells_the_newest_first() {
    let record = record().await;
    for n in 0..5 {
        record
            .audit(None, "volume.create", &format!("v{n}"))
            .await
            .unwrap();
    }
    let objects: Vec<String> = record
        .audit_entries(None, 3)
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.object)
        .collect();
    assert_eq!(objects, ["v4", "v3", "v2"]);
}
