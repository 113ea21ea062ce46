//! What an asset covers, as it stands in the index and as it is compared with a region.

use gantry_asset::{Place, Shape, Sky};

use super::cells::{ABOVE, ALL_SKY, As, Cell, Cover, FINEST, N_FINEST, cells_of};
use super::sphere::{Point, Polygon};

/// So many cells of a footprint are indexed or a few more; of a large one larger cells.
const MOST_CELLS: usize = 16;

/// A footprint of more corners is told by its cells.
const MOST_CORNERS: usize = 64;

/// What an asset covers of a sphere.
#[derive(Debug, Clone)]
pub(crate) enum Coverage {
    /// A circle, a point being one of radius 0.
    Circle(Point, f64),
    /// A polygon.
    Polygon(Polygon),
    /// Ranges of cells at order 8, both ends included.
    Cells(Vec<(u32, u32)>),
}

/// What is written of a coverage.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Written {
    /// Its terms.
    pub(crate) terms: Vec<u64>,
    /// The numbers of its shape: longitude and latitude in degrees, and the radius of a circle, or one corner after
    /// the other.
    pub(crate) shape: Vec<f64>,
    /// Its cells, where they are what is known of it.
    pub(crate) cells: Vec<u64>,
}

/// What an asset covers of the sky, as it is written; nothing when that is nothing.
pub(crate) fn of_sky(sky: &Sky) -> Option<Written> {
    if sky.all_sky {
        return Some(Written {
            terms: vec![ALL_SKY],
            ..Written::default()
        });
    }
    let numbers = sky.shape.as_ref().and_then(numbers_of);
    if let Some(shape) = numbers
        && let Some(coverage) = read_shape(&shape)
    {
        let terms = terms_of(&coverage);
        return Some(Written {
            terms,
            shape,
            cells: Vec::new(),
        });
    }
    let is_range = |(first, last): &&(u32, u32)| first <= last && *first < N_FINEST;
    let ranges: Vec<(u32, u32)> = sky.healpix8.iter().filter(is_range).copied().collect();
    let cells = ranges
        .iter()
        .map(|(first, last)| write_range(*first, *last));
    let cells: Vec<u64> = cells.collect();
    (!ranges.is_empty()).then(|| Written {
        terms: terms_of(&Coverage::Cells(ranges)),
        shape: Vec::new(),
        cells,
    })
}

/// A place on the Earth, as it is written; nothing when it is none.
pub(crate) fn of_place(place: &Place) -> Option<Written> {
    let shape = vec![place.lon, place.lat];
    let coverage = read_shape(&shape)?;
    Some(Written {
        terms: terms_of(&coverage),
        shape,
        cells: Vec::new(),
    })
}

fn numbers_of(shape: &Shape) -> Option<Vec<f64>> {
    match shape {
        Shape::Circle { ra, dec, radius } => Some(vec![*ra, *dec, *radius]),
        Shape::Polygon(corners) if (3..=MOST_CORNERS).contains(&corners.len()) => {
            Some(corners.iter().flatten().copied().collect())
        }
        Shape::Polygon(_) => None,
    }
}

/// The coverage whose shape has these numbers; `None` when they make no shape.
pub(crate) fn read_shape(numbers: &[f64]) -> Option<Coverage> {
    let is_finite = numbers.iter().all(|number| number.is_finite());
    let place = |pair: &[f64]| {
        let valid = (-90.0..=90.0).contains(&pair[1]) && (-360.0..=360.0).contains(&pair[0]);
        valid.then(|| Point::of_degrees(pair[0], pair[1]))
    };
    match numbers {
        _ if !is_finite => None,
        [_, _] => Some(Coverage::Circle(place(numbers)?, 0.0)),
        [_, _, radius] => (0.0..=180.0)
            .contains(radius)
            .then_some(Coverage::Circle(place(numbers)?, radius.to_radians())),
        corners if corners.len() >= 6 && corners.len().is_multiple_of(2) => {
            let points = corners.chunks_exact(2).map(place).collect::<Option<_>>()?;
            Polygon::new(points).map(Coverage::Polygon)
        }
        _ => None,
    }
}

/// A range of cells as one number.
fn write_range(first: u32, last: u32) -> u64 {
    u64::from(first) << 32 | u64::from(last)
}

/// See [`write_range`].
pub(crate) fn read_range(range: u64) -> (u32, u32) {
    let half = |half: u64| u32::try_from(half & 0xffff_ffff).expect("half of 64 bits is 32");
    (half(range >> 32), half(range))
}

/// The terms of a coverage, each once.
fn terms_of(coverage: &Coverage) -> Vec<u64> {
    let cover = match coverage {
        Coverage::Circle(middle, 0.0) => Cover {
            parts: vec![cell_of(*middle)],
            ..Cover::default()
        },
        Coverage::Circle(middle, radius) => {
            let distance = |point: Point| middle.angle(point) - radius;
            let mut cover = Cover::of(distance, Some((*middle, *radius)), MOST_CELLS);
            keep_touched(&mut cover, distance, |outline| {
                outline.distance(*middle) <= *radius
            });
            cover
        }
        Coverage::Polygon(polygon) => {
            let region = super::Region::polygon(polygon.clone());
            let distance = |point| polygon.distance(point);
            let mut cover = Cover::of(distance, region.within(), MOST_CELLS);
            keep_touched(&mut cover, distance, |outline| {
                region.meets_polygon(outline)
            });
            cover
        }
        Coverage::Cells(ranges) => Cover {
            whole: ranges
                .iter()
                .flat_map(|(first, last)| cells_of(*first, *last))
                .collect(),
            ..Cover::default()
        },
    };
    let mut terms = Vec::new();
    for (cells, has) in [(&cover.whole, As::Whole), (&cover.parts, As::Part)] {
        for cell in cells {
            terms.push(cell.term(has));
            let above = cell.above().filter(|above| ABOVE.contains(&above.order));
            terms.extend(above.map(|above| above.term(As::Above)));
        }
    }
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// Drops cells that are only near; an outline is looked at only of those that have neither middle nor corner in the area.
fn keep_touched(
    cover: &mut Cover,
    distance: impl Fn(Point) -> f64,
    touches: impl Fn(&Polygon) -> bool,
) {
    cover.parts.retain(|cell| {
        let is_inside = |point| distance(point) <= 0.0;
        is_inside(cell.middle())
            || cell.corners().into_iter().any(is_inside)
            || cell.outline().is_none_or(|outline| touches(&outline))
    });
}

fn cell_of(point: Point) -> Cell {
    let (lon, lat) = point.lon_lat();
    Cell {
        order: FINEST,
        number: cdshealpix::nested::hash(FINEST, lon, lat),
    }
}
