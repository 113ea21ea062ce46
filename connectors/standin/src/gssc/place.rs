//! Places: the folder of the archive in which a file of some name belongs.

use super::calendar::Day;

const MISC: &str = "/misc";
/// Since this week products of all campaigns stand together.
const FLAT_SINCE_WEEK: u32 = 2238;

/// The folder for a file of this name; `/misc` when the name says nothing.
pub(crate) fn folder(name: &str) -> String {
    let plain = without_packing(name);
    let place = long_name(plain)
        .or_else(|| short_ionosphere(plain))
        .or_else(|| short_rinex(plain))
        .or_else(|| short_product(plain))
        .or_else(|| of_network(plain));
    place.unwrap_or_else(|| MISC.to_owned())
}

fn without_packing(name: &str) -> &str {
    let packings = [".gz", ".Z", ".bz2", ".zip"];
    let packed = packings.iter().find_map(|end| name.strip_suffix(end));
    packed.unwrap_or(name)
}

/// `BRUX00BEL_R_20230010000_01D_30S_MO.crx` and `ESA0OPSFIN_20230010000_01D_05M_ORB.SP3`.
fn long_name(name: &str) -> Option<String> {
    let (stem, _) = name.split_once('.')?;
    let parts: Vec<_> = stem.split('_').collect();
    match parts.as_slice() {
        [station, source, begins, span, rest @ ..]
            if station.len() == 9 && source.len() == 1 && (1..=2).contains(&rest.len()) =>
        {
            let (day, hour) = begin(begins)?;
            Some(match span.as_bytes() {
                [b'0'..=b'9', b'0'..=b'9', b'M'] => of_hour("highrate", day, hour),
                [b'0'..=b'9', b'0'..=b'9', b'H'] => of_hour("hourly", day, hour),
                _ => of_day("data/daily", day),
            })
        }
        [product, begins, _, _, content] if product.len() == 10 => {
            let (day, _) = begin(begins)?;
            if *content == "GIM" {
                return Some(of_day("products/ionex", day));
            }
            let is_apart = product.get(4..7) == Some("MGX") && day.week().0 < FLAT_SINCE_WEEK;
            Some(of_week(day.week().0, is_apart))
        }
        _ => None,
    }
}

/// `20230010000`: the day and the hour.
fn begin(text: &str) -> Option<(Day, u32)> {
    let digits = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let is_digits = text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit());
    let year = digits(0..4).filter(|_| is_digits)?;
    let day = Day::of_year(year as i32, digits(4..7)?)?;
    Some((day, digits(7..9).filter(|hour| *hour < 24)?))
}

/// `brux0010.23d`, `brux001a.23d`, `brux001a15.23d`.
fn short_rinex(name: &str) -> Option<String> {
    let (stem, end) = name.split_once('.')?;
    let (year, kind) = end.split_at_checked(2)?;
    let is_kind = kind.len() == 1 && "odnglpqhme".contains(&kind.to_ascii_lowercase());
    let code = stem.get(..4).filter(|_| is_kind)?;
    code.bytes()
        .all(|byte| byte.is_ascii_alphanumeric())
        .then_some(())?;
    let day = day_of_short(year, stem.get(4..7)?)?;
    let hour = |letter: char| match letter.to_ascii_lowercase() {
        letter @ 'a'..='x' => Some(letter as u32 - 'a' as u32),
        _ => None,
    };
    let mut session = stem.get(7..)?.chars();
    match (session.next()?, session.as_str()) {
        ('0'..='9', "") => Some(of_day("data/daily", day)),
        (letter, "") => Some(of_hour("hourly", day, hour(letter)?)),
        (letter, minutes) if minutes.len() == 2 => {
            minutes
                .parse::<u32>()
                .ok()
                .filter(|minutes| *minutes < 60)?;
            Some(of_hour("highrate", day, hour(letter)?))
        }
        _ => None,
    }
}

/// `jplg0010.17i`.
fn short_ionosphere(name: &str) -> Option<String> {
    let (stem, end) = name.split_once('.')?;
    let (year, kind) = end.split_at_checked(2)?;
    let is_ionosphere = kind.eq_ignore_ascii_case("i") && stem.len() == 8;
    let day = stem.get(4..7).filter(|_| is_ionosphere)?;
    Some(of_day("products/ionex", day_of_short(year, day)?))
}

/// `igs22430.sp3`, `igu22430_06.sp3`, `COD20352.CLK`.
fn short_product(name: &str) -> Option<String> {
    let (stem, end) = name.split_once('.')?;
    let end = end.to_ascii_lowercase();
    let kinds = ["sp3", "clk", "erp", "snx", "sum", "eph", "tro", "ssc"];
    kinds
        .iter()
        .any(|kind| end.starts_with(kind))
        .then_some(())?;
    let (stem, _) = stem.split_once('_').unwrap_or((stem, ""));
    let number = stem.get(3..).filter(|number| number.len() == 5)?;
    let number: u32 = number.parse().ok()?;
    (number % 10 < 8).then(|| of_week(number / 10, false))
}

/// `igs20_2274.atx`, `brux00bel_20230105.log`, `BRUX00BEL.xml`.
fn of_network(name: &str) -> Option<String> {
    let (stem, end) = name.rsplit_once('.')?;
    let (station, date) = stem.split_once('_').unwrap_or((stem, ""));
    let is_station = [4, 9].contains(&station.len());
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    match end.to_ascii_lowercase().as_str() {
        "atx" => Some("/igs/station/general".to_owned()),
        "log" if is_station && is_date => Some("/igs/station/log".to_owned()),
        "xml" if is_station && date.is_empty() => Some("/igs/station/log".to_owned()),
        _ => None,
    }
}

fn day_of_short(year: &str, day: &str) -> Option<Day> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(year) && digits(day)).then_some(())?;
    let year: i32 = year.parse().ok()?;
    let century = if year < 80 { 2000 } else { 1900 };
    Day::of_year(century + year, day.parse().ok()?)
}

/// The folder of a day, such as `/gnss/data/daily/2023/001`.
pub(crate) fn of_day(kind: &str, day: Day) -> String {
    format!("/gnss/{kind}/{}/{:03}", day.year(), day.number())
}

/// The folder of an hour, such as `/gnss/data/hourly/2023/001/05`.
pub(crate) fn of_hour(kind: &str, day: Day, hour: u32) -> String {
    format!("{}/{hour:02}", of_day(&format!("data/{kind}"), day))
}

/// The folder of a GPS week, or the one in it for products of the multi-GNSS campaign.
pub(crate) fn of_week(week: u32, is_apart: bool) -> String {
    let below = if is_apart { "/mgex" } else { "" };
    format!("/gnss/products/{week:04}{below}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_folder() {
        let places = [
            (
                "BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz",
                "/gnss/data/daily/2023/001",
            ),
            (
                "KMS300DNK_R_20221591000_01H_MN.rnx.gz",
                "/gnss/data/hourly/2022/159/10",
            ),
            (
                "GRAS00FRA_R_20223151700_15M_01S_MO.crx.gz",
                "/gnss/data/highrate/2022/315/17",
            ),
            (
                "ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz",
                "/gnss/products/2277",
            ),
            (
                "GRG0MGXFIN_20201770000_01D_30S_CLK.CLK.gz",
                "/gnss/products/2111/mgex",
            ),
            (
                "COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz",
                "/gnss/products/2250",
            ),
            (
                "ESA0OPSFIN_20230010000_01D_02H_GIM.INX.gz",
                "/gnss/products/ionex/2023/001",
            ),
            ("KOSG0010.95O", "/gnss/data/daily/1995/001"),
            ("ac660270.18o.Z", "/gnss/data/daily/2018/027"),
            ("brdc2420.18n.gz", "/gnss/data/daily/2018/242"),
            ("brux001b.23d.Z", "/gnss/data/hourly/2023/001/01"),
            ("brux001b15.23d.Z", "/gnss/data/highrate/2023/001/01"),
            ("jplg0010.17i.gz", "/gnss/products/ionex/2017/001"),
            ("COD20352.CLK", "/gnss/products/2035"),
            ("igs19362.sp3c", "/gnss/products/1936"),
            ("igu16295_18_p.sp3", "/gnss/products/1629"),
            ("igs14_small.atx.gz", "/igs/station/general"),
            ("houz00glp_20250106.log", "/igs/station/log"),
            ("HOUZ00GLP.xml", "/igs/station/log"),
            ("sample.crx.Z", "/misc"),
            ("gps_10MSps.23O.gz", "/misc"),
            ("GZGTR560.258", "/misc"),
            ("BRUX00BEL_R_20234000000_01D_30S_MO.crx.gz", "/misc"),
            ("é.23", "/misc"),
        ];
        for (name, place) in places {
            assert_eq!(folder(name), place, "{name}");
        }
    }
}
