//! Made-up assets: names, facets and coverages in the proportions of the three archives.

use gantry_asset::{Asset, AssetId, File, Kind, Location, Place, Shape, Sky, TimeSpan};

/// How many words there are; the first stands in about half of all assets.
const WORDS: usize = 20_000;
const STATIONS: u64 = 700;
const DAY_S: i64 = 86_400;

/// The fields that are counted, in the order of a row.
pub(crate) const FIELDS: [&str; 8] = [
    "mission",
    "instrument",
    "kind",
    "product_type",
    "band",
    "release",
    "station",
    "year",
];

/// Numbers that look random, the same for the same seed (xorshift64*).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    /// From 0 up to 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }

    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// One asset, and what other engines are told of it.
pub(crate) struct Made {
    pub(crate) number: u64,
    pub(crate) archive: &'static str,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) rank: u32,
    /// Per field of [`FIELDS`] its value, empty for none.
    pub(crate) facets: Vec<(&'static str, String)>,
    pub(crate) words: Vec<String>,
    name: String,
    sky: Option<Sky>,
    place: Option<Place>,
    size_bytes: u64,
}

/// Makes assets one after the other.
pub(crate) struct Maker {
    dice: Dice,
    /// The share of words up to each.
    zipf: Vec<f64>,
}

impl Maker {
    pub(crate) fn new(seed: u64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=WORDS).map(|rank| {
            sum += 1.0 / (rank as f64 + 1.7);
            sum
        });
        let mut zipf: Vec<f64> = weights.collect();
        zipf.iter_mut().for_each(|share| *share /= sum);
        Self {
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            zipf,
        }
    }

    pub(crate) fn make(&mut self, number: u64) -> Made {
        let (archive, mission) = match self.dice.below(100) {
            0..52 => ("gssc", "IGS"),
            52..58 => ("gssc", "Galileo"),
            58..65 => (
                "gssc",
                *self
                    .dice
                    .one(&["GPS", "GLONASS", "BeiDou", "EGNOS", "GIOVE"]),
            ),
            65..95 => ("gaia", "Gaia"),
            _ => ("planck", "Planck"),
        };
        let day = i64::try_from(self.dice.below(33 * 365)).unwrap();
        let start = 631_152_000 + day * DAY_S;
        let year = (1990 + day / 365).to_string();
        let mut made = Made {
            number,
            archive,
            start,
            end: start + DAY_S * if archive == "gssc" { 1 } else { 30 },
            rank: 0,
            facets: FIELDS.iter().map(|field| (*field, String::new())).collect(),
            words: (0..33).map(|_| self.word()).collect(),
            name: String::new(),
            sky: None,
            place: None,
            size_bytes: 1 << (10 + self.dice.below(20)),
        };
        made.set("mission", mission);
        made.set("year", year);
        match archive {
            "gssc" => self.observation(&mut made, day),
            "gaia" => self.bulk_file(&mut made),
            _ => self.map(&mut made),
        }
        made
    }

    fn observation(&mut self, made: &mut Made, day: i64) {
        let station = self.dice.below(STATIONS);
        let letter = |n: u64| char::from(b'A' + u8::try_from(n % 26).unwrap());
        let (a, b, c) = (letter(station), letter(station / 26), letter(station / 7));
        let code = format!("{a}{b}{c}{}00XXX", station % 10);
        let (year, day) = (1990 + day / 365, day % 365 + 1);
        made.name = format!(
            "gnss~data~daily~{year}~{day:03}~{:07}~{code}_R_{year}{day:03}0000_01D_30S_MO.crx.gz",
            made.number
        );
        let kinds = [
            "Information Data",
            "Information Data",
            "Information Product",
        ];
        made.set("kind", *self.dice.one(&kinds));
        let types = [
            "observation",
            "observation",
            "navigation",
            "orbit",
            "clock",
            "ionosphere",
        ];
        made.set("product_type", *self.dice.one(&types));
        made.set("station", code);
        if self.dice.below(3) == 0 {
            made.set("instrument", format!("Receiver {}", self.dice.below(30)));
        }
        // Stations all over the Earth, each always at its place.
        let at = &mut Dice(station * 7919 + 1);
        let lat = (2.0 * at.share() - 1.0).asin().to_degrees();
        made.place = Some(Place {
            lat,
            lon: at.share() * 360.0 - 180.0,
            height_m: None,
        });
        made.rank = 10 + u32::try_from(self.dice.below(10)).unwrap();
    }

    fn bulk_file(&mut self, made: &mut Made) {
        let first = u32::try_from(self.dice.below(786_000)).unwrap();
        let table = *self
            .dice
            .one(&["GaiaSource", "EpochPhotometry", "XpSampledMeanSpectrum"]);
        made.name = format!("Gaia~gdr3~{table}~{first:06}-{:07}.csv.gz", made.number);
        made.set("kind", "Information Data");
        made.set("product_type", table);
        made.set(
            "instrument",
            *self.dice.one(&["BP%2FRP", "RVS", "Astrometry"]),
        );
        made.set("release", *self.dice.one(&["DR1", "DR2", "EDR3", "DR3"]));
        made.set("band", *self.dice.one(&["G", "BP", "RP", ""]));
        made.sky = Some(match self.dice.below(2) {
            0 => Sky {
                healpix8: vec![(first, first + u32::try_from(self.dice.below(200)).unwrap())],
                ..Sky::default()
            },
            _ => Sky {
                shape: Some(Shape::Circle {
                    ra: self.dice.share() * 360.0,
                    dec: (2.0 * self.dice.share() - 1.0).asin().to_degrees(),
                    radius: 0.05 + 0.3 * self.dice.share(),
                }),
                ..Sky::default()
            },
        });
        made.rank = 40;
    }

    fn map(&mut self, made: &mut Made) {
        let bands = [
            "30 GHz", "44 GHz", "70 GHz", "100 GHz", "143 GHz", "217 GHz", "353 GHz", "545 GHz",
            "857 GHz",
        ];
        let at = usize::try_from(self.dice.below(9)).unwrap();
        let instrument = if at < 3 { "LFI" } else { "HFI" };
        let frequency = bands[at].trim_end_matches(" GHz");
        made.name = format!(
            "{instrument}_SkyMap_{frequency}_2048_R3.{:07}_full.fits",
            made.number
        );
        made.set("kind", "Information Product");
        made.set("instrument", instrument);
        made.set("band", bands[at]);
        made.set(
            "product_type",
            *self
                .dice
                .one(&["sky map", "mask", "component map", "timeline"]),
        );
        made.set("release", *self.dice.one(&["PR1", "PR2", "PR3", "PR4"]));
        made.sky = Some(Sky::all());
        made.rank = 50 + u32::try_from(self.dice.below(50)).unwrap();
    }

    fn word(&mut self) -> String {
        let share = self.dice.share();
        word(
            self.zipf
                .partition_point(|up_to| *up_to < share)
                .min(WORDS - 1),
        )
    }
}

/// A word that is nobody's: three syllables after a `z`.
pub(crate) fn word(number: usize) -> String {
    const CONSONANTS: &[u8; 20] = b"bcdfghjklmnpqrtvwxyz";
    let mut word = String::from("z");
    let mut rest = number;
    for _ in 0..3 {
        word.push(char::from(CONSONANTS[rest % 20]));
        word.push(char::from(b"aeiou"[rest / 20 % 5]));
        rest /= 100;
    }
    word
}

impl Made {
    fn set(&mut self, field: &str, value: impl Into<String>) {
        let facet = self.facets.iter_mut().find(|(name, _)| *name == field);
        facet.expect("it is a field of a row").1 = value.into();
    }

    pub(crate) fn asset(&self) -> Asset {
        let value = |field: &str| {
            let found = self.facets.iter().find(|(name, _)| *name == field);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let kind = match value("kind") {
            "Information Product" => Kind::InformationProduct,
            _ => Kind::InformationData,
        };
        let id = AssetId::parse(&format!("{}:{}", self.archive, self.name)).unwrap();
        let mut asset = Asset::new(id, kind);
        asset.title = self.words[..8].join(" ");
        asset.description = self.words[8..].join(" ");
        for (field, value) in self.facets.iter().filter(|(field, _)| *field != "kind") {
            asset.facets.add(field, value.as_str());
        }
        let instant = |at| chrono::DateTime::from_timestamp(at, 0).unwrap();
        asset.time = Some(TimeSpan {
            start: instant(self.start),
            end: instant(self.end),
        });
        (asset.sky, asset.place, asset.rank) = (self.sky.clone(), self.place, self.rank);
        let name = self.name.rsplit('~').next().unwrap_or_default().to_owned();
        asset.files = vec![File {
            locations: vec![Location::Address(format!("https://archive.example/{name}"))],
            name,
            path: None,
            media_type: "application/octet-stream".to_owned(),
            size_bytes: Some(self.size_bytes),
            checksum: None,
            modified: None,
        }];
        asset
    }
}
