//! What the archive of a round holds, and what will go wrong with each of its files.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::dice::Dice;

/// What a file carries that tells whether its bytes are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Plain,
    /// The CRC of gzip.
    Gzip,
    /// DATASUM of FITS.
    Fits,
}

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mishap {
    /// 503, with `Retry-After` where there are seconds.
    Unavailable(Option<u32>),
    /// 500.
    ServerError,
    /// A web page under 200.
    Page,
    /// 404.
    Missing,
    /// The connection ends after so many thousandths of the body.
    Cut(u64),
    /// One bit is another; only in files that carry what tells.
    Flip,
    /// The file is a little shorter, and so is the length announced.
    Short,
    /// No length is announced; the body ends in order after so many thousandths.
    Unannounced(u64),
    /// The connection ends half-way, and from then on another file stands in the place of this one.
    Replaced,
    /// `Range` is not heeded.
    NoRange,
}

/// One file of the archive.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether the list of products has its size.
    pub(crate) is_listed: bool,
    /// Its bytes, and those it is replaced with.
    pub(crate) versions: Vec<Arc<Vec<u8>>>,
    /// What goes wrong with its next requests, one after the other.
    pub(crate) mishaps: VecDeque<Mishap>,
}

impl Held {
    /// Whether it will be replaced by a file of another length although its own length is known.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_listed
            && self.versions.len() > 1
            && self.versions[0].len() != self.versions[1].len()
    }
}

/// The files of a round.
pub(crate) fn holdings(dice: &mut Dice) -> Vec<Held> {
    let n_files = dice.within(55, 95);
    (0..n_files).map(|n| held(n, dice)).collect()
}

fn held(n: u64, dice: &mut Dice) -> Held {
    let kind = match dice.below(10) {
        0..=4 => Kind::Plain,
        5..=7 => Kind::Gzip,
        _ => Kind::Fits,
    };
    let extension = match kind {
        Kind::Plain => "dat",
        Kind::Gzip => "txt.gz",
        Kind::Fits => "fits",
    };
    let mut held = Held {
        name: format!("f{n:03}.{extension}"),
        kind,
        is_listed: dice.percent(85),
        versions: vec![Arc::new(content(kind, size(dice), dice))],
        mishaps: VecDeque::new(),
    };
    for _ in 0..n_mishaps(dice) {
        let mishap = mishap(&held, dice);
        held.mishaps.extend(mishap);
    }
    if held.mishaps.contains(&Mishap::Replaced) {
        let length = if dice.percent(50) {
            held.versions[0].len()
        } else {
            size(dice)
        };
        let other = content(kind, length, dice);
        held.versions.push(Arc::new(other));
    }
    held
}

/// Most are small, some are empty, and a few are so large that a process can be killed in their middle.
fn size(dice: &mut Dice) -> usize {
    let size = match dice.below(20) {
        0 => 0,
        1 => 1,
        2..=11 => dice.within(2, 30_000),
        12..=16 => dice.within(30_000, 400_000),
        _ => dice.within(400_000, 3_000_000),
    };
    usize::try_from(size).unwrap()
}

fn n_mishaps(dice: &mut Dice) -> u64 {
    match dice.below(10) {
        0..=4 => 0,
        5..=7 => 1,
        8 => 2,
        _ => 3,
    }
}

/// A mishap that this file may have: what could not be noticed in it does not befall it.
fn mishap(held: &Held, dice: &mut Dice) -> Option<Mishap> {
    let is_checked = held.kind == Kind::Gzip;
    let thousandths = dice.below(1000);
    match dice.below(16) {
        0 => Some(Mishap::Unavailable(Some(1))),
        1 => Some(Mishap::Unavailable(None)),
        2 => Some(Mishap::ServerError),
        3 => Some(Mishap::Page),
        4 if dice.percent(30) => Some(Mishap::Missing),
        5 | 6 if held.kind != Kind::Plain => Some(Mishap::Flip),
        7 if dice.percent(50) && (held.is_listed || is_checked) => Some(Mishap::Short),
        8 if held.is_listed || is_checked => Some(Mishap::Unannounced(thousandths)),
        9 => Some(Mishap::Unannounced(1000)),
        10 if !held.mishaps.contains(&Mishap::Replaced) => Some(Mishap::Replaced),
        11 => Some(Mishap::NoRange),
        _ => Some(Mishap::Cut(thousandths)),
    }
}

fn content(kind: Kind, n_bytes: usize, dice: &mut Dice) -> Vec<u8> {
    match kind {
        Kind::Plain => dice.bytes(n_bytes),
        Kind::Gzip => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&dice.bytes(n_bytes)).unwrap();
            gzip.finish().unwrap()
        }
        Kind::Fits => fits(&dice.bytes(n_bytes)),
    }
}

/// Where the data of [`fits`] begin.
const HEADER: usize = 2880;
/// The same for gzip (RFC 1952).
const GZIP_HEADER: usize = 10;

/// An array of bytes with the sum of its data (FITS 4.0, section 4.4.2.7).
fn fits(bytes: &[u8]) -> Vec<u8> {
    let mut data = bytes.to_vec();
    data.resize(bytes.len().next_multiple_of(HEADER), 0);
    let cards = [
        "SIMPLE  =                    T".to_owned(),
        "BITPIX  =                    8".to_owned(),
        format!("NAXIS   = {:>20}", u8::from(!bytes.is_empty())),
        format!("NAXIS1  = {:>20}", bytes.len()),
        format!("DATASUM = '{}'", sum(&data)),
        "END".to_owned(),
    ];
    let cards = cards
        .iter()
        .filter(|card| !bytes.is_empty() || !card.starts_with("NAXIS1"));
    let mut file: Vec<u8> = cards
        .flat_map(|card| format!("{card:80}").into_bytes())
        .collect();
    file.resize(HEADER, b' ');
    file.extend(data);
    file
}

/// The sum of 32-bit words in ones' complement.
fn sum(data: &[u8]) -> u32 {
    let words = data
        .chunks_exact(4)
        .map(|word| u64::from(u32::from_be_bytes(word.try_into().unwrap())));
    let mut sum: u64 = words.sum();
    while sum > u64::from(u32::MAX) {
        sum = (sum & u64::from(u32::MAX)) + (sum >> 32);
    }
    u32::try_from(sum).unwrap()
}

/// The bytes with one bit changed at or behind `from`, if there is one whose change can be noticed.
pub(crate) fn flipped(kind: Kind, bytes: &[u8], from: usize, dice: &mut Dice) -> Option<Vec<u8>> {
    // Without its first bytes a file is not known for what it is, and its sum not looked for.
    let from = from.max(if kind == Kind::Fits {
        HEADER
    } else {
        GZIP_HEADER
    });
    if kind == Kind::Plain || from >= bytes.len() {
        return None;
    }
    for _ in 0..20 {
        let at = usize::try_from(dice.within(from as u64, bytes.len() as u64)).unwrap();
        let mut other = bytes.to_vec();
        other[at] ^= 1 << dice.below(8);
        // Padding in the stream of gzip is covered by no sum.
        if kind == Kind::Fits || !unpacks(&other) {
            return Some(other);
        }
    }
    None
}

fn unpacks(gzip: &[u8]) -> bool {
    GzDecoder::new(gzip).read_to_end(&mut Vec::new()).is_ok()
}
