//! Which block opens a file: by what the archive says it is, or else by its name.

use gantry_asset::Facets;

/// What a section of a notebook opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// A block of its own.
    Block(&'static str),
    /// Broadcast navigation: it goes with the observations, or is shown as text where there are none.
    Navigation,
}

/// What opens the file at `path`; `None` for an archive of files and for a folder.
pub(super) fn opening(path: &str, facets: &Facets) -> Option<Opening> {
    let name = path.to_ascii_lowercase();
    if let Some(opening) = gaia(&name, facets).or_else(|| gnss(&name, facets)) {
        return Some(opening);
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[
        ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip", "/",
    ]) {
        return None;
    }
    let is_fits = ends(&[".fits", ".fit", ".fits.gz", ".fit.gz"]);
    let is_healpix = is_fits
        && facets
            .first("nside")
            .is_some_and(|nside| nside.parse::<u64>().is_ok());
    Some(Opening::Block(match facets.first("product_type") {
        Some("sky map" | "CMB map" | "component map" | "mask") if is_healpix => "healpix",
        Some("source list") if is_fits => "source_list",
        Some("power spectrum") if is_fits || ends(&[".txt"]) => "power_spectrum",
        _ if is_fits => "fits",
        _ => "other",
    }))
}

/// The endings of tables and of what packs them.
const TABLES: &[&str] = &[".vot", ".vot.gz", ".xml", ".xml.gz", ".ecsv", ".ecsv.gz"];
const MORE_TABLES: &[&str] = &[".fits", ".fits.gz", ".csv", ".csv.gz", ".json"];

/// How the names of Gaia's spectra and light curves begin, as DataLink and as the bulk files write them, and of which kind.
const SPECTRA: &[(&str, &str)] = &[
    ("xp_sampled", "sampled"),
    ("xpsampledmeanspectrum", "sampled"),
    ("xp_continuous", "continuous"),
    ("xpcontinuousmeanspectrum", "continuous"),
    ("rvs-", "rvs"),
    ("rvs_", "rvs"),
    ("rvsmeanspectrum", "rvs"),
    ("epoch_photometry", "curves"),
    ("epochphotometry", "curves"),
    ("mcmc_", "samples"),
];

/// The kind of spectra or light curves in a file, where its name tells.
pub(super) fn spectra_of(path: &str) -> Option<&'static str> {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next()?;
    let known = SPECTRA.iter().find(|(start, _)| name.starts_with(start));
    known.map(|(_, kind)| *kind)
}

/// Gaia's tables, spectra and light curves; bulk files of spectra are said to be source tables, so the name counts more.
fn gaia(path: &str, facets: &Facets) -> Option<Opening> {
    let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
    let is_table = ends(TABLES) || ends(MORE_TABLES);
    let is_drawn = spectra_of(path).is_some_and(|kind| kind != "samples");
    match facets.first("product_type") {
        Some("spectra" | "light curve") if is_table || ends(&[".zip"]) => {
            Some(Opening::Block("gaia_spectra"))
        }
        None | Some("source table" | "other" | "query result")
            if is_drawn && (is_table || ends(&[".zip"])) =>
        {
            Some(Opening::Block("gaia_spectra"))
        }
        Some("source table" | "query result") if is_table => Some(Opening::Block("gaia_table")),
        Some(_) => None,
        None if path.contains("dl_products") && ends(&[".zip"]) => {
            Some(Opening::Block("gaia_spectra"))
        }
        None if ends(&[".vot", ".vot.gz", ".ecsv", ".ecsv.gz"]) => {
            Some(Opening::Block("gaia_table"))
        }
        None => None,
    }
}

/// RINEX, SP3 and IONEX.
fn gnss(path: &str, facets: &Facets) -> Option<Opening> {
    let content = facets.first("content").or_else(|| content_of(path))?;
    if path.ends_with('/') || path.ends_with(".tar") || path.ends_with(".tar.gz") {
        return None;
    }
    match content {
        "OBS" => Some(Opening::Block("rinex_obs")),
        "NAV" => Some(Opening::Navigation),
        "ORB" | "CLK" => Some(Opening::Block("orbits_clocks")),
        "GIM" => Some(Opening::Block("ionex")),
        "ANTEX" => Some(Opening::Block("antex")),
        _ => None,
    }
}

/// What a file is by its name, long or short, without what packs it.
fn content_of(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let packed = [".gz", ".z", ".bz2", ".zip"];
    let plain = packed
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    let (stem, extension) = plain.rsplit_once('.')?;
    let kind = stem.rsplit('_').next().unwrap_or(stem);
    let short = extension.as_bytes();
    let is_short = short.len() == 3 && short[..2].iter().all(u8::is_ascii_digit);
    match extension {
        "crx" => Some("OBS"),
        "rnx" if kind.len() == 2 && kind.ends_with('o') => Some("OBS"),
        "rnx" if kind.len() == 2 && kind.ends_with('n') => Some("NAV"),
        "sp3" | "sp3c" | "sp3d" => Some("ORB"),
        "clk" | "clk_30s" | "clk_05s" => Some("CLK"),
        "inx" | "ion" => Some("GIM"),
        "atx" => Some("ANTEX"),
        _ if is_short => match short[2] {
            b'o' | b'd' => Some("OBS"),
            b'n' | b'g' | b'l' | b'p' | b'q' | b'h' => Some("NAV"),
            b'i' => Some("GIM"),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, facets: &[(&str, &str)]) -> Option<&'static str> {
        let mut known = Facets::default();
        for (field, value) in facets {
            known.add(field, *value);
        }
        opening(path, &known).map(|opening| match opening {
            Opening::Block(block) => block,
            Opening::Navigation => "navigation",
        })
    }

    #[test]
    fn each_product_gets_the_block_of_its_kind() {
        let map = [("product_type", "sky map"), ("nside", "2048")];
        assert_eq!(of("planck/a.fits", &map), Some("healpix"));
        assert_eq!(of("planck/a.FITS.gz", &map), Some("healpix"));
        assert_eq!(of("planck/a.fits", &map[..1]), Some("fits"));
        let mask = [("product_type", "mask"), ("nside", "16")];
        assert_eq!(of("planck/a.fits", &mask), Some("healpix"));
        let typed = |path, kind| of(path, &[("product_type", kind)]);
        assert_eq!(typed("planck/a.fits", "source list"), Some("source_list"));
        assert_eq!(
            typed("planck/a.txt", "power spectrum"),
            Some("power_spectrum")
        );
        assert_eq!(typed("planck/a.fits", "likelihood"), Some("fits"));
        assert_eq!(typed("planck/a.txt", "source list"), Some("other"));
        assert_eq!(of("planck/a.tar.gz", &map), None);
    }

    #[test]
    fn gaia_is_known_by_its_facets_or_by_its_names() {
        let typed = |path, kind| of(path, &[("product_type", kind)]);
        for path in ["g/a.vot", "g/a.fits", "g/a.csv", "g/a.ecsv", "g/a.vot.gz"] {
            assert_eq!(typed(path, "query result"), Some("gaia_table"), "{path}");
            assert_eq!(typed(path, "spectra"), Some("gaia_spectra"), "{path}");
        }
        assert_eq!(typed("g/a.zip", "light curve"), Some("gaia_spectra"));
        assert_eq!(of("g/1710099405832VAL-result.vot", &[]), Some("gaia_table"));
        assert_eq!(
            of("g/XP_SAMPLED-Gaia DR3 5937083312263887616.xml", &[]),
            Some("gaia_spectra")
        );
        let zip = "g/gaia_dr3_source_id_5937083312263887616_dl_products_vot.zip";
        assert_eq!(of(zip, &[]), Some("gaia_spectra"));
    }

    #[test]
    fn spectra_are_spectra_whatever_the_archive_calls_the_file() {
        let typed = |path, kind| of(path, &[("product_type", kind)]);
        let raw = "g/XP_SAMPLED_RAW_votable_dr3int6.xml";
        let bulk = "g/XpContinuousMeanSpectrum_000000-003111.csv.gz";
        assert_eq!(typed(raw, "other"), Some("gaia_spectra"));
        assert_eq!(typed(bulk, "source table"), Some("gaia_spectra"));
        assert_eq!(spectra_of(raw), Some("sampled"));
        assert_eq!(spectra_of(bulk), Some("continuous"));
        let stars = "g/GaiaSource_000000-003111.csv.gz";
        assert_eq!(typed(stars, "source table"), Some("gaia_table"));
    }

    #[test]
    fn gnss_is_known_by_its_facets_or_by_its_names() {
        let by_name = [
            ("ABMF00GLP_R_20181330000_01D_30S_MO.zip", None),
            (
                "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz",
                Some("rinex_obs"),
            ),
            ("AJAC3550.21D", Some("rinex_obs")),
            ("ac660270.18o.Z", Some("rinex_obs")),
            (
                "P43300USA_R_20190012056_17M_15S_MO.crx.bz2",
                Some("rinex_obs"),
            ),
            ("brdc2420.18n.gz", Some("navigation")),
            ("CEDA00USA_R_20182100000_01D_MN.rnx.gz", Some("navigation")),
            (
                "ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz",
                Some("orbits_clocks"),
            ),
            ("igs19362.sp3c", Some("orbits_clocks")),
            (
                "GRG0MGXFIN_20201770000_01D_30S_CLK.CLK.gz",
                Some("orbits_clocks"),
            ),
            ("CKMG0080.09I.gz", Some("ionex")),
            ("ESA0OPSFIN_20230010000_01D_02H_GIM.INX.gz", Some("ionex")),
            ("igs14_small.atx.gz", Some("antex")),
            ("POTS00DEU_R_20232540000_01D_05M_MM.rnx.gz", Some("other")),
            ("houz00glp_20250106.log", Some("other")),
        ];
        for (name, block) in by_name {
            assert_eq!(of(&format!("gssc/{name}"), &[]), block, "{name}");
        }
        let zip = "gssc/ABMF00GLP_R_20181330000_01D_30S_MO.zip";
        assert_eq!(of(zip, &[("content", "OBS")]), Some("rinex_obs"));
        assert_eq!(
            of("gssc/example2.txt", &[("content", "CLK")]),
            Some("orbits_clocks")
        );
        assert_eq!(of("gssc/a.atx", &[("content", "ANTEX")]), Some("antex"));
    }
}
