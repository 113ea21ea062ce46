//! Intents: a click on a portal is kept before anything slow starts, and a second one finds it again.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Store;
use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// A click kept on the server.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Its unguessable id.
    pub id: String,
    /// Whose it is; nobody's until somebody confirmed it.
    pub owner: Option<String>,
    /// What was clicked, `open-in-notebook` or `add-to-volume`.
    pub action: String,
    /// What it is about, JSON.
    pub body: String,
    /// Until when it is kept.
    pub expires: DateTime<Utc>,
    /// The page of what it started.
    pub leads_to: Option<String>,
}

/// A click to be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewIntent<'a> {
    /// What was clicked.
    pub action: &'a str,
    /// What it is about, JSON.
    pub body: &'a str,
    /// For how long it is kept, in seconds.
    pub lasts_s: i64,
    /// How many may be kept of those that nobody confirmed.
    pub max_intents: u64,
    /// How many bytes their bodies may have together.
    pub max_bytes: u64,
}

/// A signed hand-over that came with a click.
#[derive(Debug, Clone, Copy)]
pub struct NewHandover<'a> {
    /// The origin of the portal that signed it.
    pub portal: &'a str,
    /// The portal's name for it, used once.
    pub jti: &'a str,
    /// A hash of the whole of it.
    pub content_hash: &'a str,
    /// When it ends.
    pub expires: DateTime<Utc>,
}

/// What became of a click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is kept under this id, or was before.
    As(String),
    /// Its hand-over has a name that another hand-over had.
    Replayed,
    /// So many are kept that there is no room for it.
    Full,
}

type Row = (String, Option<String>, String, String, i64, Option<String>);

/// For how long a click is kept once it led somewhere, so that whoever goes back to it finds what it started.
const LED_MS: i64 = 7 * 86_400_000;

impl Store {
    /// Keeps a click, which is nobody's yet; one whose hand-over came before is found again.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_intent(
        &self,
        new: NewIntent<'_>,
        handover: Option<NewHandover<'_>>,
    ) -> Result<Kept, StoreError> {
        let mut tx = self.begin().await?;
        if let Some(handover) = handover {
            let known: Option<(String, String)> = sqlx::query_as(
                "SELECT content_hash, intent FROM handovers WHERE portal = $1 AND jti = $2",
            )
            .bind(handover.portal)
            .bind(handover.jti)
            .fetch_optional(&mut *tx)
            .await
            .doing("look up a hand-over")?;
            match known {
                Some((hash, intent)) if hash == handover.content_hash => {
                    return Ok(Kept::As(intent));
                }
                Some(_) => return Ok(Kept::Replayed),
                None => {}
            }
        }
        let (n, bytes): (i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0) FROM intents WHERE owner IS NULL AND expires > $1",
        )
        .bind(now())
        .fetch_one(&mut *tx)
        .await
        .doing("count intents")?;
        if n.cast_unsigned() >= new.max_intents
            || bytes.cast_unsigned().saturating_add(new.body.len() as u64) > new.max_bytes
        {
            return Ok(Kept::Full);
        }
        let id = Uuid::new_v4().simple().to_string();
        sqlx::query("INSERT INTO intents (id, owner, action, body, created, expires) VALUES ($1, NULL, $2, $3, $4, $5)")
            .bind(&id)
            .bind(new.action)
            .bind(new.body)
            .bind(now())
            .bind(now() + new.lasts_s * 1000)
            .execute(&mut *tx)
            .await
            .doing("keep an intent")?;
        if let Some(handover) = handover {
            sqlx::query("INSERT INTO handovers (portal, jti, content_hash, intent, expires) VALUES ($1, $2, $3, $4, $5)")
                .bind(handover.portal)
                .bind(handover.jti)
                .bind(handover.content_hash)
                .bind(&id)
                .bind(handover.expires.timestamp_millis())
                .execute(&mut *tx)
                .await
                .doing("keep a hand-over")?;
        }
        tx.commit().await.doing("keep an intent")?;
        Ok(Kept::As(id))
    }

    /// Whether a click of this id is kept, whosever it is.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn has_intent(&self, id: &str) -> Result<bool, StoreError> {
        let n: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM intents WHERE id = $1 AND expires > $2")
                .bind(id)
                .bind(now())
                .fetch_one(&self.read)
                .await
                .doing("look up an intent")?;
        Ok(n > 0)
    }

    /// A click that was kept, if it is nobody's yet or `viewer`'s.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is unknown, too old or somebody else's.
    pub async fn intent(&self, id: &str, viewer: &str) -> Result<Intent, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, owner, action, body, expires, leads_to FROM intents \
             WHERE id = $1 AND expires > $2 AND (owner IS NULL OR owner = $3)",
        )
        .bind(id)
        .bind(now())
        .bind(viewer)
        .fetch_optional(&self.read)
        .await
        .doing("look up an intent")?;
        row.map(to_intent).ok_or_else(|| no_intent(id))
    }

    /// Makes a click its confirmer's; whoever comes first has it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is unknown, too old or somebody else's.
    pub async fn claim_intent(&self, id: &str, owner: &str) -> Result<Intent, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "UPDATE intents SET owner = $3 WHERE id = $1 AND expires > $2 AND (owner IS NULL OR owner = $3) \
             RETURNING id, owner, action, body, expires, leads_to",
        )
        .bind(id)
        .bind(now())
        .bind(owner)
        .fetch_optional(&self.write)
        .await
        .doing("claim an intent")?;
        row.map(to_intent).ok_or_else(|| no_intent(id))
    }

    /// Keeps where a click led, and the click for a week from now.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_where_intent_led(&self, id: &str, page: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE intents SET leads_to = $2, expires = $3 WHERE id = $1")
            .bind(id)
            .bind(page)
            .bind(now() + LED_MS)
            .execute(&self.write)
            .await
            .doing("keep where an intent led")?;
        Ok(())
    }

    /// Forgets the clicks and hand-overs whose time is over; the answer is how many clicks.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn forget_old_intents(&self) -> Result<u64, StoreError> {
        sqlx::query("DELETE FROM handovers WHERE expires < $1")
            .bind(now())
            .execute(&self.write)
            .await
            .doing("forget old hand-overs")?;
        let gone = sqlx::query("DELETE FROM intents WHERE expires < $1")
            .bind(now())
            .execute(&self.write)
            .await
            .doing("forget old intents")?;
        Ok(gone.rows_affected())
    }

    /// Whether a portal's pseudonym stands for this user, since they confirmed a hand-over of it.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn is_portal_subject(
        &self,
        portal: &str,
        subject_hash: &str,
        user: &str,
    ) -> Result<bool, StoreError> {
        let n: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM portal_subjects WHERE portal = $1 AND subject_hash = $2 AND owner = $3",
        )
        .bind(portal)
        .bind(subject_hash)
        .bind(user)
        .fetch_one(&self.read)
        .await
        .doing("look up a pseudonym")?;
        Ok(n > 0)
    }

    /// Keeps that a portal's pseudonym stands for this user, who has just confirmed a hand-over of it; nothing changes
    /// where it stands for somebody else, or another one for the user.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn bind_portal_subject(
        &self,
        portal: &str,
        subject_hash: &str,
        user: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO portal_subjects (portal, subject_hash, owner, created) SELECT $1, $2, $3, $4 \
             WHERE NOT EXISTS (SELECT 1 FROM portal_subjects WHERE portal = $1 AND (subject_hash = $2 OR owner = $3))",
        )
        .bind(portal)
        .bind(subject_hash)
        .bind(user)
        .bind(now())
        .execute(&self.write)
        .await
        .doing("keep a pseudonym")?;
        Ok(())
    }

    /// Counts one click on a portal's button.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn count_click(&self, portal: &str, action: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO portal_clicks (day, portal, action, n) VALUES ($1, $2, $3, 1) \
             ON CONFLICT (day, portal, action) DO UPDATE SET n = portal_clicks.n + 1",
        )
        .bind(Utc::now().format("%Y-%m-%d").to_string())
        .bind(portal)
        .bind(action)
        .execute(&self.write)
        .await
        .doing("count a click")?;
        Ok(())
    }

    /// The clicks by day, portal and action, newest day first, at most 10 000 lines.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn clicks(&self) -> Result<Vec<(String, String, String, u64)>, StoreError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "SELECT day, portal, action, n FROM portal_clicks ORDER BY day DESC, portal, action LIMIT 10000",
        )
        .fetch_all(&self.read)
        .await
        .doing("list clicks")?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|(day, portal, action, n)| (day, portal, action, n.cast_unsigned()))
            .collect())
    }
}

fn to_intent((id, owner, action, body, expires, leads_to): Row) -> Intent {
    Intent {
        id,
        owner,
        action,
        body,
        expires: to_time(expires),
        leads_to,
    }
}

fn no_intent(id: &str) -> StoreError {
    StoreError::NotFound {
        noun: "intent",
        id: id.to_owned(),
    }
}
