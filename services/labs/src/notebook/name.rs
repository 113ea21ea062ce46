//! The names of starter notebooks.

/// How long the part made from a title may be.
const SLUG_BYTES: usize = 60;

/// The name of the notebook of a selection: `hfi-100-ghz-comparison-3fa9c1.ipynb`.
///
/// `name` is what its user calls it, or the title of the first product; of it letters and digits of ASCII are kept.
/// The same name and selection give the same notebook.
#[must_use]
pub fn notebook_name(name: &str, selection: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(SLUG_BYTES);
    let slug = match slug.trim_end_matches('-') {
        "" => "selection",
        slug => slug,
    };
    let id = selection.strip_prefix("sel_").unwrap_or(selection);
    let id: String = id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(6)
        .collect();
    format!("{slug}-{id}.ipynb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notebook_is_named_after_its_title_and_its_selection() {
        let name = |title| notebook_name(title, "sel_3fa9c1d2e4");
        assert_eq!(
            name("HFI 100 GHz comparison"),
            "hfi-100-ghz-comparison-3fa9c1.ipynb"
        );
        assert_eq!(
            name("HFI sky map, 100 GHz, full mission"),
            "hfi-sky-map-100-ghz-full-mission-3fa9c1.ipynb"
        );
        assert_eq!(name("../../etc/passwd\0"), "etc-passwd-3fa9c1.ipynb");
        assert_eq!(name("Карта неба"), "selection-3fa9c1.ipynb");
        assert_eq!(
            name(&"long ".repeat(50)).len(),
            60 - 1 + "-3fa9c1.ipynb".len()
        );
        assert_eq!(notebook_name("x", "sel_../a"), "x-a.ipynb");
    }
}
