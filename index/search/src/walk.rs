//! All matches of a query in their order, piece by piece: what a page of hits is to people, this is to programs.
//!
//! One commit of the index is walked from beginning to end. Only the places of some thousand hits are held at a time,
//! and the views of one piece.

use std::ops::ControlFlow;

use crate::error::SearchError;
use crate::execute::Run;
use crate::first::Placed;
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
        after = places.last().map(|placed| placed.at.clone());
        let mut places = places.into_iter().peekable();
        while places.peek().is_some() {
            let piece: Vec<Placed> = places.by_ref().take(HITS).collect();
            let at_end = is_last && places.peek().is_none();
            let last = piece.last().filter(|_| !at_end);
            let next = last.map(|last| write_cursor(query.sort, number, &last.at));
            let hits = hits_of(&run, piece)?;
            if take(Piece { hits, total, next }).is_break() {
                return Ok(());
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

/// The hits at some places, read in the order in which they are stored.
fn hits_of(run: &Run<'_>, places: Vec<Placed>) -> Result<Vec<Hit>, SearchError> {
    let mut order: Vec<(usize, Placed)> = places.into_iter().enumerate().collect();
    order.sort_unstable_by_key(|(_, placed)| (placed.segment, placed.doc));
    let read = |(at, placed)| Ok((at, run.hit(placed)?));
    let mut hits = order
        .into_iter()
        .map(read)
        .collect::<Result<Vec<(usize, Hit)>, SearchError>>()?;
    hits.sort_unstable_by_key(|(at, _)| *at);
    Ok(hits.into_iter().map(|(_, hit)| hit).collect())
}
