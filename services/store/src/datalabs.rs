//! Datalabs in the record: one running lab of one user, found again after a restart.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::assets::to_time;
use crate::database::now;
use crate::error::{Doing, StoreError};
use crate::lease::{held, leased};
use crate::{Lease, Phase, Store};

/// One datalab.
#[derive(Debug, Clone)]
pub struct Datalab {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// Which lab runs, such as `sepp/jupyterlab:v1`.
    pub lab: String,
    /// Its name for people.
    pub name: String,
    /// Where it is; `EXECUTING` serves.
    pub phase: Phase,
    /// What was asked for, JSON.
    pub request: String,
    /// The selection it was opened on.
    pub selection: Option<String>,
    /// The job that stages the selection.
    pub staging_job: Option<String>,
    /// The notebook it opens on, a path in the workspace.
    pub notebook: Option<String>,
    /// What the launcher needs to find it again, JSON.
    pub running: Option<String>,
    /// The secret that opens it, sealed.
    pub secret: Option<String>,
    /// What it waits for, JSON.
    pub waiting_for: String,
    /// Why it ended as it did.
    pub message: Option<String>,
    /// Whether its owner wants it to stop.
    pub stop_wanted: bool,
    /// Whether it is removed when it has ended.
    pub auto_remove: bool,
    /// When it was asked for.
    pub created: DateTime<Utc>,
    /// When it first served.
    pub ready: Option<DateTime<Utc>>,
    /// When somebody last used it.
    pub last_activity: Option<DateTime<Utc>>,
    /// When it is stopped at the latest.
    pub expires: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// Until when it is not stopped for want of use, where somebody asked for that.
    pub kept_until: Option<DateTime<Utc>>,
}

/// What a new datalab is to be.
#[derive(Debug, Clone)]
pub struct NewDatalab<'a> {
    /// Whose it is.
    pub owner: &'a str,
    /// Which lab.
    pub lab: &'a str,
    /// Its name for people.
    pub name: &'a str,
    /// What was asked for, JSON.
    pub request: &'a str,
    /// The selection it opens on, the job that stages it, and the notebook, where the lab opens one.
    pub opens_on: Option<(&'a str, &'a str, Option<&'a str>)>,
    /// Whether it is removed when it has ended.
    pub auto_remove: bool,
    /// For how long it may run, in seconds.
    pub time_limit_s: Option<u64>,
    /// How many datalabs of the user may live at once.
    pub at_most: Option<u32>,
}

/// What a launcher reports of a datalab.
#[derive(Debug, Clone, Default)]
pub struct DatalabUpdate<'a> {
    /// Where it is now.
    pub phase: Option<Phase>,
    /// What finds it again, JSON.
    pub running: Option<&'a str>,
    /// The secret that opens it, sealed.
    pub secret: Option<&'a str>,
    /// What it waits for, JSON.
    pub waiting_for: Option<&'a str>,
    /// Why it ended as it did.
    pub message: Option<&'a str>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    owner: String,
    lab: String,
    name: String,
    phase: Phase,
    request: String,
    selection: Option<String>,
    staging_job: Option<String>,
    notebook: Option<String>,
    running: Option<String>,
    secret: Option<String>,
    waiting_for: String,
    message: Option<String>,
    stop_wanted: i64,
    auto_remove: i64,
    created: i64,
    ready: Option<i64>,
    last_activity: Option<i64>,
    expires: Option<i64>,
    ended: Option<i64>,
    kept_until: Option<i64>,
}

impl From<Row> for Datalab {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            owner: row.owner,
            lab: row.lab,
            name: row.name,
            phase: row.phase,
            request: row.request,
            selection: row.selection,
            staging_job: row.staging_job,
            notebook: row.notebook,
            running: row.running,
            secret: row.secret,
            waiting_for: row.waiting_for,
            message: row.message,
            stop_wanted: row.stop_wanted != 0,
            auto_remove: row.auto_remove != 0,
            created: to_time(row.created),
            ready: row.ready.map(to_time),
            last_activity: row.last_activity.map(to_time),
            expires: row.expires.map(to_time),
            ended: row.ended.map(to_time),
            kept_until: row.kept_until.map(to_time),
        }
    }
}

leased!(
    "datalabs",
    "datalab",
    claim_datalab,
    renew_datalab,
    expire_datalabs,
    "phase IN ('QUEUED', 'EXECUTING')"
);

impl Store {
    /// Keeps a new datalab, or finds the live one that was asked for in the same words.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when as many of the user live as may, [`StoreError::Database`] when the database does
    /// not answer.
    pub async fn new_datalab(&self, new: &NewDatalab<'_>) -> Result<Datalab, StoreError> {
        let mut tx = self.begin().await?;
        let selection = new.opens_on.map(|(selection, _, _)| selection);
        let live: Option<String> = sqlx::query_scalar(
            "SELECT id FROM datalabs WHERE owner = $1 AND lab = $2 AND request = $3 AND COALESCE(selection, '') = COALESCE($4, '') \
             AND name = $5 AND auto_remove = $6 AND phase IN ('QUEUED', 'EXECUTING') AND stop_wanted = 0 ORDER BY created LIMIT 1",
        )
        .bind(new.owner)
        .bind(new.lab)
        .bind(new.request)
        .bind(selection)
        .bind(new.name)
        .bind(i64::from(new.auto_remove))
        .fetch_optional(&mut *tx)
        .await
        .doing("look for the same datalab")?;
        if let Some(id) = live {
            // The one connection that writes is needed again to read it.
            tx.commit().await.doing("look for the same datalab")?;
            return self.datalab(&id, new.owner).await;
        }
        if let Some(most) = new.at_most {
            let n_live: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM datalabs WHERE owner = $1 AND phase IN ('QUEUED', 'EXECUTING')",
            )
            .bind(new.owner)
            .fetch_one(&mut *tx)
            .await
            .doing("count datalabs")?;
            if n_live >= i64::from(most) {
                return Err(StoreError::TooMany {
                    noun: "datalabs",
                    most,
                });
            }
        }
        let id = Uuid::now_v7().to_string();
        sqlx::query(
            "INSERT INTO datalabs (id, owner, lab, name, phase, request, selection, staging_job, notebook, auto_remove, created, expires) \
             VALUES ($1, $2, $3, $4, 'QUEUED', $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&id)
        .bind(new.owner)
        .bind(new.lab)
        .bind(new.name)
        .bind(new.request)
        .bind(selection)
        .bind(new.opens_on.map(|(_, job, _)| job))
        .bind(new.opens_on.and_then(|(_, _, notebook)| notebook))
        .bind(i64::from(new.auto_remove))
        .bind(now())
        .bind(new.time_limit_s.map(|limit| now() + limit.cast_signed() * 1000))
        .execute(&mut *tx)
        .await
        .doing("keep a datalab")?;
        tx.commit().await.doing("keep a datalab")?;
        self.datalab(&id, new.owner).await
    }

    /// One datalab of a user.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when they have none of that id.
    pub async fn datalab(&self, id: &str, owner: &str) -> Result<Datalab, StoreError> {
        let datalab = self.datalab_by_id(id).await?;
        if datalab.owner == owner {
            Ok(datalab)
        } else {
            Err(StoreError::NotFound {
                noun: "datalab",
                id: id.to_owned(),
            })
        }
    }

    /// One datalab, whoever it belongs to; for the launcher.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of that id.
    pub async fn datalab_by_id(&self, id: &str) -> Result<Datalab, StoreError> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM datalabs WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.write)
            .await
            .doing("look up a datalab")?;
        row.map(Datalab::from).ok_or_else(|| StoreError::NotFound {
            noun: "datalab",
            id: id.to_owned(),
        })
    }

    /// A user's datalabs, newest first, made before the datalab `before`; those that ended and remove themselves, or
    /// were removed, are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn datalabs(
        &self,
        owner: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Datalab>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM datalabs WHERE owner = $1 AND removed = 0 AND NOT (auto_remove = 1 AND phase IN ('COMPLETED', 'ABORTED'))
             AND ($2 IS NULL OR (created, id) < (SELECT created, id FROM datalabs WHERE id = $2 AND owner = $1)) ORDER BY created DESC, id DESC LIMIT $3",
        )
        .bind(owner)
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await
        .doing("list datalabs")?;
        Ok(rows.into_iter().map(Datalab::from).collect())
    }

    /// Every datalab that has run somewhere and has ended; orphans are looked for among them.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn ended_datalabs_with_processes(&self) -> Result<Vec<Datalab>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM datalabs WHERE phase NOT IN ('QUEUED', 'EXECUTING') AND running IS NOT NULL AND ended > $1",
        )
        .bind(now() - 30 * 24 * 3_600_000)
        .fetch_all(&self.read)
        .await
        .doing("list ended datalabs")?;
        Ok(rows.into_iter().map(Datalab::from).collect())
    }

    /// Keeps what a launcher reports.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another launcher has the datalab now.
    pub async fn update_datalab(
        &self,
        lease: &Lease,
        update: &DatalabUpdate<'_>,
    ) -> Result<(), StoreError> {
        let serves = update.phase == Some(Phase::Executing);
        let ends = update.phase.is_some_and(Phase::is_final);
        let done = sqlx::query(
            "UPDATE datalabs SET phase = COALESCE($1, phase), running = COALESCE($2, running), secret = COALESCE($3, secret), \
             waiting_for = COALESCE($4, waiting_for), message = COALESCE($5, message), ready = COALESCE(ready, $6), \
             ended = COALESCE(ended, $7), last_activity = COALESCE($6, last_activity) WHERE id = $8 AND lease_epoch = $9",
        )
        .bind(update.phase)
        .bind(update.running)
        .bind(update.secret)
        .bind(update.waiting_for)
        .bind(update.message)
        .bind(serves.then(now))
        .bind(ends.then(now))
        .bind(&lease.id)
        .bind(lease.epoch)
        .execute(&self.write)
        .await
        .doing("keep the state of a datalab")?;
        held(done.rows_affected(), "datalab", lease)
    }

    /// Keeps that a datalab was used.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn touch_datalab(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE datalabs SET last_activity = $1 WHERE id = $2")
            .bind(now())
            .bind(id)
            .execute(&self.write)
            .await
            .doing("keep that a datalab was used")?;
        Ok(())
    }

    /// Asks a datalab to stop; one that has ended leaves the list instead.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn stop_datalab(&self, datalab: &Datalab) -> Result<(), StoreError> {
        sqlx::query("UPDATE datalabs SET stop_wanted = 1, removed = CASE WHEN ended IS NULL THEN removed ELSE 1 END WHERE id = $1")
            .bind(&datalab.id)
            .execute(&self.write)
            .await
            .doing("stop a datalab")?;
        Ok(())
    }

    /// Gives a datalab more time: to its limit, where it has one, and for as long it is not stopped for want of use.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is gone.
    pub async fn extend_datalab(
        &self,
        datalab: &Datalab,
        seconds: u64,
    ) -> Result<Datalab, StoreError> {
        sqlx::query("UPDATE datalabs SET expires = expires + $2, kept_until = CASE WHEN COALESCE(kept_until, 0) > $1 + $2 THEN kept_until ELSE $1 + $2 END WHERE id = $3")
            .bind(now())
            .bind(seconds.cast_signed() * 1000)
            .bind(&datalab.id)
            .execute(&self.write)
            .await
            .doing("extend a datalab")?;
        self.datalab_by_id(&datalab.id).await
    }
}
