//! Harvesting: first the tables, then the bulk files folder by folder.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::stream::BoxStream;
use gantry_asset::AssetId;
use gantry_connector::{Cursor, HarvestError, Harvested, document};
use gantry_formats::listing::{self, Listing, Object};
use url::Url;

use crate::{Gaia, bulk, datalink, tables};

/// The list of sums in each folder.
const SUMS: &str = "_MD5SUM.txt";
/// The largest page of a listing, and the largest list of sums.
const PAGE_BYTES: u64 = 64 << 20;
/// How deep folders lie in folders, and how many there are at most.
const MOST_DEEP: usize = 8;
const MOST_FOLDERS: usize = 10_000;
/// Files and folders in one folder; the archive's own have some thousand.
const MOST_ENTRIES: usize = 1_000_000;
/// The most pages of the listing of a folder, each of up to a thousand entries.
const MOST_PAGES: usize = 10_000;

/// What a cursor says when all tables were told; a folder's name behind it says that it was told, too.
const TABLES: &str = "tables";

pub(crate) fn harvest(
    gaia: &Gaia,
    cursor: Option<Cursor>,
) -> BoxStream<'_, Result<Harvested, HarvestError>> {
    Box::pin(async_stream::try_stream! {
        let done = cursor.as_ref().and_then(|Cursor(text)| text.strip_prefix(TABLES)).map(str::trim_start);
        if done.is_none() {
            for schema in gaia.tap.tables().await? {
                for table in &schema.tables {
                    yield match tables::asset(gaia, &schema, table) {
                        Ok(asset) => Harvested::Asset(Box::new(asset)),
                        Err(why) => Harvested::Rejected { what: table.name.clone(), why },
                    };
                }
            }
            for asset in datalink::assets(gaia) {
                yield Harvested::Asset(Box::new(asset));
            }
            yield Harvested::Cursor(Cursor(TABLES.to_owned()));
        }
        let done = done.unwrap_or_default().to_owned();
        let mut folders = BTreeSet::from([String::new()]);
        let (mut n_folders, mut ids) = (0, HashSet::new());
        while let Some(folder) = folders.pop_first() {
            n_folders += 1;
            if n_folders > MOST_FOLDERS {
                Err(gaia.cut(format!("it has more than {MOST_FOLDERS} folders")))?;
            }
            let listing = gaia.folder(&folder).await?;
            folders.extend(gaia.below(&folder, &listing)?);
            if !done.is_empty() && folder <= done {
                continue;
            }
            for mut event in gaia.files(&folder, &listing, &mut ids).await? {
                if let Harvested::Asset(asset) = &mut event
                    && gaia.wants_a_look(asset)
                {
                    gaia.peek_into(asset).await;
                }
                yield event;
            }
            yield Harvested::Cursor(Cursor(format!("{TABLES} {folder}")));
        }
        yield Harvested::ScopeComplete(String::new());
    })
}

impl Gaia {
    /// What lies in a folder, all pages of it.
    async fn folder(&self, folder: &str) -> Result<Listing, HarvestError> {
        let mut whole = Listing::default();
        let mut marker = None;
        for _ in 0..MOST_PAGES {
            let page = self.page(folder, marker.as_deref()).await?;
            whole.objects.extend(page.objects);
            whole.folders.extend(page.folders);
            if whole.objects.len() + whole.folders.len() > MOST_ENTRIES {
                let why = format!("`{folder}` has more than {MOST_ENTRIES} entries");
                return Err(self.cut(why));
            }
            match page.next_marker {
                // A marker that leads nowhere would go on for ever.
                Some(next) if Some(&next) > marker.as_ref() => marker = Some(next),
                Some(next) => {
                    return Err(self.cut(format!("its page after `{next}` leads back to itself")));
                }
                None => return Ok(whole),
            }
        }
        Err(self.cut(format!("`{folder}` has more than {MOST_PAGES} pages")))
    }

    async fn page(&self, folder: &str, marker: Option<&str>) -> Result<Listing, HarvestError> {
        let mut url = self.addresses.listing.clone();
        url.query_pairs_mut()
            .append_pair("prefix", folder)
            .append_pair("delimiter", "/");
        if let Some(marker) = marker {
            url.query_pairs_mut().append_pair("marker", marker);
        }
        let bytes = self.document(&url, "listing of bulk files").await?;
        let read = document::read(move || listing::read(&bytes[..], document::LIMITS)).await;
        read.map_err(|why| HarvestError::Unreadable {
            archive: self.archive.id.clone(),
            what: "listing of bulk files",
            why,
        })
    }

    async fn document(&self, url: &Url, what: &'static str) -> Result<bytes::Bytes, HarvestError> {
        let fail = |source| HarvestError::Net {
            archive: self.archive.id.clone(),
            what,
            source,
        };
        self.client
            .get(url)
            .await
            .map_err(fail)?
            .bytes(PAGE_BYTES)
            .await
            .map_err(fail)
    }

    /// The folders of a folder; a listing that leads elsewhere is not believed.
    fn below(&self, folder: &str, listing: &Listing) -> Result<Vec<String>, HarvestError> {
        let is_below = |name: &String| name.len() > folder.len() && name.starts_with(folder);
        if folder.matches('/').count() >= MOST_DEEP {
            return Err(self.cut(format!("folders lie deeper than {MOST_DEEP} in `{folder}`")));
        }
        Ok(listing
            .folders
            .iter()
            .filter(|name| is_below(name))
            .cloned()
            .collect())
    }

    /// The assets of a folder's files, the series they are members of first.
    ///
    /// `ids` are those of all folders so far.
    async fn files(
        &self,
        folder: &str,
        listing: &Listing,
        ids: &mut HashSet<AssetId>,
    ) -> Result<Vec<Harvested>, HarvestError> {
        let sums = self.sums(listing).await?;
        let objects: BTreeMap<&str, &Object> = listing
            .objects
            .iter()
            .filter(|object| !object.key.ends_with('/'))
            .map(|object| (object.key.as_str(), object))
            .collect();
        let mut events = Vec::with_capacity(objects.len() + 1);
        if objects
            .keys()
            .any(|key| bulk::cells(bulk::name(key)).is_some())
        {
            let series = bulk::series_asset(self, folder);
            events.extend(series.map(|asset| Harvested::Asset(Box::new(asset))));
        }
        for (key, object) in objects {
            let md5 = sums.get(bulk::name(key)).map(String::as_str);
            events.push(match bulk::asset(self, folder, object, md5) {
                Ok(asset) if !ids.insert(asset.id.clone()) => Harvested::Rejected {
                    what: key.to_owned(),
                    why: format!("another file of the listing is `{}` already", asset.id),
                },
                Ok(asset) => Harvested::Asset(Box::new(asset)),
                Err(why) => Harvested::Rejected {
                    what: key.to_owned(),
                    why,
                },
            });
        }
        Ok(events)
    }

    /// The archive's own sums of a folder's files, where it has a list of them.
    async fn sums(&self, listing: &Listing) -> Result<BTreeMap<String, String>, HarvestError> {
        let list = listing
            .objects
            .iter()
            .find(|object| bulk::name(&object.key) == SUMS);
        let Some(list) = list else {
            return Ok(BTreeMap::new());
        };
        let url = bulk::address(&self.addresses.files, &list.key);
        let bytes = self.document(&url, "list of sums").await?;
        let text = String::from_utf8_lossy(&bytes);
        let sums = listing::read_md5_sums(&text, SUMS).into_iter();
        Ok(sums
            .map(|(name, sum)| (name.to_owned(), sum.to_owned()))
            .collect())
    }

    fn cut(&self, why: String) -> HarvestError {
        HarvestError::Cut {
            archive: self.archive.id.clone(),
            what: "listing of bulk files",
            why,
        }
    }
}
