//! Content: what the generated files hold, each valid in its format.
//!
//! Everything follows from one set of orbits and clocks, so that observations, navigation messages,
//! orbits and clocks of the same day agree. All files say that a stand-in made them.

mod antenna;
mod bias;
mod compress;
mod hatanaka;
mod ionosphere;
mod navigation;
mod observe;
mod orbit;
mod products;
mod rinex;
mod sitelog;
pub(crate) mod station;
mod text;

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::calendar::Day;
use station::Station;

/// A file that can be made.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) product: Product,
    pub(crate) packing: Packing,
}

/// How its text is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Compress,
}

/// What it holds.
#[derive(Debug, Clone)]
pub(crate) enum Product {
    Observations(Observations),
    Navigation {
        day: Day,
        is_short: bool,
    },
    Orbits(Orbits),
    Clocks {
        centre: &'static str,
        day: Day,
        step_s: u32,
        is_old: bool,
    },
    EarthRotation {
        centre: &'static str,
        day: Day,
        n_days: u32,
    },
    Biases {
        centre: &'static str,
        day: Day,
    },
    Attitude {
        centre: &'static str,
        day: Day,
    },
    Coordinates {
        centre: &'static str,
        day: Day,
    },
    Ionosphere {
        centre: &'static str,
        day: Day,
    },
    Antennas {
        name: &'static str,
    },
    SiteLog {
        station: &'static Station,
        prepared: &'static str,
    },
}

/// Observations of a station.
#[derive(Debug, Clone)]
pub(crate) struct Observations {
    pub(crate) station: &'static Station,
    pub(crate) day: Day,
    /// Seconds of the day at which they begin.
    pub(crate) start_s: u32,
    pub(crate) step_s: u32,
    /// Without, as many as are usual for a day.
    pub(crate) n_epochs: Option<u32>,
    pub(crate) is_version_2: bool,
    pub(crate) is_hatanaka: bool,
}

/// Orbits of a centre.
#[derive(Debug, Clone)]
pub(crate) struct Orbits {
    pub(crate) centre: &'static str,
    pub(crate) day: Day,
    pub(crate) start_s: u32,
    pub(crate) step_s: u32,
    pub(crate) n_epochs: u32,
    /// From this epoch on they are predicted.
    pub(crate) predicted_from: Option<u32>,
    pub(crate) version: char,
    pub(crate) frame: &'static str,
}

/// On what all bytes depend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) seed: u64,
    /// How often the file was replaced.
    pub(crate) version: u32,
    pub(crate) epochs_per_day: u32,
}

impl Recipe {
    /// The bytes of the file.
    ///
    /// # Errors
    /// When packing fails, which it does not in memory.
    pub(crate) fn bytes(&self, terms: &Terms) -> io::Result<Vec<u8>> {
        let text = self.product.text(terms);
        match self.packing {
            Packing::Plain => Ok(text.into_bytes()),
            Packing::Compress => Ok(compress::compress(text.as_bytes())),
            Packing::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(text.as_bytes())?;
                encoder.finish()
            }
        }
    }
}

impl Product {
    fn text(&self, terms: &Terms) -> String {
        match self {
            Self::Observations(wanted) => {
                let observed = observe::observe(wanted, terms);
                match wanted.is_hatanaka {
                    true => hatanaka::text(&observed, wanted, terms),
                    false => rinex::text(&observed, wanted, terms),
                }
            }
            Self::Navigation { day, is_short } => navigation::text(*day, *is_short, terms),
            Self::Orbits(wanted) => products::orbits(wanted, terms),
            Self::Clocks {
                centre,
                day,
                step_s,
                is_old,
            } => products::clocks(centre, *day, *step_s, *is_old, terms),
            Self::EarthRotation {
                centre,
                day,
                n_days,
            } => products::earth_rotation(centre, *day, *n_days, terms),
            Self::Biases { centre, day } => bias::biases(centre, *day, terms),
            Self::Attitude { centre, day } => bias::attitude(centre, *day, terms),
            Self::Coordinates { centre, day } => bias::coordinates(centre, *day, terms),
            Self::Ionosphere { centre, day } => ionosphere::text(centre, *day, terms),
            Self::Antennas { name } => antenna::text(name, terms),
            Self::SiteLog { station, prepared } => sitelog::text(station, prepared, terms),
        }
    }
}
