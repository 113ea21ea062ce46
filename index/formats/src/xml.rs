//! XML as documents of the Virtual Observatory come in: any prefix, any encoding, never trusted.
//!
//! Names are local names, text is what is between two tags with its entities resolved. The bytes of one text or tag, the
//! depth and the number of attributes are bounded, so a document can be of any length and memory stays flat.

mod cells;

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use quick_xml::XmlVersion;
use quick_xml::encoding::DecodingReader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

use crate::compression::without_gzip;

/// As much of a document as is looked at to find the encoding that it declares.
const BEGINNING_BYTES: u64 = 256;

/// How much of a document is held at a time.
#[derive(Debug, Clone, Copy)]
pub struct XmlLimits {
    /// Bytes of one text or tag.
    pub text_bytes: u64,
    /// Elements within elements.
    pub depth: usize,
    /// Bytes that gzip around the document may hold.
    pub unpacked_bytes: u64,
}

impl Default for XmlLimits {
    fn default() -> Self {
        Self {
            text_bytes: 16 << 20,
            depth: 64,
            unpacked_bytes: 64 << 30,
        }
    }
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// The text breaks the rules of XML.
    #[error("not XML at byte {position}: {why}")]
    Syntax {
        /// Where.
        position: u64,
        /// What is wrong.
        why: String,
    },
    /// It ends within an element.
    #[error("the document ends within `{element}`")]
    Cut {
        /// The innermost element that is open.
        element: String,
    },
    /// More is held in one place than is allowed.
    #[error("a text or tag at byte {position} is longer than {max_bytes} bytes")]
    TooLong {
        /// Where.
        position: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// Elements within elements within elements.
    #[error("elements are nested deeper than {max_depth}")]
    TooDeep {
        /// The limit.
        max_depth: usize,
    },
    /// The document says that it is written in an encoding that is not known.
    #[error("XML in the unknown encoding `{encoding}`")]
    Encoding {
        /// What it says.
        encoding: String,
    },
    /// The bytes beneath could not be read.
    #[error("reading XML")]
    Io(#[source] io::Error),
}

/// An opening tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its name without a prefix.
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute, whatever its prefix.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The same as text of its own.
    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.attribute(name).map(ToOwned::to_owned)
    }

    /// Bytes of its name and attributes.
    pub(crate) fn n_bytes(&self) -> usize {
        let attributes = self.attributes.iter();
        let values = attributes.map(|(name, value)| name.len() + value.len());
        self.name.len() + values.sum::<usize>()
    }

    /// All attributes: local name, value.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// What comes next in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// An element begins; an empty one ends right after.
    Start(Element),
    /// The element of this name ends.
    End(String),
    /// Text.
    Text(String),
    /// The document ends.
    EndOfDocument,
}

type Begun<'r> = Chain<Cursor<Vec<u8>>, Box<dyn Read + 'r>>;
type Source<'r> = Budget<DecodingReader<BufReader<Begun<'r>>>>;

/// A document that is read from its beginning to its end.
pub(crate) struct Xml<'r> {
    reader: quick_xml::Reader<Source<'r>>,
    buffer: Vec<u8>,
    open: Vec<String>,
    limits: XmlLimits,
    /// Bytes that were read past `reader`.
    passed: u64,
}

impl<'r> Xml<'r> {
    /// A document, with or without gzip around it.
    pub(crate) fn new(reader: impl Read + 'r, limits: XmlLimits) -> Result<Self, XmlError> {
        let mut plain: Box<dyn Read + 'r> =
            Box::new(without_gzip(reader, limits.unpacked_bytes).map_err(XmlError::Io)?);
        let mut beginning = Vec::new();
        let mut first = plain.by_ref().take(BEGINNING_BYTES);
        first.read_to_end(&mut beginning).map_err(XmlError::Io)?;
        let declaration = declaration(&beginning);
        let whole = Cursor::new(beginning).chain(plain);
        let mut decoded = DecodingReader::new(BufReader::with_capacity(64 * 1024, whole));
        if let Some(declaration) = declaration
            && let Some(Ok(encoding)) = declaration.encoding()
        {
            match declaration.encoder() {
                Some(known) if known.is_ascii_compatible() => decoded.set_encoding(known),
                // UTF-16 is told by its first bytes.
                Some(_) => {}
                None => {
                    let encoding = encoding.into_owned();
                    return Err(XmlError::Encoding { encoding });
                }
            }
        }
        let mut reader = quick_xml::Reader::from_reader(Budget {
            inner: decoded,
            left: limits.text_bytes,
        });
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_end_names = true;
        Ok(Self {
            reader,
            buffer: Vec::new(),
            open: Vec::new(),
            limits,
            passed: 0,
        })
    }

    /// The names of the elements that are open, outermost first.
    pub(crate) fn open(&self) -> &[String] {
        &self.open
    }

    /// The name of the element around the one that was just begun.
    pub(crate) fn parent(&self) -> Option<&str> {
        let around = self.open.len().checked_sub(2)?;
        self.open.get(around).map(String::as_str)
    }

    /// What comes next; comments, declarations and instructions are passed over.
    pub(crate) fn next(&mut self) -> Result<Node, XmlError> {
        loop {
            let node = match self.event()? {
                Event::Start(start) => Some(Node::Start(element(&start))),
                Event::End(end) => Some(Node::End(end.local_name().as_ref().to_owned())),
                Event::Text(text) => Some(Node::Text(text.xml10_content().into_owned())),
                Event::CData(data) => Some(Node::Text(data.into_inner().into_owned())),
                Event::GeneralRef(reference) => Some(Node::Text(resolved(&reference)?)),
                Event::Eof => Some(Node::EndOfDocument),
                _ => None,
            };
            self.buffer.clear();
            let Some(node) = node else { continue };
            match &node {
                Node::Start(element) => {
                    if self.open.len() >= self.limits.depth {
                        let max_depth = self.limits.depth;
                        return Err(XmlError::TooDeep { max_depth });
                    }
                    self.open.push(element.name.clone());
                }
                Node::End(_) => drop(self.open.pop()),
                Node::EndOfDocument => {
                    if let Some(element) = self.open.pop() {
                        return Err(XmlError::Cut { element });
                    }
                }
                Node::Text(_) => {}
            }
            return Ok(node);
        }
    }

    /// The text up to the end of the element that was just begun; elements in it are passed over.
    pub(crate) fn text(&mut self) -> Result<String, XmlError> {
        let depth = self.open.len();
        let mut text = String::new();
        loop {
            match self.next()? {
                Node::Text(part) if self.open.len() == depth => {
                    self.check_length(text.len() + part.len())?;
                    text.push_str(&part);
                }
                Node::End(_) if self.open.len() < depth => return Ok(text.trim().to_owned()),
                Node::EndOfDocument => return Ok(text),
                _ => {}
            }
        }
    }

    /// Passes over the rest of the element that was just begun.
    pub(crate) fn skip(&mut self) -> Result<(), XmlError> {
        let depth = self.open.len();
        while self.open.len() >= depth {
            if self.next()? == Node::EndOfDocument {
                break;
            }
        }
        Ok(())
    }

    /// How far reading is, in bytes of the document's text.
    fn position(&self) -> u64 {
        self.reader.buffer_position() + self.passed
    }

    /// The raw text from here up to the next `<`, to be read as it comes; its length is not bounded here.
    pub(crate) fn raw_text(&mut self) -> RawText<'_, 'r> {
        RawText {
            source: self.reader.get_mut(),
        }
    }

    /// What stands where [`Xml::raw_text`] came to an end: nothing for a comment, the text of a CDATA section, or `None`
    /// for the end of the element.
    pub(crate) fn behind_raw_text(&mut self) -> Result<Option<String>, XmlError> {
        let position = self.position();
        let syntax = |why: &str| XmlError::Syntax {
            position,
            why: why.to_owned(),
        };
        let text = match self.event()? {
            Event::Comment(_) | Event::PI(_) => Ok(Some(String::new())),
            Event::CData(data) => Ok(Some(data.into_inner().into_owned())),
            Event::Text(text) => Ok(Some(text.xml10_content().into_owned())),
            Event::End(_) => Ok(None),
            Event::Eof => Err(None),
            _ => Err(Some(syntax("an element within a stream"))),
        };
        self.buffer.clear();
        match text {
            Ok(None) => {
                self.open.pop();
                Ok(None)
            }
            Ok(text) => Ok(text),
            Err(error) => Err(error.unwrap_or_else(|| XmlError::Cut {
                element: self.open.last().cloned().unwrap_or_default(),
            })),
        }
    }

    fn event(&mut self) -> Result<Event<'_>, XmlError> {
        let max_bytes = self.limits.text_bytes;
        self.reader.get_mut().left = max_bytes;
        let position = self.position();
        self.reader
            .read_event_into(&mut self.buffer)
            .map_err(|error| match error {
                quick_xml::Error::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    XmlError::TooLong {
                        position,
                        max_bytes,
                    }
                }
                quick_xml::Error::Io(error) => {
                    XmlError::Io(io::Error::new(error.kind(), error.to_string()))
                }
                other => XmlError::Syntax {
                    position,
                    why: other.to_string(),
                },
            })
    }

    fn check_length(&self, n_bytes: usize) -> Result<(), XmlError> {
        if n_bytes as u64 > self.limits.text_bytes {
            return Err(XmlError::TooLong {
                position: self.position(),
                max_bytes: self.limits.text_bytes,
            });
        }
        Ok(())
    }
}

/// The XML declaration at the beginning of a document, where there is one.
fn declaration(beginning: &[u8]) -> Option<BytesDecl<'static>> {
    let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
    let end = text.iter().position(|byte| *byte == b'>')?;
    let mut buffer = Vec::new();
    match quick_xml::Reader::from_reader(&text[..=end]).read_event_into(&mut buffer) {
        Ok(Event::Decl(declaration)) => Some(declaration.into_owned()),
        _ => None,
    }
}

fn element(start: &BytesStart<'_>) -> Element {
    let local = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    let mut all = start.attributes();
    let attributes = all
        .with_checks(false)
        .flatten()
        .take(1000)
        .map(|attribute| {
            let value = attribute.normalized_value(XmlVersion::Explicit1_0);
            let value = value.map_or_else(
                |_| attribute.value.to_string(),
                std::borrow::Cow::into_owned,
            );
            (local(attribute.key.as_ref()), value)
        });
    Element {
        name: start.local_name().as_ref().to_owned(),
        attributes: attributes.collect(),
    }
}

/// What an entity stands for; one that only its document's own declarations define stays as it is written.
fn resolved(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    let wrong = |error: quick_xml::Error| XmlError::Syntax {
        position: 0,
        why: error.to_string(),
    };
    if let Some(character) = reference.resolve_char_ref().map_err(wrong)? {
        return Ok(character.to_string());
    }
    let name: &str = reference;
    Ok(resolve_predefined_entity(name).map_or_else(|| format!("&{name};"), ToOwned::to_owned))
}

/// Text up to the next tag.
pub(crate) struct RawText<'a, 'r> {
    source: &'a mut Source<'r>,
}

impl Read for RawText<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.source.inner.fill_buf()?;
        let end = available.iter().position(|byte| *byte == b'<');
        let n = end.unwrap_or(available.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&available[..n]);
        self.source.inner.consume(n);
        Ok(n)
    }
}

/// Lets so many bytes through until it is given more.
struct Budget<R> {
    inner: R,
    left: u64,
}

impl<R: BufRead> Read for Budget<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.len().min(buffer.len());
        buffer[..n].copy_from_slice(&self.fill_buf()?[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Budget<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let available = self.inner.fill_buf()?;
        if left == 0 && !available.is_empty() {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(&available[..available.len().min(left)])
    }

    fn consume(&mut self, n: usize) {
        self.left = self.left.saturating_sub(n as u64);
        self.inner.consume(n);
    }
}
