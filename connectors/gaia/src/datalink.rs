//! Products of sources: spectra, light curves and samples, which only DataLink gives.

use std::collections::BTreeSet;
use std::fs::File as LocalFile;
use std::io::{BufReader, Seek};

use gantry_asset::{Asset, AssetId, DatalinkQuery, File, Kind};
use gantry_connector::{ByteStream, Login, OpenError, Remarks};
use gantry_net::header::COOKIE;
use gantry_net::{Method, Request};

use crate::Gaia;

/// A kind of product.
pub(crate) struct ProductKind {
    /// The archive's name of it, its `RETRIEVAL_TYPE`.
    pub(crate) name: &'static str,
    title: &'static str,
    product_type: &'static str,
    synonyms: &'static [&'static str],
}

/// The kinds of DR3, most asked for first.
pub(crate) const KINDS: &[ProductKind] = &[
    ProductKind {
        name: "XP_SAMPLED",
        title: "sampled mean BP/RP spectra",
        product_type: "spectra",
        synonyms: &["xp spectra", "BP RP spectrum", "low-resolution spectra"],
    },
    ProductKind {
        name: "XP_CONTINUOUS",
        title: "mean BP/RP spectra as coefficients",
        product_type: "spectra",
        synonyms: &["xp spectra", "BP RP spectrum", "continuous spectra"],
    },
    ProductKind {
        name: "RVS",
        title: "mean RVS spectra",
        product_type: "spectra",
        synonyms: &["radial velocity spectrometer", "RVS spectrum"],
    },
    ProductKind {
        name: "EPOCH_PHOTOMETRY",
        title: "light curves",
        product_type: "light curve",
        synonyms: &["epoch photometry", "variability", "time series"],
    },
    ProductKind {
        name: "MCMC_GSPPHOT",
        title: "posterior samples of GSP-Phot",
        product_type: "samples",
        synonyms: &["mcmc"],
    },
    ProductKind {
        name: "MCMC_MSC",
        title: "posterior samples of MSC",
        product_type: "samples",
        synonyms: &["mcmc"],
    },
];

/// The release these products are of.
const RELEASE: &str = "DR3";
/// How many sources without a product are named.
const NAMED: usize = 20;
/// How many members one answer may have.
const MOST_MEMBERS: usize = 100_000;

/// What the catalogue says of each kind: it is had by a list of sources.
pub(crate) fn assets(gaia: &Gaia) -> Vec<Asset> {
    let asset = |(n, kind): (usize, &ProductKind)| {
        let id = AssetId::from_path(&gaia.archive.id, &format!("dr3-{}", kind.name)).ok()?;
        let mut asset = Asset::new(id, Kind::InformationData);
        asset.title = format!(
            "Gaia {RELEASE} {}, {}, by source list",
            kind.title, kind.name
        );
        asset.description =
            "Asked for by a list of sources, up to 5,000 at a time; those that have no such product are named.".to_owned();
        asset.synonyms = kind
            .synonyms
            .iter()
            .map(|text| (*text).to_owned())
            .collect();
        for (field, value) in [
            ("mission", "Gaia"),
            ("release", RELEASE),
            ("product_type", kind.product_type),
            ("provenance", "observed"),
            ("domain", "Astronomy"),
        ] {
            asset.facets.add(field, value);
        }
        asset.rank = 280 - 10 * u32::try_from(n).unwrap_or(10);
        asset.files = vec![crate::tables::question(
            format!("{}.zip", kind.name),
            "application/zip",
        )];
        Some(asset)
    };
    KINDS.iter().enumerate().filter_map(asset).collect()
}

impl Gaia {
    /// Asks for the products of sources; they come in a ZIP, a member for each source that has one.
    pub(crate) async fn products(
        &self,
        file: &File,
        query: &DatalinkQuery,
        login: Option<&Login>,
    ) -> Result<ByteStream, OpenError> {
        let release = format!("Gaia {}", query.release);
        let ids: Vec<String> = query
            .sources
            .iter()
            .map(|source| format!("{release} {source}"))
            .collect();
        let form = [
            ("ID", ids.join(",")),
            ("RETRIEVAL_TYPE", query.kind.clone()),
            ("RELEASE", release),
            ("DATA_STRUCTURE", "DATAMODEL_STANDARD".to_owned()),
            ("FORMAT", query.format.clone()),
            ("USE_ZIP_ALWAYS", "true".to_owned()),
        ];
        let form: Vec<_> = form
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        let mut request = Request::new(Method::POST, self.addresses.data.clone())
            .form(&form)
            .repeatable();
        if let Some(login) = login {
            let at = &self.addresses.data_login;
            let session = self.log_in(&file.name, at, login).await?;
            request = request.header(COOKIE, session);
        }
        let mut response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error)
                if error
                    .status()
                    .is_some_and(|status| status.is_client_error())
                    && !error.is_transient() =>
            {
                let why = error.excerpt().unwrap_or("no reason given").to_owned();
                return Err(self.refused(&file.name, why));
            }
            Err(error) => return Err(self.net(&file.name, error)),
        };
        if response
            .is_html()
            .await
            .map_err(|error| self.net(&file.name, error))?
        {
            return Err(OpenError::Page {
                archive: self.archive.id.clone(),
                name: file.name.clone(),
            });
        }
        let answer = self.spool(&file.name, response).await?;
        let (answer, remarks) = self.members_told(file, query, answer).await?;
        let location = self.addresses.data.to_string();
        self.stream(&file.name, (answer, location), remarks)
    }

    pub(crate) fn net(&self, name: &str, source: gantry_net::NetError) -> OpenError {
        OpenError::Net {
            archive: self.archive.id.clone(),
            name: name.to_owned(),
            source,
        }
    }

    /// Says which sources had none: the archive itself leaves them out without a word.
    async fn members_told(
        &self,
        file: &File,
        query: &DatalinkQuery,
        mut answer: LocalFile,
    ) -> Result<(LocalFile, Remarks), OpenError> {
        let told = tokio::task::spawn_blocking(move || {
            let found = sources_in(&answer);
            answer.rewind().map(|()| (answer, found))
        });
        let told = told
            .await
            .map_err(|error| self.refused(&file.name, error.to_string()))?;
        let (answer, found) = told.map_err(|error| self.refused(&file.name, error.to_string()))?;
        let found = found.map_err(|why| self.refused(&file.name, why))?;
        let remarks = Remarks::default();
        let without: Vec<&str> = query
            .sources
            .iter()
            .map(String::as_str)
            .filter(|source| !found.contains(*source))
            .collect();
        remarks.set_rows((query.sources.len() - without.len()) as u64);
        if !without.is_empty() {
            remarks.add(sentence(&query.kind, query.sources.len(), &without));
        }
        Ok((answer, remarks))
    }
}

fn sentence(kind: &str, n_asked: usize, without: &[&str]) -> String {
    let named = without
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let more = without.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "{} of {n_asked} sources have no {kind}: {named}{more}",
        without.len()
    )
}

/// The sources whose products a ZIP holds, by the names of its members: `XP_SAMPLED-Gaia DR3 5937083312263887616.xml`.
fn sources_in(file: &LocalFile) -> Result<BTreeSet<String>, String> {
    let archive = zip::ZipArchive::new(BufReader::new(file))
        .map_err(|error| format!("its answer is no ZIP: {error}"))?;
    if archive.len() > MOST_MEMBERS {
        return Err(format!("its answer has more than {MOST_MEMBERS} members"));
    }
    let source = |name: &str| {
        let name = name.rsplit('/').next().unwrap_or(name);
        let stem = name.split('.').next().unwrap_or(name);
        let digits = stem
            .rsplit(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap_or_default();
        (!digits.is_empty()).then(|| digits.to_owned())
    };
    let names = archive.file_names().filter_map(Result::ok);
    Ok(names.filter_map(|name| source(&name)).collect())
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn sources_without_a_product_are_named_up_to_a_number() {
        let many: Vec<String> = (1..=25).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            sentence("RVS", 30, &many[..2]),
            "2 of 30 sources have no RVS: 1, 2"
        );
        assert!(sentence("RVS", 30, &many).ends_with("19, 20 and 5 more"));
    }
}
