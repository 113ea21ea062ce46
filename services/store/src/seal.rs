//! Sealing: secrets are encrypted before they reach a row.
//!
//! XChaCha20-Poly1305 with the id of the row as associated data, so that a sealed secret cannot be moved to another row.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// The keys that seal and open secrets: the first seals, all open.
///
/// A key file that is exchanged while the process runs is noticed before the next secret is sealed or opened.
#[derive(Clone)]
pub struct Seal(Arc<Source>);

enum Source {
    /// Given by whoever started the process.
    Given(Vec<XChaCha20Poly1305>),
    /// Read from a file, and when it had been written.
    File(PathBuf, RwLock<(Option<Written>, Vec<XChaCha20Poly1305>)>),
}

/// What tells two states of a key file apart: when it was written, its inode and its length.
type Written = (SystemTime, u64, u64);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// A secret that could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key file is not there and cannot be made, or holds something else than keys.
    #[error("cannot use the sealing key `{path}`: {why}")]
    Key {
        /// Where the key should be.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The secret was sealed with another key or for another row.
    #[error(
        "a sealed secret cannot be opened: it was sealed with another key or for something else"
    )]
    Foreign,
}

/// The bytes of a key.
const KEY_BYTES: usize = 32;
/// How many keys may be in use at once: the one that seals, and older ones until all is sealed anew.
const KEYS: usize = 4;

impl Seal {
    /// Reads the keys at `path`, making one there (readable by its owner only) if there is none.
    ///
    /// # Errors
    /// [`SealError::Key`] when they cannot be read or made, or are not one to four times 32 bytes.
    pub fn open(path: &Path) -> Result<Self, SealError> {
        let fail = |why: String| key_error(path, why);
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                new_key(path).map_err(|error| fail(error.to_string()))?
            }
            Err(error) => return Err(fail(error.to_string())),
        };
        let keys = keys(&bytes).ok_or_else(|| {
            fail("it is not 32 bytes long, nor a few keys of 32 bytes".to_owned())
        })?;
        let read = RwLock::new((written(path), keys));
        Ok(Self(Arc::new(Source::File(path.to_owned(), read))))
    }

    /// Takes keys in hexadecimal, 64 digits each, with commas between; the first seals.
    ///
    /// # Errors
    /// [`SealError::Key`] when they are not one to four such keys.
    pub fn given(text: &str) -> Result<Self, SealError> {
        let bytes: Option<Vec<u8>> = text
            .split(',')
            .map(|key| unhex(key.trim()).filter(|key| key.len() == KEY_BYTES))
            .collect::<Option<Vec<_>>>()
            .map(|keys| keys.concat());
        let keys = bytes.as_deref().and_then(keys).ok_or_else(|| {
            let why = "it is not 64 hexadecimal digits, nor a few such keys with commas between";
            key_error(Path::new("store.seal_key"), why.to_owned())
        })?;
        Ok(Self(Arc::new(Source::Given(keys))))
    }

    /// Puts a new key before those in the file; from then on it seals, and the older ones still open.
    ///
    /// # Errors
    /// [`SealError::Key`] when the keys were given and are not in a file, or the file cannot be written.
    pub fn add_key(&self) -> Result<(), SealError> {
        let mut bytes = vec![0_u8; KEY_BYTES];
        fill(&mut bytes);
        self.write_keys(|old| {
            bytes.extend_from_slice(&old[..old.len().min((KEYS - 1) * KEY_BYTES)]);
            bytes
        })
    }

    /// Forgets every key but the one that seals; to be done when nothing is sealed with the others any more.
    ///
    /// # Errors
    /// As [`Seal::add_key`].
    pub fn drop_old_keys(&self) -> Result<(), SealError> {
        self.write_keys(|mut keys| {
            keys.truncate(KEY_BYTES);
            keys
        })
    }

    fn write_keys(&self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Result<(), SealError> {
        let Source::File(path, _) = &*self.0 else {
            let why = "it was given by configuration; put the new key before the old one there, \
                       separated by a comma, and run this again";
            return Err(key_error(Path::new("store.seal_key"), why.to_owned()));
        };
        let fail = |error: std::io::Error| key_error(path, error.to_string());
        let keys = change(std::fs::read(path).map_err(fail)?);
        let draft = draft(path, &keys).map_err(fail)?;
        std::fs::rename(&draft, path).map_err(fail)?;
        self.refresh();
        Ok(())
    }

    /// Reads the file again if it was written since; one that cannot be read leaves the keys as they are.
    fn refresh(&self) {
        let Source::File(path, known) = &*self.0 else {
            return;
        };
        let now = written(path);
        if known.read().unwrap_or_else(PoisonError::into_inner).0 == now {
            return;
        }
        if let Some(keys) = std::fs::read(path).ok().as_deref().and_then(keys) {
            *known.write().unwrap_or_else(PoisonError::into_inner) = (now, keys);
        }
    }

    fn with_keys<T>(&self, use_keys: impl FnOnce(&[XChaCha20Poly1305]) -> T) -> T {
        self.refresh();
        match &*self.0 {
            Source::Given(keys) => use_keys(keys),
            Source::File(_, known) => {
                use_keys(&known.read().unwrap_or_else(PoisonError::into_inner).1)
            }
        }
    }

    /// Seals a secret for the row `id`; hexadecimal text.
    #[must_use]
    pub fn seal(&self, id: &str, secret: &str) -> String {
        let mut nonce = [0_u8; 24];
        fill(&mut nonce);
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: id.as_bytes(),
        };
        let sealed = self
            .with_keys(|keys| keys[0].encrypt(&XNonce::from(nonce), payload))
            .expect("a short secret always fits");
        hex(&nonce) + &hex(&sealed)
    }

    /// Opens what was sealed for the row `id`.
    ///
    /// # Errors
    /// [`SealError::Foreign`] when it was sealed with another key, for another row, or is damaged.
    pub fn open_sealed(&self, id: &str, sealed: &str) -> Result<String, SealError> {
        let bytes = unhex(sealed)
            .filter(|bytes| bytes.len() > 24)
            .ok_or(SealError::Foreign)?;
        let (nonce, sealed) = bytes.split_at(24);
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| SealError::Foreign)?;
        let nonce = XNonce::from(nonce);
        let opened = self.with_keys(|keys| {
            keys.iter().find_map(|key| {
                let payload = Payload {
                    msg: sealed,
                    aad: id.as_bytes(),
                };
                key.decrypt(&nonce, payload).ok()
            })
        });
        String::from_utf8(opened.ok_or(SealError::Foreign)?).map_err(|_| SealError::Foreign)
    }
}

fn key_error(path: &Path, why: String) -> SealError {
    SealError::Key {
        path: path.display().to_string(),
        why,
    }
}

fn keys(bytes: &[u8]) -> Option<Vec<XChaCha20Poly1305>> {
    let is_whole = !bytes.is_empty() && bytes.len().is_multiple_of(KEY_BYTES);
    (is_whole && bytes.len() <= KEYS * KEY_BYTES).then(|| {
        let keys = bytes.chunks_exact(KEY_BYTES);
        keys.filter_map(|key| <[u8; KEY_BYTES]>::try_from(key).ok())
            .map(|key| XChaCha20Poly1305::new(&Key::from(key)))
            .collect()
    })
}

fn written(path: &Path) -> Option<Written> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.ino(), meta.len()))
}

/// Makes a key at `path`, whole or not at all; another process may have been faster, then it is theirs.
fn new_key(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut key = [0_u8; KEY_BYTES];
    fill(&mut key);
    let draft = draft(path, &key)?;
    let placed = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match placed {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::read(path),
    }
}

/// Writes keys to a file of their own beside `path`, readable by its owner only.
fn draft(path: &Path, keys: &[u8]) -> std::io::Result<PathBuf> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = [0_u8; 8];
    fill(&mut name);
    let draft = path.with_extension(hex(&name));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(keys)?;
    file.sync_all()?;
    Ok(draft)
}

/// Fills a buffer from the system's random source.
pub(crate) fn fill(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the system has a random source");
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_with_its_key_and_for_its_row() {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::open(&folder.path().join("key")).unwrap();
        let again = Seal::open(&folder.path().join("key")).unwrap();
        let other = Seal::open(&folder.path().join("other")).unwrap();
        let sealed = seal.seal("volume-1", "s3cret");
        assert!(!sealed.contains("s3cret"));
        assert_eq!(again.open_sealed("volume-1", &sealed).unwrap(), "s3cret");
        assert!(matches!(
            again.open_sealed("volume-2", &sealed),
            Err(SealError::Foreign)
        ));
        assert!(matches!(
            other.open_sealed("volume-1", &sealed),
            Err(SealError::Foreign)
        ));
        assert!(matches!(
            seal.open_sealed("volume-1", "zz"),
            Err(SealError::Foreign)
        ));
    }

    #[test]
    fn a_new_key_opens_what_the_old_one_sealed_until_the_old_one_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let (seal, running) = (Seal::open(&path).unwrap(), Seal::open(&path).unwrap());
        let old = seal.seal("volume-1", "s3cret");
        seal.add_key().unwrap();
        let new = seal.seal("volume-1", "s3cret");
        // A process that was running all the while takes part.
        assert_eq!(running.open_sealed("volume-1", &new).unwrap(), "s3cret");
        assert_eq!(running.open_sealed("volume-1", &old).unwrap(), "s3cret");
        seal.drop_old_keys().unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), 32);
        let again = Seal::open(&path).unwrap();
        assert_eq!(again.open_sealed("volume-1", &new).unwrap(), "s3cret");
        assert!(again.open_sealed("volume-1", &old).is_err());
    }

    #[test]
    fn keys_given_in_hexadecimal_seal_and_open_and_anything_else_is_refused() {
        let (one, two) = ("11".repeat(32), "22".repeat(32));
        let sealed = Seal::given(&one).unwrap().seal("a", "s");
        let both = Seal::given(&format!("{two}, {one}")).unwrap();
        assert_eq!(both.open_sealed("a", &sealed).unwrap(), "s");
        assert!(
            Seal::given(&two)
                .unwrap()
                .open_sealed("a", &sealed)
                .is_err()
        );
        for bad in [
            "",
            "11",
            &one[1..],
            &format!("{one},{one},{one},{one},{one}"),
        ] {
            assert!(Seal::given(bad).is_err(), "{bad}");
        }
    }
}
