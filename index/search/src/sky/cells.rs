//! HEALPix cells, NESTED, up to order 8: what a region or a footprint covers of them, as terms of the index.
//!
//! Footprints are indexed by *whole* cells, which they cover, *parts*, which they touch, and cells *above* those of two
//! orders. The cells within another are a range of numbers at each order, and so are their terms, so that a region looks
//! at the ranges of its cells down to the next of these orders, and at what its cells lie in.
//! A cell is the area between great circles through eight points of each of its sides.

use cdshealpix::compass_point::Cardinal;
use cdshealpix::{best_starting_depth, has_best_starting_depth, nested};

use super::sphere::{Point, Polygon};

/// The finest order.
pub(crate) const FINEST: u8 = 8;

/// The orders of cells above others that are indexed.
pub(crate) const ABOVE: [u8; 2] = [4, 6];

/// How many cells there are at order 8.
pub(crate) const N_FINEST: u32 = 786_432;

/// The term of what covers the whole sky.
pub(crate) const ALL_SKY: u64 = 3;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cell {
    pub(crate) order: u8,
    pub(crate) number: u64,
}

/// What a cell is to a footprint in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// It is covered.
    Whole,
    /// It is touched.
    Part,
    /// A smaller one in it is covered or touched.
    Above,
}

impl Cell {
    /// The term of what has the cell as this.
    pub(crate) fn term(self, has: As) -> u64 {
        nested::to_uniq_ivoa(self.order, self.number) << 2 | has as u64
    }

    /// The terms, from one to before another, of what is known by the cell or by cells in it: of its own and each finer order as far
    /// as an order at which all that is finer is known by what it lies in.
    pub(crate) fn terms_within(self) -> impl Iterator<Item = (u64, u64)> {
        let down_to = ABOVE.into_iter().find(|order| *order >= self.order);
        (self.order..=down_to.unwrap_or(FINEST)).map(move |order| {
            let bits = 2 * (order - self.order);
            let first = self.number << bits;
            let cell = |number| Self { order, number };
            let end = first + (1 << bits);
            (cell(first).term(As::Whole), cell(end).term(As::Whole))
        })
    }

    pub(crate) fn children(self) -> impl Iterator<Item = Self> {
        (0..4).map(move |child| Self {
            order: self.order + 1,
            number: self.number << 2 | child,
        })
    }

    /// The cells it lies in, the largest last.
    pub(crate) fn above(self) -> impl Iterator<Item = Self> {
        (1..=self.order).map(move |up| Self {
            order: self.order - up,
            number: self.number >> (2 * up),
        })
    }

    /// Its first and last cell at order 8.
    pub(crate) fn finest(self) -> (u32, u32) {
        let bits = 2 * (FINEST - self.order);
        let first = u32::try_from(self.number << bits).expect("cells up to order 8 have 20 bits");
        (first, first + (1 << bits) - 1)
    }

    pub(crate) fn middle(self) -> Point {
        let (lon, lat) = nested::center(self.order, self.number);
        Point::of(lon, lat)
    }

    pub(crate) fn corners(self) -> [Point; 4] {
        nested::vertices(self.order, self.number).map(|(lon, lat)| Point::of(lon, lat))
    }

    /// A circle around it: its middle and an angle that nothing of it is farther away.
    pub(crate) fn around(self) -> (Point, f64) {
        let middle = self.middle();
        let angles = self.corners().map(|corner| middle.angle(corner));
        (middle, angles.into_iter().fold(0.0, f64::max) * 1.01)
    }

    /// Its outline.
    pub(crate) fn outline(self) -> Option<Polygon> {
        let path = nested::path_along_cell_edge(self.order, self.number, &Cardinal::S, false, 8);
        Polygon::new(
            path.iter()
                .map(|(lon, lat)| Point::of(*lon, *lat))
                .collect(),
        )
    }
}

/// Cells of a range at order 8, as few and large as they can be.
pub(crate) fn cells_of(first: u32, last: u32) -> Vec<Cell> {
    let (mut at, end) = (u64::from(first), u64::from(last.min(N_FINEST - 1)) + 1);
    let mut cells = Vec::new();
    while at < end {
        let mut up = 0;
        while up < FINEST
            && at.is_multiple_of(1 << (2 * (up + 1)))
            && at + (1 << (2 * (up + 1))) <= end
        {
            up += 1;
        }
        cells.push(Cell {
            order: FINEST - up,
            number: at >> (2 * up),
        });
        at += 1 << (2 * up);
    }
    cells
}

/// The cells of an area.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Cover {
    /// Cells that lie in it, by a margin.
    pub(crate) whole: Vec<Cell>,
    /// Cells that it may touch.
    pub(crate) parts: Vec<Cell>,
}

impl Cover {
    /// The cells of an area: `distance` tells the angle from a point to its boundary, negative inside; `within` a circle
    /// around it, where that is small. Smaller cells are taken while there are no more than `most`.
    pub(crate) fn of(
        distance: impl Fn(Point) -> f64,
        within: Option<(Point, f64)>,
        most: usize,
    ) -> Self {
        let mut cover = Self::default();
        cover.parts = cover.touched(first_cells(within), &distance);
        while let Some(cell) = cover.parts.first() {
            // Cells of an order are halved in width: an outline needs twice as many.
            if cell.order >= FINEST || cover.parts.len() * 2 > most {
                break;
            }
            let finer = cover
                .parts
                .iter()
                .flat_map(|cell| cell.children())
                .collect();
            cover.parts = cover.touched(finer, &distance);
        }
        cover
    }

    /// Takes those of the cells that lie in the area, and returns those that its boundary may pass through.
    fn touched(&mut self, cells: Vec<Cell>, distance: &impl Fn(Point) -> f64) -> Vec<Cell> {
        let mut parts = Vec::new();
        for cell in cells {
            let (middle, radius) = cell.around();
            let distance = distance(middle);
            if distance < -radius * 1.02 - 1e-9 {
                self.whole.push(cell);
            } else if distance <= radius {
                parts.push(cell);
            }
        }
        parts
    }
}

/// Some cells that hold a circle, nine where it is small, else all of order 0.
fn first_cells(within: Option<(Point, f64)>) -> Vec<Cell> {
    match within.filter(|(_, radius)| has_best_starting_depth(*radius)) {
        Some((middle, radius)) => {
            let order = best_starting_depth(radius).min(FINEST);
            let (lon, lat) = middle.lon_lat();
            let number = nested::hash(order, lon, lat);
            let near = nested::neighbours(order, number, true).sorted_values_vec();
            let mut cells: Vec<Cell> = near
                .into_iter()
                .map(|number| Cell { order, number })
                .collect();
            cells.dedup();
            cells
        }
        None => (0..12).map(|number| Cell { order: 0, number }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_made_of_as_few_cells_as_it_can_be() {
        let all = cells_of(0, N_FINEST - 1);
        assert_eq!(
            (all.len(), all[0]),
            (
                12,
                Cell {
                    order: 0,
                    number: 0
                }
            )
        );
        let cells = cells_of(3, 8);
        let told: Vec<(u8, u64)> = cells.iter().map(|cell| (cell.order, cell.number)).collect();
        assert_eq!(told, [(8, 3), (7, 1), (8, 8)]);
        assert_eq!(cells[1].finest(), (4, 7));
    }

    /// Some cells of an order, and the last.
    fn some_of(order: u8) -> impl Iterator<Item = Cell> {
        let n = nested::n_hash(order);
        let numbers = (0..n).step_by(usize::try_from((n / 53).max(1)).unwrap());
        let numbers = numbers.chain([n - 1]);
        numbers.map(move |number| Cell { order, number })
    }

    #[test]
    fn terms_within_a_cell_are_those_of_cells_in_it_and_no_others() {
        let is_within =
            |cell: Cell, other: Cell| cell == other || cell.above().any(|above| above == other);
        let footprints: Vec<Cell> = (0..=FINEST).flat_map(some_of).collect();
        for sought in (0..=FINEST).flat_map(some_of) {
            let ranges: Vec<_> = sought.terms_within().collect();
            for footprint in &footprints {
                let above = footprint
                    .above()
                    .filter(|above| ABOVE.contains(&above.order));
                let mut terms = above.map(|above| above.term(As::Above)).collect::<Vec<_>>();
                terms.push(footprint.term(As::Part));
                let is_found = |term: &u64| {
                    ranges
                        .iter()
                        .any(|(first, end)| first <= term && term < end)
                };
                let found = terms.iter().any(is_found);
                assert_eq!(
                    found,
                    is_within(*footprint, sought),
                    "{footprint:?} in {sought:?}"
                );
            }
        }
    }

    #[test]
    fn nothing_of_a_cell_is_outside_the_circle_around_it() {
        for order in 0..=FINEST {
            let n = nested::n_hash(order);
            for number in (0..n).step_by(usize::try_from((n / 97).max(1)).unwrap()) {
                let cell = Cell { order, number };
                let (middle, radius) = cell.around();
                for (lon, lat) in nested::grid(order, number, 16) {
                    assert!(middle.angle(Point::of(lon, lat)) <= radius, "{cell:?}");
                }
            }
        }
    }
}
