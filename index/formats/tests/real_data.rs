//! The files in `$GANTRY_REAL_DATA`: what they hold was measured with other tools, and must come out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use gantry_formats::compression::{Compression, sniff, verify_gzip, without_gzip};
use gantry_formats::fits::checksum::{Verdict, verify};
use gantry_formats::fits::{Hdu, HduKind, Image, Limits, Ordering, Table, scan, scan_file};

const MAX_BYTES: u64 = 1 << 30;

/// What is known of the HDU that matters most.
struct Fact {
    file: &'static str,
    n_hdus: usize,
    holds: Holds,
}

enum Holds {
    /// Kind, rows, names of the first columns, number of columns.
    Rows(HduKind, u64, &'static [&'static str], usize),
    /// A map: its NSIDE, order, pixels per row, rows, columns.
    Map(u32, Ordering, u64, u64, &'static [&'static str]),
    /// An image in this HDU: BITPIX and axes, NAXIS1 first.
    Image(usize, i64, &'static [u64]),
    /// A tile-compressed image in HDU 1: axes, NAXIS1 first.
    Tiles(&'static [u64]),
    /// Headers only.
    Nothing,
}

use HduKind::{BinTable as Bin, Table as Txt};
use Holds::{Image as Img, Map, Nothing, Rows, Tiles};
use Ordering::{Nested, Ring};

const IQU: &[&str] = &["I_STOKES", "Q_STOKES", "U_STOKES"];
const TQU: &[&str] = &["TEMPERATURE", "Q_POLARISATION", "U_POLARISATION"];
const TQU_DASH: &[&str] = &["TEMPERATURE", "Q-POLARISATION", "U-POLARISATION"];
const CL: &[&str] = &["TEMPERATURE", "GRADIENT", "CURL"];

const fn fact(file: &'static str, n_hdus: usize, holds: Holds) -> Fact {
    Fact {
        file,
        n_hdus,
        holds,
    }
}

const PLANCK: &[Fact] = &[
    fact(
        "cl_wmap_band_iqumap_r9_7yr_W_v4_udgraded32_IQU_lmax64_rmmono_3iter.fits",
        2,
        Rows(Txt, 65, CL, 6),
    ),
    fact(
        "gaussbeam_10arcmin_lmax512_pol.fits",
        1,
        Img(0, -64, &[513, 4]),
    ),
    fact(
        "HFI_PCCS_SZ-union_R2.08.fits",
        2,
        Rows(
            Bin,
            1653,
            &[
                "INDEX", "NAME", "GLON", "GLAT", "RA", "DEC", "POS_ERR", "SNR",
            ],
            30,
        ),
    ),
    fact(
        "justq_gal2ecl.fits.gz",
        2,
        Map(32, Ring, 1024, 12, &["Q_POLARISATION", "U_POLARISATION"]),
    ),
    fact("map.fits", 2, Map(128, Ring, 1024, 192, TQU)),
    fact("map_ext.fits", 2, Map(4, Ring, 1, 192, &["PEAKS"])),
    fact(
        "map_ngfs.fits",
        2,
        Map(128, Ring, 1024, 192, &["TEMPERATURE"]),
    ),
    fact("mask.fits", 2, Map(16, Ring, 1024, 3, &["Binary Mask"])),
    fact(
        "pixel_window_n0512.fits",
        2,
        Rows(Bin, 2049, &["TEMPERATURE", "POLARIZATION"], 2),
    ),
    fact("planck2013ext_lcdm_cl_v1.fits", 2, Rows(Txt, 4501, CL, 4)),
    fact("planck2018_lcdm_cl_v3.fits", 2, Rows(Txt, 5001, CL, 4)),
    fact(
        "wmap_band_iqumap_r9_7yr_V_v4_udgraded32.fits",
        2,
        Map(32, Ring, 1024, 12, IQU),
    ),
    fact(
        "wmap_band_iqumap_r9_7yr_V_v4_udgraded32_masked.fits",
        2,
        Map(32, Ring, 1024, 12, IQU),
    ),
    fact(
        "wmap_band_iqumap_r9_7yr_W_v4_udgraded32_smoothed10deg_fortran.fits",
        2,
        Map(32, Ring, 1024, 12, TQU_DASH),
    ),
    fact(
        "wmap_temperature_analysis_mask_r9_7yr_v4_udgraded32.fits",
        2,
        Map(32, Ring, 1024, 12, IQU),
    ),
];

const FITS: &[Fact] = &[
    fact("ascii.fits", 2, Rows(Txt, 5, &["a", "b"], 2)),
    fact(
        "bayestar.fits.gz",
        2,
        Map(512, Nested, 1024, 3072, &["PROB"]),
    ),
    fact("CDS_I_42_catalog.fits", 2, Rows(Bin, 587, &["UNIQ"], 1)),
    fact("CDS_III_43_main.fits", 2, Rows(Bin, 5014, &["UNIQ"], 1)),
    fact(
        "checksum.fits",
        2,
        Rows(Bin, 5, &["TIME", "RATE", "ERROR"], 3),
    ),
    fact(
        "checksum_false.fits",
        2,
        Rows(Bin, 5, &["TIME", "RATE", "ERROR"], 3),
    ),
    fact("comp.fits", 2, Tiles(&[440, 300])),
    fact("double_ext.fits", 2, Tiles(&[5, 5])),
    fact("fixed-1890.fits", 1, Img(0, 16, &[100, 100])),
    fact("history_header.fits", 1, Nothing),
    fact("image_with_distortion_map.fits", 3, Img(1, -32, &[10, 10])),
    fact("logical_null.fits", 2, Rows(Bin, 3, &["flag"], 1)),
    fact("m13.fits", 1, Img(0, 16, &[300, 300])),
    fact("m13_hcomp.fits", 2, Tiles(&[300, 300])),
    fact("m13_rice.fits", 2, Tiles(&[300, 300])),
    fact("o4sp040b0_raw.fits", 7, Img(1, 16, &[62, 44])),
    fact("random_groups.fits", 1, Img(0, -32, &[0, 3, 1, 128, 1, 1])),
    fact(
        "single_product_retrieval_2.fits.gz",
        2,
        Rows(Bin, 10, &["source_id", "ra", "dec"], 3),
    ),
    fact("table.fits", 2, Rows(Bin, 3, &["target", "V_mag"], 2)),
    fact("tdim.fits", 2, Rows(Bin, 3, &["target", "V_mag"], 2)),
    fact("theap-gap.fits", 2, Rows(Bin, 500, &["i", "arr"], 2)),
    fact(
        "variable_length_table.fits",
        2,
        Rows(Bin, 2, &["var", "xyz"], 2),
    ),
];

/// The folder, or nothing; then the test says that it did not run.
fn real_data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("GANTRY_REAL_DATA").filter(|root| !root.is_empty());
    if root.is_none() {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set, so no real file of {folder}/ was read");
    }
    Some(PathBuf::from(root?).join(folder))
}

/// Files that hold FITS, alone or in gzip, by what they begin with.
fn fits_files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut first = Vec::new();
        let mut reader = without_gzip(File::open(&path).unwrap(), MAX_BYTES).unwrap();
        let _ = reader.by_ref().take(9).read_to_end(&mut first);
        if first == b"SIMPLE  =" {
            files.insert(
                path.file_name().unwrap().to_string_lossy().into_owned(),
                path,
            );
        }
    }
    files
}

fn hdus(path: &Path) -> Vec<Hdu> {
    let reader = BufReader::new(File::open(path).unwrap());
    scan(without_gzip(reader, MAX_BYTES).unwrap(), Limits::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn check(path: &Path, fact: &Fact) {
    let hdus = hdus(path);
    let file = fact.file;
    assert_eq!(hdus.len(), fact.n_hdus, "{file}");
    let names =
        |hdu: &Hdu| -> Vec<String> { hdu.columns().unwrap().into_iter().map(|c| c.name).collect() };
    match fact.holds {
        Rows(kind, n_rows, first_names, n_columns) => {
            assert_eq!((hdus[1].kind, hdus[1].n_rows()), (kind, n_rows), "{file}");
            let names = names(&hdus[1]);
            assert_eq!(names.len(), n_columns, "{file}");
            assert_eq!(names[..first_names.len()], *first_names, "{file}");
            assert_eq!(hdus[1].healpix(), None, "{file}");
        }
        Map(nside, ordering, pixels_per_row, n_rows, columns) => {
            let healpix = hdus[1]
                .healpix()
                .unwrap_or_else(|| panic!("{file} is a map"));
            assert_eq!(
                (healpix.nside, healpix.ordering),
                (nside, Some(ordering)),
                "{file}"
            );
            assert_eq!(
                (healpix.pixels_per_row, hdus[1].n_rows()),
                (pixels_per_row, n_rows),
                "{file}"
            );
            assert_eq!(names(&hdus[1]), columns, "{file}");
            assert_eq!(healpix.lastpix, Some(healpix.n_pixels() - 1), "{file}");
        }
        Img(index, bitpix, axes) => {
            assert_eq!(hdus[index].int("BITPIX"), Some(bitpix), "{file}");
            assert_eq!(hdus[index].shape().unwrap(), axes, "{file}");
        }
        Tiles(axes) => assert_eq!(hdus[1].compressed_shape().as_deref(), Some(axes), "{file}"),
        Nothing => assert_eq!(hdus[0].data_bytes, 0, "{file}"),
    }
}

#[test]
fn every_fits_file_of_planck_is_what_it_is_known_to_be() {
    let Some(folder) = real_data("planck") else {
        return;
    };
    let mut files = fits_files(&folder);
    for fact in PLANCK {
        let path = files
            .remove(fact.file)
            .unwrap_or_else(|| panic!("{} is missing", fact.file));
        check(&path, fact);
    }
    assert!(files.is_empty(), "not in the table of this test: {files:?}");
}

#[test]
fn every_fits_file_of_fits_is_what_it_is_known_to_be() {
    let Some(folder) = real_data("fits") else {
        return;
    };
    let mut files = fits_files(&folder);
    for fact in FITS {
        let path = files
            .remove(fact.file)
            .unwrap_or_else(|| panic!("{} is missing", fact.file));
        check(&path, fact);
    }
    let broken = files
        .remove("group_invalid.fits")
        .expect("the broken file is there");
    // A header without axes that claims groups: nothing in it misleads about its length.
    assert_eq!(hdus(&broken)[0].data_bytes, 0);
    assert!(files.is_empty(), "not in the table of this test: {files:?}");
}

#[test]
fn embedded_sums_are_told_right() {
    let (Some(fits), Some(planck)) = (real_data("fits"), real_data("planck")) else {
        return;
    };
    let sums = |path: PathBuf| verify(File::open(path).unwrap()).unwrap();
    for sum in sums(fits.join("checksum.fits")) {
        assert_eq!(
            (sum.checksum, sum.datasum),
            (Some(Verdict::Ok), Some(Verdict::Ok))
        );
    }
    for sum in sums(fits.join("checksum_false.fits")) {
        assert_eq!(
            (sum.checksum, sum.datasum),
            (Some(Verdict::Differs), Some(Verdict::Differs))
        );
    }
    let union = sums(planck.join("HFI_PCCS_SZ-union_R2.08.fits"));
    let differs = (Some(Verdict::Differs), Some(Verdict::Differs));
    assert!(
        union
            .iter()
            .any(|sum| (sum.checksum, sum.datasum) == differs),
        "{union:?}"
    );
}

#[test]
fn values_of_real_maps_and_tables_are_read() {
    let Some(folder) = real_data("planck") else {
        return;
    };
    let open = |name: &str| File::open(folder.join(name)).unwrap();

    let file = open("wmap_band_iqumap_r9_7yr_V_v4_udgraded32.fits");
    let hdus = scan_file(&file, Limits::default()).unwrap();
    let pixels = Table::new(&file, &hdus[1])
        .unwrap()
        .floats("I_Stokes", 0..12)
        .unwrap();
    assert_eq!(pixels.len(), 12_288);
    let low = pixels.iter().copied().fold(f64::INFINITY, f64::min);
    let high = pixels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(
        (format!("{low:.5}"), format!("{high:.5}")),
        ("-0.19647".into(), "7.37114".into())
    );

    let file = open("wmap_band_iqumap_r9_7yr_V_v4_udgraded32_masked.fits");
    let hdus = scan_file(&file, Limits::default()).unwrap();
    let pixels = Table::new(&file, &hdus[1])
        .unwrap()
        .floats("I_STOKES", 0..12)
        .unwrap();
    assert_eq!(
        pixels.iter().filter(|pixel| **pixel < -1.6e30).count(),
        4686
    );

    let file = open("HFI_PCCS_SZ-union_R2.08.fits");
    let hdus = scan_file(&file, Limits::default()).unwrap();
    let table = Table::new(&file, &hdus[1]).unwrap();
    assert_eq!(table.column("INDEX").unwrap().unit.as_deref(), Some("None"));
    assert!(
        table
            .strings("NAME", 0..1653)
            .unwrap()
            .iter()
            .all(|name| name.starts_with("PSZ2 G"))
    );
    assert_eq!(
        table.ints("INDEX", 0..3).unwrap(),
        [Some(1), Some(2), Some(3)]
    );

    let file = open("planck2018_lcdm_cl_v3.fits");
    let hdus = scan_file(&file, Limits::default()).unwrap();
    let table = Table::new(&file, &hdus[1]).unwrap();
    assert_eq!(table.column("TEMPERATURE").unwrap().format, "E15.7");
    let spectrum = table.floats("TEMPERATURE", 0..5001).unwrap();
    assert!(spectrum.iter().all(|cl| cl.is_finite()));
}

#[test]
fn a_probability_map_inside_gzip_sums_to_one() {
    let Some(folder) = real_data("fits") else {
        return;
    };
    let packed = folder.join("bayestar.fits.gz");
    let n = verify_gzip(File::open(&packed).unwrap(), MAX_BYTES).unwrap();
    let mut unpacked = tempfile::tempfile().unwrap();
    let mut reader = without_gzip(File::open(&packed).unwrap(), MAX_BYTES).unwrap();
    assert_eq!(std::io::copy(&mut reader, &mut unpacked).unwrap(), n);
    let hdus = scan_file(&unpacked, Limits::default()).unwrap();
    let table = Table::new(&unpacked, &hdus[1]).unwrap();
    let sum: f64 = table
        .floats("PROB", 0..table.n_rows())
        .unwrap()
        .iter()
        .sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
}

#[test]
fn tiles_hold_the_pixels_of_the_plain_image() {
    let Some(folder) = real_data("fits") else {
        return;
    };
    let pixels = |name: &str, index| {
        let file = File::open(folder.join(name)).unwrap();
        let mut image = Image::open(&file, index).unwrap();
        image.region(&[0..300, 0..300]).unwrap()
    };
    assert_eq!(pixels("m13_rice.fits", 1), pixels("m13.fits", 0));
}

#[test]
fn the_first_bytes_of_real_containers_tell_what_they_are() {
    let Some(folder) = real_data("fits") else {
        return;
    };
    let kind = |name: &str| {
        let mut first = [0; 4];
        File::open(folder.join(name))
            .unwrap()
            .read_exact(&mut first)
            .unwrap();
        sniff(&first)
    };
    assert_eq!(kind("lzw.fits.Z"), Some(Compression::UnixCompress));
    assert_eq!(kind("testfile.fits.Z"), Some(Compression::UnixCompress));
    assert_eq!(kind("tar_gz_file.tar.gz"), Some(Compression::Gzip));
    // Its name keeps quiet about the gzip around the tar.
    assert_eq!(kind("tar_file.tar"), Some(Compression::Gzip));
    assert_eq!(kind("single_product_retrieval.tar"), None);
}
