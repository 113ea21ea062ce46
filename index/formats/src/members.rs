//! Members: what a ZIP or tar archive holds, listed and read within bounds.
//!
//! Names are checked before anything else: one that is absolute or climbs out of its folder, and a link,
//! make the whole archive refused, since nothing good was meant by it.

use std::io::{self, Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::compression::unpack;

/// How much of an archive is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members, folders included.
    pub max_members: usize,
    /// Bytes of one member that is read.
    pub max_member_bytes: u64,
    /// Bytes of all members together.
    pub max_total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_members: 10_000,
            max_member_bytes: 1 << 30,
            max_total_bytes: 64 << 30,
        }
    }
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Member {
    /// Its path within the archive, with `/`.
    pub name: String,
    /// Its size when unpacked, as the archive says.
    pub size_bytes: u64,
}

/// Why an archive, or a member of it, was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MembersError {
    /// The structure of the ZIP archive is broken, or made of what is not read here.
    #[error("reading a ZIP archive")]
    Zip(#[from] ZipError),
    /// The bytes or the structure of the tar archive are broken.
    #[error("reading an archive")]
    Io(#[from] io::Error),
    /// A name that is absolute, climbs, or is no text.
    #[error("the member `{0}` has a name that leaves its folder or is none")]
    Name(String),
    /// A link, a device or the like.
    #[error("the member `{0}` is neither a file nor a folder")]
    NotAFile(String),
    /// There are too many.
    #[error("more than {max} members")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// All members, or the one asked for, are larger than allowed.
    #[error("`{name}` takes the archive or itself beyond {max_bytes} bytes")]
    TooLarge {
        /// The member that went beyond.
        name: String,
        /// The limit.
        max_bytes: u64,
    },
    /// There is no such member.
    #[error("no member `{0}`")]
    Missing(String),
}

/// Whether the first 512 bytes are a tar header, told by its checksum.
#[must_use]
pub fn is_tar(first_bytes: &[u8]) -> bool {
    let Some(block) = first_bytes.get(..512) else {
        return false;
    };
    let digits = String::from_utf8_lossy(&block[148..156]);
    let digits = digits.trim_matches([' ', '\0']);
    let Ok(said) = u32::from_str_radix(digits, 8) else {
        return false;
    };
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    block[0] != 0 && said == sum(&block[..148]) + sum(&block[156..]) + 8 * u32::from(b' ')
}

/// Goes through the files of a ZIP archive in its order; `each` gets a member and its bytes.
///
/// # Errors
/// [`MembersError`] by what is wrong, also what `each` gives.
pub fn each_zip_member(
    reader: impl Read + Seek,
    limits: Limits,
    mut each: impl FnMut(&Member, &mut dyn Read) -> Result<(), MembersError>,
) -> Result<(), MembersError> {
    let mut archive = ZipArchive::new(reader)?;
    let mut tally = Tally::new(limits);
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        let size_bytes = file.size();
        tally.count(&name, size_bytes)?;
        if file.is_symlink() {
            return Err(MembersError::NotAFile(name));
        }
        if !file.is_dir() {
            each(&Member { name, size_bytes }, &mut file)?;
        }
    }
    Ok(())
}

/// Goes through the files of a tar archive, compressed or not; `each` gets a member and its bytes.
///
/// # Errors
/// [`MembersError`] by what is wrong, also what `each` gives.
pub fn each_tar_member(
    reader: impl Read,
    limits: Limits,
    mut each: impl FnMut(&Member, &mut dyn Read) -> Result<(), MembersError>,
) -> Result<(), MembersError> {
    // Headers and padding take up to 1.5 KiB a member beside its bytes.
    let overhead = (limits.max_members as u64).saturating_mul(4096);
    let max_bytes = limits.max_total_bytes.saturating_add(overhead);
    let (reader, _) = unpack(reader, max_bytes)?;
    let mut archive = tar::Archive::new(reader);
    let mut tally = Tally::new(limits);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let size_bytes = entry.size();
        tally.count(&name, size_bytes)?;
        match entry.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                each(&Member { name, size_bytes }, &mut entry)?;
            }
            tar::EntryType::Directory | tar::EntryType::XGlobalHeader => {}
            _ => return Err(MembersError::NotAFile(name)),
        }
    }
    Ok(())
}

/// Lists the files of a ZIP archive.
///
/// # Errors
/// As [`each_zip_member`].
pub fn zip_members(reader: impl Read + Seek, limits: Limits) -> Result<Vec<Member>, MembersError> {
    let mut members = Vec::new();
    each_zip_member(reader, limits, |member, _| {
        members.push(member.clone());
        Ok(())
    })?;
    Ok(members)
}

/// Lists the files of a tar archive, compressed or not.
///
/// # Errors
/// As [`each_tar_member`].
pub fn tar_members(reader: impl Read, limits: Limits) -> Result<Vec<Member>, MembersError> {
    let mut members = Vec::new();
    each_tar_member(reader, limits, |member, _| {
        members.push(member.clone());
        Ok(())
    })?;
    Ok(members)
}

/// Reads one file of a ZIP archive whole.
///
/// # Errors
/// As [`each_zip_member`], [`MembersError::Missing`], [`MembersError::TooLarge`].
pub fn zip_member(
    reader: impl Read + Seek,
    name: &str,
    limits: Limits,
) -> Result<Vec<u8>, MembersError> {
    let mut found = None;
    each_zip_member(reader, limits, |member, bytes| {
        if member.name == name {
            found = Some(read_whole(member, bytes, limits)?);
        }
        Ok(())
    })?;
    found.ok_or_else(|| MembersError::Missing(name.to_owned()))
}

/// Reads one file of a tar archive whole, compressed or not; the last of that name counts.
///
/// # Errors
/// As [`each_tar_member`], [`MembersError::Missing`], [`MembersError::TooLarge`].
pub fn tar_member(reader: impl Read, name: &str, limits: Limits) -> Result<Vec<u8>, MembersError> {
    let mut found = None;
    each_tar_member(reader, limits, |member, bytes| {
        if member.name == name {
            found = Some(read_whole(member, bytes, limits)?);
        }
        Ok(())
    })?;
    found.ok_or_else(|| MembersError::Missing(name.to_owned()))
}

/// The size an archive states is not believed: what comes is counted.
fn read_whole(
    member: &Member,
    bytes: &mut dyn Read,
    limits: Limits,
) -> Result<Vec<u8>, MembersError> {
    let max_bytes = limits.max_member_bytes;
    let mut whole = Vec::new();
    bytes
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut whole)?;
    if whole.len() as u64 > max_bytes {
        let name = member.name.clone();
        return Err(MembersError::TooLarge { name, max_bytes });
    }
    Ok(whole)
}

/// What was seen so far, against the limits.
struct Tally {
    limits: Limits,
    n_members: usize,
    n_bytes: u64,
}

impl Tally {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            n_members: 0,
            n_bytes: 0,
        }
    }

    fn count(&mut self, name: &str, size_bytes: u64) -> Result<(), MembersError> {
        if !is_safe(name) {
            return Err(MembersError::Name(name.to_owned()));
        }
        let max = self.limits.max_members;
        self.n_members += 1;
        if self.n_members > max {
            return Err(MembersError::TooMany { max });
        }
        let max_bytes = self.limits.max_total_bytes;
        self.n_bytes = self.n_bytes.saturating_add(size_bytes);
        if self.n_bytes > max_bytes {
            let name = name.to_owned();
            return Err(MembersError::TooLarge { name, max_bytes });
        }
        Ok(())
    }
}

/// A name that stays within its folder on every system.
fn is_safe(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    let odd = name.contains(['\0', '\u{fffd}']);
    let climbs = name.split(['/', '\\']).any(|part| part == "..");
    !(name.is_empty() || name.starts_with(['/', '\\']) || drive || odd || climbs)
}
