//! Kinds: told by the first bytes of what is not compressed.

use crate::lines::field;
use crate::xml::{Node, Xml, XmlLimits};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// FITS.
    Fits,
    /// VOTable.
    Votable,
    /// Tables that a service describes, VODataService.
    Tableset,
    /// What a service can do, VOSI.
    Capabilities,
    /// Whether a service is up, VOSI.
    Availability,
    /// A job, UWS.
    Job,
    /// A list of jobs, UWS.
    Jobs,
    /// A site log in GeodesyML.
    GeodesyMl,
    /// Any other XML.
    Xml,
    /// A web page.
    Html,
    /// Text columns with a YAML header.
    Ecsv,
    /// Text columns with commas.
    Csv,
    /// JSON.
    Json,
    /// RINEX observations.
    RinexObservation,
    /// RINEX broadcast ephemerides.
    RinexNavigation,
    /// RINEX weather.
    RinexMeteorological,
    /// RINEX clocks.
    RinexClock,
    /// RINEX whose header cannot be read.
    Rinex,
    /// Orbits.
    Sp3,
    /// Maps of the ionosphere.
    Ionex,
    /// Antenna models.
    Antex,
    /// Stations and other parameters.
    Sinex,
    /// An IGS site log.
    SiteLog,
    /// Clock comparisons.
    Cggtts,
    /// An Avro container.
    Avro,
    /// Parquet.
    Parquet,
    /// PDF.
    Pdf,
    /// A ZIP archive.
    Zip,
    /// A tar archive.
    Tar,
    /// Text of no known kind.
    Text,
    /// No bytes at all.
    Empty,
    /// Bytes of no known kind.
    Unknown,
}

/// The kind by the first bytes.
pub(super) fn of(head: &[u8]) -> Kind {
    match head {
        [] => Kind::Empty,
        [b'S', b'I', b'M', b'P', b'L', b'E', b' ', b' ', b'=', ..] => Kind::Fits,
        [b'O', b'b', b'j', 1, ..] => Kind::Avro,
        [b'P', b'A', b'R', b'1', ..] => Kind::Parquet,
        [b'%', b'P', b'D', b'F', b'-', ..] => Kind::Pdf,
        _ => of_text(head),
    }
}

fn of_text(head: &[u8]) -> Kind {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}');
    // Blank lines before the first are passed over, blanks within it are columns.
    let blank = text.len() - text.trim_start().len();
    let start = text[..blank].rfind('\n').map_or(0, |end| end + 1);
    let (lines, text) = (&text[start..], &text[blank..]);
    let is_utf16 = matches!(head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    if text.starts_with('<') || is_utf16 {
        return of_xml(head, text);
    }
    if head.contains(&0) {
        return Kind::Unknown;
    }
    if text.starts_with(['{', '[']) {
        return Kind::Json;
    }
    of_lines(lines)
}

fn of_xml(head: &[u8], text: &str) -> Kind {
    let begin = text.get(..15).unwrap_or(text).to_ascii_lowercase();
    if begin.starts_with("<!doctype html") || begin.starts_with("<html") {
        return Kind::Html;
    }
    let Ok(mut xml) = Xml::new(head, XmlLimits::default()) else {
        return Kind::Unknown;
    };
    loop {
        return match xml.next() {
            Ok(Node::Start(root)) => match root.name.as_str() {
                "VOTABLE" => Kind::Votable,
                "tableset" => Kind::Tableset,
                "capabilities" => Kind::Capabilities,
                "availability" => Kind::Availability,
                "job" => Kind::Job,
                "jobs" => Kind::Jobs,
                "GeodesyML" => Kind::GeodesyMl,
                "html" | "HTML" => Kind::Html,
                _ => Kind::Xml,
            },
            Ok(Node::Text(text)) if text.trim().is_empty() => continue,
            _ if text.starts_with("<?xml") => Kind::Xml,
            _ if head.contains(&0) => Kind::Unknown,
            _ => Kind::Text,
        };
    }
}

fn of_lines(text: &str) -> Kind {
    let first = text.lines().next().unwrap_or("");
    let label = field(first, 60, 80);
    if label.starts_with("CRINEX VERS") || label.starts_with("RINEX VERSION") {
        return Kind::Rinex;
    }
    if field(first, 65, 85).starts_with("RINEX VERSION") {
        return Kind::Rinex;
    }
    if label.starts_with("IONEX VERSION") {
        return Kind::Ionex;
    }
    if label.starts_with("ANTEX VERSION") {
        return Kind::Antex;
    }
    let bytes = first.as_bytes();
    let is_sp3 = matches!(
        bytes,
        [b'#', b'a'..=b'd', b'P' | b'V', b'0'..=b'9' | b' ', ..]
    );
    // The lines of satellites, where the two before them are missing.
    let satellites = first.len() == 60 && first.starts_with("+  ");
    if is_sp3 || (satellites && text.contains("\n++")) {
        return Kind::Sp3;
    }
    if first.starts_with("# %ECSV ") {
        return Kind::Ecsv;
    }
    if first.starts_with("%=SNX") {
        return Kind::Sinex;
    }
    if first.starts_with("CGGTTS") {
        return Kind::Cggtts;
    }
    if text
        .lines()
        .take(5)
        .any(|line| line.contains("Site Information Form"))
    {
        return Kind::SiteLog;
    }
    if is_csv(text) { Kind::Csv } else { Kind::Text }
}

/// Whether the first lines have the same number of cells, more than one.
fn is_csv(text: &str) -> bool {
    let whole = text.rfind('\n').map_or(text, |end| &text[..end]);
    let mut lines = whole.lines().take(5).map(|line| n_cells(line, ','));
    let Some(n) = lines.next().filter(|n| *n > 1) else {
        return false;
    };
    lines.all(|other| other == n)
}

/// Cells of a line, quoted delimiters not counted.
pub(super) fn n_cells(line: &str, delimiter: char) -> usize {
    let mut quoted = false;
    let mut n = 1;
    for letter in line.chars() {
        quoted ^= letter == '"';
        n += usize::from(letter == delimiter && !quoted);
    }
    n
}
