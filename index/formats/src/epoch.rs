//! Times that are six numbers in fixed columns.

use crate::lines::number;
use crate::rinex::Time;

/// Year, month, day, hour, minute and second as a time; 24:00:00 is the midnight after.
///
/// # Errors
/// A sentence that names the number that is out of its range.
pub(crate) fn epoch(parts: [&str; 6], system: Option<&str>) -> Result<Time, String> {
    let [year, month, day, hour, minute, second] = parts;
    let year = whole("year", year, 1900, 9999)?;
    let month = narrow("month", month, 1, 12)?;
    let day = narrow("day", day, 1, days_of(year, month))?;
    let hour = narrow("hour", hour, 0, 24)?;
    let minute = narrow("minute", minute, 0, 59)?;
    let seconds = number(second).filter(|second| (0.0..61.0).contains(second));
    let second = seconds.ok_or_else(|| format!("`{second}` is no second of a minute"))?;
    let mut time = Time {
        year,
        month,
        day,
        hour,
        minute,
        second,
        system: system.map(ToOwned::to_owned),
    };
    if hour == 24 {
        if minute != 0 || second != 0.0 {
            return Err("`24` is the hour of a time that is not midnight".to_owned());
        }
        start_next_day(&mut time);
    }
    Ok(time)
}

fn start_next_day(time: &mut Time) {
    time.hour = 0;
    time.day += 1;
    if time.day > days_of(time.year, time.month) {
        time.day = 1;
        time.month += 1;
    }
    if time.month > 12 {
        time.month = 1;
        time.year += 1;
    }
}

/// How many days a month has.
pub(crate) fn days_of(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

fn whole(name: &str, text: &str, least: u16, most: u16) -> Result<u16, String> {
    let value = text.trim().parse().ok();
    value
        .filter(|value| (least..=most).contains(value))
        .ok_or_else(|| format!("`{text}` is no {name} from {least} to {most}"))
}

fn narrow(name: &str, text: &str, least: u8, most: u8) -> Result<u8, String> {
    let value = whole(name, text, least.into(), most.into())?;
    Ok(u8::try_from(value).unwrap_or(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_24th_hour_is_the_midnight_after_and_days_are_those_of_the_month() {
        let time = epoch(["2016", "12", "31", "24", "0", "0"], None)
            .map(|t| (t.year, t.month, t.day, t.hour));
        assert_eq!(time, Ok((2017, 1, 1, 0)));
        let error = epoch(["2017", "2", "29", "0", "0", "0"], None);
        assert_eq!(error, Err("`29` is no day from 1 to 28".to_owned()));
        assert!(epoch(["2016", "2", "29", "23", "59", ".0000000"], None).is_ok());
        assert!(epoch(["2016", "2", "29", "24", "1", "0"], None).is_err());
    }
}
