//! Where the matches of a query lie on the sky and on the Earth, for maps of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use cdshealpix::compass_point::Cardinal;
use cdshealpix::nested;
use tantivy::columnar::Column;

use crate::error::SearchError;
use crate::execute::Run;
use crate::schema::fields;
use crate::sky::cells::FINEST;
use crate::sky::coverage::{Coverage, read_range, read_shape};
use crate::sky::region::GALACTIC;
use crate::sky::search::CoverageFields;
use crate::sky::sphere::Point;

/// The order of the cells that are counted: 768 cells, each some 7° wide.
const ORDER: u8 = 3;

/// So many matches are looked at, part of the index by part, in each the first by rank.
const MOST_MATCHES: usize = 50_000;

/// Points on each side of a cell's outline, which is bent in other projections.
const PER_SIDE: u32 = 2;

/// Where the matches of a query lie.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spots {
    /// How many matches were looked at.
    pub looked_at: u64,
    /// Of these, how many cover the whole sky.
    pub all_sky: u64,
    /// Of these, how many cover a part of the sky.
    pub of_sky: u64,
    /// Of these, how many have a place on the Earth.
    pub of_earth: u64,
    /// HEALPix cells of order 3 (NESTED, ICRS) by number, and how many matches touch each.
    pub cells: BTreeMap<u16, u64>,
    /// The places on the Earth, those with most matches first.
    pub places: Vec<Spot>,
}

/// A place on the Earth.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// The station there, by the first match.
    pub station: Option<String>,
    /// East longitude, degrees.
    pub lon: f64,
    /// Latitude, degrees.
    pub lat: f64,
    /// How many matches are there.
    pub count: u64,
}

/// The outline of a cell of [`Spots::cells`], galactic longitudes and latitudes in degrees.
#[must_use]
pub fn galactic_outline(cell: u16) -> Vec<(f64, f64)> {
    let path = nested::path_along_cell_edge(ORDER, u64::from(cell), &Cardinal::S, false, PER_SIDE);
    let galactic = |(lon, lat): &(f64, f64)| {
        let point = Point::of(*lon, *lat);
        let (lon, lat) = Point(GALACTIC.map(|axis| axis.dot(point))).lon_lat();
        (lon.to_degrees(), lat.to_degrees())
    };
    path.iter().map(galactic).collect()
}

/// The columns of a kind of coverage in a segment.
struct Columns {
    shape: Option<Column<f64>>,
    cells: Option<Column<u64>>,
}

impl Columns {
    fn new(
        reader: &tantivy::SegmentReader,
        fields: CoverageFields,
    ) -> Result<Self, tantivy::TantivyError> {
        let name = |field| reader.schema().get_field_name(field);
        let fast = reader.fast_fields();
        Ok(Self {
            shape: fast.column_opt(name(fields.shape))?,
            cells: fast.column_opt(name(fields.cells))?,
        })
    }

    /// The coverage of a document, where it has one that is not the whole sphere.
    fn read(&self, doc: u32) -> Option<Coverage> {
        let shape = self
            .shape
            .iter()
            .flat_map(|shape| shape.values_for_doc(doc));
        let numbers: Vec<f64> = shape.collect();
        if !numbers.is_empty() {
            return read_shape(&numbers);
        }
        let cells = self
            .cells
            .iter()
            .flat_map(|cells| cells.values_for_doc(doc));
        let ranges: Vec<(u32, u32)> = cells.map(read_range).collect();
        (!ranges.is_empty()).then_some(Coverage::Cells(ranges))
    }
}

/// See [`Spots`].
pub(crate) fn spots(run: &Run<'_>) -> Result<Spots, SearchError> {
    let read = SearchError::engine("read where the matches are");
    spots_of(run).map_err(read)
}

fn spots_of(run: &Run<'_>) -> Result<Spots, tantivy::TantivyError> {
    let mut spots = Spots::default();
    // Thousandths of a degree, some 100 m: the antennas of a roof are one place on a map.
    let mut places: HashMap<(i64, i64), (u64, Option<usize>)> = HashMap::new();
    let station = run.snapshot.field("station");
    let in_thousandths = |degrees: f64| (degrees * 1e3).round() as i64;
    for (at, here) in run.segments.iter().enumerate() {
        let reader = &run.snapshot.searcher.segment_readers()[at];
        let fixed = &run.snapshot.segments[at].fixed;
        let (sky, place) = (
            Columns::new(reader, fields().sky)?,
            Columns::new(reader, fields().place)?,
        );
        let left = MOST_MATCHES.saturating_sub(usize::try_from(spots.looked_at).unwrap_or(0));
        for doc in here.matched.hits.iter().take(left) {
            spots.looked_at += 1;
            if fixed.all_sky.has(doc) {
                spots.all_sky += 1;
            } else if let Some(coverage) = sky.read(doc) {
                spots.of_sky += 1;
                touched(&coverage, |cell| *spots.cells.entry(cell).or_default() += 1);
            }
            if let Some(Coverage::Circle(point, _)) = place.read(doc) {
                spots.of_earth += 1;
                let (lon, lat) = point.lon_lat();
                let place = (
                    in_thousandths(lon.to_degrees()),
                    in_thousandths(lat.to_degrees()),
                );
                let (count, station_there) = places.entry(place).or_default();
                *count += 1;
                if station_there.is_none() {
                    *station_there = station.and_then(|field| fixed.columns[field].first(doc));
                }
            }
        }
    }
    let name = |number| {
        let stations = station.map(|field| &run.snapshot.dictionaries[field])?;
        Some(stations.value(number).to_owned())
    };
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_unstable_by_key(|(place, (count, _))| (Reverse(*count), *place));
    let spots_there = places
        .into_iter()
        .map(|((lon, lat), (count, station))| Spot {
            station: station.and_then(name),
            lon: (lon as f64 / 1e3 + 180.0).rem_euclid(360.0) - 180.0,
            lat: lat as f64 / 1e3,
            count,
        });
    spots.places = spots_there.collect();
    Ok(spots)
}

/// Tells each cell of order 3 that a coverage touches, once.
fn touched(coverage: &Coverage, mut tell: impl FnMut(u16)) {
    let bits = 2 * (FINEST - ORDER);
    let mut cells: Vec<u16> = Vec::new();
    let mut add = |cell: u64| cells.extend(u16::try_from(cell));
    match coverage {
        Coverage::Circle(middle, radius) if *radius > 0.0 => {
            let (lon, lat) = middle.lon_lat();
            let cone = nested::cone_coverage_approx(ORDER, lon, lat, *radius);
            cone.flat_iter().for_each(&mut add);
        }
        Coverage::Circle(middle, _) => {
            let (lon, lat) = middle.lon_lat();
            add(nested::hash(ORDER, lon, lat));
        }
        Coverage::Polygon(polygon) => {
            let corners = polygon.edges().iter().map(|edge| edge.from.lon_lat());
            let corners: Vec<(f64, f64)> = corners.collect();
            let covered = nested::polygon_coverage(ORDER, &corners, true);
            covered.flat_iter().for_each(&mut add);
        }
        Coverage::Cells(ranges) => ranges.iter().for_each(|(first, last)| {
            (u64::from(*first) >> bits..=u64::from(*last) >> bits).for_each(&mut add);
        }),
    }
    cells.sort_unstable();
    cells.dedup();
    cells.into_iter().for_each(&mut tell);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sky::cells::Cell;

    #[test]
    fn an_outline_is_around_the_middle_of_its_cell_in_galactic_coordinates() {
        // The galactic centre is at (266.405, -28.936) in ICRS.
        let cell = nested::hash(ORDER, 266.405_f64.to_radians(), (-28.936_f64).to_radians());
        let outline = galactic_outline(u16::try_from(cell).expect("768 cells"));
        assert_eq!(outline.len(), 8);
        let (west, east) = (
            outline.iter().any(|(l, _)| *l > 350.0),
            outline.iter().any(|(l, _)| *l < 10.0),
        );
        let (north, south) = (
            outline.iter().any(|(_, b)| *b > 0.0),
            outline.iter().any(|(_, b)| *b < 0.0),
        );
        assert!(west && east && north && south, "{outline:?}");
    }

    #[test]
    fn a_small_circle_touches_its_cell_and_a_large_one_its_surroundings() {
        let cells = |radius: f64| {
            let mut cells = Vec::new();
            let middle = nested::center(ORDER, 100);
            touched(
                &Coverage::Circle(Point::of(middle.0, middle.1), radius),
                |cell| cells.push(cell),
            );
            cells
        };
        assert_eq!(cells(0.0), [100]);
        assert_eq!(cells(0.01), [100]);
        let around = cells(0.15);
        assert!(around.contains(&100) && around.len() > 4, "{around:?}");
        let finest = Cell {
            order: ORDER,
            number: 100,
        }
        .finest();
        let mut told = Vec::new();
        touched(&Coverage::Cells(vec![finest]), |cell| told.push(cell));
        assert_eq!(told, [100]);
    }
}
