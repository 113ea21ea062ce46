//! Who people are at the providers that vouch for them, and logins there that are under way.

use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use crate::Store;
use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::users::{User, secret_hash, to_user};

/// Somebody as a provider knows them.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The provider's own name, an address.
    pub issuer: &'a str,
    /// What it calls them, for ever.
    pub subject: &'a str,
    /// What people call them; another is found where somebody else has it.
    pub name: &'a str,
    /// Whether they operate this Gantry; as before where the provider does not say.
    pub operator: Option<bool>,
}

/// A login at a provider that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLogin {
    /// Which provider.
    pub provider: String,
    /// What is needed when they come back, sealed for the hash of the state.
    pub sealed: String,
    /// Where the login leads.
    pub next: String,
}

/// How many numbers are tried behind a name that somebody else has.
const NAMES: u32 = 1000;
/// How long a login at a provider may take.
const LOGIN_MS: i64 = 10 * 60 * 1000;

impl Store {
    /// The user of an identity, made when it comes for the first time; what they may is what is said now.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when no free name was found, [`StoreError::Database`] when the database does not answer.
    pub async fn identified(&self, identity: Identity<'_>) -> Result<User, StoreError> {
        let mut tx = self.begin().await?;
        let known: Option<String> =
            sqlx::query_scalar("SELECT owner FROM identities WHERE issuer = $1 AND subject = $2")
                .bind(identity.issuer)
                .bind(identity.subject)
                .fetch_optional(&mut *tx)
                .await
                .doing("look up an identity")?;
        let id = match known {
            Some(id) => {
                sqlx::query("UPDATE users SET operator = COALESCE($2, operator), vouched_at = $3 WHERE id = $1")
                    .bind(&id)
                    .bind(identity.operator.map(i64::from))
                    .bind(now())
                    .execute(&mut *tx)
                    .await
                    .doing("change a user")?;
                id
            }
            None => make_user(&mut tx, identity).await?,
        };
        let row: (String, String, i64) =
            sqlx::query_as("SELECT id, name, operator FROM users WHERE id = $1")
                .bind(&id)
                .fetch_one(&mut *tx)
                .await
                .doing("look up a user")?;
        tx.commit().await.doing("keep an identity")?;
        Ok(to_user(row))
    }

    /// Whose identity this is, where it came before.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn identity_owner(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT owner FROM identities WHERE issuer = $1 AND subject = $2")
            .bind(issuer)
            .bind(subject)
            .fetch_optional(&self.read)
            .await
            .doing("look up an identity")
    }

    /// Ends all sessions and logins of a user and revokes all their tokens, those of their datalabs too.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn shut_out(&self, owner: &str) -> Result<(), StoreError> {
        self.end_sessions(owner).await?;
        for revoke in [
            "DELETE FROM tokens WHERE owner = $1",
            "DELETE FROM logins WHERE owner = $1",
        ] {
            let revoked = sqlx::query(revoke).bind(owner).execute(&self.write).await;
            revoked.doing("revoke tokens")?;
        }
        Ok(())
    }

    /// Ends all sessions and all logins under way, of everybody.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn end_all_sessions(&self) -> Result<(), StoreError> {
        for end in [
            "DELETE FROM sessions",
            "DELETE FROM logins",
            "DELETE FROM provider_logins",
        ] {
            let ended = sqlx::query(end).execute(&self.write).await;
            ended.doing("end sessions")?;
        }
        Ok(())
    }

    /// Keeps a login that goes to a provider with `state` and comes back to the browser that has `browser`.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn begin_provider_login(
        &self,
        (state, browser): (&str, &str),
        login: &ProviderLogin,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM provider_logins WHERE expires < $1")
            .bind(now())
            .execute(&self.write)
            .await
            .doing("forget old logins")?;
        sqlx::query("INSERT INTO provider_logins (state_hash, browser_hash, provider, secret, next, expires) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(secret_hash(state))
            .bind(secret_hash(browser))
            .bind(&login.provider)
            .bind(&login.sealed)
            .bind(&login.next)
            .bind(now() + LOGIN_MS)
            .execute(&self.write)
            .await
            .doing("keep a login")?;
        Ok(())
    }

    /// Uses a login up that came back; `None` when it is unknown, used, too old, of another provider or another browser.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn use_provider_login(
        &self,
        (state, browser): (&str, &str),
        provider: &str,
    ) -> Result<Option<ProviderLogin>, StoreError> {
        let row: Option<(String, String, String)> = sqlx::query_as(
            "DELETE FROM provider_logins WHERE state_hash = $1 AND browser_hash = $2 AND provider = $3 AND expires > $4 \
             RETURNING provider, secret, next",
        )
        .bind(secret_hash(state))
        .bind(secret_hash(browser))
        .bind(provider)
        .bind(now())
        .fetch_optional(&self.write)
        .await
        .doing("use a login")?;
        Ok(row.map(|(provider, sealed, next)| ProviderLogin {
            provider,
            sealed,
            next,
        }))
    }
}

/// Makes a user under the first free name, and ties the identity to them; the answer is their id.
async fn make_user(
    tx: &mut Transaction<'static, Sqlite>,
    identity: Identity<'_>,
) -> Result<String, StoreError> {
    let id = Uuid::now_v7().to_string();
    for n in 1..NAMES {
        let name = match n {
            1 => identity.name.to_owned(),
            n => format!("{}-{n}", identity.name),
        };
        let made = sqlx::query("INSERT INTO users (id, name, operator, created, vouched_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO NOTHING")
            .bind(&id)
            .bind(name)
            .bind(i64::from(identity.operator.unwrap_or(false)))
            .bind(now())
            .execute(&mut **tx)
            .await
            .doing("keep a user")?;
        if made.rows_affected() == 0 {
            continue;
        }
        sqlx::query(
            "INSERT INTO identities (issuer, subject, owner, created) VALUES ($1, $2, $3, $4)",
        )
        .bind(identity.issuer)
        .bind(identity.subject)
        .bind(&id)
        .bind(now())
        .execute(&mut **tx)
        .await
        .doing("keep an identity")?;
        return Ok(id);
    }
    Err(StoreError::Exists {
        noun: "user",
        id: identity.name.to_owned(),
    })
}
