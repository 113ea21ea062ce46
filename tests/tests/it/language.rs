//! Pages in the reader's language.

use gantry_tests::TestApp;

#[tokio::test]
async fn pages_speak_the_language_of_the_browser_or_the_one_that_was_chosen() {
    let app = TestApp::builder().at_rest().start().await;
    let nobody = app.nobody();
    let plain = nobody.ask("GET", "/labs").html().send().await.is(200);
    assert_eq!(plain.header("content-language"), Some("en"));
    let english = plain.text();
    assert!(english.contains("<html lang=\"en\">") && english.contains("Find a lab"));

    let asked = nobody.ask("GET", "/labs").html();
    let asked = asked.header("accept-language", "de-CH, en;q=0.5");
    let german = asked.send().await.is(200);
    assert_eq!(german.header("content-language"), Some("de"));
    let text = german.text();
    assert!(text.contains("<html lang=\"de\">"), "{text}");
    assert!(text.contains(">Suche</a>") && !text.contains("Find a lab"));
    // The way back to English, at the same place.
    assert!(text.contains("href=\"/labs?language=en\""), "{text}");

    // A choice is kept, and is no parameter of what is asked for.
    let chosen = nobody.ask("GET", "/?q=map&language=de").html().send().await;
    let chosen = chosen.is(200);
    let cookie = chosen.header("set-cookie").unwrap_or_default();
    assert!(cookie.starts_with("gantry_language=de; "), "{cookie}");
    assert!(chosen.text().contains("href=\"/?q=map&#38;language=en\""));
    let kept = nobody.ask("GET", "/?q=map").html();
    let kept = kept.header("cookie", "gantry_language=de").send().await;
    assert!(kept.is(200).text().contains("<html lang=\"de\">"));
    // No address leads to another host.
    let other = nobody.ask("GET", "//evil.example/x").html();
    let other = other.send().await.text();
    assert!(!other.contains("href=\"//"), "{other}");
    // What is no language of pages chooses none.
    for odd in [
        "language=xx",
        "language=",
        "language=%00",
        "%6canguage=de%27%22",
    ] {
        let answer = nobody.ask("GET", &format!("/?q=map&{odd}")).html();
        let answer = answer.send().await.is(200);
        assert_eq!(answer.header("set-cookie"), None, "{odd}");
        let text = answer.text();
        assert!(text.contains("href=\"/?q=map&#38;language=de\""), "{odd}");
    }
}

#[tokio::test]
async fn the_interface_speaks_english_to_everybody() {
    let app = TestApp::builder().at_rest().start().await;
    for target in ["/api/v1/archives", "/status.json", "/api/v1/assets?q=map"] {
        let ask = |language: &str| {
            let ask = app.nobody().ask("GET", target);
            ask.header("accept-language", language).send()
        };
        let (german, english) = (ask("de").await.is(200), ask("en").await.is(200));
        assert_eq!(german.header("content-language"), None);
        let without_times = |text: String| text.replace(|c: char| c.is_ascii_digit(), "");
        assert_eq!(without_times(german.text()), without_times(english.text()));
    }
    // Problems of pages are told in the interface's words within a page of the reader's.
    let lost = app.nobody().ask("GET", "/nowhere").html();
    let lost = lost.header("accept-language", "de").send().await;
    assert_eq!(lost.status, 404);
    assert!(
        lost.text().contains("<html lang=\"de\">"),
        "{}",
        lost.text()
    );
}

#[tokio::test]
async fn scripts_have_their_words_too() {
    let app = TestApp::builder().at_rest().start().await;
    let words = app.nobody().get("/static/words.de.json").await;
    let words = words.is(200).json();
    assert_eq!(
        words["All files"],
        serde_json::Value::Null,
        "it is of a template"
    );
    assert_eq!(words["Pause"][0], "Anhalten");
    let odd = app.nobody().get("/static/words.xx.json").await;
    drop(odd.problem(404, "not-found"));
}
