//! What nobody types in earnest is answered quickly and sanely.

mod support;

use std::time::{Duration, Instant};

use gantry_search::{Collapse, Query};
use support::planck::planck;
use support::{Catalogue, Dice, Searched, query, rounds};

/// Far more than any takes; a query that grew with the square of its length would need minutes.
const GUARD: Duration = Duration::from_secs(10);

/// A note is a sentence, whatever was typed.
const LONGEST_NOTE: usize = 20_000;

fn asked(index: &Searched, q: &str) {
    let shown: String = q.chars().take(40).collect();
    for collapse in [Collapse::None, Collapse::Series] {
        let began = Instant::now();
        let found = index.index.search(&Query {
            collapse,
            ..query(q)
        });
        let found = found.unwrap_or_else(|error| panic!("{shown:?}: {error}"));
        assert!(
            began.elapsed() < GUARD,
            "{shown:?} took {:?}",
            began.elapsed()
        );
        assert!(found.hits.len() as u64 <= found.total, "{shown:?}");
        let longest = found.notes.iter().map(String::len).max().unwrap_or(0);
        assert!(
            longest < LONGEST_NOTE,
            "{shown:?} is noted in {longest} bytes"
        );
    }
    let began = Instant::now();
    assert!(index.index.suggest(q, 10).is_ok_and(|all| all.len() <= 10));
    assert!(
        began.elapsed() < GUARD,
        "{shown:?} is completed in {:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn very_long_queries_are_cut_with_a_note_and_answered() {
    let index = Searched::over(&Catalogue::of(planck())).await;
    for unit in [
        "a",
        "map ",
        "HFI_SkyMap_100 ",
        "(",
        ")",
        "\"",
        "-",
        "--",
        ":",
        "*",
        "a* ",
        "_",
        ".",
        "100 GHz ",
        "2023 001 ",
        "week 2250 ",
        "band:100 ",
        "-map ",
        "title:a ",
        "id:x ",
        "\"common mask\" ",
        "\u{301}",
        "=",
        "a=b ",
        "nowhere ",
    ] {
        asked(&index, &unit.repeat(10_000 / unit.len()));
    }
    let found = index.search(&"map ".repeat(2_500));
    assert_eq!(
        found.notes[..2],
        [
            "only the first 2000 characters were searched",
            "only the first 64 words were searched",
        ]
    );
    assert_eq!(found.total, index.search("map").total);
}

#[tokio::test]
async fn brackets_and_patterns_of_other_languages_are_signs_between_words() {
    let index = Searched::over(&Catalogue::of(planck())).await;
    let plain = index.ids("smica");
    for q in [
        format!("{}smica{}", "(".repeat(1_000), ")".repeat(1_000)),
        "((((smica".to_owned(),
        "smica\0".to_owned(),
        "\0\0smica\0\0".to_owned(),
        "[smica]".to_owned(),
        "{smica}".to_owned(),
        "smica;--".to_owned(),
        "<smica>".to_owned(),
        "smica\\".to_owned(),
        "\u{202e}smica".to_owned(),
        "\u{feff}smica\u{200b}".to_owned(),
        "\u{2003}smica\u{a0}".to_owned(),
        "ｓｍｉｃａ smica".to_owned(),
    ] {
        let found = index.ids(&q);
        assert_eq!(found, plain, "{q:?}");
    }
    for bomb in [
        "(a+)+$",
        "(a*)*b",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(.*){1,32000}",
        "a{1,1000}{1,1000}",
        "' OR 1=1 --",
        "{\"$gt\": \"\"}",
        "../../etc/passwd",
        "%00%2e%2e",
        "${jndi:ldap://x}",
        "<script>alert(1)</script>",
        "NaN",
        "-0",
        "1e309",
        "99999999999999999999999999",
        "0x7fffffff",
        "AND",
        "OR NOT",
        "AND AND",
        "band:",
        ":band",
        "band::100",
        "band:*",
        "*:*",
        "year:2019..",
        "year:..",
        "nside:..2048",
        "year:9..1",
        "-",
        "-\"",
        "title:\"",
    ] {
        asked(&index, bomb);
    }
}

#[tokio::test]
async fn letters_of_every_plane_of_unicode_are_searched_for_like_any_others() {
    let index = Searched::over(&Catalogue::of(planck())).await;
    for plane in 0..=16_u32 {
        let letters = (0..0x1_0000)
            .step_by(97)
            .filter_map(|low| char::from_u32(plane << 16 | low));
        let all: String = letters.collect();
        asked(&index, &all);
        let apart: String = all.chars().flat_map(|letter| [letter, ' ']).collect();
        asked(&index, &apart);
        let quoted: String = all.chars().take(100).collect();
        asked(
            &index,
            &format!("\"{quoted}\" -{quoted} band:{quoted} {quoted}*"),
        );
    }
}

#[tokio::test]
async fn no_mixture_of_words_and_signs_is_an_error() {
    let index = Searched::over(&Catalogue::of(planck())).await;
    let pieces = [
        "smica",
        "100",
        "GHz",
        "HFI_SkyMap_100_2048_R3.01_full.fits",
        "\"",
        "-",
        ":",
        "*",
        "(",
        ")",
        " ",
        " ",
        " ",
        "band",
        "id:",
        "title:",
        "2023",
        "001",
        "week",
        "é",
        "日本",
        "😀",
        "\u{301}",
        "\0",
        "=",
        "/",
        "..",
        "Pleiades",
        "2 deg",
        "4583627001381815936",
        "day",
        "January",
    ];
    let dice = &mut Dice(7);
    for _ in 0..200 * rounds() {
        let n = 1 + dice.below(30);
        let q: String = (0..n).map(|_| *dice.one(&pieces)).collect();
        asked(&index, &q);
    }
}
