//! Telling text files of satellite navigation by their first line.

/// What a first line says that a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// RINEX of any kind.
    Rinex,
    /// RINEX packed by Hatanaka's method.
    Hatanaka,
    /// Orbits, SP3.
    Orbits,
    /// Maps of the ionosphere, IONEX.
    IonosphereMaps,
    /// Antenna models, ANTEX.
    Antennas,
    /// Station solutions, SINEX.
    Solution,
    /// Troposphere delays, SINEX TRO.
    Troposphere,
    /// Signal biases, SINEX BIA.
    Biases,
    /// Attitude of satellites, ORBEX.
    Attitude,
    /// Earth rotation parameters of the IGS, ERP version 2.
    EarthRotation,
    /// A site log in plain text.
    SiteLog,
}

/// What the first line that is not blank says, if it says anything.
pub fn recognise(line: &str) -> Option<Product> {
    let label = [60, 65].map(|at| line.get(at..).unwrap_or("").trim());
    let begins = |text: &str| label.iter().any(|label| label.starts_with(text));
    let start = line.trim_start();
    Some(match line.as_bytes() {
        _ if begins("RINEX VERSION / TYPE") => Product::Rinex,
        _ if begins("CRINEX VERS") => Product::Hatanaka,
        _ if begins("IONEX VERSION / TYPE") => Product::IonosphereMaps,
        _ if begins("ANTEX VERSION / SYST") => Product::Antennas,
        [
            b'#',
            b'a'..=b'd',
            b'P' | b'V' | b' ',
            b'0'..=b'9' | b' ',
            ..,
        ] => Product::Orbits,
        _ if start.starts_with("%=SNX") => Product::Solution,
        _ if start.starts_with("%=TRO") => Product::Troposphere,
        _ if start.starts_with("%=BIA") => Product::Biases,
        _ if start.starts_with("%=ORBEX") || start.starts_with("%=OBX") => Product::Attitude,
        _ if is_erp(start) => Product::EarthRotation,
        _ if line.contains("Site Information Form") => Product::SiteLog,
        _ => return None,
    })
}

/// `VERSION 2`, in any case and with any blanks between.
fn is_erp(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let version = words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("version"));
    version && words.next() == Some("2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_tell_products_apart() {
        let ionex = format!(
            "{:<60}IONEX VERSION / TYPE",
            "     1.0            IONOSPHERE MAPS     GPS"
        );
        let facts = [
            (
                "#dP2023  2 19  0  0  0.00000000     289 d+D   IGS20 FIT AIUB",
                Some(Product::Orbits),
            ),
            (ionex.as_str(), Some(Product::IonosphereMaps)),
            ("%=SNX 2.02 ESA 23:100:00000", Some(Product::Solution)),
            ("%=BIA 1.00 COD 2023:080:12345", Some(Product::Biases)),
            ("%=ORBEX  0.09", Some(Product::Attitude)),
            ("version 2", Some(Product::EarthRotation)),
            ("VERSION 3", None),
            ("#comment", None),
            ("", None),
        ];
        for (line, product) in facts {
            assert_eq!(recognise(line), product, "{line}");
        }
    }
}
