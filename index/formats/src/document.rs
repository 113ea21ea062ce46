//! Documents that services describe themselves and their work with: what reading them has in common.

use std::io::Read;

use crate::xml::{Element, Node, Xml, XmlError, XmlLimits};

/// Why a document of a service could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is no XML, or cut.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is another document.
    #[error("expected a document of {expected}, found `{found}`")]
    Root {
        /// The elements it may begin with.
        expected: &'static str,
        /// The one it begins with.
        found: String,
    },
    /// It holds more than is held in memory.
    #[error("more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// An element holds what it may not hold.
    #[error("`{element}` is `{found}`, which it may not be")]
    Value {
        /// The element.
        element: &'static str,
        /// The beginning of what it holds.
        found: String,
    },
    /// An element that must be there is not.
    #[error("a {within} without {element}")]
    Missing {
        /// The element that lacks it.
        within: &'static str,
        /// What it lacks.
        element: &'static str,
    },
}

/// Opens a document whose root has one of these names.
pub(crate) fn open<'r>(
    reader: impl Read + 'r,
    limits: XmlLimits,
    names: &[&str],
    expected: &'static str,
) -> Result<(Xml<'r>, Element), DocumentError> {
    let mut xml = Xml::new(reader, limits)?;
    let found = loop {
        match xml.next()? {
            Node::Start(root) if names.contains(&root.name.as_str()) => return Ok((xml, root)),
            Node::Start(root) => break root.name,
            Node::Text(text) if text.trim().is_empty() => {}
            Node::Text(text) => break text.trim().chars().take(60).collect(),
            Node::End(_) | Node::EndOfDocument => break "nothing".to_owned(),
        }
    };
    Err(DocumentError::Root { expected, found })
}

/// Reads the element that was just begun: each element directly in it is handed on, and must be read up to its end.
pub(crate) fn children(
    xml: &mut Xml<'_>,
    mut take: impl FnMut(&mut Xml<'_>, &Element) -> Result<(), DocumentError>,
) -> Result<(), DocumentError> {
    loop {
        match xml.next()? {
            Node::Start(child) => take(xml, &child)?,
            Node::End(_) | Node::EndOfDocument => return Ok(()),
            Node::Text(_) => {}
        }
    }
}

/// The text of the element that was just begun; an empty one says nothing.
pub(crate) fn said(xml: &mut Xml<'_>) -> Result<Option<String>, DocumentError> {
    Ok(Some(xml.text()?).filter(|text| !text.is_empty()))
}

/// Adds to a list that may not grow beyond a length.
pub(crate) fn push<T>(
    list: &mut Vec<T>,
    item: T,
    what: &'static str,
    max: usize,
) -> Result<(), DocumentError> {
    if list.len() >= max {
        return Err(DocumentError::TooMany { what, max });
    }
    list.push(item);
    Ok(())
}

/// The error of a value that is none.
pub(crate) fn wrong(element: &'static str, found: &str) -> DocumentError {
    DocumentError::Value {
        element,
        found: found.chars().take(60).collect(),
    }
}
