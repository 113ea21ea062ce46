//! The first hits are those that come first when all are put in order, however few are asked for.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeMap;

use gantry_search::{Hit, Query, Sort};
use support::{Catalogue, Dice, Searched, asset, query, rounds};

/// Fewer than a page may hold, so that all can be asked for at once.
const N_ASSETS: u64 = 900;

const WORDS: [&str; 5] = ["map", "beam", "noise", "dust", "mask"];

/// An index in several segments, some of its documents deleted, with the ranks of what it holds.
async fn searched(dice: &mut Dice) -> (Searched, BTreeMap<String, u32>) {
    let catalogue = Catalogue::of([]);
    let searched = Searched::over(&catalogue).await;
    let mut ranks = BTreeMap::new();
    for n in 0..N_ASSETS + 200 {
        // Later ones replace some of those before.
        let name = format!("a-{:06}", dice.below(N_ASSETS));
        let title = format!("{} {}", dice.one(&WORDS), dice.one(&WORDS));
        let band = format!("band={}", dice.one(&["100 GHz", "143 GHz", "217 GHz"]));
        let rank = u32::try_from(10 * dice.below(3)).unwrap();
        let mut made = asset(&name, &title, rank, &[&band, "mission=Planck"]);
        made.description = format!("{} of the {}", dice.one(&WORDS), dice.one(&WORDS));
        ranks.insert(made.id.to_string(), rank);
        catalogue.put(made, 1);
        if n % 350 == 349 {
            searched.index.follow(&catalogue).await.unwrap();
        }
    }
    searched.index.follow(&catalogue).await.unwrap();
    (searched, ranks)
}

fn ids(hits: &[Hit]) -> Vec<String> {
    hits.iter().map(|hit| hit.id.to_string()).collect()
}

/// All hits, in pages of so many.
fn in_pages(searched: &Searched, asked: &Query, limit: usize) -> Vec<String> {
    let mut asked = Query {
        limit,
        ..asked.clone()
    };
    let mut all = Vec::new();
    loop {
        let page = searched.index.search(&asked).unwrap();
        all.extend(ids(&page.hits));
        match page.next {
            Some(next) => asked.after = Some(next),
            None => return all,
        }
    }
}

#[tokio::test]
async fn pages_of_any_size_show_all_hits_once_in_the_order_of_score_rank_and_id() {
    for round in 0..rounds() {
        let mut dice = Dice(round + 1);
        let (searched, ranks) = searched(&mut dice).await;
        for q in [
            "",
            "map",
            "beam map",
            "dust noise mask",
            "100 GHz map",
            "beam -noise",
            "map map-nothing",
        ] {
            let asked = Query {
                sort: Sort::Relevance,
                limit: 1_000,
                ..query(q)
            };
            let found = searched.index.search(&asked).unwrap();
            assert_eq!(found.total, found.hits.len() as u64, "{q}");
            let key = |hit: &Hit| {
                let rank = ranks[hit.id.as_str()];
                let first = if q.is_empty() {
                    f64::from(rank)
                } else {
                    f64::from(hit.score)
                };
                (first, hit.id.to_string())
            };
            let keys: Vec<_> = found.hits.iter().map(key).collect();
            for pair in keys.windows(2) {
                let is_ordered =
                    pair[0].0 > pair[1].0 || pair[0].0 == pair[1].0 && pair[0].1 < pair[1].1;
                assert!(is_ordered, "{q}: {pair:?}");
            }
            let all = ids(&found.hits);
            for limit in [1 + dice.below(3), 20, 150] {
                let limit = usize::try_from(limit).unwrap();
                assert_eq!(
                    in_pages(&searched, &asked, limit),
                    all,
                    "round {round}, `{q}` in pages of {limit}"
                );
            }
        }
    }
}
