//! The cells of a row of TABLEDATA, of which a document has millions: read past the events of XML where they are plain.

use std::io::BufRead;

use quick_xml::events::Event;

use super::{Xml, XmlError, element, resolved};

impl Xml<'_> {
    /// Reads the cells of a row whose `TR` was just begun: each cell's text is handed on. For speed this goes past
    /// [`Xml::next`].
    /// With it comes whether the cell is said to be in base64.
    pub(crate) fn cells(&mut self, mut take: impl FnMut(&str, bool)) -> Result<(), XmlError> {
        let (mut text, mut in_cell, mut depth) = (String::new(), false, 0_usize);
        let mut is_base64 = false;
        let max = self.limits.text_bytes;
        let mut between = true;
        loop {
            if std::mem::take(&mut between) {
                self.plain_cells(&mut take)?;
            }
            let mut done = false;
            match self.event()? {
                Event::Start(start) => {
                    depth += 1;
                    if depth == 1 && start.local_name().as_ref() == "TD" {
                        in_cell = true;
                        is_base64 = !start.attributes_raw().trim().is_empty()
                            && element(&start).attribute("encoding") == Some("base64");
                        text.clear();
                    }
                }
                Event::End(_) if depth == 0 => done = true,
                Event::End(_) => {
                    depth -= 1;
                    if depth == 0 && in_cell {
                        take(&text, is_base64);
                        in_cell = false;
                        between = true;
                    }
                }
                Event::Text(part) if in_cell => text.push_str(&part.xml10_content()),
                Event::CData(part) if in_cell => text.push_str(&part),
                Event::GeneralRef(reference) if in_cell => text.push_str(&resolved(&reference)?),
                Event::Eof => {
                    return Err(XmlError::Cut {
                        element: "TR".to_owned(),
                    });
                }
                _ => {}
            }
            self.buffer.clear();
            if text.len() as u64 > max || depth > self.limits.depth {
                let position = self.position();
                return Err(XmlError::TooLong {
                    position,
                    max_bytes: max,
                });
            }
            if done {
                self.open.pop();
                return Ok(());
            }
        }
    }

    /// Hands on the cells from here on that lie whole in what is read already and are as plain as most of them are;
    /// whatever is the least bit different is left to come as events.
    fn plain_cells(&mut self, take: &mut impl FnMut(&str, bool)) -> Result<(), XmlError> {
        let max_bytes = self.limits.text_bytes;
        let source = self.reader.get_mut();
        source.left = max_bytes;
        let buffer = source.fill_buf().map_err(XmlError::Io)?;
        let mut at = 0;
        while let Some((text, n_bytes)) = plain_cell(&buffer[at..]) {
            take(text, false);
            at += n_bytes;
        }
        source.consume(at);
        self.passed += at as u64;
        Ok(())
    }
}

/// The text of a cell at the beginning of some bytes, and how many they are with its tags: without attributes, entities,
/// comments, prefixes, or an end of line that would be read as another.
fn plain_cell(bytes: &[u8]) -> Option<(&str, usize)> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let rest = bytes[start..].strip_prefix(b"<TD>")?;
    let is_other = |byte: &u8| matches!(byte, b'<' | b'&' | b'\r');
    let end = rest.iter().position(is_other)?;
    let is_whole = rest[end..].starts_with(b"</TD>");
    let text = is_whole.then(|| std::str::from_utf8(&rest[..end]).ok());
    Some((text??, start + b"<TD>".len() + end + b"</TD>".len()))
}
