//! The VOTables of `$GANTRY_REAL_DATA`: version, serialisation, tables, rows, columns and status as other tools measured.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::path::{Path, PathBuf};

use gantry_formats::votable::{Limits, QueryStatus, Reader, VotableError};
