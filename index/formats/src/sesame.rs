//! Where an object of the sky is, as a name service says.
//!
//! # Source
//! CDS's Sesame, output `-ox`: its `sesame_4.xsd`.

use std::io::Read;

use crate::document::{DocumentError, children, open};
use crate::xml::{Element, Xml, XmlLimits};

/// An object of the sky.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Right ascension, ICRS degrees.
    pub ra: f64,
    /// Declination, ICRS degrees.
    pub dec: f64,
    /// The catalogue that says so, such as `Simbad`.
    pub catalogue: String,
    /// Its name there.
    pub name: Option<String>,
}

/// Reads an answer: the first catalogue with a position, `None` where none has one.
///
/// # Errors
/// [`DocumentError`] when it is another document, is cut, or is larger than an answer is.
pub fn read_sesame(reader: impl Read, limits: XmlLimits) -> Result<Option<Object>, DocumentError> {
    let (mut xml, _) = open(reader, limits, &["Sesame"], "Sesame")?;
    let mut found = None;
    children(&mut xml, |xml, target| match target.name.as_str() {
        "Target" => children(xml, |xml, child| match child.name.as_str() {
            "Resolver" => {
                let object = resolver(xml, child)?;
                found = found.take().or(object);
                Ok(())
            }
            _ => Ok(xml.skip()?),
        }),
        _ => Ok(xml.skip()?),
    })?;
    Ok(found)
}

/// What one catalogue says.
fn resolver(xml: &mut Xml<'_>, resolver: &Element) -> Result<Option<Object>, DocumentError> {
    let (mut ra, mut dec, mut name) = (None, None, None);
    let number = |text: String| text.parse::<f64>().ok();
    children(xml, |xml, child| {
        match child.name.as_str() {
            "jradeg" => ra = number(xml.text()?),
            "jdedeg" => dec = number(xml.text()?),
            "oname" => name = Some(xml.text()?),
            _ => xml.skip()?,
        }
        Ok(())
    })?;
    let place = ra
        .zip(dec)
        .filter(|(ra, dec)| (0.0..=360.0).contains(ra) && dec.abs() <= 90.0);
    let catalogue = resolver
        .attribute("name")
        .map(plain_name)
        .unwrap_or_default();
    Ok(place.map(|(ra, dec)| Object {
        ra,
        dec,
        catalogue,
        name,
    }))
}

/// `S=Simbad (CDS, via client/server)` is Simbad.
fn plain_name(resolver: &str) -> String {
    let name = resolver.split_once('=').map_or(resolver, |(_, name)| name);
    name.split(" (").next().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const M31: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Sesame xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Target option="SNV"><name>M31</name>
<Resolver name="N=NED (web)"><INFO>no answer</INFO></Resolver>
<Resolver name="S=Simbad (CDS, via client/server)"><otype>AGN</otype><jpos>00:42:44.33 +41:16:07.5</jpos>
<jradeg>010.684708</jradeg><jdedeg>+41.268750</jdedeg><refPos>2006AJ....131.1163S</refPos><oname>M  31</oname></Resolver>
<Resolver name="V=VizieR (web)"><jradeg>10.7</jradeg><jdedeg>41.3</jdedeg></Resolver></Target></Sesame>"#;

    fn read(text: &str) -> Result<Option<Object>, DocumentError> {
        read_sesame(text.as_bytes(), XmlLimits::default())
    }

    #[test]
    fn the_first_catalogue_with_a_position_says_where_an_object_is() {
        let object = read(M31).unwrap().unwrap();
        let expected = Object {
            ra: 10.684708,
            dec: 41.26875,
            catalogue: "Simbad".to_owned(),
            name: Some("M  31".to_owned()),
        };
        assert_eq!(object, expected);
    }

    #[test]
    fn an_unknown_name_is_no_fault_and_another_answer_is() {
        let nothing =
            "<Sesame><Target><name>x</name><INFO>*** Nothing found ***</INFO></Target></Sesame>";
        assert_eq!(read(nothing).unwrap(), None);
        let beyond = "<Sesame><Target><Resolver name='S=x'><jradeg>10</jradeg><jdedeg>91</jdedeg></Resolver></Target></Sesame>";
        assert_eq!(read(beyond).unwrap(), None);
        for other in ["<html><body>busy</body></html>", "", "<Sesame><Target>"] {
            assert!(read(other).is_err(), "{other}");
        }
    }
}
