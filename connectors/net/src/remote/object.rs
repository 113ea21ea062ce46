//! WebDAV's listings and all of S3, spoken by `opendal` through our own client.

mod transport;

use std::time::{Duration, SystemTime};

use futures::{StreamExt, TryStreamExt};
use opendal::services::{S3, Webdav};
use opendal::{ErrorKind, HttpTransporter, Metadata, OperationContext, Operator};
use url::Url;

use super::{Reading, RemoteConfig, RemoteEntry, path};
use crate::client::Client;
use crate::errand::Source;
use crate::error::{NetError, Refusal};
use crate::listing::{MAX_ENTRIES, is_name};
use crate::scope::Limits;
use crate::shown::ShownUrl;
use transport::{Ours, held};

const MIB: u64 = 1024 * 1024;
/// S3 takes so many parts; some are kept in reserve.
const PARTS: u64 = 9_000;
/// The slowest way out that is waited for, bytes in a second.
const SLOWEST: u64 = 64 * 1024;
/// What is copied in one go; S3 copies no more than 5 GiB so.
const COPIED_AT_ONCE: usize = 1024 * 1024 * 1024;

/// Storage that is spoken to through `opendal`.
#[derive(Clone)]
pub(super) struct Objects {
    operator: Operator,
    root: Url,
}

impl Objects {
    pub(super) fn webdav(config: &RemoteConfig, client: Client) -> Result<Self, NetError> {
        let endpoint = config.address.as_str().trim_end_matches('/');
        let mut service = Webdav::default().endpoint(endpoint);
        if let Some(user) = &config.user {
            service = service.username(user).password(config.password());
        }
        let operator = Operator::new(service);
        Self::of(
            config,
            client,
            operator.map_err(|_| config.bad("WebDAV cannot be asked there")),
        )
    }

    pub(super) fn s3(config: &RemoteConfig, client: Client) -> Result<Self, NetError> {
        let bucket = config.bucket.as_deref().unwrap_or_default();
        if bucket.is_empty()
            || bucket.contains(['/', '?', '#'])
            || path::check_file(bucket).is_err()
        {
            return Err(config.bad("S3 wants the name of a bucket"));
        }
        let prefix = config.prefix.as_deref().unwrap_or_default();
        path::check(prefix.trim_matches('/'))?;
        let mut service = S3::default()
            .endpoint(config.address.as_str().trim_end_matches('/'))
            .bucket(bucket)
            .root(prefix)
            .region(config.region.as_deref().unwrap_or("us-east-1"))
            .disable_config_load()
            .disable_ec2_metadata();
        service = match &config.user {
            Some(user) => service
                .access_key_id(user)
                .secret_access_key(config.password()),
            None => service.skip_signature(),
        };
        let operator = Operator::new(service);
        Self::of(
            config,
            client,
            operator.map_err(|_| config.bad("S3 cannot be asked there")),
        )
    }

    fn of(
        config: &RemoteConfig,
        client: Client,
        operator: Result<Operator, NetError>,
    ) -> Result<Self, NetError> {
        let transport = HttpTransporter::new(Ours { client });
        let context = OperationContext::new().with_http_transport(transport);
        let operator = operator?.with_context(context);
        let mut root = config.address.clone();
        if let Some(bucket) = &config.bucket {
            root = path::below(&root, bucket, false);
        }
        Ok(Self { operator, root })
    }

    /// What is at the path: a file, else a folder. S3 has a folder where something is in it.
    pub(super) async fn stat(&self, path: &str) -> Result<RemoteEntry, NetError> {
        self.spelled(path)?;
        if path.is_empty() {
            return self.stat_folder("").await;
        }
        match self.operator.stat(path).await {
            Ok(meta) => Ok(entry(path::name(path), &meta)),
            Err(error) => match self.failed(path, error) {
                error if error.is_not_found() => self.stat_folder(path).await,
                error => Err(error),
            },
        }
    }

    async fn stat_folder(&self, path: &str) -> Result<RemoteEntry, NetError> {
        let folder = folder(path);
        let mut folder_there = entry("", &opendal::MetadataBuilder::dir().build());
        if !self.is_webdav() {
            let mut names = self
                .operator
                .lister_with(&folder)
                .limit(1)
                .await
                .map_err(|error| self.failed(path, error))?;
            let first = names.next().await.transpose();
            let first = first.map_err(|error| self.failed(path, error))?;
            // An empty bucket is there.
            return match first.is_some() || path.is_empty() {
                true => Ok(folder_there),
                false => Err(self.not_there(path)),
            };
        }
        let meta = self.operator.stat(&folder).await;
        let meta = meta.map_err(|error| self.failed(path, error))?;
        folder_there.modified = modified(&meta);
        folder_there.etag = meta.etag().map(ToOwned::to_owned);
        Ok(folder_there)
    }

    fn is_webdav(&self) -> bool {
        self.operator.info().scheme() == "webdav"
    }

    pub(super) async fn list(&self, path: &str) -> Result<Vec<RemoteEntry>, NetError> {
        self.spelled(path)?;
        let folder = folder(path);
        let names = self.operator.lister(&folder).await;
        let mut names = names.map_err(|error| self.failed(path, error))?;
        let (mut entries, mut is_there) = (Vec::new(), path.is_empty());
        while let Some(found) = names.next().await {
            let found = found.map_err(|error| self.failed(path, error))?;
            is_there = true;
            let name = found.name().trim_end_matches('/');
            if found.path() == folder || found.path() == "/" || !is_name(name) {
                continue;
            }
            entries.push(entry(name, found.metadata()));
            if entries.len() > MAX_ENTRIES {
                return Err(NetError::BadListing {
                    url: self.shown(path),
                    reason: format!("has more than {MAX_ENTRIES} names"),
                });
            }
        }
        if !is_there {
            return Err(self.not_there(path));
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries.dedup_by(|a, b| a.name == b.name);
        Ok(entries)
    }

    pub(super) async fn read(
        &self,
        path: &str,
        from: u64,
        length: Option<u64>,
    ) -> Result<Reading, NetError> {
        self.spelled(path)?;
        let meta = self.operator.stat(path).await;
        let size = meta
            .map_err(|error| self.failed(path, error))?
            .content_length();
        let wanted = size.saturating_sub(from);
        let end = from + length.map_or(wanted, |length| length.min(wanted));
        if end == from {
            return Ok(Reading::new(Some(size), futures::stream::empty().boxed()));
        }
        let reader = self.operator.reader(path).await;
        let reader = reader.map_err(|error| self.failed(path, error))?;
        let stream = reader.into_stream(from..end).await;
        let stream = stream.map_err(|error| self.failed(path, error))?;
        let (objects, path) = (self.clone(), path.to_owned());
        let pieces = stream
            .map_ok(|buffer| buffer.to_bytes())
            .map_err(move |error| objects.failed(&path, error));
        Ok(Reading::new(Some(size), pieces.boxed()))
    }

    /// Writes an object in parts; one that fails or is given up leaves nothing.
    pub(super) async fn upload(
        &self,
        path: &str,
        part_bytes: u64,
        source: &Source,
    ) -> Result<(), NetError> {
        self.spelled(path)?;
        let writer = self
            .operator
            .writer_with(path)
            .chunk(part_bytes as usize)
            .concurrent(2);
        let mut writer = writer.await.map_err(|error| self.failed(path, error))?;
        let written = async {
            loop {
                let piece = source.next().await;
                let piece = piece.map_err(|source| NetError::Unreachable {
                    url: self.shown(path),
                    source,
                })?;
                let Some(piece) = piece else { break };
                let taken = writer.write(piece).await;
                taken.map_err(|error| self.failed(path, error))?;
            }
            let closed = writer.close().await;
            closed.map(drop).map_err(|error| self.failed(path, error))
        };
        let written = written.await;
        if written.is_err()
            && let Err(error) = writer.abort().await
        {
            tracing::debug!(error = %self.failed(path, error), "parts of an object may be left");
        }
        written
    }

    pub(super) async fn delete(&self, path: &str, is_folder: bool) -> Result<(), NetError> {
        self.spelled(path)?;
        let key = if is_folder {
            folder(path)
        } else {
            path.to_owned()
        };
        let deleted = self.operator.delete(&key).await;
        deleted.map_err(|error| self.failed(path, error))
    }

    /// Copies what is at one path to the other and deletes it there.
    pub(super) async fn rename(
        &self,
        from: &str,
        to: &str,
        is_folder: bool,
    ) -> Result<(), NetError> {
        self.spelled(from)?;
        self.spelled(to)?;
        if !is_folder {
            self.copy(from, to).await?;
            return self.delete(from, false).await;
        }
        let (old, new) = (folder(from), folder(to));
        let keys = self.tree(from, super::changes::TREE).await?;
        for key in &keys {
            let rest = key.strip_prefix(&old).unwrap_or_default();
            // What marks a folder is not needed where there is something in it.
            if !key.ends_with('/') {
                self.copy(key, &format!("{new}{rest}")).await?;
            }
        }
        self.delete_keys(&keys).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), NetError> {
        let copied = self
            .operator
            .copy_with(from, to)
            .chunk(COPIED_AT_ONCE)
            .await;
        copied.map(drop).map_err(|error| self.failed(from, error))
    }

    pub(super) async fn delete_tree(&self, path: &str, limit: usize) -> Result<(), NetError> {
        self.spelled(path)?;
        let keys = self.tree(path, limit).await?;
        self.delete_keys(&keys).await
    }

    async fn delete_keys(&self, keys: &[String]) -> Result<(), NetError> {
        // Where folders are real, what is in one goes before it.
        for key in keys.iter().rev() {
            let deleted = self.operator.delete(key).await;
            deleted.map_err(|error| self.failed(key, error))?;
        }
        Ok(())
    }

    /// All keys below a folder, its own marker included, sorted.
    async fn tree(&self, path: &str, limit: usize) -> Result<Vec<String>, NetError> {
        let folder = folder(path);
        let lister = self.operator.lister_with(&folder).recursive(true);
        let mut names = lister.await.map_err(|error| self.failed(path, error))?;
        let mut keys = Vec::new();
        while let Some(found) = names.next().await {
            let found = found.map_err(|error| self.failed(path, error))?;
            keys.push(found.path().to_owned());
            if keys.len() > limit {
                return Err(NetError::TooMuch {
                    url: self.shown(path),
                    limit,
                });
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// Refuses a path that `opendal` would take for another one: it trims blanks at both ends.
    fn spelled(&self, path: &str) -> Result<(), NetError> {
        match path.trim() == path {
            true => Ok(()),
            false => Err(NetError::BadPath {
                path: path.to_owned(),
                reason: "WebDAV and S3 are not asked for names with blanks at their ends",
            }),
        }
    }

    fn shown(&self, path: &str) -> ShownUrl {
        let path = path.trim_matches('/');
        ShownUrl::from(&path::below(&self.root, path, false))
    }

    fn not_there(&self, path: &str) -> NetError {
        NetError::Refused {
            url: self.shown(path),
            why: Refusal::NotFound,
            said: "there is nothing".to_owned(),
        }
    }

    /// What our client said, else what `opendal` makes of the answer.
    fn failed(&self, path: &str, error: opendal::Error) -> NetError {
        if let Some(ours) = held(&error) {
            return ours;
        }
        let why = match error.kind() {
            ErrorKind::NotFound => Refusal::NotFound,
            ErrorKind::PermissionDenied => Refusal::Denied,
            ErrorKind::RateLimited => Refusal::Busy,
            _ => Refusal::Other,
        };
        NetError::Refused {
            url: self.shown(path),
            why,
            said: error.message().chars().take(500).collect(),
        }
    }
}

/// Large enough for all of it in the parts that S3 takes, and small enough to be kept in memory.
pub(super) fn part_bytes(size_bytes: Option<u64>) -> u64 {
    // Without the size there is room for 140 GiB.
    let wanted = size_bytes.map_or(16 * MIB, |size| size.div_ceil(PARTS));
    wanted.max(8 * MIB).next_multiple_of(MIB)
}

/// How long a part may take: as long as all attempts at it on a slow way.
pub(super) fn patience(limits: &Limits, part_bytes: u64) -> Duration {
    (limits.headers + on_its_way(part_bytes)) * (limits.attempts + 1)
}

/// The time that so many bytes take on the slowest way.
fn on_its_way(bytes: u64) -> Duration {
    Duration::from_secs(bytes / SLOWEST)
}

fn folder(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        path => format!("{path}/"),
    }
}

fn entry(name: &str, meta: &Metadata) -> RemoteEntry {
    let is_folder = meta.is_dir();
    RemoteEntry {
        name: name.to_owned(),
        is_folder,
        is_link: false,
        size_bytes: (!is_folder).then(|| meta.content_length()),
        modified: modified(meta),
        etag: meta.etag().map(ToOwned::to_owned),
    }
}

fn modified(meta: &Metadata) -> Option<chrono::DateTime<chrono::Utc>> {
    Some(SystemTime::from(meta.last_modified()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_enough_for_the_file_and_small_enough_to_hold() {
        assert_eq!(part_bytes(Some(20 * MIB)), 8 * MIB);
        assert_eq!(part_bytes(None), 16 * MIB);
        let huge = 5 * 1024 * 1024 * MIB;
        let part = part_bytes(Some(huge));
        assert!(huge.div_ceil(part) <= 10_000, "{part}");
    }
}
