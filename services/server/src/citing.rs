//! How a selection is cited.

use futures::future::BoxFuture;
use gantry_labs::Cite;
use gantry_staging::{Archives, citation};
use gantry_store::Store;

/// How a selection is cited: each of its products, each archive's acknowledgement once.
pub(crate) struct SelectionCitation {
    pub(crate) store: Store,
    pub(crate) archives: Archives,
}

/// The most products that are cited one by one.
const CITED: u32 = 500;

impl Cite for SelectionCitation {
    fn cite<'a>(
        &'a self,
        selection: &'a str,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<gantry_labs::Citation, String>> {
        Box::pin(async move {
            self.store
                .selection(selection, Some(owner))
                .await
                .map_err(|error| error.to_string())?;
            self.of_selection(selection)
                .await
                .map_err(|error| error.to_string())
        })
    }
}

impl SelectionCitation {
    pub(crate) async fn of_selection(
        &self,
        selection: &str,
    ) -> Result<gantry_labs::Citation, gantry_staging::StagingError> {
        let (mut texts, mut bibtex, mut acknowledgements) = (Vec::new(), Vec::new(), Vec::new());
        for (_, record) in gantry_staging::members(&self.store, selection, 0, CITED).await? {
            let Some(access) = self.archives.get(&record.asset.id.archive()) else {
                continue;
            };
            let cited = citation(&record.asset, access.connector.archive());
            texts.push(cited.text);
            bibtex.push(cited.bibtex);
            if !acknowledgements.contains(&cited.acknowledgement) {
                acknowledgements.push(cited.acknowledgement);
            }
        }
        Ok(gantry_labs::Citation {
            text: texts.join("\n\n"),
            acknowledgement: acknowledgements.join("\n\n"),
            bibtex: bibtex.join("\n"),
        })
    }
}
