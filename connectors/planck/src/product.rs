//! The product list: what the archive holds, as data.

use chrono::{DateTime, Utc};
use gantry_connector::HarvestError;
use serde::Deserialize;

use crate::Planck;
use crate::config::Source;

/// One product of the list.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Product {
    /// Its file name.
    pub(crate) name: String,
    /// Its class, which decides the key it is asked for with.
    pub(crate) class: String,
    /// Its number in that class.
    #[serde(default)]
    pub(crate) oid: Option<u64>,
    #[serde(default)]
    pub(crate) size_bytes: Option<u64>,
    #[serde(default)]
    pub(crate) modified: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) media_type: Option<String>,
}

/// What a list holds.
pub(crate) struct Products {
    pub(crate) products: Vec<Product>,
    /// What is no product: what, and why.
    pub(crate) rejected: Vec<(String, String)>,
    /// Whether the list says all that the archive has, so that a number not in it is missing there.
    pub(crate) is_whole: bool,
}

/// The entries are read one by one, so that one that cannot be read costs only itself.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    products: Vec<&'a serde_json::value::RawValue>,
    #[serde(default = "yes")]
    whole: bool,
}

fn yes() -> bool {
    true
}

/// What is shown of an entry that is no product.
#[derive(Deserialize)]
struct Shown {
    name: String,
}

/// The list may hold the archive's quarter of a million simulations, and no more.
const LIST_BYTES: u64 = 256 << 20;
const SHIPPED: &str = include_str!("../data/products.json");

/// Reads a list of this machine: a file, and no longer than a list may be.
async fn read_file(path: &str) -> std::io::Result<Vec<u8>> {
    use std::io::{Error, ErrorKind};
    use tokio::io::AsyncReadExt;
    // What is no file may never end, and is not opened.
    if !tokio::fs::metadata(path).await?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is no file"));
    }
    let mut text = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(LIST_BYTES + 1).read_to_end(&mut text).await?;
    if text.len() as u64 > LIST_BYTES {
        let why = format!("it is longer than {} MiB", LIST_BYTES >> 20);
        return Err(Error::new(ErrorKind::FileTooLarge, why));
    }
    Ok(text)
}

impl Planck {
    /// Reads the whole product list; entries that are no products come back as rejections.
    pub(crate) async fn products(&self) -> Result<Products, HarvestError> {
        let text = match &self.source {
            Source::Shipped => SHIPPED.as_bytes().to_vec(),
            Source::File(path) => read_file(path)
                .await
                .map_err(|source| HarvestError::Local {
                    archive: self.archive.id.clone(),
                    what: "product list",
                    path: path.clone(),
                    source,
                })?,
            Source::Address(url) => {
                let fail = |source| HarvestError::Net {
                    archive: self.archive.id.clone(),
                    what: "product list",
                    source,
                };
                self.client
                    .get(url)
                    .await
                    .map_err(fail)?
                    .bytes(LIST_BYTES)
                    .await
                    .map_err(fail)?
                    .to_vec()
            }
        };
        self.read_list(&text)
    }

    fn read_list(&self, text: &[u8]) -> Result<Products, HarvestError> {
        let list: List<'_> =
            serde_json::from_slice(text).map_err(|error| HarvestError::Unreadable {
                archive: self.archive.id.clone(),
                what: "product list",
                why: error.to_string(),
            })?;
        let (is_whole, mut products, mut rejected) = (list.whole, Vec::new(), Vec::new());
        for (n, entry) in list.products.into_iter().enumerate() {
            let why = match serde_json::from_str::<Product>(entry.get()) {
                Ok(product) if !is_file_name(&product.name) => {
                    "its name is no file name".to_owned()
                }
                Ok(product) if product.size_bytes.is_some_and(|size| size > MOST_BYTES) => {
                    "its size is larger than any file's".to_owned()
                }
                Ok(product) => {
                    products.push(product);
                    continue;
                }
                Err(error) => format!("its entry in the product list is unreadable: {error}"),
            };
            let shown = serde_json::from_str::<Shown>(entry.get());
            rejected.push((
                shown.map_or_else(|_| format!("product {n}"), |shown| shown.name),
                why,
            ));
        }
        products.sort_by(|a, b| a.name.cmp(&b.name));
        products.dedup_by(|again, first| {
            let same = again.name == first.name;
            if same {
                rejected.push((
                    format!("{} (again)", again.name),
                    "the product list names it twice".to_owned(),
                ));
            }
            same
        });
        Ok(Products {
            products,
            rejected,
            is_whole,
        })
    }
}

/// A petabyte: no product is that large, and sums of many stay countable.
const MOST_BYTES: u64 = 1 << 50;

fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name
            .chars()
            .any(|c| c == '/' || c == '\\' || c.is_control())
}
