//! Regions of the sky and of the Earth against the plainest way to tell what meets them.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use gantry_asset::{Asset, DayRange, FacetPath, Place, Shape, Sky, TimeSpan};
use gantry_search::{Collapse, Frame, Query, Region, Sort};
use support::sphere::{Area, LonLat, apart};
use support::{Catalogue, Dice, Searched, asset, ids, query, rounds};

fn with_sky(name: &str, area: &Area) -> Asset {
    let mut made = asset(name, "seen", 1, &[]);
    let sky = match area {
        Area::Circle((ra, dec), radius) => Sky {
            shape: Some(Shape::Circle {
                ra: *ra,
                dec: *dec,
                radius: *radius,
            }),
            ..Sky::default()
        },
        Area::Star(middle, around) => {
            let corners = Area::corners(*middle, around).into_iter();
            Sky {
                shape: Some(Shape::Polygon(corners.map(|(ra, dec)| [ra, dec]).collect())),
                ..Sky::default()
            }
        }
        Area::Cells(ranges) => Sky {
            healpix8: ranges.clone(),
            ..Sky::default()
        },
        Area::Range(..) => unreachable!("no archive tells a range"),
    };
    made.sky = Some(sky);
    made
}

/// A region as it is written in an address.
fn written(area: &Area) -> (String, Frame) {
    match area {
        Area::Circle((ra, dec), radius) => (format!("CIRCLE {ra} {dec} {radius}"), Frame::Icrs),
        Area::Star(middle, around) => {
            let corners = Area::corners(*middle, around);
            let corners: Vec<String> = corners.iter().map(|(x, y)| format!("{x} {y}")).collect();
            (format!("POLYGON {}", corners.join(" ")), Frame::Icrs)
        }
        Area::Range(is_galactic, west, width, south, north) => {
            let east = if west + width > 360.0 {
                west + width - 360.0
            } else {
                west + width
            };
            let frame = if *is_galactic {
                Frame::Galactic
            } else {
                Frame::Icrs
            };
            (format!("range {west} {east} {south} {north}"), frame)
        }
        Area::Cells(_) => unreachable!("nobody asks for cells"),
    }
}

fn at(pos: &str, frame: Frame) -> Query {
    Query {
        pos: Some(Region::read_pos(pos, frame).unwrap_or_else(|error| panic!("{pos}: {error}"))),
        limit: 1000,
        collapse: Collapse::None,
        ..Query::default()
    }
}

#[tokio::test]
async fn a_region_finds_what_meets_it_and_nothing_else() {
    let (mut n_told, mut n_close, mut n_met) = (0_u64, 0_u64, 0_u64);
    for seed in 1..=rounds() {
        let dice = &mut Dice(seed * 0x9E37_79B9);
        let areas: Vec<Area> = (0..60)
            .map(|_| match dice.below(8) {
                0..3 => Area::circle(dice, 3.0),
                3 => Area::circle(dice, 150.0),
                4..6 => Area::star(dice, 4.0),
                6 => Area::star(dice, 55.0),
                _ => Area::cells(dice),
            })
            .collect();
        let named = areas.iter().enumerate();
        let assets: Vec<Asset> = named
            .map(|(n, area)| with_sky(&format!("a-{n:02}"), area))
            .collect();
        let here = Searched::over(&Catalogue::of(assets)).await;
        for _ in 0..8 {
            let region = match dice.below(6) {
                0 => Area::circle(dice, 5.0),
                1 => Area::circle(dice, 179.0),
                2 => Area::star(dice, 10.0),
                3 => Area::star(dice, 60.0),
                _ => Area::range(dice),
            };
            let (pos, frame) = written(&region);
            let found = here.index.search(&at(&pos, frame)).unwrap();
            let met: BTreeSet<String> = ids(&found).into_iter().collect();
            assert_eq!(met.len() as u64, found.total, "seed {seed}, {pos}");
            for (n, area) in areas.iter().enumerate() {
                let meets = met.contains(&format!("a-{n:02}"));
                n_met += u64::from(meets);
                match region.meets(area) {
                    Some(expected) => {
                        n_told += 1;
                        assert_eq!(meets, expected, "seed {seed}, {frame:?} {pos}, {area:?}");
                    }
                    None => n_close += 1,
                }
            }
        }
    }
    #[expect(
        clippy::print_stdout,
        reason = "how many were tried is for who runs the tests"
    )]
    {
        println!("{n_told} told, of which {n_met} met, {n_close} too close to tell");
    }
    assert!(
        n_close * 20 < n_told,
        "{n_close} of {n_told} were too close to tell"
    );
    assert!(n_met * 20 > n_told, "only {n_met} of {n_told} met");
}

/// What one asset has, to be compared one by one.
struct Told {
    circle: Option<(LonLat, f64)>,
    all_sky: bool,
    place: Option<LonLat>,
    time: Option<(i64, i64)>,
    days: Option<(u32, u32)>,
    band: &'static str,
    year: &'static str,
}

const BANDS: [&str; 3] = ["30 GHz", "100 GHz", "143 GHz"];
const YEARS: [&str; 3] = ["2009", "2010", "2011"];

fn told(dice: &mut Dice) -> Told {
    let Area::Circle(middle, radius) = Area::circle(dice, 20.0) else {
        unreachable!("a circle was made")
    };
    let Area::Circle(place, _) = Area::circle(dice, 1.0) else {
        unreachable!("a circle was made")
    };
    let all_sky = dice.below(10) == 0;
    let start = i64::try_from(dice.below(1000)).unwrap();
    let day = u32::try_from(1 + dice.below(300)).unwrap();
    Told {
        circle: (!all_sky && dice.below(4) > 0).then_some((middle, radius)),
        all_sky,
        // As archives write it, between -180 and 180.
        place: (dice.below(4) > 0).then_some(((place.0 + 180.0) % 360.0 - 180.0, place.1)),
        time: (dice.below(4) > 0)
            .then(|| (start, start + 1 + i64::try_from(dice.below(50)).unwrap())),
        days: (dice.below(4) > 0).then(|| (day, day + u32::try_from(dice.below(20)).unwrap())),
        band: dice.one::<&str>(&BANDS),
        year: dice.one::<&str>(&YEARS),
    }
}

fn instant(days: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(days * 86_400, 0).unwrap()
}

fn asset_of(n: usize, told: &Told) -> Asset {
    let facets = [format!("band={}", told.band), format!("year={}", told.year)];
    let facets: Vec<&str> = facets.iter().map(String::as_str).collect();
    let mut made = asset(&format!("a-{n:03}"), "seen", 1, &facets);
    if let Some(circle) = &told.circle {
        made.sky = with_sky("x", &Area::Circle(circle.0, circle.1)).sky;
    }
    if told.all_sky {
        made.sky = Some(Sky::all());
    }
    made.place = told.place.map(|(lon, lat)| Place {
        lat,
        lon,
        height_m: Some(100.0),
    });
    made.time = told.time.map(|(start, end)| TimeSpan {
        start: instant(start),
        end: instant(end),
    });
    made.days = told.days.map(|(first, last)| {
        let range: DayRange = format!("2023-{first:03}/2023-{last:03}").parse().unwrap();
        range.into()
    });
    made
}

/// What is asked, each part or not.
struct Asked {
    circle: Option<(LonLat, f64)>,
    near: Option<(LonLat, f64)>,
    bbox: Option<[f64; 4]>,
    time: Option<(i64, i64)>,
    days: Option<(u32, u32)>,
    bands: Vec<&'static str>,
    years: Vec<&'static str>,
}

fn asked(dice: &mut Dice) -> Asked {
    let other = told(dice);
    let place = other.place.unwrap_or((10.0, 10.0));
    let degree = |dice: &mut Dice, most: u64| dice.below(most * 2) as f64 - most as f64;
    let (south, north) = (degree(dice, 90), degree(dice, 90));
    let bbox = [
        degree(dice, 180),
        south.min(north),
        degree(dice, 180),
        south.max(north),
    ];
    let some = |dice: &mut Dice, of: &[&'static str]| {
        (0..dice.below(3))
            .map(|_| *dice.one(of))
            .collect::<Vec<_>>()
    };
    Asked {
        circle: (dice.below(2) == 0).then_some((
            other
                .circle
                .map_or((place.0.rem_euclid(360.0), place.1), |it| it.0),
            40.0,
        )),
        near: (dice.below(4) == 0).then_some((place, 100.0 + dice.below(9000) as f64)),
        bbox: (dice.below(4) == 0).then_some(bbox),
        time: other.time.filter(|_| dice.below(3) == 0),
        days: other.days.filter(|_| dice.below(3) == 0),
        bands: some(dice, &BANDS),
        years: some(dice, &YEARS),
    }
}

fn query_of(asked: &Asked) -> Query {
    let facets = |field: &str, values: &[&str]| -> Vec<FacetPath> {
        let facet = |value: &&str| FacetPath::parse(&format!("{field}/{value}")).unwrap();
        values.iter().map(facet).collect()
    };
    let circle = |((ra, dec), radius)| format!("CIRCLE {ra} {dec} {radius}");
    let near = |((lon, lat), km)| Region::read_near(&format!("{lat},{lon},{km}")).unwrap();
    let bbox = |sides: [f64; 4]| Region::read_bbox(&sides.map(|side| side.to_string()).join(","));
    Query {
        pos: asked
            .circle
            .and_then(|told| at(&circle(told), Frame::Icrs).pos),
        near: asked.near.map(near),
        bbox: asked.bbox.map(|sides| bbox(sides).unwrap()),
        time: asked.time.map(|(from, to)| (instant(from), instant(to))),
        days: asked
            .days
            .map(|(first, last)| format!("2023-{first:03}/2023-{last:03}").parse().unwrap()),
        facets: [facets("band", &asked.bands), facets("year", &asked.years)].concat(),
        fields: Some(vec!["band".to_owned(), "year".to_owned()]),
        limit: 1000,
        collapse: Collapse::None,
        ..Query::default()
    }
}

/// Whether all but the facets is met.
fn is_where_and_when(told: &Told, asked: &Asked) -> bool {
    let sky = asked.circle.is_none_or(|(middle, radius)| {
        told.all_sky
            || told
                .circle
                .is_some_and(|(own, reach)| apart(own, middle) <= radius + reach)
    });
    let near = asked.near.is_none_or(|(place, km)| {
        told.place
            .is_some_and(|own| apart(own, place).to_radians() * 6371.0088 <= km)
    });
    let bbox = asked.bbox.is_none_or(|[west, south, east, north]| {
        told.place.is_some_and(|(lon, lat)| {
            let in_width = if west <= east {
                (west..=east).contains(&lon)
            } else {
                lon >= west || lon <= east
            };
            in_width && (south..=north).contains(&lat)
        })
    });
    let time = asked.time.is_none_or(|(from, to)| {
        told.time
            .is_some_and(|(start, end)| start < to && end > from)
    });
    let days = asked.days.is_none_or(|(from, to)| {
        told.days
            .is_some_and(|(first, last)| first <= to && last >= from)
    });
    sky && near && bbox && time && days
}

#[tokio::test]
async fn sky_places_time_days_and_facets_together_count_as_one_by_one() {
    for seed in 1..=rounds() {
        let dice = &mut Dice(seed * 0x51_7C_C1);
        let all: Vec<Told> = (0..250).map(|_| told(dice)).collect();
        let assets = all.iter().enumerate().map(|(n, told)| asset_of(n, told));
        let here = Searched::over(&Catalogue::of(assets)).await;
        for _ in 0..30 {
            let asked = asked(dice);
            let query = query_of(&asked);
            let there: Vec<&Told> = all
                .iter()
                .filter(|told| is_where_and_when(told, &asked))
                .collect();
            let has = |wanted: &[&str], value: &str| wanted.is_empty() || wanted.contains(&value);
            let total = there
                .iter()
                .filter(|told| has(&asked.bands, told.band) && has(&asked.years, told.year))
                .count();
            let found = here.index.search(&query).unwrap();
            assert_eq!(found.total, total as u64, "seed {seed}, {query:?}");
            assert_eq!(here.index.resolve(&query, 1000).unwrap().len(), total);
            let mut expected: BTreeMap<(&str, &str), u64> = BTreeMap::new();
            for told in &there {
                if has(&asked.years, told.year) {
                    *expected.entry(("band", told.band)).or_default() += 1;
                }
                if has(&asked.bands, told.band) {
                    *expected.entry(("year", told.year)).or_default() += 1;
                }
            }
            let counted = found.facets.iter().flat_map(|field| {
                let values = field.values.iter().filter(|value| value.count > 0);
                values.map(|value| ((field.field.as_str(), value.path.as_str()), value.count))
            });
            assert_eq!(
                counted.collect::<BTreeMap<_, _>>(),
                expected,
                "seed {seed}, {query:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_covers_the_whole_sky_always_meets_and_stands_behind() {
    let mut everywhere = asset("everywhere", "map of dust", 90, &[]);
    everywhere.sky = Some(Sky::all());
    let mut here = with_sky("here", &Area::Circle((10.0, 20.0), 1.0));
    here.title = "map of dust".to_owned();
    let there = with_sky("there", &Area::Circle((200.0, 20.0), 1.0));
    let nowhere = asset("nowhere", "map of dust", 50, &[]);
    let index = Searched::over(&Catalogue::of([everywhere, here, there, nowhere])).await;
    let query = at("CIRCLE 10 20 3", Frame::Icrs);
    let found = index.index.search(&query).unwrap();
    assert_eq!(ids(&found), ["here", "everywhere"]);
    let dust = Query {
        q: "dust".to_owned(),
        ..query.clone()
    };
    assert_eq!(
        ids(&index.index.search(&dust).unwrap()),
        ["here", "everywhere"]
    );
    let first = Query { limit: 1, ..dust };
    let page = index.index.search(&first).unwrap();
    assert_eq!(ids(&page), ["here"]);
    let second = Query {
        after: page.next,
        ..first
    };
    assert_eq!(ids(&index.index.search(&second).unwrap()), ["everywhere"]);
    let by_title = Query {
        sort: Sort::Title,
        ..query
    };
    let found = index.index.search(&by_title).unwrap();
    assert_eq!(
        (found.total, ids(&found)),
        (2, vec!["everywhere".into(), "here".into()])
    );
    let whole = at("CIRCLE 0 0 180", Frame::Icrs);
    assert_eq!(index.index.search(&whole).unwrap().total, 3);
    let whole = at("RANGE 0 360 -Inf +Inf", Frame::Icrs);
    assert_eq!(index.index.search(&whole).unwrap().total, 3);
}

#[tokio::test]
async fn what_lies_on_the_edge_of_a_region_is_in_it_however_the_edge_is_written() {
    let place = |name: &str, lon: f64, lat: f64| Asset {
        place: Some(Place {
            lon,
            lat,
            height_m: None,
        }),
        ..asset(name, "A place", 1, &[])
    };
    let point = |name: &str, ra: f64, dec: f64| Asset {
        sky: Some(Sky {
            shape: Some(Shape::Circle {
                ra,
                dec,
                radius: 0.0,
            }),
            ..Sky::default()
        }),
        ..asset(name, "A point", 1, &[])
    };
    let all = [
        place("east", 155.706_821_247_999_47, 50.797_805_56),
        point("pole", 77.0, 90.0),
        point("zero", 0.0, 0.0),
        point("own", 227.400_551_610_797_38, -26.159_033_950_993_18),
    ];
    let searched = Searched::over(&Catalogue::of(all)).await;
    for (bbox, found) in [
        (
            "154.70682124799947,50.79780556,155.70682124799947,90",
            vec!["east"],
        ),
        (
            "155.70682124799947,-90,156.70682124799947,50.79780556",
            vec!["east"],
        ),
        ("155.7069,-90,156,50.79780556", vec![]),
    ] {
        let asked = Query {
            bbox: Some(Region::read_bbox(bbox).unwrap()),
            ..query("")
        };
        assert_eq!(
            ids(&searched.index.search(&asked).unwrap()),
            found,
            "{bbox}"
        );
    }
    for (pos, found) in [
        ("CIRCLE 0 90 0", vec!["pole"]),
        ("CIRCLE 123.4 90 0", vec!["pole"]),
        ("RANGE 10 20 90 90", vec!["pole"]),
        ("RANGE 0 360 90 90", vec!["pole"]),
        ("RANGE 0 360 -90 -90", vec![]),
        ("CIRCLE 0 0 0", vec!["zero"]),
        ("CIRCLE 360 0 0", vec!["zero"]),
        ("RANGE 360 360 0 0", vec!["zero"]),
        (
            "CIRCLE 227.40055161079738 -26.15903395099318 0",
            vec!["own"],
        ),
    ] {
        let found_here = searched.index.search(&at(pos, Frame::Icrs)).unwrap();
        assert_eq!(ids(&found_here), found, "{pos}");
    }
    assert!(Region::read_pos("RANGE +Inf -Inf -90 90", Frame::Icrs).is_err());
}

#[tokio::test]
async fn galactic_coordinates_find_what_icrs_finds() {
    // Sagittarius A* (Reid & Brunthaler 2004) and M31 (NED), as SIMBAD gives them in both frames.
    let centre = with_sky("centre", &Area::Circle((266.416_84, -29.007_81), 0.01));
    let m31 = with_sky("m31", &Area::Circle((10.684_71, 41.268_75), 0.01));
    let index = Searched::over(&Catalogue::of([centre, m31])).await;
    for (pos, frame, name) in [
        ("CIRCLE 359.94423 -0.04616 0.02", Frame::Galactic, "centre"),
        ("RANGE 359 1 -1 1", Frame::Galactic, "centre"),
        (
            "POLYGON 121 -21 121.3 -21 121.3 -22 121 -22",
            Frame::Galactic,
            "m31",
        ),
        ("RANGE 10 11 41 42", Frame::Icrs, "m31"),
    ] {
        assert_eq!(
            ids(&index.index.search(&at(pos, frame)).unwrap()),
            [name],
            "{pos}"
        );
    }
}
