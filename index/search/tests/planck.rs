//! What people type first over the Planck archive, and what must come first.

mod support;

use gantry_asset::FacetPath;
use gantry_search::{Collapse, Query, Sort};
use support::planck::planck;
use support::{Catalogue, Searched, asset, counts, ids, query};

#[tokio::test]
async fn what_people_type_first_finds_what_they_mean_first() {
    let planck = Searched::over(&Catalogue::of(planck())).await;
    for (typed, first) in [
        ("100 GHz", "HFI_SkyMap_100_2048_R3.01_full.fits"),
        ("100GHz", "HFI_SkyMap_100_2048_R3.01_full.fits"),
        ("HFI 100 full", "HFI_SkyMap_100_2048_R3.01_full.fits"),
        ("HFI_SkyMap_100", "HFI_SkyMap_100_2048_R3.01_full.fits"),
        (
            "hfi_skymap_100_2048_r3.01_full.fits",
            "HFI_SkyMap_100_2048_R3.01_full.fits",
        ),
        (
            "planck:HFI_SkyMap_100_2048_R3.01_full.fits",
            "HFI_SkyMap_100_2048_R3.01_full.fits",
        ),
        ("30 ghz", "LFI_SkyMap_030_1024_R3.01_full.fits"),
        ("sky maps 217", "HFI_SkyMap_217_2048_R3.01_full.fits"),
        (
            "353 polarization",
            "HFI_SkyMap_353-psb_2048_R3.01_full.fits",
        ),
        ("353-psb", "HFI_SkyMap_353-psb_2048_R3.01_full.fits"),
        ("smica", "COM_CMB_IQU-smica_2048_R3.00_full.fits"),
        (
            "common mask",
            "COM_Mask_CMB-common-Mask-Int_2048_R3.00.fits",
        ),
        (
            "TT spectrum binned",
            "COM_PowerSpect_CMB-TT-binned_R3.01.txt",
        ),
        (
            "plik likelihood",
            "COM_Likelihood_Data-baseline_R3.00.tar.gz",
        ),
        ("PSZ2", "HFI_PCCS_SZ-union_R2.08.fits"),
        (
            "npipe 143",
            "HFI_SkyMap_143-BPassCorrected_2048_R4.00_full.fits",
        ),
        (
            "cosmic microwave background commander",
            "COM_CMB_IQU-commander_2048_R3.00_full.fits",
        ),
        ("HFI_PCCS_SZ-union_R2.08", "HFI_PCCS_SZ-union_R2.08.fits"),
        ("NSIDE 2048 143ghz", "HFI_SkyMap_143_2048_R3.01_full.fits"),
        (
            "band:100 split:full release:pr3",
            "HFI_SkyMap_100_2048_R3.01_full.fits",
        ),
        (
            "\"half-mission 1\" 353",
            "HFI_SkyMap_353_2048_R3.01_halfmission-1.fits",
        ),
        ("likeli* -code", "COM_Likelihood_Data-baseline_R3.00.tar.gz"),
    ] {
        assert_eq!(
            planck.first(typed),
            first,
            "{typed}: {:?}",
            planck.search(typed).notes
        );
    }
    assert_eq!(
        planck.ids("smica")[1],
        "COM_CMB_IQU-smica-nosz_2048_R3.00_full.fits"
    );
    assert_eq!(
        planck.ids("plik likelihood")[1],
        "COM_Likelihood_Code-v3.0_R3.01.tar.gz"
    );
}

#[tokio::test]
async fn simulations_are_left_out_and_one_click_away() {
    let planck = Searched::over(&Catalogue::of(planck())).await;
    let found = planck.search("100 GHz");
    assert!(ids(&found).iter().all(|id| !id.starts_with("ffp10")));
    assert_eq!(
        found.notes,
        ["7 more with `provenance/simulated` are left out; select it to see them"]
    );
    assert!(counts(&found, "provenance").contains(&("simulated".to_owned(), 7)));

    let asked = planck.search("ffp10 100 GHz");
    assert_eq!((asked.total, asked.notes.len()), (7, 0));
    let selected = Query {
        facets: vec![FacetPath::parse("provenance/simulated").unwrap()],
        ..query("100 GHz")
    };
    assert_eq!(planck.index.search(&selected).unwrap().total, 7);
    assert_eq!(
        planck.ids("ffp10_noise_100_full_map_mc_00003.fits"),
        ["ffp10_noise_100_full_map_mc_00003.fits"]
    );
    assert_eq!(planck.search("provenance:simulated").total, 7);
}

#[tokio::test]
async fn words_that_nothing_has_together_are_searched_one_by_one_with_a_note() {
    let planck = Searched::over(&Catalogue::of(planck())).await;
    let found = planck.search("smica likelihood");
    assert_eq!(found.notes, ["no product has all of `smica`, `likelihood`"]);
    assert_eq!(ids(&found)[0], "COM_CMB_IQU-smica_2048_R3.00_full.fits");
}

#[tokio::test]
async fn a_word_that_occurs_nowhere_is_left_out_with_a_note_beside_others_that_do() {
    let planck = Searched::over(&Catalogue::of(planck())).await;
    let found = planck.search("smica zebra");
    assert_eq!(found.notes, ["nothing has `zebra`, so it was left out"]);
    assert_eq!(found.total, planck.search("smica").total);
    let alone = planck.search("zebra");
    assert_eq!((alone.total, alone.notes.len(), alone.meant), (0, 0, None));
}

#[tokio::test]
async fn a_slip_of_the_pen_is_answered_with_what_may_have_been_meant() {
    let planck = Searched::over(&Catalogue::of(planck())).await;
    for (typed, meant) in [
        ("smcia", "smica"),
        ("Comander map", "commander map"),
        ("likelyhood", "likelihood"),
        ("comon mask", "common mask"),
        ("353 polarisatoin", "353 polarisation"),
    ] {
        let found = planck.search(typed);
        assert_eq!(found.meant.as_deref(), Some(meant), "{typed}");
        let note = format!("did you mean `{meant}`?");
        assert!(found.notes.contains(&note), "{:?}", found.notes);
    }
    for typed in ["smica", "zebra", "R9.99", "xyz", "HFI_SkyMap_101", "-smcia"] {
        assert_eq!(planck.search(typed).meant, None, "{typed}");
    }
}

#[tokio::test]
async fn a_field_ignores_its_own_selection_and_lists_it_even_at_zero() {
    let planck = Searched::over(&Catalogue::of(planck())).await;
    let selected = |facets: &[&str], q: &str| {
        let facets = facets
            .iter()
            .map(|facet| FacetPath::parse(facet).unwrap())
            .collect();
        planck.index.search(&Query { facets, ..query(q) }).unwrap()
    };
    let found = selected(&["instrument/LFI"], "353 GHz sky map");
    assert_eq!(found.total, 0);
    assert_eq!(
        counts(&found, "instrument"),
        [("HFI".to_owned(), 4), ("LFI".to_owned(), 0)]
    );
    let both = selected(
        &["instrument/LFI", "instrument/HFI", "product_type/mask"],
        "",
    );
    assert_eq!(both.total, 6);
    let bands = selected(
        &[
            "band/100..217",
            "product_type/sky map",
            "split/full",
            "release/PR3..PR4",
        ],
        "",
    );
    assert_eq!(
        both.facets
            .iter()
            .find(|f| f.field == "band")
            .unwrap()
            .values[0]
            .path,
        "30 GHz"
    );
    assert_eq!(bands.total, 6);
    let nothing = selected(&["colour/red"], "");
    assert_eq!((nothing.total, nothing.notes.len()), (0, 1));
    assert_eq!(
        counts(&selected(&["band/7 GHz"], ""), "band")
            .last()
            .unwrap()
            .0,
        "857 GHz"
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition_in_every_order() {
    let planck = Searched::over(&Catalogue::of(planck())).await;
    for sort in [
        Sort::Relevance,
        Sort::Newest,
        Sort::Time,
        Sort::Title,
        Sort::Size,
    ] {
        for q in ["", "GHz map"] {
            let whole = planck.index.search(&Query { sort, ..query(q) }).unwrap();
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = planck
                    .index
                    .search(&Query {
                        sort,
                        after,
                        limit: 3,
                        ..query(q)
                    })
                    .unwrap();
                paged.extend(ids(&page));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(paged, ids(&whole), "{sort:?} {q}");
            assert_eq!(paged.len() as u64, whole.total);
        }
    }
}

#[tokio::test]
async fn a_series_stands_for_its_members_unless_one_is_named() {
    let mut all = planck();
    let mut series = asset("x", "Daily observations", 10, &["mission=Planck"]);
    series.id = "planck:~daily".parse().unwrap();
    series.files.clear();
    for day in 1..=3 {
        let mut member = asset(
            &format!("day-{day}.fits"),
            "Daily observations, one day",
            10,
            &["mission=Planck"],
        );
        member.series = Some(series.id.clone());
        all.push(member);
    }
    all.push(series);
    let planck = Searched::over(&Catalogue::of(all)).await;
    let collapsed = |q: &str| {
        planck
            .index
            .search(&Query {
                collapse: Collapse::Series,
                ..query(q)
            })
            .unwrap()
    };
    assert_eq!(ids(&collapsed("daily")), ["~daily"]);
    assert_eq!(ids(&collapsed("day-2.fits")), ["day-2.fits"]);
    assert_eq!(
        planck.ids("daily"),
        ["day-1.fits", "day-2.fits", "day-3.fits"]
    );
    let resolved = planck
        .index
        .resolve(
            &Query {
                collapse: Collapse::Series,
                ..query("daily")
            },
            10,
        )
        .unwrap();
    assert_eq!(
        resolved
            .iter()
            .map(|one| one.id.local())
            .collect::<Vec<_>>(),
        ["day-1.fits", "day-2.fits", "day-3.fits"]
    );
}

/// Three daily files of two stations each, with their series.
fn two_stations() -> Vec<gantry_asset::Asset> {
    let mut all = Vec::new();
    for station in ["BRUX00BEL", "POTS00DEU"] {
        let mut series = asset(
            "x",
            &format!("{station}, daily observations"),
            10,
            &["year=2023"],
        );
        series.id = format!("planck:~{station}").parse().expect("an id");
        series.files.clear();
        for day in 1..=3 {
            let label = format!("2023-{day:03}");
            let title = format!("{station}, daily observations, {label}");
            let mut member = asset(&format!("{station}_{day}.rnx"), &title, 10, &["year=2023"]);
            member.series = Some(series.id.clone());
            member.days = Some(gantry_asset::Days {
                first: label.clone(),
                last: label,
            });
            all.push(member);
        }
        all.push(series);
    }
    all
}

#[tokio::test]
async fn words_that_a_series_does_not_have_show_the_members_that_were_meant() {
    let index = Searched::over(&Catalogue::of(two_stations())).await;
    let found = |q: &str| {
        let query = Query {
            collapse: Collapse::Series,
            ..query(q)
        };
        ids(&index.index.search(&query).unwrap())
    };
    assert_eq!(found("BRUX"), ["~BRUX00BEL"]);
    assert_eq!(found("BRUX 2023 002"), ["BRUX00BEL_2.rnx"]);
    assert_eq!(found("2023-003"), ["BRUX00BEL_3.rnx", "POTS00DEU_3.rnx"]);
    assert_eq!(found("daily observations"), ["~BRUX00BEL", "~POTS00DEU"]);
}

#[tokio::test]
async fn days_are_labels_that_the_coverage_must_hold() {
    let index = Searched::over(&Catalogue::of(two_stations())).await;
    let found = |days: &str| {
        let query = Query {
            days: Some(days.parse().unwrap()),
            facets: vec![gantry_asset::FacetPath::parse("series/planck:~BRUX00BEL").unwrap()],
            ..query("")
        };
        ids(&index.index.search(&query).unwrap())
    };
    assert_eq!(found("2023-002"), ["BRUX00BEL_2.rnx"]);
    assert_eq!(
        found("2023-002/2023-040"),
        ["BRUX00BEL_2.rnx", "BRUX00BEL_3.rnx"]
    );
    assert_eq!(found("2023-01-03"), ["BRUX00BEL_3.rnx"]);
    // 2023-001 was the Sunday that began GPS week 2243.
    assert_eq!(found("2243/0"), ["BRUX00BEL_1.rnx"]);
    assert_eq!(found("2023-004/2023-040"), [""; 0]);
}

#[tokio::test]
async fn time_is_half_open_and_needs_an_overlap() {
    let mut dated = asset("dated.fits", "Dated", 1, &[]);
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    dated.time = Some(gantry_asset::TimeSpan {
        start: at("2010-01-01T00:00:00Z"),
        end: at("2010-02-01T00:00:00Z"),
    });
    let index = Searched::over(&Catalogue::of([
        dated,
        asset("undated.fits", "Undated", 2, &[]),
    ]))
    .await;
    let n = |from: &str, to: &str| {
        index
            .index
            .search(&Query {
                time: Some((at(from), at(to))),
                ..query("")
            })
            .unwrap()
            .total
    };
    assert_eq!(n("2010-01-15T00:00:00Z", "2010-01-16T00:00:00Z"), 1);
    assert_eq!(n("2010-02-01T00:00:00Z", "2010-03-01T00:00:00Z"), 0);
    assert_eq!(n("2009-01-01T00:00:00Z", "2010-01-01T00:00:00Z"), 0);
}

#[tokio::test]
async fn what_is_being_typed_is_completed() {
    let planck = Searched::over(&Catalogue::of(planck())).await;
    let texts = |typed: &str| {
        planck
            .index
            .suggest(typed, 8)
            .unwrap()
            .into_iter()
            .map(|one| one.text)
            .collect::<Vec<_>>()
    };
    assert!(texts("smi").contains(&"smica".to_owned()));
    assert!(
        texts("HFI 14").contains(&"HFI 143 GHz".to_owned()),
        "{:?}",
        texts("HFI 14")
    );
    assert!(
        texts("hfi_skymap_100_2048_r3").contains(&"HFI_SkyMap_100_2048_R3.01_full.fits".to_owned())
    );
    assert!(texts("").is_empty());
}

#[tokio::test]
async fn more_values_of_a_facet_come_when_asked_for() {
    let planck = Searched::over(&Catalogue::of(planck())).await;
    let values = planck
        .index
        .facet_values("band", &query("sky map"), Some("1"), 10)
        .unwrap();
    assert_eq!(
        values
            .iter()
            .map(|value| value.path.as_str())
            .collect::<Vec<_>>(),
        ["100 GHz", "143 GHz", "217 GHz"]
    );
    assert!(
        planck
            .index
            .facet_values("nonsense", &query(""), None, 10)
            .unwrap()
            .is_empty()
    );
}
