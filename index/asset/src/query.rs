//! Queries: questions to an archive whose answer is a file.

use serde::{Deserialize, Serialize};

/// A question whose answer is a file; each run of it may answer something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "language", rename_all = "lowercase")]
pub enum Query {
    /// A query in ADQL, run by the archive's TAP service.
    Adql(AdqlQuery),
    /// Products of sources, by DataLink.
    Datalink(DatalinkQuery),
}

/// A query in ADQL.
///
/// # Source
/// IVOA ADQL 2.1, TAP 1.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdqlQuery {
    /// The query.
    pub adql: String,
    /// The release it asks, `DR3`, where the asker said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// How the table shall be written: `votable`, `fits`, `ecsv` or `csv`.
    pub format: String,
    /// The most rows that are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// The table that goes with it, in the query `tap_upload.<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<QueryUpload>,
}

/// A file of a volume that goes with a query as a table.
///
/// # Source
/// IVOA TAP 1.1, section 2.5 (UPLOAD).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryUpload {
    /// The name of the table.
    pub name: String,
    /// The name of the asker's volume.
    pub volume: String,
    /// Where the file is in it.
    pub path: String,
    /// SHA-256 of its bytes when the question was asked, hexadecimal: other bytes would be another question.
    pub sha256: String,
}

/// Products of one kind, of many sources.
///
/// # Source
/// IVOA DataLink 1.1; the kinds are those of the Gaia archive's `RETRIEVAL_TYPE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatalinkQuery {
    /// The release the sources are of, `DR3`: the same number in another release may be another object.
    pub release: String,
    /// The sources, as decimal numbers that may pass 2⁵³.
    pub sources: Vec<String>,
    /// The kind of product, such as `XP_SAMPLED`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How each product shall be written: `votable`, `fits`, `ecsv` or `csv`.
    pub format: String,
}
