//! DataLink: where the bytes of a row are whose address leads to a list of links.

use gantry_asset::{File, Location};
use gantry_connector::{OpenError, document};
use gantry_formats::votable::{Field, Value};
use url::Url;

use crate::{ObsTap, tables};

/// The largest list of links that is taken, and the most links in it.
const LIST_BYTES: u64 = 16 << 20;
const MOST_LINKS: usize = 10_000;

/// Whether a media type is that of a list of links.
///
/// # Source
/// IVOA DataLink 1.1, section 3.3: parsed, not compared.
pub(crate) fn is_datalink(media_type: &str) -> bool {
    let mut parts = media_type
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    let is_votable = parts
        .next()
        .is_some_and(|kind| kind == "application/x-votable+xml");
    is_votable && parts.any(|part| part.replace([' ', '"'], "") == "content=datalink")
}

/// One link.
#[derive(Debug, Default)]
struct Link {
    url: Option<String>,
    error: Option<String>,
    semantics: String,
    media_type: Option<String>,
    n_bytes: Option<u64>,
}

impl ObsTap {
    /// The file as its list of links has it: what the list says is the thing itself (`#this`).
    pub(crate) async fn linked(&self, file: &File) -> Result<File, OpenError> {
        let address = file.locations.iter().find_map(|location| match location {
            Location::Address(address) => Url::parse(address).ok(),
            Location::Mounted(_) | Location::Query(_) => None,
        });
        let Some(url) = address else {
            return Err(OpenError::NoLocation {
                name: file.name.clone(),
                why: "it has no address".to_owned(),
            });
        };
        let links = self.links(&file.name, &url).await?;
        let this: Vec<&Link> = links
            .iter()
            .filter(|link| link.semantics == "#this")
            .collect();
        let found = this
            .iter()
            .find_map(|link| Some((link, link.url.as_ref()?)));
        let Some((link, address)) = found else {
            let said = this.iter().find_map(|link| link.error.clone());
            let why =
                said.unwrap_or_else(|| "its links lead to no file of its own (#this)".to_owned());
            return Err(self.refused(&file.name, why));
        };
        let address = url.join(address).map_err(|error| {
            self.refused(&file.name, format!("its link is no address ({error})"))
        })?;
        Ok(File {
            media_type: link
                .media_type
                .clone()
                .unwrap_or_else(|| "application/octet-stream".to_owned()),
            size_bytes: link.n_bytes.or(file.size_bytes),
            locations: vec![Location::Address(address.to_string())],
            ..file.clone()
        })
    }

    async fn links(&self, name: &str, url: &Url) -> Result<Vec<Link>, OpenError> {
        let net = |source| OpenError::Net {
            archive: self.archive.id.clone(),
            name: name.to_owned(),
            source,
        };
        let response = self.client.get(url).await.map_err(net)?;
        let bytes = response.bytes(LIST_BYTES).await.map_err(net)?;
        let read = document::read(move || read(&bytes)).await;
        read.map_err(|why| self.refused(name, format!("its links cannot be read: {why}")))
    }

    fn refused(&self, name: &str, why: String) -> OpenError {
        OpenError::Refused {
            archive: self.archive.id.clone(),
            name: name.to_owned(),
            why,
        }
    }
}

fn read(bytes: &[u8]) -> Result<Vec<Link>, String> {
    let mut links = Vec::new();
    tables::read(bytes, |table, row| {
        if links.len() >= MOST_LINKS {
            return Err(format!("there are more than {MOST_LINKS}"));
        }
        links.push(link(&table.fields, row));
        Ok(())
    })?;
    Ok(links)
}

fn link(fields: &[Field], row: &[Value]) -> Link {
    let mut link = Link::default();
    for (field, value) in fields.iter().zip(row) {
        let text = || {
            value
                .as_text()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(ToOwned::to_owned)
        };
        match field.name.to_ascii_lowercase().as_str() {
            "access_url" => link.url = text(),
            "error_message" => link.error = text(),
            "content_type" => link.media_type = text(),
            "content_length" => link.n_bytes = value.as_int().and_then(|n| u64::try_from(n).ok()),
            "semantics" => {
                link.semantics = text()
                    .map(|text| text[text.find('#').unwrap_or(0)..].to_owned())
                    .unwrap_or_default()
            }
            _ => {}
        }
    }
    link
}
