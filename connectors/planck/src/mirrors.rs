//! Mirrors: folders of other servers that hold files under the names of products.
//!
//! A file of the size of the product is a further location of it. A file of another size is an asset of its own, related
//! by its name: mirrors hold products of other processings under the same names.

use std::collections::{HashMap, HashSet};

use futures::StreamExt;
use gantry_asset::{ArchiveId, Asset, AssetId, File, Location, Related, Relation};
use gantry_connector::tree::{Event, Walk};
use url::Url;

use crate::Planck;
use crate::product::Product;

/// How many names a mirror may have, and how deep they may lie.
const MOST_NAMES: usize = 500_000;
const DEPTH: usize = 12;

/// A file at a mirror.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    url: Url,
    size_bytes: Option<u64>,
}

/// The files at the mirrors, by name.
#[derive(Debug, Default)]
pub(crate) struct Mirrors(HashMap<String, Vec<Copy>>);

impl Planck {
    /// Looks for the products at the mirrors. A mirror that does not answer costs locations, not the harvest.
    pub(crate) async fn mirrored(&self, products: &[Product]) -> Mirrors {
        let mut found: HashMap<String, Vec<Copy>> = HashMap::new();
        if self.mirrors.is_empty() {
            return Mirrors::default();
        }
        let sized = products
            .iter()
            .filter(|product| product.size_bytes.is_some());
        let names: HashSet<&str> = sized.map(|product| product.name.as_str()).collect();
        for root in &self.mirrors {
            let mut walk = Walk::new(self.client.clone(), root.clone());
            (walk.max_entries, walk.max_depth) = (MOST_NAMES, DEPTH);
            let mut events = walk.events(|_, _| true);
            let mut copies = Vec::new();
            while let Some(event) = events.next().await {
                match event {
                    Ok(Event::Found { path, entry }) if names.contains(entry.name.as_str()) => {
                        if let Ok(url) = root.join(&path) {
                            copies.push((
                                entry.name,
                                Copy {
                                    url,
                                    size_bytes: entry.size_bytes,
                                },
                            ));
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(archive.id = %self.archive.id, %error, "a mirror could not be listed whole");
                        break;
                    }
                }
            }
            for (name, copy) in self.measured(copies).await {
                found.entry(name).or_default().push(copy);
            }
        }
        Mirrors(found)
    }

    /// Copies with their sizes to the byte: the index of a web server rounds them.
    async fn measured(&self, copies: Vec<(String, Copy)>) -> Vec<(String, Copy)> {
        let at_once = self.client.limits().max_in_flight.max(1);
        let measure = |(name, mut copy): (String, Copy)| async move {
            if copy.url.scheme().starts_with("http") {
                let head = self.client.head(&copy.url).await;
                copy.size_bytes = head.ok().and_then(|head| head.size_bytes);
            }
            (name, copy)
        };
        let measured = futures::stream::iter(copies).map(measure).buffered(at_once);
        measured
            .filter(|(_, copy)| std::future::ready(copy.size_bytes.is_some()))
            .collect()
            .await
    }
}

impl Mirrors {
    /// Adds to a product where else it is; gives the assets of files that only have its name.
    pub(crate) fn add_to(&self, archive: &ArchiveId, asset: &mut Asset) -> Vec<Asset> {
        let Some(file) = asset.files.first() else {
            return Vec::new();
        };
        let copies = self.0.get(&file.name).cloned().unwrap_or_default();
        let mut others = Vec::new();
        for copy in copies {
            let same = asset
                .files
                .first_mut()
                .filter(|file| file.size_bytes == copy.size_bytes);
            match same {
                Some(file) => {
                    file.locations
                        .push(Location::Address(gantry_connector::without_login(
                            &copy.url,
                        )))
                }
                None => others.extend(other(archive, asset, &copy)),
            }
        }
        asset.related.extend(others.iter().map(|other| Related {
            relation: Relation::SameName,
            asset: other.id.clone(),
            label: other.description.clone(),
        }));
        others
    }
}

/// A file that has the name of a product and is another.
fn other(archive: &ArchiveId, product: &Asset, copy: &Copy) -> Option<Asset> {
    let host = copy.url.host_str()?;
    let of_product = product.files.first()?;
    let path = format!("{host}{}", copy.url.path());
    let id = AssetId::from_path(archive, &path).ok()?;
    let size = copy.size_bytes?;
    Some(Asset {
        title: format!("{}, as at {host}", product.title),
        description: format!("Another file of this name, {size} bytes, at {host}."),
        facets: product.facets.clone(),
        time: product.time,
        sky: product.sky.clone(),
        rank: 5,
        related: vec![Related {
            relation: Relation::SameName,
            asset: product.id.clone(),
            label: "the product of the archive".to_owned(),
        }],
        files: vec![File {
            path: Some(path),
            size_bytes: Some(size),
            modified: None,
            locations: vec![Location::Address(gantry_connector::without_login(
                &copy.url,
            ))],
            ..of_product.clone()
        }],
        ..Asset::new(id, product.kind)
    })
}
