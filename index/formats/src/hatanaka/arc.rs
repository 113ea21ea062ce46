//! Arcs: numbers kept as differences in time, of an order that is reached step by step.

/// The highest order the format has; RNX2CRX writes 3.
const MAX_ORDER: usize = 9;

/// A number in thousandths or smaller, and its differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arc {
    /// The order that the arc asks for.
    order: usize,
    /// The order that is reached.
    reached: usize,
    /// The number, its first difference, its second and so on.
    sums: [i64; MAX_ORDER + 1],
}

impl Arc {
    /// Reads `3&123`, which begins an arc of order 3 at 123, or `-5`, which continues `before`.
    pub(super) fn read(before: Option<Self>, text: &[u8]) -> Result<Self, String> {
        if let [order, b'&', value @ ..] = text {
            let order = order.wrapping_sub(b'0');
            if order > 9 {
                return Err(fault(text, "is no arc: its order is no digit"));
            }
            let mut sums = [0; MAX_ORDER + 1];
            sums[0] = whole(value).ok_or_else(|| fault(text, "is no arc: no whole number"))?;
            return Ok(Self {
                order: usize::from(order),
                reached: 0,
                sums,
            });
        }
        let mut arc =
            before.ok_or_else(|| fault(text, "continues an arc that was not begun with `n&`"))?;
        let difference = whole(text).ok_or_else(|| fault(text, "is no whole number"))?;
        arc.reached = arc.order.min(arc.reached + 1);
        arc.sums[arc.reached] = difference;
        for k in (0..arc.reached).rev() {
            let sum = arc.sums[k].checked_add(arc.sums[k + 1]);
            arc.sums[k] =
                sum.ok_or_else(|| fault(text, "makes the sum of differences overflow"))?;
        }
        Ok(arc)
    }

    pub(super) fn value(&self) -> i64 {
        self.sums[0]
    }
}

fn fault(text: &[u8], what: &str) -> String {
    format!("`{}` {what}", text.escape_ascii())
}

/// A whole number of digits with at most a minus before them.
pub(super) fn whole(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Writes `value`, counted in the last of `decimals`, right-aligned in `width` columns.
///
/// A zero before the point is left out, also after a minus: `.123`, `-.123`.
///
/// # Errors
/// A sentence, when the number is wider.
pub(super) fn write_fixed(
    text: &mut Vec<u8>,
    value: i64,
    decimals: usize,
    width: usize,
) -> Result<(), String> {
    let mut digits = value.unsigned_abs();
    let start = text.len();
    text.resize(start + width, b' ');
    let cells = &mut text[start..];
    let mut at = width;
    let mut put = |byte: u8| -> Result<(), String> {
        at = at
            .checked_sub(1)
            .ok_or_else(|| format!("a number of {width} columns is too wide"))?;
        cells[at] = byte;
        Ok(())
    };
    for place in 0.. {
        if place == decimals {
            put(b'.')?;
        }
        if place >= decimals && digits == 0 {
            break;
        }
        put(b'0' + u8::try_from(digits % 10).unwrap_or_default())?;
        digits /= 10;
    }
    if value < 0 {
        put(b'-')?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(value: i64, decimals: usize, width: usize) -> Result<String, String> {
        let mut text = Vec::new();
        write_fixed(&mut text, value, decimals, width)?;
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn numbers_are_written_as_fortran_does_without_a_leading_zero() {
        assert_eq!(fixed(123_456, 3, 14).unwrap(), "       123.456");
        assert_eq!(fixed(5, 3, 14).unwrap(), "          .005");
        assert_eq!(fixed(0, 3, 14).unwrap(), "          .000");
        assert_eq!(fixed(-5, 3, 14).unwrap(), "         -.005");
        assert_eq!(fixed(-500_000_000, 9, 12).unwrap(), " -.500000000");
        assert_eq!(fixed(9_999_999_999_999, 3, 14).unwrap(), "9999999999.999");
        assert!(fixed(10_000_000_000_000, 3, 14).is_err());
        assert!(fixed(i64::MIN, 3, 14).is_err());
    }

    #[test]
    fn differences_of_every_order_give_a_polynomial_back() {
        let value = |t: i64| (0..=9).fold(7, |sum, power| sum * t + power);
        for order in 0..=9_usize {
            let mut before: Vec<i64> = Vec::new();
            let mut arc = None;
            for t in 0..20_i64 {
                let mut differences = vec![value(t)];
                for k in 0..order.min(before.len()) {
                    differences.push(differences[k] - before[k]);
                }
                let number = *differences.last().unwrap();
                let text = match t {
                    0 => format!("{order}&{number}"),
                    _ => number.to_string(),
                };
                let read = Arc::read(arc, text.as_bytes()).unwrap();
                assert_eq!(read.value(), value(t), "order {order}, time {t}");
                arc = Some(read);
                before = differences;
            }
        }
    }

    #[test]
    fn what_is_no_arc_is_refused_with_a_sentence() {
        let begun = Arc::read(None, b"1&9223372036854775807").unwrap();
        for (before, text, fault) in [
            (None, "x&1", "`x&1` is no arc: its order is no digit"),
            (None, "3&", "`3&` is no arc: no whole number"),
            (
                None,
                "12",
                "`12` continues an arc that was not begun with `n&`",
            ),
            (
                Some(begun),
                "1",
                "`1` makes the sum of differences overflow",
            ),
            (Some(begun), "+1", "`+1` is no whole number"),
            (
                Some(begun),
                "99999999999999999999",
                "`99999999999999999999` is no whole number",
            ),
        ] {
            assert_eq!(Arc::read(before, text.as_bytes()).unwrap_err(), fault);
        }
    }
}
