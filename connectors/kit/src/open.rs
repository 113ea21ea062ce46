//! Opening a file by its addresses, for connectors whose archive serves plain HTTP.

use futures::StreamExt;
use gantry_asset::{ArchiveId, File, Location};
use gantry_net::Client;
use url::Url;

use crate::{ByteStream, OpenError, Remarks, Resume};

/// Opens a file from the first of its addresses that serves it, the one of an earlier part first.
///
/// # Errors
/// [`OpenError::Gone`] when every address says that it has no such file, [`OpenError::Page`] when a web page comes
/// where none is due, [`OpenError::Net`] with the last error otherwise.
pub async fn open_address(
    client: &Client,
    archive: &ArchiveId,
    file: &File,
    resume: &Resume,
) -> Result<ByteStream, OpenError> {
    let addresses = addresses(file, resume);
    let mut failure = OpenError::NoLocation {
        name: file.name.clone(),
        why: "it has no address".to_owned(),
    };
    for address in addresses {
        let from = if resume.location.as_deref() == Some(address.as_str()) {
            resume.from
        } else {
            0
        };
        match open_one(client, archive, file, (&address, from), resume).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = worse(failure, error),
        }
    }
    Err(failure)
}

/// An address as it stands in the catalogue: its login is the configuration's, which adds it again when it is opened.
#[must_use]
pub fn without_login(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for addresses that cannot have a user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// The addresses of a file; the one its first part came from leads.
fn addresses(file: &File, resume: &Resume) -> Vec<Url> {
    let all = file.locations.iter().filter_map(|location| match location {
        Location::Address(address) => Url::parse(address).ok(),
        Location::Mounted(_) | Location::Query(_) => None,
    });
    let mut all: Vec<Url> = all.collect();
    all.sort_by_key(|url| resume.location.as_deref() != Some(url.as_str()));
    all
}

/// Of two failures the one that says more about what to do: a file is gone only when every address says so.
fn worse(before: OpenError, now: OpenError) -> OpenError {
    let weight = |error: &OpenError| match error {
        OpenError::NoLocation { .. } => 0,
        OpenError::Gone { .. } => 1,
        OpenError::Page { .. } => 3,
        other if other.is_transient() => 4,
        _ => 2,
    };
    if weight(&before) > weight(&now) {
        before
    } else {
        now
    }
}

async fn open_one(
    client: &Client,
    archive: &ArchiveId,
    file: &File,
    (url, from): (&Url, u64),
    resume: &Resume,
) -> Result<ByteStream, OpenError> {
    let (archive, name) = (archive.clone(), file.name.clone());
    let answer = match client.get_range(url, from, &resume.validator).await {
        // The file ends before that byte: it is another one by now.
        Err(error) if error.status().is_some_and(|status| status.as_u16() == 416) => {
            client.get(url).await
        }
        answer => answer,
    };
    let mut response = match answer {
        Ok(response) => response,
        Err(error) if error.is_not_found() => return Err(OpenError::Gone { archive, name }),
        Err(source) => {
            return Err(OpenError::Net {
                archive,
                name,
                source,
            });
        }
    };
    let is_page = response.starts_at() == 0 && !file.media_type.contains("html");
    match response.is_html().await {
        Ok(true) if is_page => return Err(OpenError::Page { archive, name }),
        Ok(_) => {}
        Err(source) => {
            return Err(OpenError::Net {
                archive,
                name,
                source,
            });
        }
    }
    Ok(ByteStream {
        starts_at: response.starts_at(),
        total_bytes: response.total_length(),
        validator: response.validator(),
        location: url.to_string(),
        remarks: Remarks::default(),
        bytes: response
            .into_stream()
            .map(move |chunk| {
                chunk.map_err(|source| OpenError::Net {
                    archive: archive.clone(),
                    name: name.clone(),
                    source,
                })
            })
            .boxed(),
    })
}
