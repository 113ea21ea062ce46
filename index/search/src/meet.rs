//! What several conditions leave of a set of documents, and what all of them but one leave, in one pass over the sets.

use std::sync::Arc;

use crate::bits::Bits;

/// So many words of each set are looked at before the next, so that they are near at hand.
const STRETCH: usize = 64;

/// A set that documents must be in, or must not be in.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) set: Arc<Bits>,
    pub(crate) negated: bool,
}

/// Those of some documents that meet all conditions, and per condition those that meet all others.
pub(crate) fn met(among: Bits, conditions: &[Condition]) -> (Bits, Vec<Bits>) {
    let mut all = among;
    let n_words = all.words().len();
    let mut others = vec![Bits::like(&all); conditions.len()];
    for from in (0..n_words).step_by(STRETCH) {
        let words = from..n_words.min(from + STRETCH);
        let left = &mut all.words_mut()[words.clone()];
        // On the way there those that meet the conditions before one, on the way back also those after it.
        for (condition, others) in conditions.iter().zip(&mut others) {
            others.words_mut()[words.clone()].copy_from_slice(left);
            keep(left, condition, words.start);
        }
        let mut after = [u64::MAX; STRETCH];
        for (condition, others) in conditions.iter().zip(&mut others).rev() {
            let others = &mut others.words_mut()[words.clone()];
            others.iter_mut().zip(&after).for_each(|(a, b)| *a &= b);
            keep(&mut after[..words.len()], condition, words.start);
        }
    }
    (all, others)
}

/// Of some words, that begin at a place, keeps what meets a condition.
fn keep(words: &mut [u64], condition: &Condition, from: usize) {
    let set = &condition.set.words()[from..from + words.len()];
    let both = words.iter_mut().zip(set);
    if condition.negated {
        both.for_each(|(a, b)| *a &= !b);
    } else {
        both.for_each(|(a, b)| *a &= b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_conditions_and_all_but_one_are_those_of_one_document_after_the_other() {
        let n = 64 * STRETCH as u32 + 1_000;
        let every = |step: u32| {
            let mut set = Bits::none(n);
            (0..n)
                .filter(|doc| doc.is_multiple_of(step))
                .for_each(|doc| set.set(doc));
            set
        };
        let conditions = [(2, false), (3, true), (5, false)];
        let meets = |doc: u32, (step, negated): (u32, bool)| doc.is_multiple_of(step) != negated;
        let made = conditions.map(|(step, negated)| Condition {
            set: Arc::new(every(step)),
            negated,
        });
        let (all, others) = met(every(1), &made);
        for doc in 0..n {
            let each = conditions.map(|condition| meets(doc, condition));
            assert_eq!(all.has(doc), each == [true; 3], "{doc}");
            for (at, others) in others.iter().enumerate() {
                let rest = (0..3).filter(|other| *other != at).all(|other| each[other]);
                assert_eq!(others.has(doc), rest, "{doc} but {at}");
            }
        }
    }
}
