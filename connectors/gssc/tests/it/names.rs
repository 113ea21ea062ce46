use chrono::Datelike;
use gantry_connector_gssc::names::{Packing, read_name};
use proptest::prelude::*;

/// Name, content, station or centre, days, series.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// Names of data as the archive, the samples and the RINEX and IGS rules have them; days counted by hand or from headers.
const DATA: [Row; 35] = [
    (
        "BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz",
        "OBS",
        "BRUX00BEL",
        "2023-001",
        "BRUX00BEL-OBS-01D-30S",
    ),
    (
        "brux00bel_r_20230010000_01d_30s_mo.CRX.GZ",
        "OBS",
        "BRUX00BEL",
        "2023-001",
        "BRUX00BEL-OBS-01D-30S",
    ),
    (
        "ABMF00GLP_R_20181330000_01D_30S_MO.zip",
        "OBS",
        "ABMF00GLP",
        "2018-133",
        "ABMF00GLP-OBS-01D-30S-PLAIN",
    ),
    (
        "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz",
        "OBS",
        "AJAC00FRA",
        "2024-209",
        "AJAC00FRA-OBS-01D-30S",
    ),
    (
        "ALAC00ESP_R_20220090000_01D_30S_MO.rnx",
        "OBS",
        "ALAC00ESP",
        "2022-009",
        "ALAC00ESP-OBS-01D-30S-PLAIN",
    ),
    (
        "GRAS00FRA_R_20223151700_15M_01S_MO.crx.gz",
        "OBS",
        "GRAS00FRA",
        "2022-315",
        "GRAS00FRA-OBS-15M-01S",
    ),
    (
        "KMS300DNK_R_20221591000_01H_30S_MO.crx",
        "OBS",
        "KMS300DNK",
        "2022-159",
        "KMS300DNK-OBS-01H-30S",
    ),
    (
        "NYA100NOR_S_20241280000_01D_30S_MO.crx.gz",
        "OBS",
        "NYA100NOR",
        "2024-128",
        "NYA100NOR-OBS-01D-30S-S",
    ),
    (
        "P43300USA_R_20190012056_17M_15S_MO.crx.bz2",
        "OBS",
        "P43300USA",
        "2019-001",
        "P43300USA-OBS-17M-15S",
    ),
    (
        "BRUX00BEL_U_20203660000_01D_30S_GO.crx.gz",
        "OBS",
        "BRUX00BEL",
        "2020-366",
        "BRUX00BEL-OBS-01D-30S-GO-U",
    ),
    (
        "BRUX00BEL_R_20230012345_30M_01S_MO.crx.gz",
        "OBS",
        "BRUX00BEL",
        "2023-001/2023-002",
        "BRUX00BEL-OBS-30M-01S",
    ),
    (
        "AMEL00NLD_R_20210010000_01D_MN.rnx",
        "NAV",
        "AMEL00NLD",
        "2021-001",
        "AMEL00NLD-NAV-01D-MN",
    ),
    (
        "CEDA00USA_R_20182100000_01D_MN.rnx.gz",
        "NAV",
        "CEDA00USA",
        "2018-210",
        "CEDA00USA-NAV-01D-MN",
    ),
    (
        "HERT00GBR_R_20240920000_01D_GN.rnx.gz",
        "NAV",
        "HERT00GBR",
        "2024-092",
        "HERT00GBR-NAV-01D-GN",
    ),
    (
        "KMS300DNK_R_20221591000_01H_MN.rnx.gz",
        "NAV",
        "KMS300DNK",
        "2022-159",
        "KMS300DNK-NAV-01H-MN",
    ),
    (
        "BRDC00IGS_R_20230010000_01D_MN.rnx.gz",
        "NAV",
        "BRDC00IGS",
        "2023-001",
        "BRDC00IGS-NAV-01D-MN",
    ),
    (
        "POTS00DEU_R_20232540000_01D_05M_MM.rnx.gz",
        "MET",
        "POTS00DEU",
        "2023-254",
        "POTS00DEU-MET-01D-05M",
    ),
    (
        "AJAC3550.21D",
        "OBS",
        "AJAC",
        "2021-355",
        "AJAC-OBS-01D-RINEX2",
    ),
    (
        "AJAC3550.21O",
        "OBS",
        "AJAC",
        "2021-355",
        "AJAC-OBS-01D-RINEX2-PLAIN",
    ),
    (
        "KOSG0010.95O",
        "OBS",
        "KOSG",
        "1995-001",
        "KOSG-OBS-01D-RINEX2-PLAIN",
    ),
    (
        "ac660270.18o.Z",
        "OBS",
        "AC66",
        "2018-027",
        "AC66-OBS-01D-RINEX2-PLAIN",
    ),
    (
        "brux0010.23d.Z",
        "OBS",
        "BRUX",
        "2023-001",
        "BRUX-OBS-01D-RINEX2",
    ),
    (
        "brux0010.23d",
        "OBS",
        "BRUX",
        "2023-001",
        "BRUX-OBS-01D-RINEX2",
    ),
    (
        "brux001x.23d.Z",
        "OBS",
        "BRUX",
        "2023-001",
        "BRUX-OBS-01H-RINEX2",
    ),
    (
        "brux001b15.23d.gz",
        "OBS",
        "BRUX",
        "2023-001",
        "BRUX-OBS-15M-RINEX2",
    ),
    (
        "brux0010.23e",
        "OBS",
        "BRUX",
        "2023-001",
        "BRUX-OBS-01D-RINEX2",
    ),
    (
        "igsg0010.79d",
        "OBS",
        "IGSG",
        "2079-001",
        "IGSG-OBS-01D-RINEX2",
    ),
    (
        "igsg3650.80d",
        "OBS",
        "IGSG",
        "1980-365",
        "IGSG-OBS-01D-RINEX2",
    ),
    (
        "brdc2420.18n.gz",
        "NAV",
        "BRDC",
        "2018-242",
        "BRDC-NAV-01D-GN-RINEX2",
    ),
    (
        "cbw10010.21n.gz",
        "NAV",
        "CBW1",
        "2021-001",
        "CBW1-NAV-01D-GN-RINEX2",
    ),
    (
        "dlf10010.21g",
        "NAV",
        "DLF1",
        "2021-001",
        "DLF1-NAV-01D-RN-RINEX2",
    ),
    (
        "brux0010.23l",
        "NAV",
        "BRUX",
        "2023-001",
        "BRUX-NAV-01D-EN-RINEX2",
    ),
    (
        "brux0010.23p.gz",
        "NAV",
        "BRUX",
        "2023-001",
        "BRUX-NAV-01D-MN-RINEX2",
    ),
    (
        "brux0010.23h",
        "NAV",
        "BRUX",
        "2023-001",
        "BRUX-NAV-01D-SN-RINEX2",
    ),
    (
        "clar0020.00m",
        "MET",
        "CLAR",
        "2000-002",
        "CLAR-MET-01D-RINEX2",
    ),
];

const PRODUCTS: [Row; 36] = [
    (
        "COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz",
        "ORB",
        "COD",
        "2023-050",
        "COD0MGXFIN-ORB-01D-05M",
    ),
    (
        "ESA0OPSFIN_20230010000_01D_05M_ORB.SP3.gz",
        "ORB",
        "ESA",
        "2023-001",
        "ESA0OPSFIN-ORB-01D-05M",
    ),
    (
        "ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz",
        "ORB",
        "ESA",
        "2023-239",
        "ESA0OPSRAP-ORB-01D-15M",
    ),
    (
        "ESA0OPSULT_20232320600_02D_15M_ORB.SP3.gz",
        "ORB",
        "ESA",
        "2023-232/2023-234",
        "ESA0OPSULT-ORB-02D-15M",
    ),
    (
        "GRG0MGXFIN_20201770000_01D_30S_CLK.CLK.gz",
        "CLK",
        "GRG",
        "2020-177",
        "GRG0MGXFIN-CLK-01D-30S",
    ),
    (
        "COD0OPSRAP_20230730000_01D_30S_CLK.CLK",
        "CLK",
        "COD",
        "2023-073",
        "COD0OPSRAP-CLK-01D-30S",
    ),
    (
        "IGS0OPSFIN_20223310000_07D_01D_ERP.ERP.gz",
        "ERP",
        "IGS",
        "2022-331/2022-337",
        "IGS0OPSFIN-ERP-07D-01D",
    ),
    (
        "COD0OPSFIN_20230010000_01D_01D_OSB.BIA.gz",
        "OSB",
        "COD",
        "2023-001",
        "COD0OPSFIN-OSB-01D-01D",
    ),
    (
        "CAS0OPSRAP_20230010000_01D_01D_DCB.BIA.gz",
        "OSB",
        "CAS",
        "2023-001",
        "CAS0OPSRAP-DCB-01D-01D",
    ),
    (
        "COD0OPSFIN_20230010000_01D_15M_ATT.OBX.gz",
        "ATT",
        "COD",
        "2023-001",
        "COD0OPSFIN-ATT-01D-15M",
    ),
    (
        "ESA0OPSFIN_20230010000_01D_02H_GIM.INX.gz",
        "GIM",
        "ESA",
        "2023-001",
        "ESA0OPSFIN-GIM-01D-02H",
    ),
    (
        "IGS0OPSSNX_20230010000_01D_01D_SOL.SNX.gz",
        "SNX",
        "IGS",
        "2023-001",
        "IGS0OPSSNX-SOL-01D-01D",
    ),
    (
        "IGS0OPSFIN_20230010000_01D_05M_BRUX00BEL_TRO.TRO.gz",
        "TRO",
        "IGS",
        "2023-001",
        "IGS0OPSFIN-BRUX00BEL-TRO-01D-05M",
    ),
    (
        "IGS0OPSFIN_20223310000_07D_07D_SUM.SUM.gz",
        "SUM",
        "IGS",
        "2022-331/2022-337",
        "IGS0OPSFIN-SUM-07D-07D",
    ),
    (
        "GRG6RE3FIN_20000010000_01D_15M_ORB.SP3.gz",
        "ORB",
        "GRG",
        "2000-001",
        "GRG6RE3FIN-ORB-01D-15M",
    ),
    (
        "IGS0OPSFIN_20240010000_01Y_01D_ERP.ERP",
        "ERP",
        "IGS",
        "2024-001/2024-366",
        "IGS0OPSFIN-ERP-01Y-01D",
    ),
    ("igs15904.sp3", "ORB", "IGS", "2010-182", "IGS-ORB-01D"),
    ("igr15904.sp3.Z", "ORB", "IGS", "2010-182", "IGR-ORB-01D"),
    ("igs19362.sp3c", "ORB", "IGS", "2017-045", "IGS-ORB-01D"),
    ("emr08874.sp3", "ORB", "EMR", "1997-009", "EMR-ORB-01D"),
    ("EMR22430.SP3.Z", "ORB", "EMR", "2023-001", "EMR-ORB-01D"),
    ("COD20352.CLK", "CLK", "COD", "2019-008", "COD-CLK-01D"),
    (
        "cod20352.clk_30s.Z",
        "CLK",
        "COD",
        "2019-008",
        "COD-CLK_30S-01D",
    ),
    (
        "igs17127.erp",
        "ERP",
        "IGS",
        "2012-302/2012-308",
        "IGS-ERP-07D",
    ),
    (
        "igs22437.sum.Z",
        "SUM",
        "IGS",
        "2023-001/2023-007",
        "IGS-SUM-07D",
    ),
    (
        "cod22387.snx.Z",
        "SNX",
        "COD",
        "2022-331/2022-337",
        "COD-SNX-07D",
    ),
    (
        "igu22430_06.sp3.Z",
        "ORB",
        "IGS",
        "2022-365/2023-002",
        "IGU-ORB-02D",
    ),
    (
        "igu16295_18_p.sp3",
        "ORB",
        "IGS",
        "2011-091/2011-092",
        "IGU-ORB-01D-P",
    ),
    ("jplg0010.17i.gz", "GIM", "JPL", "2017-001", "JPL-GIM-01D"),
    ("igrg3390.10i", "GIM", "IGS", "2010-339", "IGR-GIM-01D"),
    ("CKMG0080.09I.gz", "GIM", "CKM", "2009-008", "CKM-GIM-01D"),
    ("igs20_2274.atx", "ANTEX", "", "", "IGS20-ANTEX"),
    ("igs14_small.atx.gz", "ANTEX", "", "", ""),
    ("igs20.atx", "ANTEX", "", "", ""),
    (
        "houz00glp_20250106.log",
        "site log",
        "HOUZ00GLP",
        "2025-006",
        "HOUZ00GLP-LOG",
    ),
    (
        "HOUZ00GLP.xml",
        "site log",
        "HOUZ00GLP",
        "",
        "HOUZ00GLP-GEODESYML",
    ),
];

const OTHERS: [&str; 36] = [
    "",
    ".",
    "..gz",
    ".Z",
    "README",
    "badtime.10o",
    "blank.10o",
    "blank.sp3",
    "truncated.sp3",
    "grg21553_nodata.sp3",
    "junk_time_obs3.10o",
    "wrong_obs2_count.10o",
    "sample.crx",
    "sample.rnx.Z",
    "gps_10MSps.23O.gz",
    "cs2rx18164.gz",
    "GZGTR560.258",
    "example2.txt",
    "MD5SUMS",
    "brux0000.23d",
    "brux3660.23d",
    "brux001y.23d",
    "brux001b60.23d",
    "brux0010.23",
    "igs22438.sp3",
    "igs2243a.sp3",
    "igu22430_24.sp3",
    "igu22430_06_q.sp3",
    "BRUX00BEL_R_20234000000_01D_30S_MO.crx.gz",
    "BRUX00BEL_R_20230012400_01D_30S_MO.crx.gz",
    "BRUX00BEL_X_20230010000_01D_30S_MO.crx.gz",
    "BRUX00BEL_R_20230010000_01D_30S_XO.crx.gz",
    "ESA0OPSFIN_2023001_01D_05M_ORB.SP3",
    "houz00glp_20250230.log",
    "é0010.23d",
    "jplg0010.17é",
];

#[test]
fn each_name_says_what_it_holds_whose_it_is_of_which_days_and_in_which_series() {
    for (file, content, who, days, series) in DATA.into_iter().chain(PRODUCTS) {
        let name = read_name(file);
        assert_eq!(name.content.as_deref(), Some(content), "{file}");
        let whose = name
            .analysis_centre
            .clone()
            .or(name.station.clone())
            .unwrap_or_default();
        assert_eq!(whose, who, "{file}");
        let label = |day: chrono::NaiveDate| format!("{}-{:03}", day.year(), day.ordinal());
        let covered = name.days().map(|(first, last)| match first == last {
            true => label(first),
            false => format!("{}/{}", label(first), label(last)),
        });
        assert_eq!(covered.unwrap_or_default(), days, "{file}");
        assert_eq!(name.series().unwrap_or_default(), series, "{file}");
    }
}

#[test]
fn a_name_that_no_rule_fits_is_other_and_keeps_nothing_but_its_packing() {
    for file in OTHERS {
        let name = read_name(file);
        assert!(
            name.is_other() && name.series().is_none(),
            "{file}: {name:?}"
        );
    }
    assert_eq!(read_name("sample.rnx.Z").packing, Packing::UnixCompress);
}

#[test]
fn a_name_says_how_often_how_soon_by_whom_and_how_it_is_packed() {
    let label = |file: &str| read_name(file).sampling.and_then(|period| period.label());
    assert_eq!(label(DATA[0].0).as_deref(), Some("30 s"));
    assert_eq!(label(DATA[5].0).as_deref(), Some("1 s"));
    assert_eq!(label(PRODUCTS[0].0).as_deref(), Some("5 min"));
    assert_eq!(
        label("BRUX00BEL_R_20230010000_15M_10Z_MO.crx.gz").as_deref(),
        Some("10 Hz")
    );
    assert_eq!(
        label("BRUX00BEL_R_20230010000_15M_01C_MO.crx.gz").as_deref(),
        Some("100 Hz")
    );
    assert_eq!(label("brux0010.23d"), None);
    let latency = |file: &str| read_name(file).latency;
    for (file, expected) in [
        ("ESA0OPSULT_20232320600_02D_15M_ORB.SP3.gz", "ultra"),
        ("ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz", "rapid"),
        ("igs15904.sp3", "final"),
        ("igr15904.sp3.Z", "rapid"),
        ("igu16295_18_p.sp3", "ultra"),
        ("CAS0OPSRTS_20230010000_01D_05M_ORB.SP3", "real time"),
        ("c1pg0010.23i", "predicted"),
    ] {
        assert_eq!(latency(file).as_deref(), Some(expected), "{file}");
    }
    let name = read_name("GRG6RE3FIN_20000010000_01D_15M_ORB.SP3.gz");
    assert_eq!(
        (name.version, name.campaign.as_deref()),
        (Some('6'), Some("RE3"))
    );
    let name = read_name("NYA100NOR_S_20241280000_01D_30S_MO.crx.gz");
    assert_eq!(
        (name.source, name.is_compact, name.packing),
        (Some('S'), true, Packing::Gzip)
    );
    assert_eq!(name.constellation(), Some("mixed"));
    assert_eq!(read_name("dlf10010.21g").constellation(), Some("GLONASS"));
    assert_eq!(read_name("KOSG0010.95O").rinex_version, Some(2));
    assert_eq!(
        read_name("ABMF00GLP_R_20181330000_01D_30S_MO.zip").rinex_version,
        None
    );
}

proptest! {
    #[test]
    fn no_name_panics(file in ".{0,60}") {
        let name = read_name(&file);
        let _ = (name.days(), name.end(), name.time_scale(), name.series(), name.constellation());
    }

    #[test]
    fn no_name_close_to_the_grammar_panics(
        file in "[A-Za-z0-9é]{3,10}[_.]?[RSU0-9_]{0,3}[0-9]{0,11}_?[0-9]{0,2}[SMHDWLYZCU]{0,2}_?[0-9A-Z]{0,4}_?[GRECJISM]?[ONM]?\\.[A-Za-z0-9]{0,4}(\\.(gz|Z|bz2|zip))?"
    ) {
        let name = read_name(&file);
        let _ = (name.days(), name.end(), name.time_scale(), name.series());
    }

    #[test]
    fn case_never_matters(n in 0..DATA.len() + PRODUCTS.len(), is_upper: bool) {
        let file = DATA.iter().chain(&PRODUCTS).nth(n).unwrap().0;
        let other = if is_upper { file.to_ascii_uppercase() } else { file.to_ascii_lowercase() };
        prop_assert_eq!(read_name(file), read_name(&other));
    }
}
