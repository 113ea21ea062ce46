//! A small Planck archive.

use gantry_asset::Asset;

use super::asset;

/// Some of the archive's products, named, titled and ranked as the connector does it.
pub fn planck() -> Vec<Asset> {
    let mut all = Vec::new();
    for (band, instrument) in [
        (30, "LFI"),
        (44, "LFI"),
        (100, "HFI"),
        (143, "HFI"),
        (217, "HFI"),
        (353, "HFI"),
    ] {
        all.extend(maps(band, instrument));
    }
    all.extend(component_maps());
    all.extend(spectra_and_likelihoods());
    all.extend(simulations());
    all
}

fn maps(band: u32, instrument: &str) -> Vec<Asset> {
    let nside = if instrument == "HFI" { 2048 } else { 1024 };
    let common = [
        "mission=Planck".to_owned(),
        format!("instrument={instrument}"),
        format!("band={band} GHz"),
        format!("nside={nside}"),
        "stokes=IQU".to_owned(),
    ];
    let make = |name: String, title: String, rank: u32, more: &[&str]| {
        let facets: Vec<&str> = common
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        asset(&name, &title, rank, &facets)
    };
    let map = ["product_type=sky map", "provenance=observed"];
    let with = |more: &[&'static str]| [&map[..], more].concat();
    let (pr3, pr4) = (
        ["release=PR3", "rerelease=R3.01"],
        ["release=PR4", "rerelease=R4.00"],
    );
    let title = format!("{instrument} sky map, {band} GHz");
    let mut all = vec![
        make(
            format!("{instrument}_SkyMap_{band:03}_{nside}_R3.01_full.fits"),
            format!("{title}, full mission"),
            1000,
            &with(&[pr3[0], pr3[1], "split=full"]),
        ),
        make(
            format!("{instrument}_SkyMap_{band:03}_{nside}_R3.01_halfmission-1.fits"),
            format!("{title}, half-mission 1"),
            600,
            &with(&[pr3[0], pr3[1], "split=half-mission 1"]),
        ),
        make(
            format!("{instrument}_SkyMap_{band:03}-BPassCorrected_{nside}_R4.00_full.fits"),
            format!("{title}, full mission, dipole included"),
            950,
            &with(&[pr4[0], pr4[1], "split=full"]),
        ),
        make(
            format!("COM_PCCS_{band:03}_R2.04.fits"),
            format!("Planck catalogue of compact sources, {band} GHz"),
            500,
            &[
                "product_type=source list",
                "release=PR2",
                "provenance=observed",
            ],
        ),
        make(
            format!("{instrument}_Mask_PointSrc_{band:03}_R2.00.fits"),
            format!("Point source mask, {band} GHz"),
            400,
            &["product_type=mask", "release=PR2", "provenance=observed"],
        ),
    ];
    if band == 353 {
        let mut psb = with(&[pr3[0], pr3[1], "split=full"]);
        psb.push("detset=353-psb");
        all.push(make(
            format!("HFI_SkyMap_353-psb_{nside}_R3.01_full.fits"),
            format!("{title}, polarisation-sensitive bolometers only, full mission"),
            900,
            &psb,
        ));
        all[0].description = "Intensity and polarisation.".to_owned();
    }
    all
}

fn component_maps() -> Vec<Asset> {
    let bands = [30, 44, 70, 100, 143, 217, 353, 545, 857].map(|band| format!("band={band} GHz"));
    let bands: Vec<&str> = bands.iter().map(String::as_str).collect();
    let of = |more: &[&'static str]| -> Vec<String> {
        let fixed = [
            "mission=Planck",
            "provenance=observed",
            "release=PR3",
            "rerelease=R3.00",
        ];
        fixed
            .iter()
            .chain(more)
            .chain(&bands)
            .map(|facet| (*facet).to_owned())
            .collect()
    };
    let make = |name: &str, title: &str, rank: u32, more: &[&'static str]| {
        let facets = of(more);
        asset(
            name,
            title,
            rank,
            &facets.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    };
    let mut union = make(
        "HFI_PCCS_SZ-union_R2.08.fits",
        "Catalogue of Sunyaev-Zeldovich sources, union",
        500,
        &["product_type=source list"],
    );
    union.synonyms = vec!["PSZ2".to_owned()];
    vec![
        make(
            "COM_CMB_IQU-smica_2048_R3.00_full.fits",
            "CMB map, SMICA, full mission",
            980,
            &["product_type=CMB map", "method=smica", "split=full"],
        ),
        make(
            "COM_CMB_IQU-smica-nosz_2048_R3.00_full.fits",
            "CMB map, SMICA without SZ, full mission",
            980,
            &["product_type=CMB map", "method=smica-nosz", "split=full"],
        ),
        make(
            "COM_CMB_IQU-commander_2048_R3.00_full.fits",
            "CMB map, Commander, full mission",
            970,
            &["product_type=CMB map", "method=commander", "split=full"],
        ),
        make(
            "COM_Mask_CMB-common-Mask-Int_2048_R3.00.fits",
            "Common mask, intensity",
            700,
            &["product_type=mask"],
        ),
        make(
            "COM_Mask_CMB-common-Mask-Pol_2048_R3.00.fits",
            "Common mask, polarisation",
            690,
            &["product_type=mask"],
        ),
        union,
    ]
}

fn spectra_and_likelihoods() -> Vec<Asset> {
    let facets =
        |kind: &'static str| [kind, "mission=Planck", "release=PR3", "provenance=observed"];
    let (spectrum, likelihood) = (
        facets("product_type=power spectrum"),
        facets("product_type=likelihood"),
    );
    vec![
        asset(
            "COM_PowerSpect_CMB-TT-binned_R3.01.txt",
            "TT power spectrum, binned",
            800,
            &spectrum,
        ),
        asset(
            "COM_PowerSpect_CMB-TT-full_R3.01.txt",
            "TT power spectrum, unbinned",
            790,
            &spectrum,
        ),
        asset(
            "COM_PowerSpect_CMB-EE-binned_R3.02.txt",
            "EE power spectrum, binned",
            800,
            &spectrum,
        ),
        asset(
            "COM_Likelihood_Data-baseline_R3.00.tar.gz",
            "Likelihood plik, baseline data",
            800,
            &likelihood,
        ),
        asset(
            "COM_Likelihood_Code-v3.0_R3.01.tar.gz",
            "Likelihood code plc for plik, v3.0",
            790,
            &likelihood,
        ),
    ]
}

fn simulations() -> Vec<Asset> {
    let one = |n: u32| {
        let mut asset = asset(
            &format!("ffp10_noise_100_full_map_mc_{n:05}.fits"),
            &format!("FFP10 noise simulation, 100 GHz, realisation {n}"),
            1000,
            &[
                "mission=Planck",
                "instrument=HFI",
                "band=100 GHz",
                "product_type=sky map",
                "provenance=simulated",
            ],
        );
        asset.facets.add("split", "full");
        asset
    };
    (0..7).map(one).collect()
}
