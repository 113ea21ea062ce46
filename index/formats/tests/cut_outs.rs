//! Cones of maps, compared with what healpy and astropy say which pixels they have.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Cursor, Write};

use gantry_formats::fits::checksum::{Verdict, verify};
use gantry_formats::fits::cut::{Cone, Cut, CutError};
use gantry_formats::fits::write::{Cell, Layout, NewColumn, TableWriter};
use gantry_formats::fits::{Card, ColumnType, Hdu, Limits, Table, Value, scan, scan_prefix};

/// NSIDE, whether the axes are galactic, the cone, and of healpy 1.20.1 with astropy's galactic frame number and sum of the
/// NESTED pixels whose centres lie within the radius and `max_pixrad`, and within the radius alone.
type Fact = (u32, bool, (f64, f64, f64), (u64, u64), (u64, u64));

const FACTS: [Fact; 9] = [
    (
        64,
        true,
        (83.633, 22.014, 3.0),
        (59, 1_516_543),
        (34, 872_840),
    ),
    (
        64,
        false,
        (83.633, 22.014, 3.0),
        (61, 1_477_997),
        (37, 895_857),
    ),
    (
        64,
        true,
        (266.405, -28.936, 25.0),
        (2466, 45_452_079),
        (2292, 42_244_998),
    ),
    (
        128,
        false,
        (10.0, 89.5, 4.0),
        (299, 12_126_530),
        (239, 9_657_403),
    ),
    (128, true, (192.859, 27.128, 0.01), (4, 163_836), (0, 0)),
    (
        32,
        true,
        (0.0, -90.0, 90.0),
        (6344, 48_357_964),
        (6144, 47_201_171),
    ),
    (
        1024,
        true,
        (201.365, -43.019, 0.7),
        (554, 1_828_687_827),
        (470, 1_551_404_461),
    ),
    (1, false, (45.0, 0.0, 10.0), (4, 17), (0, 0)),
    (2, false, (359.9, -60.0, 12.0), (4, 155), (0, 0)),
];

fn layout(nside: u32, repeat: u64) -> Layout {
    Layout {
        primary: vec![Card::text("TELESCOP", "PLANCK")],
        cards: vec![
            Card::new("TNULL2", Value::Integer(-1)),
            Card::text("EXTNAME", "FREQ-MAP"),
            Card::text("PIXTYPE", "HEALPIX"),
            Card::text("ORDERING", "NESTED"),
            Card::text("COORDSYS", "GALACTIC"),
            Card::int("NSIDE", i64::from(nside)),
            Card::int("FIRSTPIX", 0),
            Card::int("LASTPIX", 12 * i64::from(nside).pow(2) - 1),
            Card::text("INDXSCHM", "IMPLICIT"),
            Card::text("OBJECT", "FULLSKY"),
            Card::text("POLCCONV", "COSMO"),
            Card::new("BAD_DATA", Value::Float(-1.6375e30)),
        ],
        columns: vec![
            NewColumn::new("I_STOKES", ColumnType::Float)
                .repeat(repeat)
                .unit("K_CMB"),
            NewColumn::new("HITS", ColumnType::Int).repeat(repeat),
        ],
        n_rows: 12 * u64::from(nside).pow(2) / repeat,
        checksums: true,
    }
}

/// A map whose values tell their pixels.
fn map(layout: Layout) -> Vec<u8> {
    let n_rows = layout.n_rows;
    let card = |keyword| layout.cards.iter().find(|card| card.keyword == keyword);
    let Some(Value::Integer(nside)) = card("NSIDE").map(|card| card.value.clone()) else {
        panic!("no NSIDE");
    };
    let repeat = 12 * (nside as u64).pow(2) / n_rows;
    let mut writer = TableWriter::start(Cursor::new(Vec::new()), layout).unwrap();
    for row in 0..n_rows {
        let pixels = row * repeat..(row + 1) * repeat;
        let floats = pixels.clone().map(|pixel| Cell::Float(pixel as f64 + 0.5));
        let ints = pixels.map(|pixel| Cell::Int(3 * pixel as i64));
        writer.row(&floats.chain(ints).collect::<Vec<_>>()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn cone((ra, dec, radius): (f64, f64, f64)) -> Cone {
    Cone { ra, dec, radius }
}

fn cut_of(map: &[u8], cut: &Cut, piece: usize) -> Vec<u8> {
    let mut writer = cut.start(Cursor::new(Vec::new())).unwrap();
    for range in cut.byte_ranges() {
        for piece in map[range.start as usize..range.end as usize].chunks(piece) {
            writer.take(piece).unwrap();
        }
    }
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(bytes.len() as u64, cut.n_bytes());
    bytes
}

fn pixels_of(bytes: &[u8]) -> Vec<u64> {
    let hdus = scan(bytes, Limits::default()).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let table = Table::new(&file, &hdus[1]).unwrap();
    let all = 0..table.n_rows();
    let pixels = table.ints("PIXEL", all.clone()).unwrap();
    let pixels: Vec<u64> = pixels
        .into_iter()
        .map(|pixel| pixel.unwrap() as u64)
        .collect();
    let values = table.floats("I_STOKES", all.clone()).unwrap();
    let hits = table.ints("HITS", all).unwrap();
    for (pixel, (value, hits)) in pixels.iter().zip(values.iter().zip(hits)) {
        assert_eq!(
            (*value, hits),
            (*pixel as f64 + 0.5, Some(3 * *pixel as i64))
        );
    }
    pixels
}

#[test]
fn a_cone_has_the_pixels_that_healpy_finds_with_their_values() {
    for (nside, galactic, at, wide, _) in FACTS {
        let mut layout = layout(nside, 1);
        if !galactic {
            layout.cards.retain(|card| card.keyword != "COORDSYS");
            layout.cards.push(Card::text("COORDSYS", "C"));
        }
        let map = map(layout);
        // Its head says all that is needed.
        let hdus = scan_prefix(&map[..map.len().min(20_000)], Limits::default()).unwrap();
        let cut = Cut::plan(&hdus, cone(at), "from a test").unwrap();
        let pixels = pixels_of(&cut_of(&map, &cut, 1000));
        let found = (pixels.len() as u64, pixels.iter().sum::<u64>());
        assert_eq!(found, wide, "{nside} {at:?}");
        assert_eq!(cut.n_pixels(), wide.0);
        assert!(pixels.is_sorted());
    }
}

#[test]
fn a_map_of_long_rows_is_cut_alike() {
    let (nside, _, at, wide, _) = FACTS[0];
    let map = map(layout(nside, 1024));
    let hdus = scan(&map[..], Limits::default()).unwrap();
    let cut = Cut::plan(&hdus, cone(at), "from a test").unwrap();
    let pixels = pixels_of(&cut_of(&map, &cut, 7));
    assert_eq!((pixels.len() as u64, pixels.iter().sum()), wide);
}

#[test]
fn a_small_cone_needs_a_small_part_of_the_bytes() {
    let (nside, _, at, _, _) = FACTS[6];
    let map = map(layout(nside, 1));
    let hdus = scan_prefix(&map[..20_000], Limits::default()).unwrap();
    let cut = Cut::plan(&hdus, cone(at), "from a test").unwrap();
    let n_bytes: u64 = cut.byte_ranges().map(|range| range.end - range.start).sum();
    assert!(cut.byte_ranges().count() <= 8);
    assert!(n_bytes * 100 < map.len() as u64, "{n_bytes}");
}

#[test]
fn the_header_says_what_it_is_cut_from_and_its_sums_are_right() {
    let map = map(layout(64, 1));
    let hdus = scan(&map[..], Limits::default()).unwrap();
    let cut = Cut::plan(&hdus, cone((83.633, 22.014, 3.0)), "from `map.fits`").unwrap();
    let bytes = cut_of(&map, &cut, 4096);
    for sums in verify(&bytes[..]).unwrap() {
        assert_eq!(
            (sums.checksum, sums.datasum),
            (Some(Verdict::Ok), Some(Verdict::Ok))
        );
    }
    let hdus = scan(&bytes[..], Limits::default()).unwrap();
    assert_eq!(hdus[0].text("TELESCOP"), Some("PLANCK"));
    let table = &hdus[1];
    for (keyword, text) in [
        ("PIXTYPE", "HEALPIX"),
        ("ORDERING", "NESTED"),
        ("COORDSYS", "GALACTIC"),
        ("INDXSCHM", "EXPLICIT"),
        ("OBJECT", "PARTIAL"),
        ("EXTNAME", "FREQ-MAP"),
        ("POLCCONV", "COSMO"),
        ("TTYPE1", "PIXEL"),
        ("TFORM1", "J"),
        ("TTYPE2", "I_STOKES"),
        ("TUNIT2", "K_CMB"),
    ] {
        assert_eq!(table.text(keyword), Some(text), "{keyword}");
    }
    assert_eq!(
        (table.int("NSIDE"), table.int("TNULL3")),
        (Some(64), Some(-1))
    );
    assert_eq!(table.float("BAD_DATA"), Some(-1.6375e30));
    for gone in ["FIRSTPIX", "LASTPIX", "TNULL2"] {
        assert!(table.card(gone).is_none(), "{gone}");
    }
    let history: Vec<&str> = table
        .cards
        .iter()
        .filter(|card| card.keyword == "HISTORY")
        .map(|card| match &card.value {
            Value::Commentary(text) => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        history.join(" "),
        format!(
            "Cut out by Gantry {version} from `map.fits`: the pixels that the cone at RA 83.633 Dec 22.014 of radius 3 degrees (ICRS) touches, and a few beside its edge."
        )
    );
}

#[test]
fn what_cannot_be_cut_is_refused_with_its_reason() {
    let with = |keyword: &str, text: &str| {
        let mut layout = layout(16, 1);
        layout.cards.retain(|card| card.keyword != keyword);
        layout.cards.push(Card::text(keyword, text));
        let map = map(layout);
        let hdus = scan(&map[..], Limits::default()).unwrap();
        Cut::plan(&hdus, cone((0.0, 0.0, 5.0)), "from a test").unwrap_err()
    };
    assert!(matches!(with("ORDERING", "RING"), CutError::NotNested));
    assert!(matches!(with("INDXSCHM", "EXPLICIT"), CutError::Explicit));
    assert!(matches!(with("COORDSYS", "unknown"), CutError::Axes { .. }));
    let map = map(layout(16, 1));
    let hdus = scan(&map[..], Limits::default()).unwrap();
    let plan = |hdus: &[Hdu], at| Cut::plan(hdus, cone(at), "from a test").unwrap_err();
    assert!(matches!(plan(&hdus[..1], (0.0, 0.0, 5.0)), CutError::NoMap));
    for none in [
        (0.0, 0.0, 0.0),
        (0.0, 0.0, 90.1),
        (0.0, 91.0, 1.0),
        (-1.0, 0.0, 1.0),
        (f64::NAN, 0.0, 1.0),
    ] {
        assert!(matches!(plan(&hdus, none), CutError::Cone), "{none:?}");
    }
}
