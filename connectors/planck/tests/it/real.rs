use std::path::PathBuf;

use crate::archive::archive_with;

/// What each real file is, read off its headers with other tools (astropy, fitsverify).
const KINDS: [(&str, &str); 16] = [
    ("COM_PowerSpect_CMB-TT-full_R3.01.txt", "power spectrum"),
    ("HFI_PCCS_SZ-union_R2.08.fits", "source list"),
    (
        "cl_wmap_band_iqumap_r9_7yr_W_v4_udgraded32_IQU_lmax64_rmmono_3iter.fits",
        "power spectrum",
    ),
    ("gaussbeam_10arcmin_lmax512_pol.fits", "beam"),
    ("justq_gal2ecl.fits.gz", "sky map"),
    ("map.fits", "sky map"),
    ("map_ext.fits", "sky map"),
    ("map_ngfs.fits", "sky map"),
    ("mask.fits", "mask"),
    ("pixel_window_n0512.fits", "pixel window"),
    ("planck2013ext_lcdm_cl_v1.fits", "power spectrum"),
    ("planck2018_lcdm_cl_v3.fits", "power spectrum"),
    ("wmap_band_iqumap_r9_7yr_V_v4_udgraded32.fits", "sky map"),
    (
        "wmap_band_iqumap_r9_7yr_V_v4_udgraded32_masked.fits",
        "sky map",
    ),
    (
        "wmap_band_iqumap_r9_7yr_W_v4_udgraded32_smoothed10deg_fortran.fits",
        "sky map",
    ),
    (
        "wmap_temperature_analysis_mask_r9_7yr_v4_udgraded32.fits",
        "mask",
    ),
];

/// NSIDE of the maps whose names do not say it.
const NSIDES: [(&str, &str); 4] = [
    ("map.fits", "128"),
    ("map_ext.fits", "4"),
    ("mask.fits", "16"),
    ("justq_gal2ecl.fits.gz", "32"),
];

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "who runs it must see that nothing was tested"
)]
async fn every_real_file_is_catalogued_as_what_it_is_and_with_its_size() {
    let Some(folder) = std::env::var_os("GANTRY_REAL_DATA").map(PathBuf::from) else {
        eprintln!("not run: GANTRY_REAL_DATA is not set");
        return;
    };
    let mut archive = archive_with(Some(folder.clone()));
    archive.config.peek = Some("unknown".to_owned());
    let harvest = archive.harvest().await;
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder.join("planck")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let asset = &harvest.assets[&format!("planck:{name}").parse().unwrap()];
        let kind = KINDS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind);
        assert_eq!(asset.facets.get("product_type"), kind.as_slice(), "{name}");
        assert_eq!(
            asset.files[0].size_bytes,
            Some(entry.metadata().unwrap().len()),
            "{name}"
        );
        assert_eq!(asset.warnings, [] as [&str; 0], "{name}");
        n_files += 1;
    }
    assert_eq!(n_files, KINDS.len());
    for (name, nside) in NSIDES {
        let asset = &harvest.assets[&format!("planck:{name}").parse().unwrap()];
        assert_eq!(asset.facets.get("nside"), [nside], "{name}");
    }
    assert_eq!(harvest.rejected, []);
}
