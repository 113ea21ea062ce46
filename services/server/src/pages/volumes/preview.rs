//! A look at one file: text as text, the headers of FITS, pictures, the first bytes of anything else.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use gantry_formats::fits;
use gantry_staging::volume::VolumePath;
use serde::Deserialize;

use super::super::page;
use super::super::shell::{Link, Shell};
use super::{bytes_href, crumbs, file_href};
use crate::app::App;
use crate::extract::{FromPath, FromQuery, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, Problem};
use crate::rest::files::{Place, place};
use crate::rest::volumes::NamePath;
use crate::words::{filters, t};

/// How much is read of a file to look at it.
const LOOKED_AT: u64 = 1 << 20;
/// How much of a text is shown.
const SHOWN_TEXT: usize = 64 << 10;
/// How much of anything else.
const SHOWN_BYTES: usize = 256;
/// The largest picture that is shown.
const PICTURE: u64 = 32 << 20;

#[derive(Template)]
#[template(path = "volume_preview.html")]
struct PreviewPage {
    shell: Shell,
    name: String,
    crumbs: Vec<Link>,
    size: String,
    modified: String,
    bytes_href: String,
    edit_href: Option<String>,
    picture_href: Option<String>,
    text: Option<String>,
    cut: bool,
    headers: Vec<Header>,
    hex: Vec<String>,
}

/// One header of a FITS file.
struct Header {
    title: String,
    cards: String,
}

/// Which file.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PathParams {
    #[serde(deserialize_with = "once")]
    path: Option<String>,
}

pub(crate) async fn preview(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromQuery(params): FromQuery<PathParams>,
) -> Result<Response, Problem> {
    let path = params.path.unwrap_or_default();
    let found = place(&app, &caller, (&at.name, &path), "volumes:read").await?;
    let entry = found.files.stat(&found.path).await?;
    let entry = entry
        .filter(|entry| !entry.is_folder)
        .ok_or_else(|| Problem::not_found("file", &path))?;
    let first = first_bytes(&found, LOOKED_AT).await?;
    let is_whole = first.len() as u64 == entry.size_bytes;
    let folder = found.path.parent().unwrap_or_else(VolumePath::root);
    let volume = &found.volume;
    let mut shown = PreviewPage {
        shell: Shell::new(&app, Some(&caller), "volumes", found.path.name()).await?,
        name: found.path.name().to_owned(),
        crumbs: crumbs(&volume.name, &volume.title, &folder),
        size: format::size(entry.size_bytes),
        modified: match entry.modified_ns {
            0 => String::new(),
            at => format::time(chrono::DateTime::from_timestamp_nanos(at)),
        },
        bytes_href: bytes_href(&volume.name, &found.path),
        edit_href: None,
        picture_href: None,
        text: None,
        cut: false,
        headers: Vec::new(),
        hex: Vec::new(),
    };
    if picture(&first).is_some() && entry.size_bytes <= PICTURE {
        shown.picture_href = Some(file_href(&volume.name, "picture", &found.path));
    } else if first.starts_with(b"SIMPLE  =") {
        shown.headers = headers(&first);
        shown.cut = !is_whole;
    } else if let Some((text, cut)) = text(&first, is_whole) {
        let may_edit = !cut && volume.catalogue.is_none() && !entry.is_link;
        shown.edit_href = may_edit.then(|| file_href(&volume.name, "edit", &found.path));
        (shown.text, shown.cut) = (Some(text), cut);
    } else {
        shown.hex = hex(&first);
    }
    page(&shown)
}

async fn first_bytes(found: &Place, n_bytes: u64) -> Result<Vec<u8>, Problem> {
    let reading = found.files.read(&found.path, 0, Some(n_bytes)).await?;
    let limit = usize::try_from(n_bytes).unwrap_or(usize::MAX);
    Ok(reading.bytes(limit).await?)
}

/// The first part of a text, and whether there is more.
fn text(first: &[u8], is_whole: bool) -> Option<(String, bool)> {
    let mut end = first.len().min(SHOWN_TEXT);
    let cut = end < first.len() || !is_whole;
    // A letter of several bytes may be cut at the end.
    if cut {
        let longest = end;
        while longest - end < 4 && end > 0 && std::str::from_utf8(&first[..end]).is_err() {
            end -= 1;
        }
    }
    let text = std::str::from_utf8(&first[..end]).ok()?;
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    text.chars().all(is_text).then(|| (text.to_owned(), cut))
}

/// The headers that lie wholly in the first bytes of a FITS file, card by card as they stand there.
fn headers(first: &[u8]) -> Vec<Header> {
    let hdus = fits::scan_prefix(first, fits::Limits::default()).unwrap_or_default();
    let mut begin = 0;
    let shown = hdus.iter().map(|hdu| {
        let end = usize::try_from(hdu.data_start).unwrap_or(usize::MAX);
        let block = first.get(begin..end.min(first.len())).unwrap_or_default();
        let data = hdu.data_bytes.div_ceil(BLOCK) * BLOCK;
        begin = usize::try_from(hdu.data_start.saturating_add(data)).unwrap_or(usize::MAX);
        let name = hdu
            .text("EXTNAME")
            .map_or_else(String::new, |name| format!(": {name}"));
        Header {
            title: match hdu.index {
                0 => t("Primary header").into(),
                n => format!("{}{name}", t("Extension {n}").with("n", n)),
            },
            cards: cards(block),
        }
    });
    shown.collect()
}

/// FITS comes in blocks of this many bytes (FITS 4.0, section 3.1), headers in cards of eighty.
const BLOCK: u64 = 2880;

fn cards(block: &[u8]) -> String {
    let cards = block.chunks(80).map(|card| {
        let letters = card.iter().map(|byte| match byte {
            0x20..=0x7e => char::from(*byte),
            _ => '?',
        });
        letters.collect::<String>().trim_end().to_owned()
    });
    let mut lines: Vec<String> = cards.collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n")
}

/// The first bytes in rows of sixteen.
fn hex(first: &[u8]) -> Vec<String> {
    let rows = first[..first.len().min(SHOWN_BYTES)].chunks(16).enumerate();
    rows.map(|(row, bytes)| {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let letters = bytes.iter().map(|byte| match byte {
            0x20..=0x7e => char::from(*byte),
            _ => '.',
        });
        format!(
            "{:04x}  {:47}  {}",
            row * 16,
            digits.join(" "),
            letters.collect::<String>()
        )
    })
    .collect()
}

/// The media type of a picture that browsers show, told by its first bytes; SVG is text.
fn picture(first: &[u8]) -> Option<&'static str> {
    match first {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

/// The bytes of a picture, as a picture and nothing else.
pub(crate) async fn image(
    State(app): State<App>,
    caller: Caller,
    FromPath(at): FromPath<NamePath>,
    FromQuery(params): FromQuery<PathParams>,
) -> Result<Response, Problem> {
    let path = params.path.unwrap_or_default();
    let found = place(&app, &caller, (&at.name, &path), "volumes:read").await?;
    let first = first_bytes(&found, 16).await?;
    let media_type = picture(&first).ok_or_else(|| {
        let text = format!("`{path}` is no picture that is shown here; download it instead");
        Problem::new(&BAD_REQUEST, text)
    })?;
    let reading = found.files.read(&found.path, 0, Some(PICTURE)).await?;
    let mut response = Body::from_stream(reading).into_response();
    let values = [
        (header::CONTENT_TYPE, media_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        ),
    ];
    for (name, value) in values {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}
