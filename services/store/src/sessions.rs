//! Sessions: browsers that are logged in. Their secrets are kept only as hashes.

use chrono::{DateTime, Utc};

use crate::Store;
use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::users::{User, random_secret, secret_hash, to_user};

/// A browser that is logged in.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its name in the record, which is not its secret.
    pub id: String,
    /// Who.
    pub user: User,
    /// What their forms must carry.
    pub csrf: String,
    /// Who vouches for them, where somebody does.
    pub provider: Option<ProviderSession>,
}

/// What a provider of identity gave with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSession {
    /// Which provider.
    pub provider: String,
    /// Its tokens, sealed for the id of the session.
    pub sealed: Option<String>,
    /// When it is to be asked again whether the session still holds.
    pub check_at: Option<DateTime<Utc>>,
}

/// A session to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// Its secret, for the cookie; see [`random_secret`].
    pub secret: &'a str,
    /// For how long, in seconds.
    pub lasts_s: i64,
    /// Who vouches for it.
    pub provider: Option<&'a ProviderSession>,
}

type Row = (
    String,
    String,
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<i64>,
);

impl Store {
    /// Begins a session; the answer is its secret, for the cookie.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn new_session(&self, user: &User, lasts_s: i64) -> Result<String, StoreError> {
        let secret = random_secret("");
        let new = NewSession {
            secret: &secret,
            lasts_s,
            provider: None,
        };
        self.begin_session(user, new).await?;
        Ok(secret)
    }

    /// Begins a session with the secret it was given; its id is the secret's hash.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn begin_session(&self, user: &User, new: NewSession<'_>) -> Result<(), StoreError> {
        let provider = new.provider;
        sqlx::query(
            "INSERT INTO sessions (hash, owner, csrf, created, expires, provider, secret, check_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(secret_hash(new.secret))
        .bind(&user.id)
        .bind(random_secret(""))
        .bind(now())
        .bind(now() + new.lasts_s * 1000)
        .bind(provider.map(|provider| provider.provider.as_str()))
        .bind(provider.and_then(|provider| provider.sealed.as_deref()))
        .bind(provider.and_then(|provider| Some(provider.check_at?.timestamp_millis())))
        .execute(&self.write)
        .await
        .doing("keep a session")?;
        Ok(())
    }

    /// The session of a cookie's secret.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn session(&self, secret: &str) -> Result<Option<Session>, StoreError> {
        let hash = secret_hash(secret);
        let row: Option<Row> = sqlx::query_as(
            "SELECT u.id, u.name, u.operator, s.csrf, s.provider, s.secret, s.check_at \
             FROM sessions s JOIN users u ON u.id = s.owner WHERE s.hash = $1 AND s.expires > $2",
        )
        .bind(&hash)
        .bind(now())
        .fetch_optional(&self.read)
        .await
        .doing("look up a session")?;
        Ok(row.map(
            |(id, name, operator, csrf, provider, sealed, check_at)| Session {
                id: hash,
                user: to_user((id, name, operator)),
                csrf,
                provider: provider.map(|provider| ProviderSession {
                    provider,
                    sealed,
                    check_at: check_at.map(to_time),
                }),
            },
        ))
    }

    /// Takes on to ask the provider of a session again; of several who find that due, one does, and until `again` no other.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn take_session_check(
        &self,
        id: &str,
        again: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let taken =
            sqlx::query("UPDATE sessions SET check_at = $2 WHERE hash = $1 AND check_at <= $3")
                .bind(id)
                .bind(again.timestamp_millis())
                .bind(now())
                .execute(&self.write)
                .await
                .doing("take a check of a session")?;
        Ok(taken.rows_affected() > 0)
    }

    /// Keeps what a provider gave when it was asked again.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn keep_session_check(
        &self,
        id: &str,
        provider: &ProviderSession,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET secret = $2, check_at = $3 WHERE hash = $1")
            .bind(id)
            .bind(&provider.sealed)
            .bind(provider.check_at.map(|at| at.timestamp_millis()))
            .execute(&self.write)
            .await
            .doing("keep a check of a session")?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn end_session(&self, secret: &str) -> Result<(), StoreError> {
        self.end_session_of_id(&secret_hash(secret)).await
    }

    /// Ends the session of this id, and those whose time is over.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn end_session_of_id(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE hash = $1 OR expires < $2")
            .bind(id)
            .bind(now())
            .execute(&self.write)
            .await
            .doing("end a session")?;
        Ok(())
    }

    /// Ends all sessions of a user; the answer is how many.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn end_sessions(&self, owner: &str) -> Result<u64, StoreError> {
        let ended = sqlx::query("DELETE FROM sessions WHERE owner = $1")
            .bind(owner)
            .execute(&self.write)
            .await
            .doing("end sessions")?;
        Ok(ended.rows_affected())
    }
}
