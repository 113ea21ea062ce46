//! Two hundred queries over made-up assets, in a fixed mix.

use serde_json::{Value, json};

use crate::made::{Dice, FIELDS, Made, word};

const N: u64 = 200;

/// 5 % everything, 10 % one word, 10 % two words, 15 % words and 1–2 filters, 40 % 1–4 filters, a third of their values
/// with others of the field, 10 % a range of dates, 5 % that and a filter, 5 % a word, a range and two filters.
pub(crate) fn made_of(examples: &[Made], seed: u64) -> Value {
    let dice = &mut Dice(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1);
    let queries = (0..N).map(|n| {
        let like = dice.one(examples);
        let query = match n * 100 / N {
            0..5 => (0, 0, false),
            5..15 => (1, 0, false),
            15..25 => (2, 0, false),
            25..40 => (1 + dice.below(2), 1 + dice.below(2), false),
            40..80 => (0, 1 + dice.below(4), false),
            80..90 => (0, 0, true),
            90..95 => (0, 1, true),
            _ => (1, 2, true),
        };
        one(dice, like, examples, query)
    });
    let mut queries: Vec<Value> = queries.collect();
    // In no order, so that no engine answers one kind after the other.
    for at in (1..queries.len()).rev() {
        queries.swap(at, usize::try_from(dice.below(at as u64 + 1)).unwrap());
    }
    json!(queries)
}

fn one(
    dice: &mut Dice,
    like: &Made,
    examples: &[Made],
    (n_words, n_filters, dated): (u64, u64, bool),
) -> Value {
    let mut words: Vec<String> = (0..n_words)
        .map(|_| dice.one(&like.words).clone())
        .collect();
    if n_words == 1 && dice.below(3) == 0 {
        // From the twentieth most frequent to the rarest.
        let number = 20.0 * 950_f64.powf(dice.share());
        words = vec![word(number as usize)];
    }
    words.dedup();
    let mut facets = serde_json::Map::new();
    let mut fields: Vec<&str> = FIELDS.to_vec();
    while (facets.len() as u64) < n_filters && !fields.is_empty() {
        let field = fields.swap_remove(usize::try_from(dice.below(fields.len() as u64)).unwrap());
        let of = |made: &Made| {
            let found = made.facets.iter().find(|(name, _)| *name == field);
            found
                .map(|(_, value)| value.clone())
                .filter(|value| !value.is_empty())
        };
        let Some(value) = of(like) else { continue };
        let mut values = vec![value];
        if dice.below(3) == 0 {
            values.extend((0..2).filter_map(|_| of(dice.one(examples))));
        }
        values.sort();
        values.dedup();
        facets.insert(field.to_owned(), json!(values));
    }
    let time = dated.then(|| {
        let from = like.start - i64::try_from(dice.below(30)).unwrap() * 86_400;
        [
            from,
            from + 86_400 * (30 + i64::try_from(dice.below(700)).unwrap()),
        ]
    });
    json!({"words": words, "facets": facets, "time": time})
}
