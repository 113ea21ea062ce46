//! A copy of the record, made while it is used.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Store;
use crate::error::{Doing, StoreError};
use crate::seal::hex;

impl Store {
    /// Writes a whole copy of the record, as it is at one moment, to a file that is not there yet.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be written.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        sqlx::query("VACUUM INTO $1")
            .bind(file.display().to_string())
            .execute(&self.write)
            .await
            .doing("write a copy of itself")?;
        Ok(())
    }

    /// Whether the record is whole: `None`, or what is wrong with it.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the database does not answer.
    pub async fn damage(&self) -> Result<Option<String>, StoreError> {
        let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(10)")
            .fetch_all(&self.read)
            .await
            .doing("look whether it is whole")?;
        let is_whole = said.iter().all(|line| line == "ok");
        Ok((!is_whole).then(|| said.join("; ")))
    }
}

/// The SHA-256 of a file, hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn sha256_of(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&piece[..n]),
        }
    }
}
