//! What the writer writes is read back the same, by our reader and by CFITSIO; damage is named.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::io::{Cursor, Write};

use gantry_formats::fits::checksum::{Verdict, verify};
use gantry_formats::fits::write::{Cell, Layout, NewColumn, TableWriter};
use gantry_formats::fits::{
    Card, ColumnType, FitsError, HduKind, Image, Limits, Ordering, Part, Table, Value, scan,
    scan_file,
};
use proptest::prelude::*;

const NSIDE: i64 = 4;

fn layout(repeat: u64) -> Layout {
    let n_pixels = (12 * NSIDE * NSIDE) as u64;
    Layout {
        primary: vec![Card::text("TELESCOP", "PLANCK")],
        cards: vec![
            Card::text("EXTNAME", "FREQ-MAP"),
            Card::text("PIXTYPE", "HEALPIX"),
            Card::text("ORDERING", "NESTED"),
            Card::text("COORDSYS", "GALACTIC"),
            Card::int("NSIDE", NSIDE),
            Card::new("BAD_DATA", Value::Float(-1.6375e30)),
        ],
        columns: vec![
            NewColumn::new("I_STOKES", ColumnType::Float)
                .repeat(repeat)
                .unit("K_CMB"),
            NewColumn::new("HITS", ColumnType::Int).repeat(repeat),
        ],
        n_rows: n_pixels / repeat,
        checksums: true,
    }
}

fn written(layout: Layout, value: impl Fn(u64) -> f64) -> Vec<u8> {
    let (n_rows, n_bytes) = (layout.n_rows, layout.n_bytes());
    let repeat = (12 * NSIDE * NSIDE) as u64 / n_rows;
    let mut writer = TableWriter::start(Cursor::new(Vec::new()), layout).unwrap();
    for row in 0..n_rows {
        let pixels = row * repeat..(row + 1) * repeat;
        let floats = pixels.clone().map(|pixel| Cell::Float(value(pixel)));
        let cells: Vec<_> = floats
            .chain(pixels.map(|pixel| Cell::Int(pixel as i64 * 3)))
            .collect();
        writer.row(&cells).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(bytes.len() as u64, n_bytes);
    bytes
}

fn on_disk(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn a_written_map_is_a_healpix_map_with_its_cards() {
    let hdus = scan(&written(layout(1), |p| p as f64)[..], Limits::default()).unwrap();
    assert_eq!(hdus.len(), 2);
    assert_eq!(hdus[0].kind, HduKind::Primary);
    assert_eq!(hdus[0].text("TELESCOP"), Some("PLANCK"));
    let healpix = hdus[1].healpix().unwrap();
    assert_eq!((healpix.nside, healpix.pixels_per_row), (4, 1));
    assert_eq!(healpix.ordering, Some(Ordering::Nested));
    assert_eq!(healpix.coordsys.as_deref(), Some("GALACTIC"));
    assert_eq!(healpix.bad_data, Some(-1.6375e30));
    assert_eq!(hdus[1].columns().unwrap()[0].unit.as_deref(), Some("K_CMB"));
}

#[test]
fn a_written_map_is_read_equal_by_cfitsio_and_by_us() {
    for repeat in [1, 64] {
        let file = on_disk(&written(layout(repeat), |p| p as f64 * 0.5 - 7.0));
        let opened = File::open(file.path()).unwrap();
        let hdus = scan_file(&opened, Limits::default()).unwrap();
        let table = Table::new(&opened, &hdus[1]).unwrap();
        let ours = table.floats("i_stokes", 0..table.n_rows()).unwrap();

        let mut fits = fitsio::FitsFile::open(file.path()).unwrap();
        let hdu = fits.hdu(1_usize).unwrap();
        let theirs: Vec<f64> = hdu.read_col(&mut fits, "I_STOKES").unwrap();
        let hits: Vec<i64> = hdu.read_col(&mut fits, "HITS").unwrap();
        let expected: Vec<f64> = (0..192).map(|p| f64::from(p) * 0.5 - 7.0).collect();
        assert_eq!(ours, expected);
        assert_eq!(theirs, expected);
        let ours = table.ints("HITS", 0..table.n_rows()).unwrap();
        assert_eq!(ours, hits.into_iter().map(Some).collect::<Vec<_>>());
    }
}

#[test]
fn written_sums_verify_and_a_flipped_bit_differs() {
    let mut bytes = written(layout(1), |p| p as f64);
    for sums in verify(&bytes[..]).unwrap() {
        assert_eq!(sums.checksum, Some(Verdict::Ok));
        assert_eq!(sums.datasum, Some(Verdict::Ok));
    }
    let last = bytes.len() - 2000;
    bytes[last] ^= 0x10;
    let sums = verify(&bytes[..]).unwrap();
    assert_eq!(sums[0].checksum, Some(Verdict::Ok));
    assert_eq!(sums[1].checksum, Some(Verdict::Differs));
    assert_eq!(sums[1].datasum, Some(Verdict::Differs));
}

#[test]
fn a_cut_names_the_byte_the_hdu_and_the_part() {
    let bytes = written(layout(1), |p| p as f64);
    let cut_at = |n: usize| {
        let streamed = scan(&bytes[..n], Limits::default())
            .unwrap_err()
            .to_string();
        let seeked = scan_file(Cursor::new(&bytes[..n]), Limits::default())
            .unwrap_err()
            .to_string();
        assert_eq!(streamed, seeked);
        streamed
    };
    assert_eq!(cut_at(6000), "truncated at byte 6000, in the data of HDU 1");
    assert_eq!(
        cut_at(bytes.len() - 1),
        format!(
            "truncated at byte {}, in the data of HDU 1",
            bytes.len() - 1
        )
    );
    assert_eq!(
        cut_at(3000),
        "truncated at byte 3000, in the header of HDU 1"
    );
    assert_eq!(cut_at(100), "truncated at byte 100, in the header of HDU 0");
    let error = verify(&bytes[..6000]).unwrap_err();
    assert!(matches!(
        error,
        FitsError::Truncated {
            byte: 6000,
            hdu: 1,
            part: Part::Data
        }
    ));
}

#[test]
fn a_page_is_not_fits_and_says_how_it_begins() {
    let error = scan(&b"<!DOCTYPE html><html>"[..], Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a FITS file: it begins with `<!DOCTYPE html><`"
    );
}

#[test]
fn a_header_without_end_is_named() {
    let mut bytes = written(layout(1), |p| p as f64);
    let end = 80
        * bytes
            .chunks(80)
            .position(|card| card.starts_with(b"END "))
            .unwrap();
    bytes[end..end + 3].copy_from_slice(b"   ");
    let error = scan(&bytes[..2880], Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no END card in HDU 0: byte 2880 is not of a header"
    );
}

#[test]
fn a_header_longer_than_the_limit_is_refused() {
    let limits = Limits {
        max_header_bytes: 2880,
        ..Limits::default()
    };
    let error = scan(&written(layout(1), |p| p as f64)[..], limits).unwrap_err();
    assert!(
        matches!(
            error,
            FitsError::HeaderTooLong {
                hdu: 1,
                max_bytes: 2880
            }
        ),
        "{error}"
    );
}

#[test]
fn strings_come_whole_whatever_the_display_format_says() {
    let layout = Layout {
        primary: vec![],
        cards: vec![Card::text("TDISP1", "A1")],
        columns: vec![NewColumn::new("NAME", ColumnType::Text).repeat(18)],
        n_rows: 2,
        checksums: false,
    };
    let mut writer = TableWriter::start(Cursor::new(Vec::new()), layout).unwrap();
    writer.row(&[Cell::Text("PSZ2 G000.04+45.13")]).unwrap();
    writer.row(&[Cell::Text("short")]).unwrap();
    let file = on_disk(writer.finish().unwrap().get_ref());
    let opened = File::open(file.path()).unwrap();
    let hdus = scan_file(&opened, Limits::default()).unwrap();
    let table = Table::new(&opened, &hdus[1]).unwrap();
    assert_eq!(
        table.strings("NAME", 0..2).unwrap(),
        ["PSZ2 G000.04+45.13", "short"]
    );
    assert!(matches!(
        table.floats("NAME", 0..2),
        Err(FitsError::Unsupported { .. })
    ));
    assert!(matches!(
        table.strings("NAME", 1..3),
        Err(FitsError::OutOfRange { .. })
    ));
    assert!(matches!(
        table.strings("name2", 0..1),
        Err(FitsError::NoSuchColumn { .. })
    ));
}

#[test]
fn an_image_is_read_from_an_open_file_only_within_its_axes() {
    let mut bytes = Vec::new();
    let cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                   16",
        "NAXIS   =                    2",
        "NAXIS1  =                    3",
        "NAXIS2  =                    2",
        "END",
    ];
    for card in cards {
        bytes.extend(format!("{card:<80}").bytes());
    }
    bytes.resize(2880, b' ');
    bytes.extend([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0xff, 0xfa]);
    bytes.resize(5760, 0);
    let file = on_disk(&bytes);
    let opened = File::open(file.path()).unwrap();
    let mut image = Image::open(&opened, 0).unwrap();
    assert_eq!(image.shape(), [3, 2]);
    assert_eq!(
        image.region(&[0..3, 0..2]).unwrap(),
        [1.0, 2.0, 3.0, 4.0, 5.0, -6.0]
    );
    assert_eq!(image.region(&[1..3, 1..2]).unwrap(), [5.0, -6.0]);
    assert!(matches!(
        image.region(&[0..4, 0..2]),
        Err(FitsError::OutOfRange { .. })
    ));
    assert!(matches!(
        image.region(&[0..3, 0..2, 0..1]),
        Err(FitsError::OutOfRange { .. })
    ));
    assert!(matches!(
        image.region(&[]),
        Err(FitsError::OutOfRange { .. })
    ));
}

#[test]
fn a_continued_string_is_whole() {
    let cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
        "LONG    = 'one &'",
        "CONTINUE  'two &'",
        "CONTINUE  '''three'''",
        "HIERARCH ESO TEL = 3 / words",
        "END",
    ];
    let mut bytes: Vec<u8> = cards
        .iter()
        .flat_map(|card| format!("{card:<80}").into_bytes())
        .collect();
    bytes.resize(2880, b' ');
    let hdus = scan(&bytes[..], Limits::default()).unwrap();
    assert_eq!(hdus[0].text("LONG"), Some("one two 'three'"));
    assert_eq!(hdus[0].int("ESO TEL"), Some(3));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_scan_panic(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
        let _ = scan(&bytes[..], Limits::default());
        let _ = verify(&bytes[..]);
    }

    #[test]
    fn no_damage_makes_the_scan_panic(
        damage in proptest::collection::vec((0_usize..6000, any::<u8>()), 1..40), cut in 0_usize..9000,
    ) {
        let mut bytes = written(layout(1), |p| p as f64);
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        bytes.truncate(cut.max(1));
        let _ = verify(&bytes[..]);
        let seeked = scan_file(Cursor::new(&bytes), Limits::default());
        if let Ok(hdus) = scan(&bytes[..], Limits::default()) {
            prop_assert_eq!(&hdus, &seeked.unwrap());
            for hdu in &hdus {
                let _ = (hdu.columns(), hdu.healpix(), hdu.compressed_shape());
            }
        }
    }

    #[test]
    fn no_number_in_a_card_makes_the_scan_panic(
        keyword in proptest::sample::select(vec!["NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS", "NAXIS ", "BITPIX"]),
        value in any::<i64>(),
    ) {
        let mut bytes = written(layout(1), |p| p as f64);
        let at = 2880 + bytes[2880..].windows(keyword.len()).position(|text| text == keyword.as_bytes()).unwrap();
        bytes[at + 8..at + 80].copy_from_slice(format!("{:<72}", format!("= {value:>20}")).as_bytes());
        let file = on_disk(&bytes);
        let opened = File::open(file.path()).unwrap();
        if let Ok(hdus) = scan_file(&opened, Limits::default()) {
            for hdu in &hdus {
                let _ = (hdu.healpix(), Table::new(&opened, hdu).map(|table| table.floats("HITS", 0..1)));
            }
        }
    }
}
