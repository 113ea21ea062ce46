//! How a file is packed, by its last extension.

/// How a file is packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Packing {
    /// It is not.
    #[default]
    None,
    /// Unix compress, `.Z`.
    UnixCompress,
    /// Gzip, `.gz`.
    Gzip,
    /// Bzip2, `.bz2`.
    Bzip2,
    /// ZIP, `.zip`.
    Zip,
}

impl Packing {
    /// Its media type; none for what is not packed.
    #[must_use]
    pub fn media_type(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::UnixCompress => "application/x-compress",
            Self::Gzip => "application/gzip",
            Self::Bzip2 => "application/x-bzip2",
            Self::Zip => "application/zip",
        })
    }
}

/// A name without the extension of its packing, and that packing.
pub(super) fn split(name: &str) -> (&str, Packing) {
    let packings = [
        (".gz", Packing::Gzip),
        (".z", Packing::UnixCompress),
        (".bz2", Packing::Bzip2),
        (".zip", Packing::Zip),
    ];
    for (end, packing) in packings {
        let at = name.len().saturating_sub(end.len());
        if let Some((stem, last)) = name.split_at_checked(at)
            && !stem.is_empty()
            && last.eq_ignore_ascii_case(end)
        {
            return (stem, packing);
        }
    }
    (name, Packing::None)
}
