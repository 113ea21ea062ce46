//! Sealing: secrets are encrypted before they reach a row.
//!
//! XChaCha20-Poly1305 with the id of the row as associated data, so that a sealed secret cannot be moved to another row.

use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// The key that seals secrets.
#[derive(Clone)]
pub struct Seal(XChaCha20Poly1305);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// A secret that could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key file is not there and cannot be made, or is not 32 bytes.
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

impl Seal {
    /// Reads the key at `path`, making one there (readable by its owner only) if there is none.
    ///
    /// # Errors
    /// [`SealError::Key`] when it cannot be read or made, or has another length than 32 bytes.
    pub fn open(path: &Path) -> Result<Self, SealError> {
        let fail = |why: String| SealError::Key {
            path: path.display().to_string(),
            why,
        };
        let key = match std::fs::read(path) {
            Ok(key) => key,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                new_key(path).map_err(|error| fail(error.to_string()))?
            }
            Err(error) => return Err(fail(error.to_string())),
        };
        let key: [u8; 32] = key
            .try_into()
            .map_err(|_| fail("it is not 32 bytes long".to_owned()))?;
        Ok(Self(XChaCha20Poly1305::new(&Key::from(key))))
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
            .0
            .encrypt(&XNonce::from(nonce), payload)
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
        let payload = Payload {
            msg: sealed,
            aad: id.as_bytes(),
        };
        let secret = self
            .0
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Foreign)?;
        String::from_utf8(secret).map_err(|_| SealError::Foreign)
    }
}

/// Makes a key at `path`, whole or not at all; another process may have been faster, then it is theirs.
fn new_key(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut key = [0_u8; 32];
    fill(&mut key);
    let mut name = [0_u8; 8];
    fill(&mut name);
    let draft = path.with_extension(hex(&name));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let placed = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match placed {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::read(path),
    }
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
}
