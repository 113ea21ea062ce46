//! Bulk files: a listing as S3 has it, and the files beneath it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, TimeZone, Utc};
use md5::{Digest, Md5};

use super::encode::{csv, ecsv_head, gzipped};
use super::sources::{Source, columns};
use super::value::{Table, Value, read_columns};
use super::votable::{About, escaped};
use crate::answer::Source as Content;
use crate::error::StandinError;

const N_PARTITIONS: usize = 16;
const LAST_PIXEL: i64 = 786_431;
/// Bits of a `source_id` below its cell of level 8.
const LEVEL_8_SHIFT: u32 = 43;
const MAX_KEYS: usize = 1000;

#[derive(Debug)]
pub(crate) struct BulkFile {
    pub(crate) key: String,
    pub(crate) size_bytes: u64,
    pub(crate) md5: String,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) content: Content,
}

fn hex_md5(bytes: &[u8]) -> String {
    Md5::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl BulkFile {
    fn made(key: String, bytes: Vec<u8>) -> Self {
        let modified = Utc
            .with_ymd_and_hms(2022, 6, 13, 10, 0, 0)
            .single()
            .unwrap_or_default();
        Self {
            size_bytes: bytes.len() as u64,
            md5: hex_md5(&bytes),
            modified,
            content: Content::Memory(Bytes::from(bytes)),
            key,
        }
    }

    fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or(&self.key)
    }
}

/// All files, in the order of their keys.
pub(crate) fn files(
    sources: &[Source],
    real_data: Option<&Path>,
) -> Result<Vec<BulkFile>, StandinError> {
    let mut files = Vec::new();
    let columns = columns();
    let row = |source: &Source| source.row(&columns, "Gaia DR3", 2016.0);
    files.extend(group(sources, "gaia_source/GaiaSource", &row, &columns));
    let parameters: Vec<usize> = (0..columns.len())
        .filter(|n| {
            columns[*n].name.contains("gspphot")
                || ["source_id", "solution_id"].contains(&columns[*n].name.as_str())
        })
        .collect();
    let parameter_columns: Vec<_> = parameters.iter().map(|n| columns[*n].clone()).collect();
    let parameter_row = |source: &Source| {
        let whole = source.row(&columns, "Gaia DR3", 2016.0);
        parameters.iter().map(|n| whole[*n].clone()).collect()
    };
    files.extend(group(
        sources,
        "Astrophysical_parameters/astrophysical_parameters/AstrophysicalParameters",
        &parameter_row,
        &parameter_columns,
    ));
    let spectra: Vec<Source> = sources
        .iter()
        .filter(|source| source.has_xp())
        .copied()
        .collect();
    let xp = read_columns(
        "source_id|long||meta.id;meta.main|Number of the source\nbp_n_parameters|short|||Number of coefficients, BP\nbp_coefficients|double[]|||Coefficients, BP",
    );
    let xp_row = |source: &Source| {
        let mut dice = source.dice(9);
        vec![
            Value::Int(source.source_id),
            Value::Int(55),
            Value::Array((0..55).map(|_| dice.normal()).collect()),
        ]
    };
    files.extend(group(
        &spectra,
        "Spectroscopy/xp_continuous_mean_spectrum/XpContinuousMeanSpectrum",
        &xp_row,
        &xp,
    ));
    if let Some(folder) = real_data {
        for name in ["gaia", "votable", "fits"] {
            files.extend(real(&folder.join(name), name)?);
        }
    }
    files.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(files)
}

/// The partitions of a table and the files beside them.
fn group(
    sources: &[Source],
    prefix: &str,
    row: &dyn Fn(&Source) -> Vec<Value>,
    columns: &[super::value::Column],
) -> Vec<BulkFile> {
    let folder = format!(
        "Gaia/gdr3/{}",
        prefix.rsplit_once('/').map_or("", |(folder, _)| folder)
    );
    let mut files = Vec::new();
    for (first, last) in partitions(sources) {
        let within = sources
            .iter()
            .filter(|source| (first..=last).contains(&(source.source_id >> LEVEL_8_SHIFT)));
        let table = Table {
            columns: columns.to_vec(),
            rows: within.map(row).collect(),
        };
        if !table.rows.is_empty() {
            // Missing is `null` here, which is not what ECSV says.
            let text = ecsv_head(&table, &About::default()) + &csv(&table, "null");
            files.push(BulkFile::made(
                format!("Gaia/gdr3/{prefix}_{first:06}-{last:06}.csv.gz"),
                gzipped(text.as_bytes()),
            ));
        }
    }
    for (name, text) in [
        (
            "_readme.txt",
            "Generated rows that look like those of Gaia DR3, one file for each range of HEALPix cells.\n",
        ),
        (
            "_license.txt",
            "Generated data; do what you like with it. The real archive: CC BY-NC 3.0 IGO.\n",
        ),
        (
            "_citation.txt",
            "Do not cite generated rows. Of real ones, credit ESA/Gaia/DPAC.\n",
        ),
    ] {
        files.push(BulkFile::made(
            format!("{folder}/{name}"),
            text.as_bytes().to_vec(),
        ));
    }
    files.push(sums(&folder, &files));
    files
}

/// `md5  name` of each file; the entry of the list itself never matches, since it is made too early.
fn sums(folder: &str, files: &[BulkFile]) -> BulkFile {
    let mut text: String = files
        .iter()
        .map(|file| format!("{}  {}\n", file.md5, file.name()))
        .collect();
    let _ = writeln!(text, "{}  _MD5SUM.txt", hex_md5(text.as_bytes()));
    BulkFile::made(format!("{folder}/_MD5SUM.txt"), text.into_bytes())
}

/// Ranges of cells of level 8 without gaps, each with about as many sources.
fn partitions(sources: &[Source]) -> Vec<(i64, i64)> {
    let mut pixels: Vec<i64> = sources
        .iter()
        .map(|source| source.source_id >> LEVEL_8_SHIFT)
        .collect();
    pixels.sort_unstable();
    let mut ends: Vec<i64> = (1..N_PARTITIONS)
        .filter_map(|n| pixels.get(n * pixels.len() / N_PARTITIONS).copied())
        .collect();
    ends.retain(|end| *end < LAST_PIXEL);
    ends.push(LAST_PIXEL);
    ends.dedup();
    let firsts = std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    firsts.zip(ends.iter().copied()).collect()
}

/// The files of a real folder, whatever their names; those of folders within it are left out.
fn real(folder: &Path, name: &str) -> Result<Vec<BulkFile>, StandinError> {
    let failed = |path: &Path| {
        let path = PathBuf::from(path);
        move |source| StandinError::File { path, source }
    };
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let Some(file_name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|_| path.is_file())
        else {
            continue;
        };
        let bytes = std::fs::read(&path).map_err(failed(&path))?;
        let modified = std::fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .map_err(failed(&path))?;
        files.push(BulkFile {
            key: format!("{name}/{file_name}"),
            size_bytes: bytes.len() as u64,
            md5: hex_md5(&bytes),
            modified: modified.into(),
            content: Content::File(path),
        });
    }
    files.push(sums(name, &files));
    Ok(files)
}

/// What a listing is asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked<'p> {
    pub(crate) prefix: &'p str,
    pub(crate) delimiter: &'p str,
    pub(crate) marker: &'p str,
    pub(crate) max_keys: Option<usize>,
}

/// A page of the listing, by version 1 of S3's.
pub(crate) fn listing(files: &[&BulkFile], asked: &Asked<'_>) -> String {
    let max_keys = asked.max_keys.unwrap_or(MAX_KEYS).min(MAX_KEYS);
    let mut entries: Vec<(String, Option<&BulkFile>)> = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.key.starts_with(asked.prefix))
    {
        let rest = &file.key[asked.prefix.len()..];
        let folder = if asked.delimiter.is_empty() {
            None
        } else {
            rest.find(asked.delimiter)
        };
        match folder {
            Some(end) => {
                let common = format!("{}{}", asked.prefix, &rest[..end + asked.delimiter.len()]);
                if entries.last().is_none_or(|(last, _)| *last != common) {
                    entries.push((common, None));
                }
            }
            None => entries.push((file.key.clone(), Some(file))),
        }
    }
    entries.retain(|(key, _)| key.as_str() > asked.marker);
    let is_truncated = entries.len() > max_keys;
    entries.truncate(max_keys);
    page(&entries, asked, max_keys, is_truncated)
}

fn page(
    entries: &[(String, Option<&BulkFile>)],
    asked: &Asked<'_>,
    max_keys: usize,
    is_truncated: bool,
) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
    );
    let _ = write!(
        xml,
        "<Name>gaia</Name><Prefix>{}</Prefix><Marker>{}</Marker>",
        escaped(asked.prefix),
        escaped(asked.marker)
    );
    if let Some((last, _)) = entries.last().filter(|_| is_truncated) {
        let _ = write!(xml, "<NextMarker>{}</NextMarker>", escaped(last));
    }
    let _ = write!(xml, "<MaxKeys>{max_keys}</MaxKeys>");
    if !asked.delimiter.is_empty() {
        let _ = write!(xml, "<Delimiter>{}</Delimiter>", escaped(asked.delimiter));
    }
    let _ = write!(xml, "<IsTruncated>{is_truncated}</IsTruncated>");
    for (key, file) in entries {
        let key = escaped(key);
        let _ = match file {
            Some(file) => write!(
                xml,
                "<Contents><Key>{key}</Key><LastModified>{}</LastModified><ETag>&quot;{}&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                file.modified.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
                file.md5,
                file.size_bytes
            ),
            None => write!(
                xml,
                "<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>"
            ),
        };
    }
    xml + "</ListBucketResult>\n"
}
