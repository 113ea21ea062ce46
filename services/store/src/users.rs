//! Users, their one-time logins and personal tokens. Secrets are kept only as hashes.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Store;
use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::seal::{fill, hex};

/// A person who uses Gantry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: String,
    /// Their name, unique.
    pub name: String,
    /// Whether they operate this Gantry.
    pub operator: bool,
}

/// A personal token, without its secret.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Until when.
    pub expires: DateTime<Utc>,
}

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// What it may do.
    pub scopes: &'a [&'a str],
    /// For how long, in seconds.
    pub lasts_s: i64,
    /// The datalab it dies with.
    pub datalab: Option<&'a str>,
}

/// A fresh secret of 256 bits after a prefix, hexadecimal.
#[must_use]
pub fn random_secret(prefix: &str) -> String {
    let mut bytes = [0_u8; 32];
    fill(&mut bytes);
    prefix.to_owned() + &hex(&bytes)
}

/// How a secret is kept: SHA-256, enough for secrets of 256 random bits.
#[must_use]
pub fn secret_hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

impl Store {
    /// The user of this name, made if there is none; an existing user keeps their rights.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn ensure_user(&self, name: &str, operator: bool) -> Result<User, StoreError> {
        sqlx::query("INSERT INTO users (id, name, operator, created) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING")
            .bind(Uuid::now_v7().to_string())
            .bind(name)
            .bind(i64::from(operator))
            .bind(now())
            .execute(&self.write)
            .await
            .doing("keep a user")?;
        let row: (String, String, i64) =
            sqlx::query_as("SELECT id, name, operator FROM users WHERE name = $1")
                .bind(name)
                .fetch_one(&self.write)
                .await
                .doing("look up a user")?;
        Ok(to_user(row))
    }

    /// The user of this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub async fn user(&self, id: &str) -> Result<User, StoreError> {
        let row: Option<(String, String, i64)> =
            sqlx::query_as("SELECT id, name, operator FROM users WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.read)
                .await
                .doing("look up a user")?;
        row.map(to_user).ok_or_else(|| StoreError::NotFound {
            noun: "user",
            id: id.to_owned(),
        })
    }

    /// The user of this name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub async fn user_by_name(&self, name: &str) -> Result<User, StoreError> {
        let row: Option<(String, String, i64)> =
            sqlx::query_as("SELECT id, name, operator FROM users WHERE name = $1")
                .bind(name)
                .fetch_optional(&self.read)
                .await
                .doing("look up a user")?;
        row.map(to_user).ok_or_else(|| StoreError::NotFound {
            noun: "user",
            id: name.to_owned(),
        })
    }

    /// Says whether a user operates this Gantry from now on.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn set_operator(&self, id: &str, operator: bool) -> Result<(), StoreError> {
        sqlx::query("UPDATE users SET operator = $2 WHERE id = $1")
            .bind(id)
            .bind(i64::from(operator))
            .execute(&self.write)
            .await
            .doing("change a user")?;
        Ok(())
    }

    /// Users by name, from behind a name on, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn users(&self, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT id, name, operator FROM users WHERE name > $1 ORDER BY name LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await
        .doing("list users")?;
        Ok(rows.into_iter().map(to_user).collect())
    }

    /// Makes a one-time login; the answer is its code.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn new_login(&self, user: &User, lasts_s: i64) -> Result<String, StoreError> {
        let code = random_secret("");
        sqlx::query("INSERT INTO logins (hash, owner, expires) VALUES ($1, $2, $3)")
            .bind(secret_hash(&code))
            .bind(&user.id)
            .bind(now() + lasts_s * 1000)
            .execute(&self.write)
            .await
            .doing("keep a login")?;
        Ok(code)
    }

    /// Uses a one-time login up; `None` when it is unknown, used or too old.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn use_login(&self, code: &str) -> Result<Option<User>, StoreError> {
        let row: Option<(String, i64)> =
            sqlx::query_as("DELETE FROM logins WHERE hash = $1 RETURNING owner, expires")
                .bind(secret_hash(code))
                .fetch_optional(&self.write)
                .await
                .doing("use a login")?;
        match row {
            Some((owner, expires)) if expires > now() => self.user(&owner).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Makes a personal token; the answer holds its secret, which is kept nowhere.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn new_token(
        &self,
        owner: &str,
        token: &NewToken<'_>,
    ) -> Result<(String, Token), StoreError> {
        let (id, secret) = (Uuid::now_v7().to_string(), random_secret("gnt_"));
        let expires = now() + token.lasts_s * 1000;
        sqlx::query("INSERT INTO tokens (id, owner, name, hash, scopes, datalab, created, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(&id)
            .bind(owner)
            .bind(token.name)
            .bind(secret_hash(&secret))
            .bind(token.scopes.join(" "))
            .bind(token.datalab)
            .bind(now())
            .bind(expires)
            .execute(&self.write)
            .await
            .doing("keep a token")?;
        let scopes = token
            .scopes
            .iter()
            .map(|scope| (*scope).to_owned())
            .collect();
        Ok((
            secret,
            Token {
                id,
                name: token.name.to_owned(),
                scopes,
                expires: to_time(expires),
            },
        ))
    }

    /// Whose token this is and what it may do; `None` when it is unknown or too old, or a personal one of somebody for
    /// whom a provider vouched the last time longer than `rests_after_s` seconds ago.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn token_user(
        &self,
        secret: &str,
        rests_after_s: i64,
    ) -> Result<Option<(User, Vec<String>)>, StoreError> {
        let row: Option<(String, String, i64, String)> = sqlx::query_as(
            "SELECT u.id, u.name, u.operator, t.scopes FROM tokens t JOIN users u ON u.id = t.owner \
             WHERE t.hash = $1 AND t.expires > $2 AND (t.datalab IS NOT NULL OR u.vouched_at > $3 \
             OR NOT EXISTS (SELECT 1 FROM identities i WHERE i.owner = u.id))",
        )
        .bind(secret_hash(secret))
        .bind(now())
        .bind(now() - rests_after_s * 1000)
        .fetch_optional(&self.read)
        .await
        .doing("look up a token")?;
        Ok(row.map(|(id, name, operator, scopes)| {
            (
                to_user((id, name, operator)),
                scopes.split_whitespace().map(ToOwned::to_owned).collect(),
            )
        }))
    }

    /// A user's own tokens; those of datalabs are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn tokens(&self, owner: &str) -> Result<Vec<Token>, StoreError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "SELECT id, name, scopes, expires FROM tokens WHERE owner = $1 AND datalab IS NULL AND expires > $2 ORDER BY created, id",
        )
        .bind(owner)
        .bind(now())
        .fetch_all(&self.read)
        .await
        .doing("list tokens")?;
        let scopes = |text: String| text.split_whitespace().map(ToOwned::to_owned).collect();
        Ok(rows
            .into_iter()
            .map(|(id, name, text, at)| Token {
                id,
                name,
                scopes: scopes(text),
                expires: to_time(at),
            })
            .collect())
    }

    /// Revokes a user's token.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when they have none of that id.
    pub async fn revoke_token(&self, owner: &str, id: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM tokens WHERE owner = $1 AND id = $2")
            .bind(owner)
            .bind(id)
            .execute(&self.write)
            .await
            .doing("revoke a token")?;
        if done.rows_affected() == 0 {
            Err(StoreError::NotFound {
                noun: "token",
                id: id.to_owned(),
            })
        } else {
            Ok(())
        }
    }

    /// Revokes the tokens that die with a datalab.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn revoke_datalab_tokens(&self, datalab: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM tokens WHERE datalab = $1")
            .bind(datalab)
            .execute(&self.write)
            .await
            .doing("revoke tokens")?;
        Ok(())
    }
}

pub(crate) fn to_user((id, name, operator): (String, String, i64)) -> User {
    User {
        id,
        name,
        operator: operator != 0,
    }
}
