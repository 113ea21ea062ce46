//! Services: where their interfaces are, and whether they work at present.
//!
//! # Source
//! IVOA VOSI 1.1 sections 2.1 to 2.3, VOResource 1.1.

use std::io::Read;

use crate::document::{DocumentError, children, open, push, said, wrong};
use crate::xml::{Element, Xml, XmlLimits};

/// Capabilities of a service, interfaces of a capability, notes.
const MAX_PARTS: usize = 10_000;

/// Something a service does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capability {
    /// The standard it follows, such as `ivo://ivoa.net/std/TAP`.
    pub standard: Option<String>,
    /// Where it is reached.
    pub interfaces: Vec<Interface>,
    /// The most rows one answer of TAP has, whatever is asked for (TAPRegExt 1.0, section 2.6).
    pub hard_limit_rows: Option<u64>,
}

/// A way to reach a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// `std` for the one of the standard.
    pub role: Option<String>,
    /// The version of the standard.
    pub version: Option<String>,
    /// Addresses; several stand for the same.
    pub urls: Vec<String>,
    /// How one must show who one is; one that is empty stands for nobody in particular.
    pub security: Vec<String>,
}

/// Whether a service works. Times are as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Availability {
    /// Whether it works.
    pub available: bool,
    /// Since when it works.
    pub up_since: Option<String>,
    /// When it will not.
    pub down_at: Option<String>,
    /// When it will again.
    pub back_at: Option<String>,
    /// What its keepers say.
    pub notes: Vec<String>,
}

/// Reads the capabilities of a service.
///
/// # Errors
/// [`DocumentError`] when it is another document, is cut, or is larger than a service is.
pub fn read_capabilities(
    reader: impl Read,
    limits: XmlLimits,
) -> Result<Vec<Capability>, DocumentError> {
    let (mut xml, _) = open(reader, limits, &["capabilities"], "capabilities")?;
    let mut all = Vec::new();
    children(&mut xml, |xml, child| match child.name.as_str() {
        "capability" => push(&mut all, capability(xml, child)?, "capabilities", MAX_PARTS),
        _ => Ok(xml.skip()?),
    })?;
    Ok(all)
}

/// Reads whether a service works.
///
/// # Errors
/// [`DocumentError`] when it is another document, is cut, or does not say.
pub fn read_availability(
    reader: impl Read,
    limits: XmlLimits,
) -> Result<Availability, DocumentError> {
    let (mut xml, _) = open(reader, limits, &["availability"], "availability")?;
    let mut availability = Availability::default();
    let mut is_said = false;
    children(&mut xml, |xml, child| {
        match child.name.as_str() {
            "available" => {
                availability.available = match xml.text()?.as_str() {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    other => return Err(wrong("available", other)),
                };
                is_said = true;
            }
            "upSince" => availability.up_since = said(xml)?,
            "downAt" => availability.down_at = said(xml)?,
            "backAt" => availability.back_at = said(xml)?,
            "note" => push(&mut availability.notes, xml.text()?, "notes", MAX_PARTS)?,
            _ => xml.skip()?,
        }
        Ok(())
    })?;
    match is_said {
        true => Ok(availability),
        false => Err(DocumentError::Missing {
            within: "availability",
            element: "`available`",
        }),
    }
}

fn capability(xml: &mut Xml<'_>, element: &Element) -> Result<Capability, DocumentError> {
    let mut capability = Capability {
        standard: element.owned("standardID"),
        ..Capability::default()
    };
    children(xml, |xml, child| match child.name.as_str() {
        "interface" => {
            let interface = interface(xml, child)?;
            push(
                &mut capability.interfaces,
                interface,
                "interfaces",
                MAX_PARTS,
            )
        }
        "outputLimit" => {
            capability.hard_limit_rows = hard_limit_rows(xml)?;
            Ok(())
        }
        _ => Ok(xml.skip()?),
    })?;
    Ok(capability)
}

/// The hard limit in rows; one in bytes, and one that is no number, says nothing of rows.
fn hard_limit_rows(xml: &mut Xml<'_>) -> Result<Option<u64>, DocumentError> {
    let mut rows = None;
    children(xml, |xml, child| {
        let is_rows = child.owned("unit").is_some_and(|unit| unit == "row");
        match child.name.as_str() {
            "hard" if is_rows => rows = xml.text()?.trim().parse().ok(),
            _ => xml.skip()?,
        }
        Ok(())
    })?;
    Ok(rows)
}

fn interface(xml: &mut Xml<'_>, element: &Element) -> Result<Interface, DocumentError> {
    let mut interface = Interface {
        role: element.owned("role"),
        version: element.owned("version"),
        ..Interface::default()
    };
    children(xml, |xml, child| match child.name.as_str() {
        "accessURL" => push(&mut interface.urls, xml.text()?, "addresses", MAX_PARTS),
        "securityMethod" => {
            let method = child.owned("standardID").unwrap_or_default();
            xml.skip()?;
            push(&mut interface.security, method, "ways of access", MAX_PARTS)
        }
        _ => Ok(xml.skip()?),
    })?;
    Ok(interface)
}
