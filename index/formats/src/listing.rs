//! Listings of object stores: the answer of a bucket to `GET /?prefix=…&delimiter=/`, first version; and lists of sums.
//!
//! # Source
//! Amazon S3 API, `ListObjects`; the Gaia archive's bulk files are listed this way, with `_MD5SUM.txt` beside them.

use std::io::Read;

use crate::xml::{Node, Xml, XmlError, XmlLimits};

/// One page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects directly below the prefix.
    pub objects: Vec<Object>,
    /// The prefixes one step further down, each with the delimiter at its end.
    pub folders: Vec<String>,
    /// Where the next page begins; the last name of this one where the store leaves it out.
    pub next_marker: Option<String>,
}

/// One object of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size_bytes: Option<u64>,
    /// When it was last changed, RFC 3339.
    pub modified: Option<String>,
}

/// Why a listing could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// It is no XML, or cut.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is something else.
    #[error("a listing begins with `ListBucketResult`, this begins with `{0}`")]
    NotAListing(String),
    /// More entries than one page may have.
    #[error("more than {0} entries on one page")]
    TooMany(usize),
}

/// The most entries of one page; stores send a thousand.
const MOST_ENTRIES: usize = 100_000;

/// Reads one page.
///
/// # Errors
/// [`ListingError`] by what is wrong with it; a page that is cut is an error.
pub fn read(reader: impl Read, limits: XmlLimits) -> Result<Listing, ListingError> {
    let mut xml = Xml::new(reader, limits)?;
    let (mut listing, mut object, mut truncated, mut begun) =
        (Listing::default(), Object::default(), false, false);
    loop {
        let open = xml.open().len();
        match xml.next()? {
            Node::Start(element) if open == 0 && element.name != "ListBucketResult" => {
                return Err(ListingError::NotAListing(element.name));
            }
            Node::Start(element) => {
                begun = true;
                let above = xml.open().iter().rev().nth(1).cloned().unwrap_or_default();
                match (above.as_str(), element.name.as_str()) {
                    ("Contents", "Key") => object.key = xml.text()?,
                    ("Contents", "Size") => object.size_bytes = xml.text()?.parse().ok(),
                    ("Contents", "LastModified") => object.modified = Some(xml.text()?),
                    ("CommonPrefixes", "Prefix") => listing.folders.push(xml.text()?),
                    ("ListBucketResult", "NextMarker") => {
                        listing.next_marker = Some(xml.text()?).filter(|text| !text.is_empty());
                    }
                    ("ListBucketResult", "IsTruncated") => {
                        truncated = xml.text()?.eq_ignore_ascii_case("true");
                    }
                    _ => {}
                }
            }
            Node::End(name) if name == "Contents" => {
                listing.objects.push(std::mem::take(&mut object));
            }
            Node::End(_) | Node::Text(_) => {}
            Node::EndOfDocument if begun => break,
            Node::EndOfDocument => return Err(ListingError::NotAListing(String::new())),
        }
        if listing.objects.len() + listing.folders.len() > MOST_ENTRIES {
            return Err(ListingError::TooMany(MOST_ENTRIES));
        }
    }
    if !truncated {
        listing.next_marker = None;
    } else if listing.next_marker.is_none() {
        let last = listing.objects.last().map(|object| &object.key);
        listing.next_marker = last.max(listing.folders.last()).cloned();
    }
    Ok(listing)
}

/// Reads lines of `md5  name`, as `md5sum` writes them; other lines are passed over.
///
/// The list's own entry, where it has one, is of a state before it was written and never right: it is left out by
/// `own_name`.
pub fn read_md5_sums<'a>(text: &'a str, own_name: &str) -> Vec<(&'a str, &'a str)> {
    let pair = |line: &'a str| {
        let (sum, name) = line.trim().split_once(char::is_whitespace)?;
        let name = name
            .trim_start()
            .trim_start_matches('*')
            .trim_start_matches("./");
        let is_sum = sum.len() == 32 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_sum && !name.is_empty()).then_some((name, sum))
    };
    text.lines()
        .filter_map(pair)
        .filter(|(name, _)| *name != own_name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Name>gaia</Name><Prefix>Gaia/gdr3/</Prefix><NextMarker>Gaia/gdr3/b</NextMarker><IsTruncated>true</IsTruncated>
<Contents><Key>Gaia/gdr3/a &amp; b.txt</Key><LastModified>2022-06-10T08:01:02.000Z</LastModified><Size>12</Size></Contents>
<Contents><Key>Gaia/gdr3/c.txt</Key><Size/><Owner><ID>x</ID></Owner></Contents>
<CommonPrefixes><Prefix>Gaia/gdr3/gaia_source/</Prefix></CommonPrefixes></ListBucketResult>"#;

    #[test]
    fn a_page_has_objects_folders_and_the_way_to_the_next() {
        let listing = read(PAGE.as_bytes(), XmlLimits::default()).unwrap();
        let sizes: Vec<_> = listing
            .objects
            .iter()
            .map(|object| (object.key.as_str(), object.size_bytes))
            .collect();
        assert_eq!(
            sizes,
            [("Gaia/gdr3/a & b.txt", Some(12)), ("Gaia/gdr3/c.txt", None)]
        );
        assert_eq!(listing.folders, ["Gaia/gdr3/gaia_source/"]);
        assert_eq!(listing.next_marker.as_deref(), Some("Gaia/gdr3/b"));
        let last = PAGE.replace(">true<", ">false<");
        assert_eq!(
            read(last.as_bytes(), XmlLimits::default())
                .unwrap()
                .next_marker,
            None
        );
    }

    #[test]
    fn a_page_that_is_cut_or_something_else_is_refused() {
        for end in (10..PAGE.len() - 1)
            .step_by(7)
            .filter(|end| PAGE.is_char_boundary(*end))
        {
            assert!(
                read(&PAGE.as_bytes()[..end], XmlLimits::default()).is_err(),
                "cut at {end}"
            );
        }
        let html = read(
            &b"<html><body>Maintenance</body></html>"[..],
            XmlLimits::default(),
        );
        assert_eq!(
            html.unwrap_err().to_string(),
            "a listing begins with `ListBucketResult`, this begins with `html`"
        );
    }

    #[test]
    fn a_list_of_sums_leaves_out_what_it_says_of_itself() {
        let text = "d41d8cd98f00b204e9800998ecf8427e  GaiaSource_000000-003111.csv.gz\n\
                    00000000000000000000000000000000  _MD5SUM.txt\nnot a sum\n";
        assert_eq!(
            read_md5_sums(text, "_MD5SUM.txt"),
            [(
                "GaiaSource_000000-003111.csv.gz",
                "d41d8cd98f00b204e9800998ecf8427e"
            )]
        );
    }
}
