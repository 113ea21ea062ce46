//! All matches of a query in their order, piece by piece: what a page of hits is to people, this is to programs.
//!
//! One commit of the index is walked from beginning to end. Only the places of some thousand hits are held at a time,
//! and the views of one piece.

use std::ops::ControlFlow;

use crate::error::SearchError;
use crate::execute::Run;
use crate::query::{Hit, Piece, Query};
use crate::snapshot::Snapshot;
use crate::top::{At, read_cursor, write_cursor};

/// How many places are found by one pass over the matches.
const PLACES: usize = 5_000;

/// How many hits are handed over at a time.
const HITS: usize = 250;

/// See [`crate::Index::walk`].
pub(crate) fn walk(
    snapshot: &Snapshot,
    query: &Query,
    take: &mut dyn FnMut(Piece) -> ControlFlow<()>,
) -> Result<(), SearchError> {
    let run = Run::new(snapshot, query)?;
    let number = snapshot.progress.map_or(0, |progress| progress.number);
    let total = run.total();
    let read = |cursor: &String| read_cursor(query.sort, cursor);
    let mut after: Option<At> = query.after.as_ref().map(read).transpose()?;
    loop {
        let mut places = run.first(PLACES, after.as_ref())?;
        let is_last = places.len() <= PLACES;
        places.truncate(PLACES);
        let mut pieces = places.chunks(HITS).peekable();
        while let Some(piece) = pieces.next() {
            let at_end = is_last && pieces.peek().is_none();
            let last = piece.last().map(|(at, ..)| at);
            let piece = Piece {
                hits: views_of(&run, piece)?,
                total,
                next: last
                    .filter(|_| !at_end)
                    .map(|at| write_cursor(query.sort, number, at)),
            };
            if take(piece).is_break() {
                return Ok(());
            }
        }
        match places.pop().filter(|_| !is_last) {
            Some((at, ..)) => after = Some(at),
            None => return Ok(()),
        }
    }
}

/// The hits at some places, read in the order in which they are stored.
fn views_of(run: &Run<'_>, places: &[(At, usize, u32)]) -> Result<Vec<Hit>, SearchError> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_unstable_by_key(|at| (places[*at].1, places[*at].2));
    let mut hits: Vec<(usize, Hit)> = Vec::with_capacity(places.len());
    for at in order {
        let (key, segment, doc) = &places[at];
        hits.push((at, run.hit(key, *segment, *doc)?));
    }
    hits.sort_unstable_by_key(|(at, _)| *at);
    Ok(hits.into_iter().map(|(_, hit)| hit).collect())
}
