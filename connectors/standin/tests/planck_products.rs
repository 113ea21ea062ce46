//! What the Planck stand-in serves: the protocol, and products that are what their names say.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::io::Write;

use common::{MAP, get, map_path, request, standin, standin_with};
use gantry_formats::compression::verify_gzip;
use gantry_formats::fits::checksum::{Verdict, verify};
use gantry_formats::fits::{Hdu, Limits, Ordering, Table, scan};

fn column_names(hdu: &Hdu) -> Vec<String> {
    hdu.columns()
        .unwrap()
        .into_iter()
        .map(|column| column.name)
        .collect()
}

#[test]
fn a_map_comes_with_its_name_length_and_validators() {
    let standin = standin();
    let answer = get(standin.running.address(), &map_path(MAP));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.length(), answer.body.len() as u64);
    assert_eq!(answer.header("content-type"), Some("application/fits"));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    assert_eq!(
        answer.header("last-modified"),
        Some("Thu, 16 Aug 2018 12:00:00 GMT")
    );
    let disposition = format!("attachment; filename=\"{MAP}\"");
    assert_eq!(
        answer.header("content-disposition"),
        Some(disposition.as_str())
    );
    assert_eq!(standin.running.n_requests_for(MAP), 1);
    assert_eq!(standin.running.requests()[0].status, Some(200));
}

#[test]
fn a_frequency_map_has_the_layout_of_the_archive() {
    let standin = standin();
    let bytes = get(standin.running.address(), &map_path(MAP)).body;
    let hdus = scan(&bytes[..], Limits::default()).unwrap();
    assert_eq!(hdus[0].text("TELESCOP"), Some("PLANCK"));
    let healpix = hdus[1].healpix().unwrap();
    assert_eq!(
        (healpix.nside, healpix.ordering),
        (16, Some(Ordering::Nested))
    );
    assert_eq!(healpix.coordsys.as_deref(), Some("GALACTIC"));
    assert_eq!(healpix.polcconv.as_deref(), Some("COSMO"));
    assert_eq!((healpix.firstpix, healpix.lastpix), (Some(0), Some(3071)));
    assert_eq!(
        column_names(&hdus[1]),
        [
            "I_STOKES", "Q_STOKES", "U_STOKES", "HITS", "II_COV", "IQ_COV", "IU_COV", "QQ_COV",
            "QU_COV", "UU_COV"
        ]
    );
    let columns = hdus[1].columns().unwrap();
    assert_eq!(columns[0].unit.as_deref(), Some("K_CMB"));
    assert_eq!(
        (columns[3].format.as_str(), columns[3].unit.as_deref()),
        ("J", None)
    );
    assert_eq!(hdus[1].text("EXTNAME"), Some("FREQ-MAP"));
    assert_eq!(hdus[1].text("PROCVER"), Some("R3.01"));
    assert_eq!(hdus[1].text("FILENAME"), Some(MAP));
    for sums in verify(&bytes[..]).unwrap() {
        assert_eq!(
            (sums.checksum, sums.datasum),
            (Some(Verdict::Ok), Some(Verdict::Ok))
        );
    }
}

#[test]
fn the_values_of_a_map_look_like_a_sky_with_a_few_bad_pixels() {
    let standin = standin();
    let read = |name: &str| {
        let mut file = tempfile::tempfile().unwrap();
        let bytes = get(standin.running.address(), &map_path(name)).body;
        file.write_all(&bytes).unwrap();
        let hdus = scan(&bytes[..], Limits::default()).unwrap();
        let table = Table::new(&file, &hdus[1]).unwrap();
        table.floats("I_STOKES", 0..table.n_rows()).unwrap()
    };
    let pr3 = read(MAP);
    let n_bad = pr3.iter().filter(|value| **value < -1.6e30).count();
    assert!((1..=5).contains(&n_bad), "{n_bad}");
    let good: Vec<_> = pr3.iter().filter(|value| **value > -1.6e30).collect();
    assert!(good.iter().all(|value| value.abs() < 0.01), "in K");
    assert!(
        good.iter().any(|value| **value > 1e-3),
        "the plane is bright"
    );

    // PR4 keeps the dipole: its map differs from that of PR3 by up to 3366.6 µK.
    let pr4 = read("HFI_SkyMap_100_0016_R4.00_full.fits");
    let differences = pr3
        .iter()
        .zip(&pr4)
        .filter(|(a, b)| **a > -1e30 && **b > -1e30)
        .map(|(a, b)| b - a);
    let largest = differences.fold(0.0_f64, f64::max);
    assert!((largest - 3366.6e-6).abs() < 60e-6, "{largest}");
}

#[test]
fn other_products_have_their_own_layouts() {
    let standin = standin();
    let header = |name: &str, key: &str| {
        let bytes = get(
            standin.running.address(),
            &format!("/pla/aio/product-action?{key}={name}"),
        )
        .body;
        scan(&bytes[..], Limits::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .remove(1)
    };
    let high = header("HFI_SkyMap_857_0016_R3.01_full.fits", "MAP.MAP_ID");
    assert_eq!(column_names(&high), ["I_STOKES", "HITS", "II_COV"]);
    assert_eq!(high.columns().unwrap()[0].unit.as_deref(), Some("MJy/sr"));
    let mask = header("HFI_Mask_GalPlane-apo0_0016_R2.00.fits", "MAP.MAP_ID")
        .healpix()
        .unwrap();
    assert_eq!(
        (mask.ordering, mask.pixels_per_row, mask.nside),
        (Some(Ordering::Ring), 1024, 16)
    );
    let noise = header(
        "ffp10_noise_217_full_map_mc_00004.fits",
        "SIMULATED_MAP.FILE_ID",
    );
    assert_eq!(column_names(&noise), ["I_STOKES", "Q_STOKES", "U_STOKES"]);
    assert_eq!(noise.healpix().unwrap().nside, 16);
    let sources = header("COM_PCCS_143_R2.01.fits", "SOURCE_LIST.FILE_ID");
    assert_eq!((sources.n_rows(), sources.healpix()), (300, None));
    assert_eq!(
        column_names(&sources)[..7],
        [
            "NAME",
            "GLON",
            "GLAT",
            "RA",
            "DEC",
            "DETFLUX",
            "DETFLUX_ERR"
        ]
    );
    assert_eq!(
        header("HFI_RIMO_R1.10.fits", "DOCUMENT.DOCUMENT_ID").n_rows(),
        6
    );
}

#[test]
fn a_spectrum_is_text_and_likelihood_data_are_a_whole_gzip() {
    let standin = standin();
    let target = "/pla/aio/product-action?COSMOLOGY.FILE_ID=COM_PowerSpect_CMB-TT-full_R3.01.txt";
    let answer = get(standin.running.address(), target);
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.starts_with("# l "));
    assert_eq!(text.lines().count(), 2508);
    let likelihood = get(
        standin.running.address(),
        "/pla-sl/data-action?COSMOLOGY.COSMOLOGY_OID=151902",
    );
    assert!(
        likelihood
            .header("content-disposition")
            .unwrap()
            .contains("COM_Likelihood_Data-baseline_R3.00.tar.gz")
    );
    assert!(verify_gzip(&likelihood.body[..], 1 << 20).unwrap() > 2048);
}

#[test]
fn the_list_names_every_product_with_its_true_length() {
    let standin = standin();
    let address = standin.running.address();
    let answer = get(address, "/products.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let list: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let products = list["products"].as_array().unwrap();
    assert_eq!(products.len(), 31);
    for product in products {
        let (name, class) = (
            product["name"].as_str().unwrap(),
            product["class"].as_str().unwrap(),
        );
        let key = match class {
            "MAP" => "MAP.MAP_ID",
            "DOCUMENT" => "DOCUMENT.DOCUMENT_ID",
            class => &format!("{class}.FILE_ID"),
        };
        let answer = get(address, &format!("/pla/aio/product-action?{key}={name}"));
        assert_eq!(
            (answer.status, answer.body.len() as u64),
            (200, product["size_bytes"].as_u64().unwrap()),
            "{name}"
        );
        let by_oid = get(
            address,
            &format!("/pla-sl/data-action?{class}.{class}_OID={}", product["oid"]),
        );
        assert_eq!(by_oid.body, answer.body, "{name}");
    }
}

#[test]
fn ranges_are_honoured_while_the_product_is_the_same() {
    let standin = standin();
    let ask = |headers: &[(&str, &str)]| {
        request(standin.running.address(), "GET", &map_path(MAP), headers).unwrap()
    };
    let whole = ask(&[]);
    let (etag, size) = (whole.header("etag").unwrap(), whole.body.len());
    let part = ask(&[("Range", "bytes=1000-1999"), ("If-Range", etag)]);
    assert_eq!(
        (part.status, part.header("content-range")),
        (206, Some(format!("bytes 1000-1999/{size}").as_str()))
    );
    assert_eq!(part.body, whole.body[1000..2000]);
    let date = whole.header("last-modified").unwrap();
    assert_eq!(
        ask(&[("Range", "bytes=5760-"), ("If-Range", date)]).body,
        whole.body[5760..]
    );
    assert_eq!(
        ask(&[("Range", "bytes=5760-"), ("If-Range", "\"other\"")]).status,
        200
    );
    let beyond = ask(&[("Range", &format!("bytes={size}-"))]);
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, Some(format!("bytes */{size}").as_str()))
    );
    assert_eq!(ask(&[("If-None-Match", etag)]).status, 304);
}

#[test]
fn head_tells_the_length_and_generates_nothing() {
    let standin = standin();
    let answer = request(standin.running.address(), "HEAD", &map_path(MAP), &[]).unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(std::fs::read_dir(standin.cache.path()).unwrap().count(), 0);
    assert_eq!(standin.running.n_requests_for(MAP), 0);
    assert_eq!(
        answer.length(),
        get(standin.running.address(), &map_path(MAP)).body.len() as u64
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    let bytes = |seed| {
        let standin = standin_with(|config| config.maps.seed = seed);
        get(standin.running.address(), &map_path(MAP)).body
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn what_is_unknown_is_404_or_a_page_by_a_switch() {
    let standin = standin();
    let address = standin.running.address();
    let unknown = [
        map_path("SMICA_2048"),
        map_path(&MAP.replace(".fits", "")),
        "/pla/aio/product-action?map.file.id=SMICA_2048".to_owned(),
        format!("/pla/aio/product-action?COSMOLOGY.FILE_ID={MAP}"),
        "/pla-sl/data-action?MAP.MAP_OID=999999".to_owned(),
        "/pla-sl/data-action?MAP.MAP_OID=null".to_owned(),
        "/tap-server/tap".to_owned(),
    ];
    for target in &unknown {
        assert_eq!(get(address, target).status, 404, "{target}");
    }
    standin.running.faults().answer_unknown_with_html(true);
    let answer = get(address, &unknown[0]);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/html;charset=UTF-8"))
    );
}

#[test]
fn every_file_of_the_real_folder_is_served_and_takes_the_place_of_a_generated_one() {
    let real = tempfile::tempdir().unwrap();
    std::fs::create_dir(real.path().join("planck")).unwrap();
    let spectrum = "COM_PowerSpect_CMB-TT-full_R3.01.txt";
    for (name, text) in [(spectrum, "# real"), ("a b.fits", "SIMPLE")] {
        File::create(real.path().join("planck").join(name))
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }
    let standin = standin_with(|config| config.real_data = Some(real.path().to_owned()));
    let address = standin.running.address();
    let answer = get(
        address,
        &format!("/pla/aio/product-action?COSMOLOGY.FILE_ID={spectrum}"),
    );
    assert_eq!(answer.body, b"# real");
    assert_eq!(get(address, &map_path("a%20b.fits")).body, b"SIMPLE");
}
