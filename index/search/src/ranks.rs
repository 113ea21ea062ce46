//! The static ranks of a segment's documents, which lie by rank, the largest first.

use std::ops::Range;

/// Where each rank begins.
#[derive(Debug, Default)]
pub(crate) struct Ranks {
    /// The first document of each rank, and at last how many documents there are.
    starts: Vec<u32>,
    /// The ranks, descending.
    ranks: Vec<u64>,
}

/// The documents of one rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfRank {
    pub(crate) rank: u64,
    pub(crate) docs: Range<u32>,
}

impl Ranks {
    /// Of documents with these ranks.
    pub(crate) fn of(ranks: impl Iterator<Item = u64>) -> Self {
        let mut all = Self::default();
        let mut n_docs = 0;
        for rank in ranks {
            if all.ranks.last() != Some(&rank) {
                all.starts.push(n_docs);
                all.ranks.push(rank);
            }
            n_docs += 1;
        }
        all.starts.push(n_docs);
        all
    }

    /// The rank of a document, and all documents of that rank.
    pub(crate) fn around(&self, doc: u32) -> OfRank {
        let at = self.starts.partition_point(|start| *start <= doc) - 1;
        OfRank {
            rank: self.ranks[at],
            docs: self.starts[at]..self.starts[at + 1],
        }
    }

    /// All ranks with their documents.
    pub(crate) fn iter(&self) -> impl Iterator<Item = OfRank> + '_ {
        let docs = self.starts.windows(2).map(|pair| pair[0]..pair[1]);
        let both = self.ranks.iter().zip(docs);
        both.map(|(rank, docs)| OfRank { rank: *rank, docs })
    }

    /// The largest; 0 without documents.
    pub(crate) fn largest(&self) -> u64 {
        self.ranks.first().copied().unwrap_or(0)
    }

    /// The memory they take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.starts.as_slice()) + size_of_val(self.ranks.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_one_rank_are_found_from_any_of_them() {
        let ranks = Ranks::of([9, 9, 9, 4, 1, 1].into_iter());
        let of_rank = |rank, docs| OfRank { rank, docs };
        assert_eq!(ranks.around(0), of_rank(9, 0..3));
        assert_eq!(ranks.around(2), of_rank(9, 0..3));
        assert_eq!(ranks.around(3), of_rank(4, 3..4));
        assert_eq!(ranks.around(5), of_rank(1, 4..6));
        assert_eq!(
            ranks.iter().collect::<Vec<_>>(),
            [of_rank(9, 0..3), of_rank(4, 3..4), of_rank(1, 4..6)]
        );
        assert_eq!(Ranks::of(std::iter::empty()).largest(), 0);
    }
}
