//! Writing: [`Document`] is a whole VOTable 1.4, element by element and row by row; [`Writer`] one table of texts.
//!
//! Nothing is held but the row under way. What a service has to say of its answer (`QUERY_STATUS` before the table, and
//! once more behind it when there would be more rows) is said by its caller, as [`Info`].
//!
//! # Source
//! IVOA VOTable 1.4 (the namespace is that of 1.3), DALI 1.1 section 4.4 for QUERY_STATUS.

mod cells;
mod document;
mod tags;

use std::io::Write;

use super::{Info, Resource, Table, VotableError};

pub use super::Field;
pub use document::{Document, Serialisation};

/// Writes a document that holds no table but the reason why there is none, and gives `out` back.
///
/// # Errors
/// When `out` fails.
pub fn write_error<W: Write>(out: W, reason: &str) -> Result<W, VotableError> {
    let mut document = Document::new(out)?;
    document.begin_resource(&Resource::results())?;
    document.info(&Info {
        text: reason.to_owned(),
        ..Info::status("ERROR")
    })?;
    document.finish()
}

/// Writes the rows of a table whose cells are texts already.
pub struct Writer<W: Write> {
    document: Document<W>,
}

impl<W: Write> Writer<W> {
    /// Writes all that comes before the rows, `QUERY_STATUS` being `OK`.
    ///
    /// # Errors
    /// When `out` fails, or a field has a datatype or an arraysize that is none.
    pub fn new(out: W, fields: &[Field]) -> Result<Self, VotableError> {
        let mut document = Document::new(out)?;
        document.begin_resource(&Resource::results())?;
        document.info(&Info::status("OK"))?;
        let table = Table {
            fields: fields.to_vec(),
            ..Table::default()
        };
        document.begin_table(&table, Serialisation::TableData)?;
        Ok(Self { document })
    }

    /// Writes one row; a null is an empty cell.
    ///
    /// Characters that XML does not allow are replaced by U+FFFD.
    ///
    /// # Errors
    /// [`VotableError::RowLength`] when the cells are not as many as the fields; when `out` fails.
    pub fn row(&mut self, cells: &[Option<&str>]) -> Result<(), VotableError> {
        self.document.row_of_texts(cells)
    }

    /// Writes the end, and gives `out` back.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn finish(self) -> Result<W, VotableError> {
        self.document.finish()
    }

    /// Writes the end, saying that there would have been more rows, and why they are not there.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn finish_overflowed(mut self, why: &str) -> Result<W, VotableError> {
        self.document.end_table()?;
        self.document.info(&Info {
            text: why.to_owned(),
            ..Info::status("OVERFLOW")
        })?;
        self.document.finish()
    }

    /// What the rows are written to, to take what was written so far.
    pub fn get_mut(&mut self) -> &mut W {
        self.document.get_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_written_whole() {
        let fields = [
            Field::text("asset").description("its id"),
            Field::new("ra", "double").unit("deg").ucd("pos.eq.ra"),
        ];
        let mut writer = Writer::new(Vec::new(), &fields).unwrap();
        writer
            .row(&[Some("a<b & \"c\"\u{1}"), Some("1.5")])
            .unwrap();
        writer.row(&[None, None]).unwrap();
        let text = String::from_utf8(writer.finish().unwrap()).unwrap();
        let expected = concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            r#"<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">"#,
            r#"<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/><TABLE>"#,
            r#"<FIELD name="asset" datatype="unicodeChar" arraysize="*"><DESCRIPTION>its id</DESCRIPTION></FIELD>"#,
            r#"<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra"/>"#,
            "<DATA><TABLEDATA>",
            "<TR><TD>a&lt;b &amp; &quot;c&quot;\u{fffd}</TD><TD>1.5</TD></TR>\n",
            "<TR><TD/><TD/></TR>\n",
            "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>\n",
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_row_of_the_wrong_length_is_refused() {
        let mut writer = Writer::new(Vec::new(), &[Field::text("a")]).unwrap();
        let error = writer.row(&[]).unwrap_err();
        assert!(matches!(
            error,
            VotableError::RowLength {
                expected: 1,
                found: 0,
                row: 0
            }
        ));
    }

    #[test]
    fn an_overflow_is_said_behind_the_table() {
        let writer = Writer::new(Vec::new(), &[Field::text("a")]).unwrap();
        let text = String::from_utf8(writer.finish_overflowed("cut").unwrap()).unwrap();
        assert!(text.contains(
            r#"</TABLE><INFO name="QUERY_STATUS" value="OVERFLOW">cut</INFO></RESOURCE>"#
        ));
    }

    #[test]
    fn an_error_document_says_why_there_is_no_table() {
        let bytes = write_error(Vec::new(), "no column `<ra]]>`").unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let info = r#"<INFO name="QUERY_STATUS" value="ERROR">no column `&lt;ra]]&gt;`</INFO>"#;
        let expected = format!(r#"<RESOURCE type="results">{info}</RESOURCE>"#);
        assert!(text.contains(&expected), "{text}");
    }
}
