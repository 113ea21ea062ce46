//! What changes folders and files of storage elsewhere, other than writing them.

use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::{Remote, RemoteEntry, RemoteKind, method, path};
use crate::address;
use crate::errand::Errand;
use crate::error::{NetError, Refusal};
use crate::response::Response;
use crate::shown::ShownUrl;

/// The most that is deleted or moved with a folder.
pub(super) const TREE: usize = 100_000;
/// The deepest folder that is gone into while a tree is deleted.
const DEPTH: usize = 64;

impl Remote {
    /// Makes a folder, and those above it that are not there, up to the root. One that is there
    /// is left as it is. S3 has a folder where something is in it, so there it is only made sure
    /// that no file is in the way.
    ///
    /// # Errors
    /// [`NetError::Exists`] when a file is in the way, [`NetError::BadPath`], and as
    /// [`crate::Client::request`].
    pub async fn make_folder(&self, path: &str) -> Result<(), NetError> {
        path::check(path)?;
        let mut missing = Vec::new();
        let mut above = path;
        loop {
            match self.stat(above).await {
                Ok(Some(found)) if found.is_folder => break,
                Ok(Some(_)) => return Err(self.exists(above)),
                // A root that is not there is told by what is made in it.
                Ok(None) if above.is_empty() => break,
                Ok(None) => missing.push(above),
                Err(error) => return Err(self.in_the_way(above, error).await),
            }
            above = path::parent(above);
        }
        if self.inner.kind == RemoteKind::S3 {
            return Ok(());
        }
        for folder in missing.into_iter().rev() {
            let errand = Errand::MakeFolder;
            let made = self.done(method("MKCOL"), folder, true, errand).await;
            if let Err(error) = made {
                // Somebody else may have made it just now.
                let found = self.stat(folder).await.ok().flatten();
                if !found.is_some_and(|found| found.is_folder) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Servers say of what is below a file all kinds of things.
    async fn in_the_way(&self, path: &str, error: NetError) -> NetError {
        let above = path::parent(path);
        if error.is_denied() || above.is_empty() {
            return error;
        }
        match self.stat(above).await {
            Ok(Some(found)) if !found.is_folder => self.exists(above),
            _ => error,
        }
    }

    /// Gives a file or folder another path; the folder it comes into must be there.
    ///
    /// That nothing is there yet is checked before; WebDAV and SFTP make sure of it themselves.
    /// In S3 an object is copied and the old one deleted.
    ///
    /// # Errors
    /// [`NetError::Exists`] when something is at `to`, [`NetError::is_not_found`] when nothing is
    /// at `from`, [`NetError::BadPath`], and as [`crate::Client::request`].
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), NetError> {
        path::check_file(from)?;
        path::check_file(to)?;
        let found = self.stat(from).await?;
        let found = found.ok_or_else(|| self.not_there(from))?;
        if self.stat(to).await?.is_some() {
            return Err(self.exists(to));
        }
        match &self.inner.objects {
            Some(objects) if self.inner.kind == RemoteKind::S3 => {
                objects.rename(from, to, found.is_folder).await
            }
            _ => self.rename_now(from, to, found.is_folder, false).await,
        }
    }

    /// Renames without looking first.
    pub(super) async fn rename_now(
        &self,
        from: &str,
        to: &str,
        is_folder: bool,
        replaces: bool,
    ) -> Result<(), NetError> {
        let target = self.url(to, is_folder);
        let mut request = self.request(method("MOVE"), from, is_folder);
        if self.inner.kind == RemoteKind::Webdav {
            let value =
                HeaderValue::from_str(target.as_str()).expect("an address is a header value");
            let overwrite = HeaderValue::from_static(if replaces { "T" } else { "F" });
            request = request
                .header(HeaderName::from_static("destination"), value)
                .header(HeaderName::from_static("overwrite"), overwrite);
        }
        let to = address::path(&target).unwrap_or_default();
        let to = to.trim_end_matches('/').to_owned();
        request.errand = Some(Errand::Rename { to, replaces });
        let answer = self.inner.client.request(request).await;
        match answer {
            Err(error) if error.status() == Some(StatusCode::PRECONDITION_FAILED) => {
                Err(NetError::Exists {
                    url: ShownUrl::from(&target),
                })
            }
            answer => whole(answer?),
        }
    }

    /// Deletes a file, a link or an empty folder.
    ///
    /// # Errors
    /// [`NetError::is_not_found`] when nothing is there, [`NetError::NotEmpty`] for a folder that
    /// holds something, [`NetError::BadPath`], and as [`crate::Client::request`].
    pub async fn delete(&self, path: &str) -> Result<(), NetError> {
        path::check_file(path)?;
        let found = self.stat(path).await?;
        let found = found.ok_or_else(|| self.not_there(path))?;
        let is_folder = found.is_folder && !found.is_link;
        if is_folder && !self.list(path).await?.is_empty() {
            return Err(NetError::NotEmpty {
                url: ShownUrl::from(&self.url(path, true)),
            });
        }
        self.delete_one(path, is_folder).await
    }

    /// Deletes a file, or a folder with all that is in it; of a link the link.
    ///
    /// # Errors
    /// As [`Remote::delete`], and [`NetError::TooMuch`] for more than 100 000 names or 64 folders
    /// inside each other, when what was deleted until then is gone.
    pub async fn delete_all(&self, path: &str) -> Result<(), NetError> {
        path::check_file(path)?;
        let found = self.stat(path).await?;
        let found = found.ok_or_else(|| self.not_there(path))?;
        let mut left = TREE;
        let objects = self.inner.objects.as_ref();
        match objects.filter(|_| self.inner.kind == RemoteKind::S3) {
            Some(objects) if found.is_folder => objects.delete_tree(path, TREE).await,
            _ => self.delete_tree(path.to_owned(), found, 0, &mut left).await,
        }
    }

    fn delete_tree<'a>(
        &'a self,
        path: String,
        found: RemoteEntry,
        depth: usize,
        left: &'a mut usize,
    ) -> BoxFuture<'a, Result<(), NetError>> {
        Box::pin(async move {
            let too_much = || NetError::TooMuch {
                url: ShownUrl::from(&self.url(&path, true)),
                limit: TREE,
            };
            *left = left.checked_sub(1).ok_or_else(too_much)?;
            let is_folder = found.is_folder && !found.is_link;
            // Servers of FTP exist that do not tell a link to a folder from a folder; what is
            // behind a link must stay, and only a link can be deleted like a file.
            if !is_folder || self.inner.kind == RemoteKind::Ftp {
                let deleted = self.delete_one(&path, false).await;
                if !is_folder || deleted.is_ok() {
                    return deleted;
                }
            }
            if depth >= DEPTH {
                return Err(too_much());
            }
            for entry in self.list(&path).await? {
                let inside = format!("{path}/{}", entry.name);
                self.delete_tree(inside, entry, depth + 1, left).await?;
            }
            self.delete_one(&path, true).await
        })
    }

    pub(super) async fn delete_one(&self, path: &str, is_folder: bool) -> Result<(), NetError> {
        match &self.inner.objects {
            Some(objects) if self.inner.kind == RemoteKind::S3 => {
                objects.delete(path, is_folder).await
            }
            _ => {
                let errand = Errand::Remove { is_folder };
                self.done(Method::DELETE, path, is_folder, errand).await
            }
        }
    }

    fn exists(&self, path: &str) -> NetError {
        NetError::Exists {
            url: ShownUrl::from(&self.url(path, false)),
        }
    }

    fn not_there(&self, path: &str) -> NetError {
        NetError::Refused {
            url: ShownUrl::from(&self.url(path, false)),
            why: Refusal::NotFound,
            said: "there is nothing".to_owned(),
        }
    }
}

/// An answer of 207 tells of parts that failed.
pub(super) fn whole(response: Response) -> Result<(), NetError> {
    match response.status() {
        StatusCode::MULTI_STATUS => Err(NetError::Refused {
            url: ShownUrl::from(response.url()),
            why: Refusal::Other,
            said: "not all of it could be done".to_owned(),
        }),
        _ => Ok(()),
    }
}
