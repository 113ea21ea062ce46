//! A look at the first headers of a product: what its name does not say.

use futures::StreamExt;
use gantry_asset::{Asset, File};
use gantry_connector::{Connector, Resume};
use gantry_formats::{compression, fits};

use crate::Planck;

/// The first headers of every product seen so far fit in here.
const PEEK_BYTES: usize = 64 * 1024;

impl Planck {
    /// Reads a product's first headers and adds what they say; what cannot be read becomes a warning.
    pub(crate) async fn peek_into(&self, asset: &mut Asset) {
        let Some(file) = asset.files.first().filter(|file| is_fits(file)).cloned() else {
            return;
        };
        match self.first_headers(&file).await {
            Ok(headers) => describe(asset, &headers),
            Err(why) => asset
                .warnings
                .push(format!("its FITS headers could not be read: {why}")),
        }
    }

    async fn first_headers(&self, file: &File) -> Result<Vec<fits::Hdu>, String> {
        let mut stream = self
            .open(file, &Resume::default())
            .await
            .map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        while bytes.len() < PEEK_BYTES
            && let Some(chunk) = stream.bytes.next().await
        {
            bytes.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
        }
        bytes.truncate(PEEK_BYTES);
        headers_in(&bytes)
    }
}

/// Whether a file is FITS by its type or its name; an archive calls `.fits.gz` a gzip file.
fn is_fits(file: &File) -> bool {
    file.media_type.contains("fits")
        || file.name.ends_with(".fits")
        || file.name.ends_with(".fits.gz")
}

/// The headers in the first bytes of a file; the last of them may be cut.
fn headers_in(bytes: &[u8]) -> Result<Vec<fits::Hdu>, String> {
    let mut plain = Vec::new();
    if compression::sniff(bytes) == Some(compression::Compression::Gzip) {
        // The gzip stream is cut on purpose; what came before the cut is what is wanted.
        let _cut = std::io::Read::read_to_end(&mut compression::gunzip(bytes, 4 << 20), &mut plain);
    } else {
        plain.extend_from_slice(bytes);
    }
    fits::scan_prefix(&plain, fits::Limits::default()).map_err(|error| error.to_string())
}

fn describe(asset: &mut Asset, headers: &[fits::Hdu]) {
    let mut facts = Vec::new();
    for hdu in headers {
        if let Some(name) = hdu.text("EXTNAME").filter(|name| *name != "xtension") {
            facts.push(name.to_owned());
        }
        let columns = hdu.columns().unwrap_or_default();
        if !columns.is_empty() {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            facts.push(format!("columns {}", names.join(", ")));
        }
        for unit in columns
            .iter()
            .filter_map(|column| column.unit.as_deref())
            .filter(|unit| !matches!(*unit, "" | "None" | "unknown"))
        {
            asset.facets.add_step("unit", unit);
        }
        if let Some(healpix) = hdu.healpix() {
            asset.facets.add("nside", healpix.nside.to_string());
            facts.push(format!("HEALPix NSIDE {}", healpix.nside));
            let names: String = columns
                .iter()
                .filter_map(|column| column.name.to_ascii_uppercase().chars().next())
                .collect();
            if names.starts_with("IQU") || names.starts_with("TQU") {
                asset.facets.add("stokes", "IQU");
            }
        }
    }
    if asset.facets.first("product_type") == Some("other") {
        let kind = product_type(&asset.files[0].name, headers);
        asset.facets = replace_type(&asset.facets, kind);
        asset.title = format!("{}, {}", capital(kind), asset.files[0].name);
    }
    asset.description = facts.join("; ");
}

/// What a file is by its headers and its name.
fn product_type(name: &str, headers: &[fits::Hdu]) -> &'static str {
    let text = headers
        .iter()
        .filter_map(|hdu| hdu.text("EXTNAME"))
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_uppercase();
    let columns: Vec<String> = headers
        .iter()
        .flat_map(|hdu| hdu.columns().unwrap_or_default())
        .map(|column| column.name.to_ascii_uppercase())
        .collect();
    let is_map = headers.iter().any(|hdu| {
        hdu.text("PIXTYPE")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("HEALPIX"))
    });
    if text.contains("PIXEL WINDOW") {
        "pixel window"
    } else if text.contains("POWER SPECTRUM") || name.contains("_cl_") || name.starts_with("cl_") {
        "power spectrum"
    } else if is_map
        && (name.to_ascii_lowercase().contains("mask") && !name.contains("masked")
            || columns.iter().any(|column| column.contains("MASK")))
    {
        "mask"
    } else if is_map {
        "sky map"
    } else if columns
        .iter()
        .any(|column| column == "GLON" || column == "RA")
    {
        "source list"
    } else if name.contains("beam") {
        "beam"
    } else {
        "other"
    }
}

fn replace_type(facets: &gantry_asset::Facets, kind: &str) -> gantry_asset::Facets {
    let mut replaced = gantry_asset::Facets::new();
    for (field, values) in facets.iter().filter(|(field, _)| *field != "product_type") {
        for value in values {
            replaced.add(field, value.as_str());
        }
    }
    replaced.add("product_type", kind);
    replaced
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}
