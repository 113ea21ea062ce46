//! Text: numbers and header lines as Fortran formats have them.

use super::Terms;

/// A header line: its content in 60 columns, then its label.
pub(crate) fn header(out: &mut String, content: &str, label: &str) {
    out.push_str(format!("{content:<60.60}{label}").trim_end());
    out.push('\n');
}

/// The lines of comment that every file with RINEX headers has.
pub(crate) fn comments(out: &mut String, terms: &Terms) {
    header(
        out,
        "made by gantry-standin; no measurement, for tests",
        "COMMENT",
    );
    if terms.version > 0 {
        let text = format!("reprocessed, version {}", terms.version + 1);
        header(out, &text, "COMMENT");
    }
}

/// One digit before the point, 12 behind it, 19 columns: ` 1.234567890123D-04`.
pub(crate) fn d19(value: f64) -> String {
    exponential(value, 12, 'D')
}

/// The same with another letter and so many digits behind the point.
pub(crate) fn exponential(value: f64, digits: usize, letter: char) -> String {
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    let width = digits + 3;
    format!("{mantissa:>width$}{letter}{sign}{:02}", exponent.abs())
}

/// A number from 0 to 1 that follows from the seed and what it is for.
pub(crate) fn noise(seed: u64, what: [u64; 3]) -> f64 {
    // SplitMix64 over the parts, one after the other.
    let mut state = seed;
    for part in what {
        state = state.wrapping_add(part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_their_columns() {
        assert_eq!(d19(-1.234e-4), "-1.234000000000D-04");
        assert_eq!(d19(0.0), " 0.000000000000D+00");
        assert_eq!(d19(5153.7).len(), 19);
    }
}
