//! Stations: where they stand and what they are equipped with, when.

/// A station of the network. Its equipment only looks like what stands there.
#[derive(Debug)]
pub(crate) struct Station {
    /// Nine characters.
    pub(crate) name: &'static str,
    pub(crate) site: &'static str,
    pub(crate) country: &'static str,
    pub(crate) domes: &'static str,
    /// Metres, earth-fixed.
    pub(crate) position: [f64; 3],
    pub(crate) receivers: &'static [Equipment],
    pub(crate) antennas: &'static [Equipment],
    /// Days of 2023 without data.
    pub(crate) gaps: &'static [u32],
}

/// A receiver or an antenna, from a moment on.
#[derive(Debug)]
pub(crate) struct Equipment {
    pub(crate) kind: &'static str,
    pub(crate) serial: &'static str,
    /// Of a receiver.
    pub(crate) firmware: &'static str,
    /// Such as `2019-05-07T12:00Z`.
    pub(crate) since: &'static str,
    /// When it was removed, where nothing took its place at once.
    pub(crate) until: Option<&'static str>,
}

impl Equipment {
    const fn until(self, until: &'static str) -> Self {
        Self {
            until: Some(until),
            ..self
        }
    }
}

impl Station {
    /// Four characters.
    pub(crate) fn code(&self) -> &'static str {
        &self.name[..4]
    }

    pub(crate) fn receiver(&self, moment: &str) -> &'static Equipment {
        at(self.receivers, moment)
    }

    pub(crate) fn antenna(&self, moment: &str) -> &'static Equipment {
        at(self.antennas, moment)
    }
}

/// What was there at a moment, which is written as `since` is and so compares as text does.
fn at(equipment: &'static [Equipment], moment: &str) -> &'static Equipment {
    let there = equipment.iter().rfind(|one| one.since <= moment);
    there.unwrap_or(&equipment[0])
}

const fn receiver(
    kind: &'static str,
    serial: &'static str,
    firmware: &'static str,
    since: &'static str,
) -> Equipment {
    Equipment {
        kind,
        serial,
        firmware,
        since,
        until: None,
    }
}

const fn antenna(kind: &'static str, serial: &'static str, since: &'static str) -> Equipment {
    receiver(kind, serial, "", since)
}

/// The stations whose observations are generated.
pub(crate) static STATIONS: [Station; 6] = [
    Station {
        name: "BRUX00BEL",
        site: "Brussels",
        country: "Belgium",
        domes: "13101M010",
        position: [4_027_881.370, 306_998.751, 4_919_499.025],
        receivers: &[
            receiver("SEPT POLARX4TR", "3001376", "2.9.6", "2012-01-31T10:00Z"),
            receiver("SEPT POLARX5TR", "3057609", "5.5.0", "2023-01-04T10:00Z"),
        ],
        antennas: &[antenna(
            "JAVRINGANT_DM   SCIS",
            "00464",
            "2020-11-20T09:00Z",
        )],
        gaps: &[],
    },
    Station {
        name: "POTS00DEU",
        site: "Potsdam",
        country: "Germany",
        domes: "14106M003",
        position: [3_800_689.634, 882_077.380, 5_028_791.311],
        receivers: &[receiver(
            "JAVAD TRE_3",
            "02366",
            "3.7.9",
            "2020-06-09T08:00Z",
        )],
        antennas: &[
            antenna("JAV_RINGANT_G3T NONE", "00457", "2012-08-14T08:00Z"),
            antenna("LEIAR25.R4      LEIT", "10180007", "2023-01-20T09:30Z"),
        ],
        gaps: &[9, 10],
    },
    Station {
        name: "AJAC00FRA",
        site: "Ajaccio",
        country: "France",
        domes: "10077M005",
        position: [4_696_989.688, 723_994.197, 4_239_678.304],
        receivers: &[receiver(
            "LEICA GR50",
            "2090088",
            "4.51",
            "2019-03-26T08:00Z",
        )],
        antennas: &[antenna(
            "TRM115000.00    NONE",
            "6122223841",
            "2019-03-26T08:00Z",
        )],
        gaps: &[23],
    },
    Station {
        name: "KMS300DNK",
        site: "Copenhagen",
        country: "Denmark",
        domes: "10101M004",
        position: [3_513_638.030, 778_956.526, 5_248_216.552],
        // Sent in for repair.
        receivers: &[
            receiver("SEPT POLARX5", "3023322", "5.4.0", "2021-08-24T10:00Z")
                .until("2023-01-29T12:00Z"),
            receiver("SEPT POLARX5", "3023322", "5.4.0", "2023-02-03T00:00Z"),
        ],
        antennas: &[antenna(
            "LEIAR25.R4      LEIT",
            "726333",
            "2015-09-10T10:00Z",
        )],
        gaps: &[30, 31, 32, 33],
    },
    Station {
        name: "GRAS00FRA",
        site: "Caussols",
        country: "France",
        domes: "10002M006",
        position: [4_581_690.826, 556_114.922, 4_389_360.842],
        receivers: &[receiver(
            "SEPT POLARX5",
            "3047937",
            "5.4.0",
            "2020-10-15T12:00Z",
        )],
        antennas: &[antenna(
            "TRM57971.00     NONE",
            "5000112724",
            "2017-09-19T08:00Z",
        )],
        gaps: &[],
    },
    Station {
        name: "NYA100NOR",
        site: "Ny-Alesund",
        country: "Norway",
        domes: "10317M003",
        position: [1_202_433.863, 252_632.267, 6_237_772.595],
        receivers: &[receiver(
            "TRIMBLE NETR9",
            "5217K84764",
            "5.45",
            "2017-06-14T10:00Z",
        )],
        antennas: &[antenna(
            "ASH701073.1     SNOW",
            "CR61998",
            "1998-04-23T00:00Z",
        )],
        gaps: &[5],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_equipment_of_a_day_is_the_last_before_it() {
        let brux = &STATIONS[0];
        assert_eq!(brux.receiver("2023-01-04T00:00Z").kind, "SEPT POLARX4TR");
        assert_eq!(brux.receiver("2023-01-05T00:00Z").kind, "SEPT POLARX5TR");
        assert_eq!(brux.receiver("1999-01-05T00:00Z").kind, "SEPT POLARX4TR");
    }
}
