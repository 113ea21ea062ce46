//! Queries in ADQL: run as jobs, their answers looked at before they are handed on.

use std::fs::File as LocalFile;
use std::io::{BufReader, Read, Seek};

use gantry_asset::{AdqlQuery, File};
use gantry_connector::{ByteStream, OpenError, Remarks, Resume};
use gantry_formats::votable::{Limits, QueryStatus, Reader, VotableError};

use crate::Gaia;
use crate::spool::Waiting;

impl Gaia {
    /// Runs a query, or takes up the run that was begun before, and gives its answer.
    pub(crate) async fn run(
        &self,
        file: &File,
        query: &AdqlQuery,
        resume: &Resume,
    ) -> Result<ByteStream, OpenError> {
        let begun = |job: &url::Url| {
            if let Some(runs) = &resume.runs {
                // Nobody listens any more when the staging has ended.
                let _ended = runs.send(job.to_string());
            }
        };
        let tap = match &resume.login {
            Some(login) => {
                let at = &self.addresses.tap_login;
                self.tap.session(self.log_in(&file.name, at, login).await?)
            }
            None => self.tap.clone(),
        };
        let asked = (query, resume.upload.as_ref());
        let response = tap
            .result(&file.name, asked, resume.run.as_deref(), begun)
            .await?;
        let answer = self.spool(&file.name, response).await?;
        let remarks = Remarks::default();
        let answer = if query.format == "votable" {
            self.looked_at(&file.name, answer, &remarks).await?
        } else {
            answer
        };
        // The job's own address opens its result to whoever has it.
        let location = self.addresses.tap.to_string();
        self.stream(&file.name, (answer, location), remarks)
    }

    /// Counts the rows of a VOTable, and says where there would have been more; one that tells of an error is refused.
    async fn looked_at(
        &self,
        name: &str,
        mut answer: LocalFile,
        remarks: &Remarks,
    ) -> Result<LocalFile, OpenError> {
        let waiting = Waiting::default();
        let heeding = waiting.heeding();
        let looked = tokio::task::spawn_blocking(move || {
            let said = count(heeding.over(BufReader::new(&answer)));
            answer.rewind().map(|()| (answer, said))
        });
        let looked = looked
            .await
            .map_err(|error| self.refused(name, error.to_string()))?;
        let (answer, said) = looked.map_err(|error| self.refused(name, error.to_string()))?;
        let (n_rows, status) = said
            .map_err(|error| self.refused(name, format!("its answer cannot be read: {error}")))?;
        match status {
            QueryStatus::Error(text) => return Err(self.refused(name, text)),
            QueryStatus::Overflow => remarks.add(format!(
                "the archive cut the answer after {n_rows} rows: there are more"
            )),
            QueryStatus::Ok | QueryStatus::Unsaid => {}
        }
        remarks.set_rows(n_rows);
        Ok(answer)
    }
}

/// The rows of all tables of a VOTable, and what it says of itself before and behind them.
fn count(answer: impl Read) -> Result<(u64, QueryStatus), VotableError> {
    let mut reader = Reader::new(answer, Limits::default())?;
    let (mut n_rows, mut row) = (0, Vec::new());
    while reader.next_table()?.is_some() {
        while reader.next_row(&mut row)? {
            n_rows += 1;
        }
    }
    Ok((n_rows, reader.status()))
}
