//! Whether the epochs of a RINEX observation file can be read.

use gantry_formats::rinex::Header;

/// What is wrong with the epochs of a whole file, in a sentence.
pub(super) fn fault(text: &str, header: &Header) -> Option<String> {
    let n_lines = usize::try_from(header.n_lines).unwrap_or(usize::MAX);
    let body = || text.lines().enumerate().skip(n_lines);
    if body().all(|(_, line)| line.trim().is_empty()) {
        return Some("it has a header but no epochs".to_owned());
    }
    let wrong = match header.version.trim().starts_with('2') {
        true => short_fault(body(), header),
        false => body()
            .filter(|(_, line)| line.starts_with('>'))
            .find(|(_, line)| {
                !is_epoch(
                    line.get(1..).unwrap_or_default(),
                    [1..5, 6..8, 9..11, 12..14, 15..17, 17..28],
                    31,
                )
            }),
    };
    wrong.map(|(n, line)| {
        format!(
            "line {}: `{}` is no epoch",
            n + 1,
            line.get(..40).unwrap_or(line).trim()
        )
    })
}

/// The first line of a RINEX 2 body that should be an epoch and is none.
fn short_fault<'t>(
    mut lines: impl Iterator<Item = (usize, &'t str)>,
    header: &Header,
) -> Option<(usize, &'t str)> {
    let n_types = header
        .observation_types
        .first()
        .map_or(0, |(_, types)| types.len());
    while let Some((n, line)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let number = |from: usize, to: usize| {
            line.get(from..to)
                .unwrap_or_default()
                .trim()
                .parse::<usize>()
        };
        let flag = number(28, 29).unwrap_or(0);
        let n_satellites = number(29, 32);
        let (Ok(n_satellites), true) = (
            n_satellites,
            flag > 1 || is_epoch(line, [1..3, 4..6, 7..9, 10..12, 13..15, 15..26], 29),
        ) else {
            return Some((n, line));
        };
        // Events are followed by so many lines of header; epochs by satellites, 12 a line, and their values, 5 a line.
        let to_skip = match flag {
            2..=5 => n_satellites,
            _ => n_satellites.saturating_sub(1) / 12 + n_satellites * n_types.div_ceil(5),
        };
        for _ in 0..to_skip {
            lines.next()?;
        }
    }
    None
}

/// Whether year, month, day, hour, minute and second stand in their columns; events (a flag above 1) may have none.
fn is_epoch(line: &str, columns: [std::ops::Range<usize>; 6], flag_at: usize) -> bool {
    let field = |range: std::ops::Range<usize>| line.get(range).unwrap_or_default().trim();
    let has_flag = |flag: &str| flag.parse::<u8>().is_ok_and(|flag| flag > 1);
    if has_flag(field(flag_at - 1..flag_at)) {
        return true;
    }
    let [year, month, day, hour, minute, second] = columns.map(field);
    let is_in = |text: &str, low: u32, high: u32| {
        text.parse::<u32>().is_ok_and(|n| (low..=high).contains(&n))
    };
    is_in(year, 0, 9999)
        && is_in(month, 1, 12)
        && is_in(day, 1, 31)
        && is_in(hour, 0, 23)
        && is_in(minute, 0, 59)
        && second
            .parse::<f64>()
            .is_ok_and(|second| (0.0..61.0).contains(&second))
}
