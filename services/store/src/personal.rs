//! Everything that is kept of one user: to take with them, and to erase.

use serde_json::{Map, Value, json};
use sqlx::{Column, Row as _, TypeInfo, ValueRef};

use crate::Store;
use crate::database::now;
use crate::error::{Doing, StoreError};

/// What is exported: the name of each list, and the question; times are milliseconds since 1970, secrets are left out.
const EXPORTED: [(&str, &str); 14] = [
    (
        "user",
        "SELECT id, name, operator, created FROM users WHERE id = $1",
    ),
    (
        "identities",
        "SELECT issuer, subject, created FROM identities WHERE owner = $1",
    ),
    (
        "sessions",
        "SELECT provider, created, expires FROM sessions WHERE owner = $1",
    ),
    (
        "tokens",
        "SELECT id, name, scopes, datalab, created, expires FROM tokens WHERE owner = $1",
    ),
    (
        "archive_logins",
        "SELECT archive, username, changed FROM archive_logins WHERE owner = $1",
    ),
    (
        "portal_subjects",
        "SELECT portal, created FROM portal_subjects WHERE owner = $1",
    ),
    (
        "intents",
        "SELECT id, action, body, created, expires, leads_to FROM intents WHERE owner = $1",
    ),
    (
        "volumes",
        "SELECT id, name, title, kind, path, address, created FROM volumes WHERE owner = $1 ORDER BY created",
    ),
    (
        "queries",
        "SELECT id, body, created FROM assets WHERE owner = $1 ORDER BY id",
    ),
    (
        "saved_searches",
        "SELECT id, name, search, created, seen FROM saved_searches WHERE owner = $1 ORDER BY created",
    ),
    (
        "selections",
        "SELECT id, n_assets, n_files, size_bytes, created FROM selections WHERE owner = $1 ORDER BY created",
    ),
    (
        "staging_jobs",
        "SELECT id, selection, volume, phase, request, message, bytes_moved, created, started, ended FROM staging_jobs WHERE owner = $1 ORDER BY created",
    ),
    (
        "datalabs",
        "SELECT id, lab, name, phase, selection, staging_job, notebook, created, ready, last_activity, expires, ended FROM datalabs WHERE owner = $1 ORDER BY created",
    ),
    (
        "audit",
        "SELECT at, action, object FROM audit WHERE actor = $1 ORDER BY id",
    ),
];

/// What is erased, in an order in which nothing is left that points to what is gone. The audit keeps the user's id, which
/// then names nobody.
const ERASED: [&str; 22] = [
    "DELETE FROM datalabs WHERE owner = $1",
    "DELETE FROM staging_files WHERE job IN (SELECT id FROM staging_jobs WHERE owner = $1)",
    "DELETE FROM staging_jobs WHERE owner = $1",
    "DELETE FROM selection_assets WHERE selection IN (SELECT id FROM selections WHERE owner = $1)",
    "DELETE FROM selections WHERE owner = $1",
    "DELETE FROM cached_parts WHERE asset IN (SELECT id FROM assets WHERE owner = $1)",
    "DELETE FROM versions WHERE asset IN (SELECT id FROM assets WHERE owner = $1)",
    "DELETE FROM files WHERE asset IN (SELECT id FROM assets WHERE owner = $1)",
    "DELETE FROM assets WHERE owner = $1",
    "DELETE FROM staged_files WHERE volume IN (SELECT id FROM volumes WHERE owner = $1)",
    "DELETE FROM volumes WHERE owner = $1",
    "DELETE FROM archive_logins WHERE owner = $1",
    "DELETE FROM saved_searches WHERE owner = $1",
    "DELETE FROM tokens WHERE owner = $1",
    "DELETE FROM sessions WHERE owner = $1",
    "DELETE FROM logins WHERE owner = $1",
    "DELETE FROM identities WHERE owner = $1",
    "DELETE FROM portal_subjects WHERE owner = $1",
    "DELETE FROM handovers WHERE intent IN (SELECT id FROM intents WHERE owner = $1)",
    "DELETE FROM intents WHERE owner = $1",
    "DELETE FROM idempotency WHERE owner = $1",
    "DELETE FROM users WHERE id = $1",
];

impl Store {
    /// Everything that is kept of a user, by the name of each list; times are milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such user.
    pub async fn export_user(&self, id: &str) -> Result<Value, StoreError> {
        self.user(id).await?;
        let mut all = Map::new();
        for (name, question) in EXPORTED {
            let rows = sqlx::query(question)
                .bind(id)
                .fetch_all(&self.read)
                .await
                .doing("export a user")?;
            let rows: Vec<Value> = rows.iter().map(object).collect::<Result<_, _>>()?;
            all.insert(name.to_owned(), Value::Array(rows));
        }
        Ok(Value::Object(all))
    }

    /// Whether jobs or datalabs of a user have not ended.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn is_at_work(&self, owner: &str) -> Result<bool, StoreError> {
        let n: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM staging_jobs WHERE owner = $1 AND phase NOT IN ('COMPLETED', 'ERROR', 'ABORTED')) \
             + (SELECT COUNT(*) FROM datalabs WHERE owner = $1 AND (phase NOT IN ('COMPLETED', 'ERROR', 'ABORTED') OR running IS NOT NULL))",
        )
        .bind(owner)
        .fetch_one(&self.read)
        .await
        .doing("look for work")?;
        Ok(n > 0)
    }

    /// Erases a user with all that is kept of them; their files are not in the record.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer; nothing was erased then.
    pub async fn erase_user(&self, id: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for statement in ERASED {
            sqlx::query(statement)
                .bind(id)
                .execute(&mut *tx)
                .await
                .doing("erase a user")?;
        }
        tx.commit().await.doing("erase a user")
    }

    /// Forgets what ended before a time, in milliseconds since 1970: jobs and datalabs with what belongs to them, and the
    /// lines of the audit; the answer is how many of each, and the ids of the datalabs.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn forget_old(
        &self,
        jobs_before: i64,
        audit_before: i64,
    ) -> Result<Forgotten, StoreError> {
        let mut tx = self.begin().await?;
        let datalabs: Vec<String> = sqlx::query_scalar(
            "DELETE FROM datalabs WHERE ended < $1 AND running IS NULL RETURNING id",
        )
        .bind(jobs_before)
        .fetch_all(&mut *tx)
        .await
        .doing("forget old datalabs")?;
        let old = "SELECT id FROM staging_jobs WHERE ended < $1 AND id NOT IN (SELECT staging_job FROM datalabs WHERE staging_job IS NOT NULL)";
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "DELETE FROM staging_files WHERE job IN ({old})"
        )))
        .bind(jobs_before)
        .execute(&mut *tx)
        .await
        .doing("forget old jobs")?;
        let n_jobs = sqlx::query(sqlx::AssertSqlSafe(format!(
            "DELETE FROM staging_jobs WHERE id IN ({old})"
        )))
        .bind(jobs_before)
        .execute(&mut *tx)
        .await
        .doing("forget old jobs")?
        .rows_affected();
        let n_audit = sqlx::query("DELETE FROM audit WHERE at < $1")
            .bind(audit_before)
            .execute(&mut *tx)
            .await
            .doing("forget old audit lines")?
            .rows_affected();
        sqlx::query("DELETE FROM endings WHERE at < $1")
            .bind(jobs_before)
            .execute(&mut *tx)
            .await
            .doing("forget what ended long ago")?;
        for statement in [
            "DELETE FROM tokens WHERE expires < $1",
            "DELETE FROM sessions WHERE expires < $1",
            "DELETE FROM logins WHERE expires < $1",
            "DELETE FROM provider_logins WHERE expires < $1",
        ] {
            sqlx::query(statement)
                .bind(now())
                .execute(&mut *tx)
                .await
                .doing("forget what has expired")?;
        }
        tx.commit().await.doing("forget what is old")?;
        Ok(Forgotten {
            datalabs,
            n_jobs,
            n_audit,
        })
    }
}

/// What was forgotten, since its time was over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// The ids of datalabs.
    pub datalabs: Vec<String>,
    /// How many staging jobs.
    pub n_jobs: u64,
    /// How many lines of the audit.
    pub n_audit: u64,
}

/// A row as an object of numbers and texts.
fn object(row: &sqlx::sqlite::SqliteRow) -> Result<Value, StoreError> {
    let mut object = Map::new();
    for (n, column) in row.columns().iter().enumerate() {
        let value = row.try_get_raw(n).doing("export a user")?;
        let value = match value.type_info().name() {
            _ if value.is_null() => Value::Null,
            "INTEGER" | "BIGINT" => json!(row.try_get::<i64, _>(n).doing("export a user")?),
            _ => json!(row.try_get::<String, _>(n).doing("export a user")?),
        };
        object.insert(column.name().to_owned(), value);
    }
    Ok(Value::Object(object))
}
