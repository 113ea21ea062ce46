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
    ("antex", include_str!("../../notebooks/antex.py")),
    ("query", include_str!("../../notebooks/query.py")),
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
    let missing = |placeholder| LabError::Placeholder { block, placeholder };
    let mut made = Vec::new();
    for (number, (marker, source)) in split(text).iter().enumerate() {
        if !stands(marker, values).map_err(missing)? {
            continue;
        }
        let source = fill(source, values).map_err(missing)?;
        let mut cell = cell(&format!("{prefix}-{number}"), marker.is_markdown, &source);
        if marker.is_hidden {
            cell["metadata"] = json!({"jupyter": {"source_hidden": true}});
        }
        made.push(cell);
    }
    Ok(made)
}

/// What the first line of a cell says of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Marker<'a> {
    is_markdown: bool,
    /// Its source is folded away when the notebook opens.
    is_hidden: bool,
    /// The value without which it is left out.
    when: Option<&'a str>,
}

impl<'a> Marker<'a> {
    fn read(line: &'a str) -> Self {
        let mut marker = Self::default();
        for word in line.split_whitespace() {
            match word {
                "[markdown]" => marker.is_markdown = true,
                "hidden" => marker.is_hidden = true,
                _ => {
                    let quoted = word.strip_prefix("when=\"");
                    marker.when = quoted.and_then(|name| name.strip_suffix('"'));
                }
            }
        }
        marker
    }
}

/// Whether a cell has anything to show; the error is a condition without a value.
fn stands(marker: &Marker<'_>, values: Values<'_>) -> Result<bool, String> {
    let Some(condition) = marker.when else {
        return Ok(true);
    };
    let value = values.iter().find(|(known, _)| *known == condition);
    let (_, value) = value.ok_or_else(|| condition.to_owned())?;
    Ok(!matches!(value.as_str(), "" | "[]"))
}

/// One cell of nbformat 4.5.
pub(super) fn cell(id: &str, is_markdown: bool, source: &str) -> Value {
    let lines: Vec<&str> = source.split_inclusive('\n').collect();
    if is_markdown {
        return json!({"cell_type": "markdown", "id": id, "metadata": {}, "source": lines});
    }
    json!({"cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": lines})
}

/// The cells of a block's text: what its marker says, and its source.
fn split(text: &str) -> Vec<(Marker<'_>, String)> {
    let mut parts: Vec<(Marker<'_>, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        if let Some(marker) = line.strip_prefix("# %%") {
            parts.push((Marker::read(marker), Vec::new()));
        } else if let Some((_, lines)) = parts.last_mut() {
            lines.push(line);
        }
    }
    parts
        .into_iter()
        .map(|(marker, lines)| {
            let source = source_of(&marker, &lines);
            (marker, source)
        })
        .collect()
}

/// The source of a cell, without empty lines at its ends, and of markdown without the `#` of each line.
fn source_of(marker: &Marker<'_>, lines: &[&str]) -> String {
    let source = lines.join("\n");
    let source = source.trim_matches('\n');
    if !marker.is_markdown {
        return source.to_owned();
    }
    let lines: Vec<&str> = source.split('\n').map(uncommented).collect();
    lines.join("\n")
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
        let markdown = Marker {
            is_markdown: true,
            ..Marker::default()
        };
        assert_eq!(
            split(text),
            [
                (markdown, "# {{title}}\n\nText.".to_owned()),
                (Marker::default(), "x = 1\n\n\ny = {x: {1}}".to_owned())
            ]
        );
    }

    #[test]
    fn a_cell_with_a_condition_stands_where_its_value_is_not_empty() {
        let marker = Marker::read(" [markdown] when=\"orbits\"");
        assert_eq!((marker.is_markdown, marker.when), (true, Some("orbits")));
        let when = |value: &str| stands(&marker, &[("orbits", value.to_owned())]);
        assert_eq!(
            (when("[3]"), when("[]"), when("")),
            (Ok(true), Ok(false), Ok(false))
        );
        assert_eq!(stands(&marker, &[]), Err("orbits".to_owned()));
        assert!(Marker::read(" hidden").is_hidden);
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
