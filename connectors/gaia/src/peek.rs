//! A look into files whose names say nothing: what they are and what is broken in them, told by their bytes.

use std::io::Cursor;

use futures::StreamExt;
use gantry_asset::{Asset, File};
use gantry_connector::{Connector, Resume};
use gantry_formats::inspect::{Inspection, Limits, inspect};

use crate::Gaia;

/// The largest file that is looked into; the archive's own bulk files are far larger and say by name what they are.
const MAX_BYTES: u64 = 16 << 20;

impl Gaia {
    /// Whether a bulk file is to be looked into.
    pub(crate) fn wants_a_look(&self, asset: &Asset) -> bool {
        // What lies in a release's folders says by its name what it is.
        let is_named = asset.series.is_some() || !asset.facets.get("release").is_empty();
        let small = asset.size_bytes().is_some_and(|size| size <= MAX_BYTES);
        small && self.peek.wants(is_named)
    }

    /// Adds what a file is, and a warning for what is broken in it or could not be read.
    pub(crate) async fn peek_into(&self, asset: &mut Asset) {
        let Some(file) = asset.files.first().cloned() else {
            return;
        };
        let bytes = match self.whole(&file).await {
            Ok(bytes) => bytes,
            Err(why) => {
                asset
                    .warnings
                    .push(format!("it could not be looked into: {why}"));
                return;
            }
        };
        let looked = tokio::task::spawn_blocking(move || {
            let limits = Limits {
                max_unpacked_bytes: 16 * MAX_BYTES,
                max_held_bytes: MAX_BYTES,
                ..Limits::default()
            };
            inspect(&mut Cursor::new(bytes), limits)
        });
        match looked.await {
            Ok(found) => describe(asset, &found),
            Err(_) => asset
                .warnings
                .push("it could not be looked into".to_owned()),
        }
    }

    async fn whole(&self, file: &File) -> Result<Vec<u8>, String> {
        let opened = self.open(file, &Resume::default()).await;
        let mut stream = opened.map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.bytes.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
            if bytes.len() as u64 > MAX_BYTES {
                return Err("it is longer than was listed".to_owned());
            }
        }
        Ok(bytes)
    }
}

fn describe(asset: &mut Asset, found: &Inspection) {
    let kind = serde_json::to_value(found.kind).ok();
    if let Some(kind) = kind.as_ref().and_then(|kind| kind.as_str()) {
        asset.description = format!("Its bytes are of the kind `{kind}`.");
    }
    for fault in &found.faults {
        asset.warnings.push(format!("it is broken: {fault}"));
    }
    asset.warnings.extend(found.warnings.iter().cloned());
}
