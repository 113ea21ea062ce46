//! Blocks: runs of cells in the percent format, with placeholders; `notebooks/README.md` is the contract.

use serde_json::{Value, json};

use crate::LabError;

/// The blocks: name, text.
const BLOCKS: &[(&str, &str)] = &[
    ("header", include_str!("../../notebooks/header.py")),
    ("healpix", include_str!("../../notebooks/healpix.py")),
    (
        "source_list",
        include_str!("../../notebooks/source_list.py"),
    ),
    (
        "power_spectrum",
        include_str!("../../notebooks/power_spectrum.py"),
    ),
    ("gaia_table", include_str!("../../notebooks/gaia_table.py")),
    (
        "gaia_spectra",
        include_str!("../../notebooks/gaia_spectra.py"),
    ),
    ("rinex_obs", include_str!("../../notebooks/rinex_obs.py")),
    (
        "orbits_clocks",
        include_str!("../../notebooks/orbits_clocks.py"),
    ),
    ("ionex", include_str!("../../notebooks/ionex.py")),
    ("fits", include_str!("../../notebooks/fits.py")),
    ("other", include_str!("../../notebooks/other.py")),
    ("compare", include_str!("../../notebooks/compare.py")),
    ("footer", include_str!("../../notebooks/footer.py")),
];

/// A value for a placeholder: its name, what is put in.
pub(super) type Values<'a> = &'a [(&'a str, String)];

/// The cells of a block; their ids are `prefix` and a number.
pub(super) fn cells(
    block: &'static str,
    prefix: &str,
    values: Values<'_>,
) -> Result<Vec<Value>, LabError> {
    let (_, text) = BLOCKS
        .iter()
        .find(|(name, _)| *name == block)
        .expect("blocks are named in this crate only");
    let parts = split(text);
    let made = parts
        .iter()
        .enumerate()
        .map(|(number, (is_markdown, source))| {
            let source = fill(source, values)
                .map_err(|placeholder| LabError::Placeholder { block, placeholder })?;
            Ok(cell(&format!("{prefix}-{number}"), *is_markdown, &source))
        });
    made.collect()
}

/// One cell of nbformat 4.5.
pub(super) fn cell(id: &str, is_markdown: bool, source: &str) -> Value {
    let lines: Vec<&str> = source.split_inclusive('\n').collect();
    if is_markdown {
        return json!({"cell_type": "markdown", "id": id, "metadata": {}, "source": lines});
    }
    json!({"cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": lines})
}

/// The cells of a block's text: whether it is markdown, and its source.
fn split(text: &str) -> Vec<(bool, String)> {
    let mut parts: Vec<(bool, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        if let Some(marker) = line.strip_prefix("# %%") {
            parts.push((marker.trim() == "[markdown]", Vec::new()));
        } else if let Some((_, lines)) = parts.last_mut() {
            lines.push(line);
        }
    }
    let source = |(is_markdown, lines): (bool, Vec<&str>)| {
        let source = lines.join("\n");
        let source = source.trim_matches('\n');
        match is_markdown {
            true => (
                true,
                source
                    .split('\n')
                    .map(uncommented)
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
            false => (false, source.to_owned()),
        }
    };
    parts.into_iter().map(source).collect()
}

fn uncommented(line: &str) -> &str {
    let line = line.strip_prefix('#').unwrap_or(line);
    line.strip_prefix(' ').unwrap_or(line)
}

/// Puts values in, in one pass, so that a value is never looked into; the error is a name without a value.
fn fill(source: &str, values: Values<'_>) -> Result<String, String> {
    let mut filled = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let word =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        match after.split_once("}}").filter(|(name, _)| word(name)) {
            Some((name, tail)) => {
                let value = values.iter().find(|(known, _)| *known == name);
                filled.push_str(&value.ok_or_else(|| name.to_owned())?.1);
                rest = tail;
            }
            None => {
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    Ok(filled + rest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_block_of_the_folder_is_embedded() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
        let names = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let there: BTreeSet<String> = names
            .filter_map(|name| name.strip_suffix(".py").map(ToOwned::to_owned))
            .collect();
        assert_eq!(
            there,
            BLOCKS.iter().map(|(name, _)| (*name).to_owned()).collect()
        );
    }

    #[test]
    fn a_block_becomes_markdown_and_code_cells() {
        let text = "# %% [markdown]\n# # {{title}}\n#\n# Text.\n\n# %%\nx = 1\n\n\ny = {x: {1}}\n";
        assert_eq!(
            split(text),
            [
                (true, "# {{title}}\n\nText.".to_owned()),
                (false, "x = 1\n\n\ny = {x: {1}}".to_owned())
            ]
        );
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_as_it_is() {
        let values = [
            ("a", "{{b}} {{Planck 2018}}".to_owned()),
            ("b", "no".to_owned()),
        ];
        assert_eq!(
            fill("<{{a}}> {{ }} {{x", &values),
            Ok("<{{b}} {{Planck 2018}}> {{ }} {{x".to_owned())
        );
        assert_eq!(fill("{{c}}", &values), Err("c".to_owned()));
    }
}
