//! A starter notebook from the record.

use chrono::{DateTime, SecondsFormat, Utc};
use gantry_asset::{Asset, AssetId};
use gantry_store::{StagingJob, Store};
use serde_json::{Value, json};

use super::Citation;
use super::block::{cell, cells};
use super::literal::{fenced, markdown_line, python_list, shell_word};
use super::opening::spectra_of;
use super::product::Product;
use super::query;
use super::section::{Section, sections};
use crate::LabError;

/// How many products a notebook lists at most; the report of the job lists all.
const PRODUCTS: u32 = 1_000;

/// How many sections open products.
const SECTIONS: usize = 6;

/// The kinds of spectra that have cells of their own, shown where a file may hold some.
const SPECTRA: [&str; 4] = ["sampled", "continuous", "rvs", "curves"];

/// What a starter notebook says.
#[derive(Debug, Clone)]
pub(crate) struct Starter {
    title: String,
    selection: String,
    made: DateTime<Utc>,
    products: Vec<Product>,
    /// How many files the job has.
    n_files: u64,
    restage: String,
}

/// Collects what the record knows of the products of a job.
pub(crate) async fn gather(
    store: &Store,
    selection: &str,
    job: &StagingJob,
    title: &str,
) -> Result<Starter, LabError> {
    let volume = store.volume_by_id(&job.volume).await?;
    let files = store.staging_files(&job.id, 0, PRODUCTS).await?;
    let n_files = store.file_counts(&job.id).await?.total;
    let mut products: Vec<Product> = Vec::with_capacity(files.len());
    let mut last: Option<(AssetId, Option<Asset>)> = None;
    for file in &files {
        if last.as_ref().is_none_or(|(id, _)| *id != file.asset) {
            // An asset that is no more is listed by its id.
            let found = store.asset(&file.asset, Some(&job.owner)).await.ok();
            last = Some((file.asset.clone(), found.map(|record| record.asset)));
        }
        let asset = last.as_ref().and_then(|(_, asset)| asset.as_ref());
        products.push(Product::new(file, asset, &volume.name));
    }
    let directory = directory(job, &products);
    let manifest = [
        volume.path.trim_end_matches('/'),
        &directory,
        &format!("report-{}.json", job.id),
    ];
    let manifest: Vec<&str> = manifest
        .into_iter()
        .filter(|step| !step.is_empty())
        .collect();
    let restage = format!(
        "gantry restage {} --volume {}",
        shell_word(&manifest.join("/")),
        shell_word(&volume.name)
    );
    Ok(Starter {
        title: title.to_owned(),
        selection: selection.to_owned(),
        made: Utc::now(),
        products,
        n_files,
        restage,
    })
}

/// The folder a job stages into: what was asked for, or the id of the archive.
fn directory(job: &StagingJob, products: &[Product]) -> String {
    let request: Value = serde_json::from_str(&job.request).unwrap_or_default();
    let asked = request
        .get("directory")
        .and_then(Value::as_str)
        .map(|text| text.trim_matches('/').to_owned());
    asked
        .or_else(|| products.first().map(|product| product.archive.clone()))
        .unwrap_or_default()
}

impl Starter {
    /// The notebook, nbformat 4.5.
    pub(crate) fn render(&self, citation: &Citation) -> Result<Vec<u8>, LabError> {
        let mut made = self.header()?;
        made.extend(self.blocks()?);
        made.extend(self.footer(citation)?);
        let notebook = json!({
            "cells": made,
            "metadata": {
                "gantry": {"selection": self.selection},
                "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        });
        let mut bytes = serde_json::to_vec_pretty(&notebook).expect("it has only string keys");
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn header(&self) -> Result<Vec<Value>, LabError> {
        let products: Vec<Value> = self.products.iter().map(Product::to_value).collect();
        let selection: String = self
            .selection
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c))
            .collect();
        let values = [
            ("title", markdown_line(&self.title)),
            ("selection", selection),
            ("made", self.made.to_rfc3339_opts(SecondsFormat::Secs, true)),
            ("products", python_list(&products)),
        ];
        let mut made = cells("header", "header", &values)?;
        if self.n_files > self.products.len() as u64 {
            let text = format!(
                "These are the first {} of {} files; the staging job's report lists all.",
                self.products.len(),
                self.n_files
            );
            made.push(cell("header-more", true, &text));
        }
        Ok(made)
    }

    fn footer(&self, citation: &Citation) -> Result<Vec<Value>, LabError> {
        let values = [
            ("citation", citation.text.clone()),
            ("acknowledgement", citation.acknowledgement.clone()),
            ("bibtex", fenced(&citation.bibtex)),
            ("restage", fenced(&self.restage)),
        ];
        cells("footer", "footer", &values)
    }

    /// The sections of the first products, and the comparison after the last map.
    fn blocks(&self) -> Result<Vec<Value>, LabError> {
        let Some(pair) = self.pair() else {
            return self.opened(&sections(&self.products, SECTIONS));
        };
        let chosen = sections(&self.products, SECTIONS - 1);
        let last_map = chosen
            .iter()
            .rposition(|section| section.block == "healpix");
        let (before, after) = chosen.split_at(last_map.map_or(chosen.len(), |last| last + 1));
        let mut made = self.opened(before)?;
        made.extend(self.compare(pair)?);
        made.extend(self.opened(after)?);
        Ok(made)
    }

    /// The cells of sections.
    fn opened(&self, sections: &[Section]) -> Result<Vec<Value>, LabError> {
        let mut made = Vec::new();
        for section in sections {
            let index = section.first();
            let list = |indices: &[usize]| format!("{indices:?}");
            let mut values = vec![
                ("index", index.to_string()),
                ("indices", list(&section.indices)),
                ("orbits", list(&section.orbits)),
                (
                    "several",
                    list(section.indices.get(1..).unwrap_or_default()),
                ),
                (
                    "several_orbits",
                    list(section.orbits.get(1..).unwrap_or_default()),
                ),
                ("heading", markdown_line(&self.heading(section))),
            ];
            values.extend(SPECTRA.map(|kind| (kind, self.files_of(section, kind))));
            if let Some(table) = &self.products[index].table {
                values.extend(query::values(table));
            }
            let prefix = format!("{}-{index}", section.block.replace('_', "-"));
            made.extend(cells(section.block, &prefix, &values)?);
        }
        Ok(made)
    }

    /// What a section is called: its product's title, or what its products have in common.
    fn heading(&self, section: &Section) -> String {
        let first = &self.products[section.first()];
        if section.indices.len() == 1 {
            return first.heading();
        }
        let n = section.indices.len();
        match (section.block, first.station()) {
            ("rinex_obs", Some(station)) => format!("{station}, observations in {n} files"),
            ("orbits_clocks", _) => match section.orbits.len() {
                0 => format!("Clocks in {n} files"),
                n_orbits if n_orbits == n => format!("Orbits in {n} files"),
                _ => format!("Orbits and clocks in {n} files"),
            },
            ("gaia_spectra", _) => format!("Spectra and light curves in {n} files"),
            ("ionex", _) => format!("Maps of the ionosphere in {n} files"),
            _ => first.heading(),
        }
    }

    /// The files of a section that may hold a kind of spectra: those whose names say so, or do not say what they hold.
    fn files_of(&self, section: &Section, kind: &str) -> String {
        let may_hold = |index: &&usize| {
            let path = self.products[**index].path.as_deref().unwrap_or_default();
            spectra_of(path).is_none_or(|known| known == kind)
        };
        let found: Vec<&usize> = section.indices.iter().filter(may_hold).collect();
        format!("{found:?}")
    }

    fn compare(&self, (first, second): (usize, usize)) -> Result<Vec<Value>, LabError> {
        let maps = [&self.products[first], &self.products[second]];
        let bands = maps.map(|map| map.facets.first("band"));
        let [one, other] = match bands {
            [Some(one), Some(other)] if one != other => [one.to_owned(), other.to_owned()],
            _ => maps.map(Product::heading),
        };
        let n_maps = self
            .products
            .iter()
            .filter(|product| product.is_map())
            .count();
        let of = if n_maps > 2 {
            format!(", the first two of {n_maps} maps with the same Stokes parameters")
        } else {
            String::new()
        };
        let heading = markdown_line(&format!("{one} and {other}{of}"));
        let values = [
            ("first", first.to_string()),
            ("second", second.to_string()),
            ("heading", heading),
        ];
        cells("compare", &format!("compare-{first}-{second}"), &values)
    }

    /// The two maps that are compared: the only two, or the first two of equal Stokes parameters.
    fn pair(&self) -> Option<(usize, usize)> {
        let is_map = |(_, product): &(usize, &Product)| product.is_map();
        let maps: Vec<(usize, &Product)> =
            self.products.iter().enumerate().filter(is_map).collect();
        if let [(first, _), (second, _)] = maps.as_slice() {
            return Some((*first, *second));
        }
        let stokes = |product: &Product| product.facets.get("stokes").to_vec();
        maps.iter().enumerate().find_map(|(place, (first, one))| {
            let equal = |(_, other): &&(usize, &Product)| stokes(one) == stokes(other);
            maps[place + 1..]
                .iter()
                .find(equal)
                .map(|(second, _)| (*first, *second))
        })
    }
}

#[cfg(test)]
mod tests;
