//! A set of documents of one segment, one bit each.

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

    pub(crate) fn set(&mut self, doc: u32) {
        self.words[doc as usize / 64] |= 1 << (doc % 64);
    }

    pub(crate) fn has(&self, doc: u32) -> bool {
        self.words[doc as usize / 64] >> (doc % 64) & 1 == 1
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
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
}
