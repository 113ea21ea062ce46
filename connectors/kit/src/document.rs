//! Documents of services: read off the threads that everything else runs on, and within bounds.

use std::fmt::Display;

use gantry_formats::XmlLimits;

/// How much a document of a service may hold; the tables of the largest archives take some 10 MB.
pub const LIMITS: XmlLimits = XmlLimits {
    text_bytes: 16 << 20,
    depth: 64,
    unpacked_bytes: 512 << 20,
};

/// Reads a document where a long one holds up nobody else; the error in a sentence.
///
/// # Errors
/// What `read` says of the document.
pub async fn read<T, E>(read: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, String>
where
    T: Send + 'static,
    E: Display + Send + 'static,
{
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(error) => Err(format!("its reader stopped: {error}")),
    }
}
