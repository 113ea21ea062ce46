//! Lengths of time as names and facets write them.

/// Seconds of a length: `30S` and `30 s`, `05M` and `5 min`, `01H`, `01D`, `01W`; `01Z` and `1 Hz` are the time between
/// two of so many in a second. None for anything else.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(at);
    let n: u32 = digits.parse().ok().filter(|n| *n > 0)?;
    let n = f64::from(n);
    Some(match unit.trim() {
        "S" | "s" => n,
        "M" | "min" => n * 60.0,
        "H" | "h" => n * 3600.0,
        "D" | "d" => n * 86_400.0,
        "W" => n * 604_800.0,
        "Z" | "Hz" => 1.0 / n,
        "C" => 0.01 / n,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_facets_write_the_same_length() {
        for (name, facet) in [
            ("30S", "30 s"),
            ("05M", "5 min"),
            ("01Z", "1 Hz"),
            ("01H", "1 h"),
        ] {
            assert_eq!(seconds(name), seconds(facet));
        }
        assert_eq!(seconds("01D"), Some(86_400.0));
        for bad in ["", "D", "00D", "1", "01X", "-1D", "99999999999D"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
