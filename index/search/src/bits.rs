//! A set of documents of one segment, one bit each.

use std::ops::Range;

/// A fixed-size set of document numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// No document of `n`.
    pub(crate) fn none(n: u32) -> Self {
        Self {
            words: vec![0; (n as usize).div_ceil(64)],
        }
    }

    /// All documents of `n`.
    pub(crate) fn all(n: u32) -> Self {
        let mut words = vec![u64::MAX; (n as usize).div_ceil(64)];
        if let Some(last) = words.last_mut()
            && !n.is_multiple_of(64)
        {
            *last = (1 << (n % 64)) - 1;
        }
        Self { words }
    }

    /// The documents, 64 at a time.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The same to change.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// No document of as many as another set may hold.
    pub(crate) fn like(other: &Self) -> Self {
        Self {
            words: vec![0; other.words.len()],
        }
    }

    pub(crate) fn set(&mut self, doc: u32) {
        self.words[doc as usize / 64] |= 1 << (doc % 64);
    }

    pub(crate) fn has(&self, doc: u32) -> bool {
        self.words[doc as usize / 64] >> (doc % 64) & 1 == 1
    }

    pub(crate) fn count(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(crate) fn and(&mut self, other: &Self) {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(a, b)| *a &= b);
    }

    pub(crate) fn or(&mut self, other: &Self) {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(a, b)| *a |= b);
    }

    pub(crate) fn without(&mut self, other: &Self) {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(a, b)| *a &= !b);
    }

    /// Some of the documents, told 64 at a time: from the place of a word and the documents in it.
    pub(crate) fn map_words(&self, mut some: impl FnMut(usize, u64) -> u64) -> Self {
        let one = |(at, word): (usize, &u64)| if *word == 0 { 0 } else { some(at, *word) };
        Self {
            words: self.words.iter().enumerate().map(one).collect(),
        }
    }

    /// The first document of the set that is not before one.
    pub(crate) fn first_from(&self, doc: u32) -> Option<u32> {
        let at = doc as usize / 64;
        let first = self.words.get(at)? & (u64::MAX << (doc % 64));
        let rest = self.words[at + 1..].iter().copied();
        let mut words = std::iter::once(first)
            .chain(rest)
            .zip((at..).map(|at| at * 64));
        let (word, base) = words.find(|(word, _)| *word != 0)?;
        Some(u32::try_from(base).ok()? + word.trailing_zeros())
    }

    /// The words that hold some documents, with these alone in them, and the first document of each.
    fn words_within(&self, docs: Range<u32>) -> impl Iterator<Item = (u64, u32)> + '_ {
        let words = (docs.start / 64)..docs.end.div_ceil(64);
        words.map(move |at| {
            let (base, mut word) = (at * 64, self.words[at as usize]);
            if base < docs.start {
                word &= u64::MAX << (docs.start % 64);
            }
            if docs.end < base + 64 {
                word &= !(u64::MAX << (docs.end % 64));
            }
            (word, base)
        })
    }

    /// How many of some documents are in the set.
    pub(crate) fn count_within(&self, docs: Range<u32>) -> u64 {
        let words = self.words_within(docs);
        words.map(|(word, _)| u64::from(word.count_ones())).sum()
    }

    /// Those of some documents that are in the set, ascending.
    pub(crate) fn within(&self, docs: Range<u32>) -> impl Iterator<Item = u32> + '_ {
        let words = self.words_within(docs);
        words.flat_map(|(word, base)| OnesOf { word, base })
    }

    /// The documents in the set, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0u32..).flat_map(|(word, at)| OnesOf {
            word: *word,
            base: at * 64,
        })
    }
}

/// The places of the bits of one word.
pub(crate) struct OnesOf {
    /// What is left of the word.
    pub(crate) word: u64,
    /// The document of its lowest bit.
    pub(crate) base: u32,
}

impl Iterator for OnesOf {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.word == 0 {
            return None;
        }
        let at = self.word.trailing_zeros();
        self.word &= self.word - 1;
        Some(self.base + at)
    }
}

/// One bit for each of 64 bytes that are 0 or 1.
pub(crate) fn gathered(bytes: &[u8; 64]) -> u64 {
    // The product's highest byte collects the lowest bit of each of eight bytes.
    const COLLECT: u64 = 0x0102_0408_1020_4080;
    let (eights, _) = bytes.as_chunks::<8>();
    let eighth = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(COLLECT) >> 56;
    let places = eights.iter().zip((0..64).step_by(8));
    places.fold(0, |bits, (eight, at)| bits | eighth(eight) << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_seventy_is_seventy_and_iterates_in_order() {
        let mut bits = Bits::all(70);
        assert_eq!(bits.count(), 70);
        assert_eq!(bits.iter().collect::<Vec<_>>(), (0..70).collect::<Vec<_>>());
        bits.without(&Bits::all(70));
        assert!(bits.is_empty());
    }

    #[test]
    fn documents_of_a_range_are_those_of_all_that_lie_in_it() {
        let mut bits = Bits::none(300);
        (0..300).step_by(7).for_each(|doc| bits.set(doc));
        for range in [
            0..300,
            0..0,
            63..64,
            64..128,
            10..11,
            7..8,
            65..299,
            250..300,
        ] {
            let want: Vec<u32> = bits.iter().filter(|doc| range.contains(doc)).collect();
            assert_eq!(bits.within(range.clone()).collect::<Vec<_>>(), want);
            assert_eq!(bits.count_within(range.clone()), want.len() as u64);
            let first = bits.iter().find(|doc| *doc >= range.start);
            assert_eq!(bits.first_from(range.start), first, "{range:?}");
        }
    }

    #[test]
    fn sixty_four_bytes_are_sixty_four_bits() {
        for bits in [0, 1, 1 << 63, u64::MAX, 0x8421_0f00_ff55_aa07] {
            let bytes = std::array::from_fn(|at| u8::from(bits >> at & 1 == 1));
            assert_eq!(gathered(&bytes), bits, "{bits:064b}");
        }
    }
}
