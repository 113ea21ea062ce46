//! TAP: asking an archive in ADQL.
//!
//! A query is always a job (UWS), since the synchronous answer of some services is silently cut after a number of rows.
//! A job is known by its address, which opens its result to whoever has it: it is kept like a secret and never shown.
//!
//! # Source
//! IVOA TAP 1.1, UWS 1.1, DALI 1.1.

use std::time::{Duration, Instant};

use gantry_asset::{AdqlQuery, ArchiveId};
use gantry_formats::XmlLimits;
use gantry_formats::uws::read_job;
use gantry_formats::vodataservice::{Schema, read_tables};
use gantry_formats::vosi::{Availability, read_availability, read_capabilities};
use gantry_formats::votable::{Limits, QueryStatus, Reader};
use gantry_net::header::COOKIE;
use gantry_net::{Bytes, Client, HeaderValue, Method, NetError, Request, Response};
use url::Url;

use crate::{HarvestError, OpenError, document};

/// The largest document of a service, but for results.
const DOCUMENT_BYTES: u64 = 256 << 20;
/// How much of what a service says of a failure is read.
const SAID_BYTES: u64 = 1 << 20;
/// So much of a notice is shown.
const NOTICE_CHARS: usize = 1000;
/// The first and the longest wait between two looks at a job.
const LOOK_AFTER: Duration = Duration::from_millis(200);
const LOOK_AT_LEAST: Duration = Duration::from_secs(10);
/// How long a job is waited for; the Gaia archive lets one run for two hours.
const PATIENCE: Duration = Duration::from_hours(3);

/// What stands between the parts of a form: long enough that no table holds it by chance, and refused in one that does.
pub const BOUNDARY: &str = "gantry-8f1b6d0e2c9a47d3b5e4-part";
const MULTIPART: &str = "multipart/form-data; boundary=gantry-8f1b6d0e2c9a47d3b5e4-part";
/// The name of the part that is the table.
const PART: &str = "table";

/// A TAP service of an archive.
#[derive(Debug, Clone)]
pub struct Tap {
    archive: ArchiveId,
    client: Client,
    base: Url,
    patience: Duration,
    /// What lets a user in, where one has logged in.
    session: Option<HeaderValue>,
}

/// What became of a job.
enum Look {
    /// It goes on.
    Running,
    /// Its result is there.
    Done,
    /// The service knows no such job.
    Unknown,
}

/// What an availability says of outages.
fn in_words(said: &Availability) -> Option<String> {
    let mut text = match (said.available, &said.down_at) {
        (false, _) => "The archive says that it is not available".to_owned(),
        (true, Some(at)) => format!("The archive says that it will not be available from {at}"),
        (true, None) => return None,
    };
    if let Some(at) = &said.back_at {
        text.push_str(&format!(", and again from {at}"));
    }
    let notes = said.notes.iter().map(|note| note.trim());
    let notes: Vec<&str> = notes.filter(|note| !note.is_empty()).collect();
    match notes.is_empty() {
        true => text.push('.'),
        false => text.push_str(&format!(": {}", notes.join(" "))),
    }
    Some(text.chars().take(NOTICE_CHARS).collect())
}

impl Tap {
    /// The service at an address that ends with a slash, such as `https://gea.esac.esa.int/tap-server/tap/`.
    #[must_use]
    pub fn new(archive: ArchiveId, client: Client, base: Url) -> Self {
        Self {
            archive,
            client,
            base,
            patience: PATIENCE,
            session: None,
        }
    }

    /// The service, when a job of it is waited for at most so long; three hours when nothing is said.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The service, asked as somebody who has logged in: `session` is the cookie that says who.
    #[must_use]
    pub fn session(&self, mut session: HeaderValue) -> Self {
        session.set_sensitive(true);
        Self {
            session: Some(session),
            ..self.clone()
        }
    }

    fn get(&self, url: Url) -> Request {
        self.known(Request::new(Method::GET, url))
    }

    /// A request that says who asks, if it goes to the service itself: a job may be said to be anywhere.
    fn known(&self, request: Request) -> Request {
        match &self.session {
            Some(session) if request.url().origin() == self.base.origin() => {
                request.header(COOKIE, session.clone())
            }
            _ => request,
        }
    }

    /// What the service says of outages, now or to come; `None` when there are none, or when it does not say.
    ///
    /// # Source
    /// IVOA VOSI 1.1, section 3 (availability).
    pub async fn notice(&self) -> Option<String> {
        let url = self.at(&self.base, "availability");
        let response = self.client.get(&url).await.ok()?;
        let bytes = response.bytes(SAID_BYTES).await.ok()?;
        let read = document::read(move || read_availability(&bytes[..], document::LIMITS)).await;
        in_words(&read.ok()?)
    }

    /// The query of a job that somebody else started there, who may be nobody in particular; `None` when the service knows
    /// no such job, does not show it to us, or the job has no query.
    ///
    /// # Errors
    /// [`OpenError::Net`] when the service does not answer, [`OpenError::Page`] when it answers with a page.
    ///
    /// # Source
    /// IVOA UWS 1.1, section 2.2.2.2 (the job's representation).
    pub async fn query_of(&self, job: &str) -> Result<Option<String>, OpenError> {
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !(1..=100).contains(&job.len()) || job.starts_with('.') || !job.bytes().all(is_name) {
            return Ok(None);
        }
        const WHAT: &str = "the query of a job";
        let request = self.get(self.at(&self.base, &format!("async/{job}")));
        let mut response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_not_found() || error.is_denied() => return Ok(None),
            Err(error) => return Err(self.net(WHAT, error)),
        };
        let is_page = response.is_html().await;
        if is_page.map_err(|error| self.net(WHAT, error))? {
            return Err(self.page(WHAT));
        }
        let bytes = response.bytes(SAID_BYTES).await;
        let bytes = bytes.map_err(|error| self.net(WHAT, error))?;
        let read = document::read(move || read_job(&bytes[..], document::LIMITS)).await;
        let Ok(job) = read else {
            return Ok(None);
        };
        let mut parameters = job.parameters.into_iter();
        let query = parameters.find(|(name, _)| name.eq_ignore_ascii_case("query"));
        Ok(query
            .map(|(_, query)| query)
            .filter(|query| !query.trim().is_empty()))
    }

    /// The most rows the service gives at once, whatever is asked for; `None` when it does not say.
    ///
    /// # Source
    /// IVOA VOSI 1.1, section 2.1 (capabilities); TAPRegExt 1.0, section 2.6.
    pub async fn most_rows(&self) -> Option<u64> {
        let url = self.at(&self.base, "capabilities");
        let response = self.client.get(&url).await.ok()?;
        let bytes = response.bytes(SAID_BYTES).await.ok()?;
        let read = document::read(move || read_capabilities(&bytes[..], document::LIMITS)).await;
        let limits = read.ok()?.into_iter().filter_map(|one| one.hard_limit_rows);
        limits.filter(|rows| *rows > 0).min()
    }

    /// The tables there are, with their columns.
    ///
    /// # Errors
    /// [`HarvestError::Net`] when the service does not answer, [`HarvestError::Unreadable`] for anything but a document
    /// of VODataService.
    pub async fn tables(&self) -> Result<Vec<Schema>, HarvestError> {
        const WHAT: &str = "tables";
        let fail = |source| HarvestError::Net {
            archive: self.archive.clone(),
            what: WHAT,
            source,
        };
        let url = self.at(&self.base, "tables");
        let response = self.client.get(&url).await.map_err(fail)?;
        let bytes = response.bytes(DOCUMENT_BYTES).await.map_err(fail)?;
        let read = document::read(move || read_tables(&bytes[..], document::LIMITS)).await;
        read.map_err(|why| HarvestError::Unreadable {
            archive: self.archive.clone(),
            what: WHAT,
            why,
        })
    }

    /// Runs a query to its end and opens its result, as the service sends it.
    ///
    /// `name` is what the answer is called in errors. A job that `run` names is taken up if it is still there; `begun`
    /// is told a new one as soon as it exists. `upload` is the VOTable that goes with it, where the query names one.
    ///
    /// # Errors
    /// [`OpenError::Refused`] with what the service says of the query or when the job is not done in time, [`OpenError::Net`] and [`OpenError::Page`] when
    /// it does not answer properly.
    pub async fn result(
        &self,
        name: &str,
        (query, upload): (&AdqlQuery, Option<&Bytes>),
        run: Option<&str>,
        begun: impl Fn(&Url),
    ) -> Result<Response, OpenError> {
        if let Some(job) = run.and_then(|run| Url::parse(run).ok())
            && self.wait(name, &job).await?
        {
            return self.open(name, &job).await;
        }
        let job = self.submit(name, query, upload).await?;
        begun(&job);
        if self.wait(name, &job).await? {
            return self.open(name, &job).await;
        }
        Err(self.refused(name, "the job vanished before it was done".to_owned()))
    }

    async fn submit(
        &self,
        name: &str,
        query: &AdqlQuery,
        upload: Option<&Bytes>,
    ) -> Result<Url, OpenError> {
        let mut form = vec![
            ("REQUEST", "doQuery".to_owned()),
            ("LANG", "ADQL".to_owned()),
            ("FORMAT", query.format.clone()),
            ("PHASE", "RUN".to_owned()),
            ("QUERY", query.adql.clone()),
        ];
        form.extend(query.max_rows.map(|rows| ("MAXREC", rows.to_string())));
        let form: Vec<_> = form
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        let url = self.at(&self.base, "async");
        let request = self.known(Request::new(Method::POST, url.clone()));
        let request = match (&query.upload, upload) {
            (Some(said), Some(table)) => with_table(request, form, &said.name, table),
            _ => request.form(&form),
        };
        let answer = self.client.request(request).await;
        let mut response = answer.map_err(|error| self.said(name, error))?;
        if response
            .is_html()
            .await
            .map_err(|error| self.net(name, error))?
        {
            return Err(self.page(name));
        }
        let job = response.url().clone();
        // Without a redirect there is no job; what came instead says why.
        if job.path() == url.path() {
            let bytes = response
                .bytes(SAID_BYTES)
                .await
                .map_err(|error| self.net(name, error))?;
            return Err(self.refused(name, sentence(&bytes)));
        }
        Ok(job)
    }

    /// Waits until a job is done; `false` when the service knows no such job.
    async fn wait(&self, name: &str, job: &Url) -> Result<bool, OpenError> {
        let begun = Instant::now();
        let mut pause = LOOK_AFTER;
        loop {
            match self.look(name, job).await? {
                Look::Done => return Ok(true),
                Look::Unknown => return Ok(false),
                Look::Running if begun.elapsed() >= self.patience => {
                    return Err(self.refused(name, self.too_long()));
                }
                Look::Running => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LOOK_AT_LEAST);
        }
    }

    fn too_long(&self) -> String {
        format!(
            "the job was not done after {} s; ask for less, or again when the archive is less busy",
            self.patience.as_secs()
        )
    }

    async fn look(&self, name: &str, job: &Url) -> Result<Look, OpenError> {
        let mut response = match self
            .client
            .request(self.get(self.below(job, "phase")))
            .await
        {
            Ok(response) => response,
            Err(error) if error.is_not_found() => return Ok(Look::Unknown),
            Err(error) => return Err(self.net(name, error)),
        };
        if response
            .is_html()
            .await
            .map_err(|error| self.net(name, error))?
        {
            return Err(self.page(name));
        }
        let bytes = response
            .bytes(1024)
            .await
            .map_err(|error| self.net(name, error))?;
        let phase = String::from_utf8_lossy(&bytes).trim().to_ascii_uppercase();
        match phase.as_str() {
            "COMPLETED" => Ok(Look::Done),
            "ERROR" => Err(self.refused(name, self.failure(name, job).await?)),
            "ABORTED" | "ARCHIVED" => {
                Err(self.refused(name, format!("the job is {phase} at the archive")))
            }
            _ => Ok(Look::Running),
        }
    }

    /// What the service says of a job that failed.
    async fn failure(&self, name: &str, job: &Url) -> Result<String, OpenError> {
        let request = self.get(self.below(job, "error"));
        let response = self.client.request(request).await;
        let response = response.map_err(|error| self.said(name, error))?;
        let bytes = response.bytes(SAID_BYTES).await;
        Ok(sentence(&bytes.map_err(|error| self.net(name, error))?))
    }

    async fn open(&self, name: &str, job: &Url) -> Result<Response, OpenError> {
        let request = self.get(self.below(job, "results/result"));
        let opened = self.client.request(request).await;
        let mut response = opened.map_err(|error| self.net(name, error))?;
        if response
            .is_html()
            .await
            .map_err(|error| self.net(name, error))?
        {
            return Err(self.page(name));
        }
        Ok(response)
    }

    fn at(&self, base: &Url, path: &str) -> Url {
        base.join(path).unwrap_or_else(|_| base.clone())
    }

    fn below(&self, job: &Url, path: &str) -> Url {
        let mut url = job.clone();
        url.set_path(&format!("{}/{path}", job.path().trim_end_matches('/')));
        url.set_query(None);
        url
    }

    /// An error answer that says what is wrong with the query is its end; any other may pass.
    fn said(&self, name: &str, error: NetError) -> OpenError {
        let is_ours = error
            .status()
            .is_some_and(|status| status.is_client_error())
            && !error.is_transient();
        match error.excerpt() {
            Some(text) if is_ours => self.refused(name, sentence(text.as_bytes())),
            _ => self.net(name, error),
        }
    }

    fn net(&self, name: &str, source: NetError) -> OpenError {
        OpenError::Net {
            archive: self.archive.clone(),
            name: name.to_owned(),
            source,
        }
    }

    fn page(&self, name: &str) -> OpenError {
        OpenError::Page {
            archive: self.archive.clone(),
            name: name.to_owned(),
        }
    }

    fn refused(&self, name: &str, why: String) -> OpenError {
        OpenError::Refused {
            archive: self.archive.clone(),
            name: name.to_owned(),
            why,
        }
    }
}

/// A query with the table that goes with it, as a form of several parts.
///
/// # Source
/// IVOA TAP 1.1, section 2.5: `UPLOAD=<name>,param:<part>`; RFC 7578.
fn with_table(
    request: Request,
    mut form: Vec<(String, String)>,
    name: &str,
    table: &Bytes,
) -> Request {
    form.push(("UPLOAD".to_owned(), format!("{name},param:{PART}")));
    let mut body = Vec::with_capacity(table.len() + 4096);
    for (key, value) in form {
        let head =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value.as_bytes());
        body.extend_from_slice(b"\r\n");
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{PART}\"; filename=\"{PART}.vot\"\r\n\
         Content-Type: application/x-votable+xml\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(table);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    request.body(MULTIPART, body)
}

/// What an error document says: a VOTable's status, or its text.
fn sentence(bytes: &[u8]) -> String {
    let of_votable = || {
        let xml = XmlLimits {
            unpacked_bytes: 16 * SAID_BYTES,
            ..document::LIMITS
        };
        let limits = Limits {
            xml,
            ..Limits::default()
        };
        let mut reader = Reader::new(bytes, limits).ok()?;
        while reader.next_table().ok()?.is_some() {}
        match reader.status() {
            QueryStatus::Error(text) => Some(text),
            _ => None,
        }
    };
    let text = of_votable().unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned());
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(500) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None if text.is_empty() => "no reason given".to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn what_a_service_says_of_a_failure_is_one_sentence_of_bounded_length() {
        let votable = r#"<VOTABLE version="1.4"><RESOURCE type="results">
            <INFO name="QUERY_STATUS" value="ERROR">Cannot find
            table x</INFO></RESOURCE></VOTABLE>"#;
        assert_eq!(sentence(votable.as_bytes()), "Cannot find table x");
        assert_eq!(sentence(b"  plain\n text "), "plain text");
        assert_eq!(sentence(b""), "no reason given");
        assert_eq!(sentence("x".repeat(9000).as_bytes()).chars().count(), 501);
    }
}
