//! Channels: what the frequencies of the two instruments are like.

/// One frequency.
#[derive(Debug, PartialEq)]
pub(crate) struct Channel {
    /// As in names: `030`, `100`.
    pub(crate) name: &'static str,
    pub(crate) instrument: &'static str,
    /// K_CMB or MJy/sr.
    pub(crate) unit: &'static str,
    /// What a background of 1 K_CMB measures in that unit.
    pub(crate) per_kelvin: f64,
    /// The brightest part of the galaxy in that unit.
    pub(crate) galaxy: f64,
    /// Noise of a pixel in that unit.
    pub(crate) noise: f64,
    pub(crate) is_polarised: bool,
}

const fn kelvin(name: &'static str, instrument: &'static str, galaxy: f64, noise: f64) -> Channel {
    Channel {
        name,
        instrument,
        unit: "K_CMB",
        per_kelvin: 1.0,
        galaxy,
        noise,
        is_polarised: true,
    }
}

const fn jansky(name: &'static str, per_kelvin: f64, galaxy: f64, noise: f64) -> Channel {
    Channel {
        name,
        instrument: "HFI",
        unit: "MJy/sr",
        per_kelvin,
        galaxy,
        noise,
        is_polarised: false,
    }
}

/// All nine, in order of frequency.
pub(crate) static CHANNELS: [Channel; 9] = [
    kelvin("030", "LFI", 2.0e-2, 9.0e-6),
    kelvin("044", "LFI", 8.0e-3, 1.1e-5),
    kelvin("070", "LFI", 4.0e-3, 1.2e-5),
    kelvin("100", "HFI", 3.5e-3, 3.0e-6),
    kelvin("143", "HFI", 5.0e-3, 2.0e-6),
    kelvin("217", "HFI", 1.6e-2, 3.0e-6),
    kelvin("353", "HFI", 1.2e-1, 1.2e-5),
    jansky("545", 58.0, 1.8e2, 4.0e-3),
    jansky("857", 2.27, 8.0e2, 4.0e-3),
];

/// The channel of this name.
pub(crate) fn channel(name: &str) -> &'static Channel {
    CHANNELS
        .iter()
        .find(|channel| channel.name == name)
        .expect("the names of channels are constants of this crate")
}
