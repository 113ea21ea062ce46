//! Names of every class of the archive, as its users' programs and its pages write them, and what each says.

use gantry_connector::conformance::harvest;
use proptest::prelude::*;
use serde_json::json;

use crate::archive::archive;

/// A name, its class, and the facets it says, `field/value` with a comma between them.
const NAMES: &[(&str, &str, &str)] = &[
    (
        "HFI_SkyMap_100_2048_R1.10_nominal.fits",
        "MAP",
        "product_type/sky map,band/100 GHz,instrument/HFI,nside/2048,release/PR1,rerelease/R1.10,split/nominal mission,provenance/observed,format/FITS",
    ),
    (
        "HFI_SkyMap_143_2048_R2.02_full.fits",
        "MAP",
        "product_type/sky map,band/143 GHz,release/PR2,split/full mission",
    ),
    (
        "HFI_SkyMap_217_2048_R2.02_halfmission-1.fits",
        "MAP",
        "band/217 GHz,split/half-mission 1",
    ),
    (
        "HFI_SkyMap_217_2048_R2.02_halfmission-2.fits",
        "MAP",
        "band/217 GHz,split/half-mission 2",
    ),
    (
        "HFI_SkyMap_353-psb_2048_R3.01_full.fits",
        "MAP",
        "product_type/sky map,band/353 GHz,detset/353-psb,release/PR3,rerelease/R3.01",
    ),
    (
        "HFI_SkyMap_353_2048_R2.02_full.fits",
        "MAP",
        "band/353 GHz,release/PR2",
    ),
    ("HFI_SkyMap_545_2048_R3.01_full.fits", "MAP", "band/545 GHz"),
    ("HFI_SkyMap_857_2048_R3.01_full.fits", "MAP", "band/857 GHz"),
    (
        "HFI_SkyMap_857_2048_R3.01_oddring.fits",
        "MAP",
        "band/857 GHz,split/odd rings",
    ),
    (
        "HFI_SkyMap_857_2048_R3.01_evenring.fits",
        "MAP",
        "split/even rings",
    ),
    (
        "HFI_SkyMap_143_2048_R4.00_full.fits",
        "MAP",
        "band/143 GHz,release/PR4,rerelease/R4.00,collection/Planck PR4",
    ),
    (
        "HFI_SkyMap_100-ds1_2048_R2.00_full.fits",
        "MAP",
        "band/100 GHz,detset/100-ds1",
    ),
    (
        "LFI_SkyMap_030-BPassCorrected_1024_R3.00_full.fits",
        "MAP",
        "product_type/sky map,band/30 GHz,instrument/LFI,nside/1024,correction/band-pass corrected",
    ),
    (
        "LFI_SkyMap_030-BPassCorrected-field-IQU_1024_R3.00_full.fits",
        "MAP",
        "band/30 GHz,correction/band-pass corrected,stokes/IQU",
    ),
    (
        "LFI_SkyMap_044_1024_R2.01_full.fits",
        "MAP",
        "band/44 GHz,instrument/LFI",
    ),
    (
        "LFI_SkyMap_070_1024_R3.00_full.fits",
        "MAP",
        "band/70 GHz,release/PR3",
    ),
    (
        "LFI_SkyMap_070_0256_R2.00_full.fits",
        "MAP",
        "band/70 GHz,nside/256",
    ),
    (
        "COM_CMB_IQU-smica_2048_R3.00_full.fits",
        "MAP",
        "product_type/CMB map,method/smica,stokes/IQU,nside/2048,release/PR3",
    ),
    (
        "COM_CMB_IQU-smica-nosz_2048_R3.00_full.fits",
        "MAP",
        "product_type/CMB map,method/smica",
    ),
    (
        "COM_CMB_IQU-commander_2048_R3.00_full.fits",
        "MAP",
        "method/commander",
    ),
    (
        "COM_CMB_IQU-commander_1024_R2.02_full.fits",
        "MAP",
        "method/commander,nside/1024,release/PR2",
    ),
    (
        "COM_CMB_IQU-nilc_2048_R3.00_full.fits",
        "MAP",
        "method/nilc",
    ),
    (
        "COM_CMB_IQU-sevem_2048_R3.01_full.fits",
        "MAP",
        "method/sevem,rerelease/R3.01",
    ),
    (
        "COM_CompMap_dust-commander_0256_R2.00.fits",
        "MAP",
        "product_type/component map,method/commander,nside/256",
    ),
    (
        "COM_CompMap_Compton-SZMap-milca_2048_R2.00.fits",
        "MAP",
        "product_type/component map,method/milca",
    ),
    (
        "HFI_CompMap_ThermalDustModel_2048_R1.20.fits",
        "MAP",
        "product_type/component map,instrument/HFI,release/PR1",
    ),
    (
        "COM_CompMap_YSZ_R2.00.fits.tgz",
        "MAP",
        "product_type/component map,release/PR2",
    ),
    (
        "COM_Mask_CMB-common-Mask-Int_2048_R3.00.fits",
        "MAP",
        "product_type/mask,nside/2048,release/PR3",
    ),
    (
        "COM_Mask_CMB-common-Mask-Pol_2048_R3.00.fits",
        "MAP",
        "product_type/mask",
    ),
    (
        "HFI_Mask_GalPlane-apo0_2048_R2.00.fits",
        "MAP",
        "product_type/mask,instrument/HFI",
    ),
    (
        "COM_PCCS_030_R2.04.fits",
        "SOURCE_LIST",
        "product_type/source list,band/30 GHz,rerelease/R2.04",
    ),
    (
        "COM_PCCS_070_R2.04.fits",
        "SOURCE_LIST",
        "product_type/source list,band/70 GHz",
    ),
    (
        "COM_PCCS_143-excluded_R2.01.fits",
        "SOURCE_LIST",
        "product_type/source list,band/143 GHz",
    ),
    (
        "COM_PCCS_857_R2.01.fits",
        "SOURCE_LIST",
        "product_type/source list,band/857 GHz",
    ),
    (
        "HFI_PCCS_SZ-union_R2.08.fits",
        "SOURCE_LIST",
        "product_type/source list,instrument/HFI,rerelease/R2.08",
    ),
    (
        "HFI_PCCS_GCC_R2.02.fits",
        "SOURCE_LIST",
        "product_type/source list",
    ),
    (
        "COM_PowerSpect_CMB-TT-full_R3.01.txt",
        "COSMOLOGY",
        "product_type/power spectrum,release/PR3",
    ),
    (
        "COM_PowerSpect_CMB-TT-binned_R3.01.txt",
        "COSMOLOGY",
        "product_type/power spectrum",
    ),
    (
        "COM_PowerSpect_CMB-EE-binned_R3.02.txt",
        "COSMOLOGY",
        "product_type/power spectrum,rerelease/R3.02",
    ),
    (
        "COM_PowerSpect_CMB-base-plikHM-TTTEEE-lowl-lowE-lensing-minimum-theory_R3.01.txt",
        "COSMOLOGY",
        "product_type/power spectrum",
    ),
    (
        "COM_CosmoParams_base-plikHM-TTTEEE-lowl-lowE_R3.00.zip",
        "COSMOLOGY",
        "product_type/cosmological parameters",
    ),
    (
        "COM_Likelihood_Code-v3.0_R3.01.tar.gz",
        "COSMOLOGY",
        "product_type/likelihood",
    ),
    (
        "COM_Likelihood_Data-baseline_R3.00.tar.gz",
        "COSMOLOGY",
        "product_type/likelihood,rerelease/R3.00",
    ),
    (
        "COM_SimMap_thermaldust-ffp10-skyinbands-217_2048_R3.00_full.fits",
        "SIMULATED_MAP",
        "product_type/sky map,band/217 GHz,provenance/simulated",
    ),
    (
        "ffp10_noise_217_full_map_mc_00010.fits",
        "SIMULATED_MAP",
        "product_type/other,band/217 GHz,provenance/simulated,split/full mission",
    ),
    (
        "ffp10_noise_143_hm1_map_mc_00299.fits",
        "SIMULATED_MAP",
        "band/143 GHz,provenance/simulated,split/half-mission 1",
    ),
    (
        "dx12_v3_smica_cmb_mc_00000_raw.fits",
        "SIMULATED_MAP",
        "method/smica,provenance/simulated",
    ),
    (
        "npipe6v20_noise_100_A_mc_00200.fits",
        "SIMULATED_MAP",
        "band/100 GHz,provenance/simulated,release/PR4",
    ),
    (
        "febecop_ffp10_lensed_scl_cmb_100_mc_0000.fits",
        "SIMULATED_MAP",
        "band/100 GHz,provenance/simulated",
    ),
    (
        "HFI_RIMO_R1.10.fits",
        "DOCUMENT",
        "product_type/instrument model,instrument/HFI,release/PR1",
    ),
    (
        "LFI_RIMO_R3.31.fits",
        "DOCUMENT",
        "product_type/instrument model,instrument/LFI,release/PR3",
    ),
    (
        "HFI_BiasMap_100-CO-nominal_2048_R3.00_full.fits",
        "MAP",
        "product_type/sky map,band/100 GHz,split/full mission",
    ),
    (
        "COM_Lensing_4096_R3.00.tgz",
        "COSMOLOGY",
        "product_type/lensing,nside/4096,release/PR3",
    ),
    (
        "HFI_TOI_143-PTG_R2.01_OD0091.fits",
        "TIMELINE",
        "product_type/timeline,band/143 GHz,release/PR2",
    ),
    (
        "COM_MASK_gal-07_2048_R1.00.fits",
        "MAP",
        "product_type/mask,nside/2048",
    ),
    (
        "COM_Code_Likelihood-v1.0_R1.10.tar.gz",
        "COSMOLOGY",
        "product_type/likelihood,release/PR1",
    ),
    (
        "COM_Likelihood_Code-v2.0.R2.00.tar.bz2",
        "COSMOLOGY",
        "product_type/likelihood,rerelease/R2.00,format/tar.bz2",
    ),
    (
        "HFI_PCCS_SZ-selfunc-union-survey_2.02.fits",
        "SOURCE_LIST",
        "product_type/source list,rerelease/R2.02",
    ),
    (
        "COM_PCCS_SZ-Catalogs_vPR2.tgz",
        "SOURCE_LIST",
        "product_type/source list,release/PR2",
    ),
    (
        "PLANCK_RIMO_TF_R4.00.tar.gz",
        "DOCUMENT",
        "product_type/instrument model,release/PR4",
    ),
    (
        "COM_CMB_IQU-smica_2048_R3.00_oe1.fits",
        "MAP",
        "split/odd rings,method/smica",
    ),
    (
        "LFI_SkyMap_030_1024_R2.00_full-ringhalf-1.fits",
        "MAP",
        "split/half-ring 1",
    ),
    (
        "LFI_SkyMap_030_1024_R2.01_survey-3.fits",
        "MAP",
        "split/survey 3",
    ),
    (
        "HFI_SkyMap_857_2048_R1.10_nominal_ZodiCorrected.fits",
        "MAP",
        "split/nominal mission,correction/zodi corrected",
    ),
    (
        "COM_CMB_IQU-143-fgsub-sevem_2048_R3.00_full.fits",
        "MAP",
        "band/143 GHz,method/sevem,stokes/IQU",
    ),
    (
        "COM_CompMap_Dust-GNILC-F353_2048_R2.00.fits",
        "MAP",
        "band/353 GHz,method/gnilc",
    ),
    (
        "COM_Mask_Likelihood-temperature-100-hm1_2048_R3.00.fits",
        "MAP",
        "band/100 GHz,split/half-mission 1",
    ),
    (
        "something nobody planned.dat",
        "MAP",
        "product_type/other,provenance/observed",
    ),
];

fn list<'n>(products: impl Iterator<Item = (&'n str, &'n str)>) -> String {
    let products: Vec<_> = products
        .map(|(name, class)| json!({"name": name, "class": class}))
        .collect();
    json!({ "products": products }).to_string()
}

#[tokio::test]
async fn names_of_every_class_say_what_they_hold() {
    let mut archive = archive();
    let text = list(NAMES.iter().map(|(name, class, _)| (*name, *class)));
    let harvest = harvest(archive.with_list(&text).as_ref(), None)
        .await
        .unwrap();
    assert_eq!(
        (harvest.assets.len(), harvest.rejected.len()),
        (NAMES.len(), 0)
    );
    for (name, _, facets) in NAMES {
        let asset = harvest
            .assets
            .values()
            .find(|asset| asset.files.iter().any(|file| file.name == *name))
            .unwrap();
        for facet in facets.split(',') {
            let (field, value) = facet.split_once('/').unwrap();
            assert_eq!(asset.facets.get(field), [value], "{field} of {name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_name_is_lost_whatever_it_is(
        names in prop::collection::btree_set("(HFI|LFI|COM|ffp10|npipe6v20|x)?_?(SkyMap|CMB|PCCS|Mask|noise)?_?.{0,40}(_R[0-9]\\.[0-9]{2})?(_full)?(\\.fits|\\.txt|\\.tar\\.gz)?", 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let harvest = runtime.block_on(async {
            let mut archive = archive();
            let text = list(names.iter().map(|name| (name.as_str(), "MAP")));
            harvest(archive.with_list(&text).as_ref(), None).await.unwrap()
        });
        prop_assert_eq!(harvest.assets.len() + harvest.rejected.len(), names.len());
    }
}
