//! The file of a product and the addresses of its bytes.

use gantry_asset::{File, Location};

use crate::Planck;
use crate::grammar::Name;
use crate::product::Product;

impl Planck {
    /// The file of a product: first below the mounts, then by name, then by number.
    pub(crate) fn file(&self, product: &Product, name: &Name) -> File {
        let mut locations = Vec::new();
        if self.mounted {
            locations.push(Location::Mounted(product.name.clone()));
        }
        locations.extend(self.address(
            "pla/aio/product-action",
            key_by_name(&product.class),
            &product.name,
        ));
        if let Some(oid) = product.oid {
            locations.extend(self.address(
                "pla-sl/data-action",
                &key_by_number(&product.class),
                &oid.to_string(),
            ));
        }
        File {
            name: product.name.clone(),
            path: None,
            media_type: product
                .media_type
                .clone()
                .unwrap_or_else(|| media_type(&name.extension).to_owned()),
            size_bytes: product.size_bytes,
            checksum: None,
            modified: product.modified,
            locations,
        }
    }

    fn address(&self, action: &str, key: &str, value: &str) -> Option<Location> {
        let mut url = self.url.join(action).ok()?;
        url.query_pairs_mut().append_pair(key, value);
        Some(Location::Address(url.into()))
    }
}

fn key_by_name(class: &str) -> &'static str {
    match class {
        "COSMOLOGY" => "COSMOLOGY.FILE_ID",
        "SIMULATED_MAP" => "SIMULATED_MAP.FILE_ID",
        "DOCUMENT" => "DOCUMENT.DOCUMENT_ID",
        "SOURCE_LIST" => "SOURCE_LIST.FILE_ID",
        "TIMELINE" => "TIMELINE.FILE_ID",
        _ => "MAP.MAP_ID",
    }
}

fn key_by_number(class: &str) -> String {
    format!("{class}.{class}_OID")
}

fn media_type(extension: &str) -> &'static str {
    match extension {
        "fits" => "application/fits",
        "fits.gz" => "application/fits+gzip",
        "txt" => "text/plain",
        "zip" => "application/zip",
        "pdf" => "application/pdf",
        "fits.tgz" | "tar.gz" | "tgz" => "application/gzip",
        _ => "application/octet-stream",
    }
}
