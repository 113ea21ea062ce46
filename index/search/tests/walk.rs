//! All matches, piece by piece: the same as page by page, and no further than somebody takes them.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::ops::ControlFlow;

use gantry_search::{Collapse, Piece, Query, SearchError, Sort};
use support::{Catalogue, Dice, Searched, asset};

const N_ASSETS: u64 = 12_345;

async fn searched() -> (Catalogue, Searched) {
    let mut dice = Dice(7);
    let assets = (0..N_ASSETS).map(|n| {
        let title = format!("{} {}", dice.one(&["map", "beam", "noise"]), dice.below(50));
        let rank = u32::try_from(dice.below(4)).unwrap();
        asset(&format!("a-{n:06}"), &title, rank, &[])
    });
    let catalogue = Catalogue::of(assets);
    let searched = Searched::over(&catalogue).await;
    (catalogue, searched)
}

fn walked(searched: &Searched, query: &Query) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut take = |piece| {
        pieces.push(piece);
        ControlFlow::Continue(())
    };
    searched.index.walk(query, &mut take).unwrap();
    pieces
}

fn ids<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> Vec<String> {
    let hits = pieces.into_iter().flat_map(|piece| &piece.hits);
    hits.map(|hit| hit.id.to_string()).collect()
}

fn paged(searched: &Searched, query: &Query) -> Vec<String> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    loop {
        let page = searched.index.search(&query).unwrap();
        found.extend(page.hits.iter().map(|hit| hit.id.to_string()));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn a_walk_hands_over_what_pages_show_in_the_same_order() {
    let (_catalogue, searched) = searched().await;
    for (q, sort) in [
        ("", Sort::Relevance),
        ("map", Sort::Relevance),
        ("", Sort::Title),
        ("beam", Sort::Newest),
        ("noise", Sort::Size),
        ("nothing", Sort::Relevance),
    ] {
        let query = Query {
            q: q.to_owned(),
            sort,
            limit: 1000,
            fields: Some(Vec::new()),
            collapse: Collapse::None,
            ..Query::default()
        };
        let pieces = walked(&searched, &query);
        let expected = paged(&searched, &query);
        assert_eq!(ids(&pieces), expected, "{q} {sort:?}");
        let total = expected.len() as u64;
        assert!(pieces.iter().all(|piece| piece.total == total));
        assert!(pieces.iter().all(|piece| !piece.hits.is_empty()));
        let n_ends = pieces.iter().filter(|piece| piece.next.is_none()).count();
        assert_eq!(n_ends, usize::from(total > 0), "{q} {sort:?}");
        let views = pieces.iter().flat_map(|piece| &piece.hits);
        for hit in views {
            assert!(hit.view.get().contains(hit.id.as_str()), "{q} {sort:?}");
        }
    }
}

#[tokio::test]
async fn a_walk_that_is_broken_off_goes_on_where_it_was() {
    let (_catalogue, searched) = searched().await;
    let mut query = Query {
        sort: Sort::Title,
        ..Query::default()
    };
    let whole = ids(&walked(&searched, &query));
    assert_eq!(whole.len() as u64, N_ASSETS);
    let (mut first, mut n_pieces) = (Vec::new(), 0);
    let mut next = None;
    let mut take = |piece: Piece| {
        first.extend(ids([&piece]));
        next = piece.next;
        n_pieces += 1;
        match n_pieces {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    searched.index.walk(&query, &mut take).unwrap();
    assert_eq!(n_pieces, 3);
    query.after = next;
    let rest = ids(&walked(&searched, &query));
    assert_eq!([first, rest].concat(), whole);
    query.after = Some("nonsense".to_owned());
    let refused = searched
        .index
        .walk(&query, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(refused, Err(SearchError::Cursor(_))));
}
