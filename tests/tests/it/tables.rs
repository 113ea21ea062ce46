//! All matches of a search as CSV, VOTable and JSON Lines.

use gantry_tests::{Answer, Client, TestApp};
use serde_json::{Value, json};

use crate::search::all;
use crate::{list, text};

const COLUMNS: [&str; 12] = [
    "id",
    "archive",
    "kind",
    "title",
    "version",
    "n_files",
    "size_bytes",
    "time_start",
    "time_end",
    "first_day",
    "last_day",
    "series",
];

/// The rows of a table in CSV, read as RFC 4180 says.
fn rows_of_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'), "a row ends with CRLF");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(c),
        }
    }
    assert!(cell.is_empty() && row.is_empty(), "the last row ends too");
    rows
}

/// The cells of a VOTable's rows, after checking that it is whole and says so.
fn rows_of_votable(text: &str) -> Vec<Vec<String>> {
    assert!(text.starts_with("<?xml"), "{text}");
    assert!(text.ends_with("</RESOURCE></VOTABLE>\n"), "{text}");
    let n_fields = text.matches("<FIELD ").count();
    let rows = text.split("<TR>").skip(1);
    rows.map(|row| {
        let row = row.split_once("</TR>").expect("a row ends").0;
        let row = row.replace("<TD/>", "<TD></TD>");
        let cells: Vec<String> = row
            .split("<TD>")
            .skip(1)
            .map(|cell| cell.split_once("</TD>").expect("a cell ends").0.to_owned())
            .collect();
        assert_eq!(cells.len(), n_fields, "{row}");
        cells
    })
    .collect()
}

fn lines(answer: &Answer) -> Vec<Value> {
    let lines = answer.text();
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("every line is JSON")
}

fn ids(hits: &[Value]) -> Vec<String> {
    hits.iter().map(|hit| text(hit, "/id").to_owned()).collect()
}

fn firsts(rows: &[Vec<String>]) -> Vec<String> {
    rows.iter().map(|row| row[0].clone()).collect()
}

async fn wanted(client: &Client, target: &str, media_type: &str) -> Answer {
    let asked = client.ask("GET", target).header("Accept", media_type);
    asked.send().await.is(200)
}

#[tokio::test]
async fn tables_hold_all_matches_in_the_order_of_the_search() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    for search in [
        "q=planck",
        "collapse=none&sort=title",
        "collapse=none&sort=size",
    ] {
        let target = format!("/api/v1/assets?{search}&limit=2");
        let expected = ids(&all(&nobody, &target).await);
        assert!(expected.len() > 20, "{expected:?}");

        let csv = wanted(&nobody, &target, "text/csv").await;
        let type_of_csv = Some("text/csv; charset=utf-8; header=present");
        assert_eq!(csv.header("content-type"), type_of_csv);
        assert_eq!(csv.header("vary"), Some("accept"));
        assert_eq!(csv.header("content-disposition"), None);
        let mut rows = rows_of_csv(&csv.text());
        let head = rows.remove(0);
        assert_eq!(head[..COLUMNS.len()], COLUMNS);
        assert!(rows.iter().all(|row| row.len() == head.len()));
        assert_eq!(firsts(&rows), expected, "{search}");

        let jsonl = wanted(&nobody, &target, "application/jsonl").await;
        assert_eq!(jsonl.header("content-type"), Some("application/jsonl"));
        assert_eq!(ids(&lines(&jsonl)), expected, "{search}");

        let votable = wanted(&nobody, &target, "application/x-votable+xml").await;
        let type_of_votable = Some("application/x-votable+xml");
        assert_eq!(votable.header("content-type"), type_of_votable);
        let votable = votable.text();
        assert!(votable.contains(r#"<INFO name="QUERY_STATUS" value="OK"/>"#));
        assert_eq!(rows_of_votable(&votable), rows, "{search}");
    }
}

#[tokio::test]
async fn a_table_that_is_packed_on_its_way_is_the_same() {
    let app = TestApp::start().await;
    let asked = app.nobody().ask("GET", "/api/v1/assets?format=csv");
    let plain = asked.send().await.is(200);
    let asked = app.nobody().ask("GET", "/api/v1/assets?format=csv");
    let packed = asked.header("accept-encoding", "gzip").send().await;
    let packed = packed.is(200);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    let mut unpacked = flate2::read::GzDecoder::new(packed.body.as_slice());
    std::io::Read::read_to_string(&mut unpacked, &mut text).unwrap();
    assert!(rows_of_csv(&text).len() > 2, "{text}");
    assert_eq!(text, plain.text());
}

#[tokio::test]
async fn a_row_tells_what_the_asset_is_and_a_line_is_the_asset_itself() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let target = "/api/v1/assets?q=100%20GHz&facet=instrument/HFI&collapse=none";
    let rows = rows_of_csv(&wanted(&nobody, target, "text/csv").await.text());
    let line = lines(&wanted(&nobody, target, "application/jsonl").await)[0].clone();
    let at = format!("/api/v1/assets/{}", text(&line, "/id"));
    assert_eq!(line, nobody.get(&at).await.is(200).json());
    let cell = |name: &str| {
        let at = rows[0].iter().position(|column| column == name);
        rows[1][at.unwrap_or_else(|| panic!("no column {name}"))].clone()
    };
    for name in ["id", "archive", "kind", "title"] {
        assert_eq!(cell(name), text(&line, &format!("/{name}")), "{name}");
    }
    for name in ["version", "n_files", "size_bytes"] {
        assert_eq!(cell(name), line[name].to_string(), "{name}");
    }
    assert_eq!(cell("time_start"), text(&line, "/time/start"));
    assert_eq!(cell("time_end"), text(&line, "/time/end"));
    let facets = line["facets"].as_object().expect("facets");
    for (field, values) in facets.iter().filter(|(field, _)| *field != "series") {
        let values: Vec<&str> = list(values, "").iter().filter_map(Value::as_str).collect();
        assert_eq!(cell(field), values.join("; "), "{field}");
    }
}

#[tokio::test]
async fn a_link_names_the_format_and_gives_a_file_to_keep() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let (search, page) = ("q=planck&sort=title", "/?q=planck&sort=title");
    let page = nobody.ask("GET", page).html().send().await.is(200).text();
    for (format, ending, accept) in [
        ("csv", "csv", "text/csv"),
        ("votable", "vot", "application/x-votable+xml"),
        ("jsonl", "jsonl", "application/jsonl"),
    ] {
        let link = format!("/api/v1/assets?{search}&format={format}");
        let in_page = format!("href=\"{}\"", link.replace('&', "&#38;"));
        assert!(page.contains(&in_page), "{in_page} in {page}");
        // What a browser sends of itself.
        let file = wanted(&nobody, &link, "text/html,application/xml;q=0.9,*/*;q=0.8").await;
        let kept = format!("attachment; filename=\"gantry-assets.{ending}\"");
        assert_eq!(file.header("content-disposition"), Some(kept.as_str()));
        let plain = wanted(&nobody, &format!("/api/v1/assets?{search}"), accept).await;
        assert_eq!(file.text(), plain.text());
    }
    let json = wanted(&nobody, "/api/v1/assets?limit=1&format=json", "text/csv").await;
    assert_eq!(list(&json.json(), "/assets").len(), 1);
}

#[tokio::test]
async fn a_table_that_takes_too_long_says_where_the_rest_is() {
    let names = (0..600).map(|n| (format!("a note {n:03}.txt"), "text"));
    let builder = names.fold(TestApp::builder().table_s(0), |builder, (name, bytes)| {
        builder.product(&name, bytes)
    });
    let app = builder.start().await;
    let nobody = app.nobody();
    let target = "/api/v1/assets?q=note&sort=title&collapse=none";
    let expected = ids(&all(&nobody, &format!("{target}&limit=1000")).await);
    assert_eq!(expected.len(), 600);
    for (format, accept) in [("csv", "text/csv"), ("jsonl", "application/jsonl")] {
        let (mut target, mut found, mut cuts) = (target.to_owned(), Vec::new(), 0);
        loop {
            let answer = wanted(&nobody, &target, accept).await;
            let (mut here, note) = match format {
                "csv" => {
                    let mut rows = rows_of_csv(&answer.text());
                    rows.remove(0);
                    let note = rows.pop_if(|row| row[0].starts_with("# "));
                    (firsts(&rows), note.map(|row| row[0].clone()))
                }
                _ => {
                    let mut lines = lines(&answer);
                    let note = lines.pop_if(|line| line["id"].is_null());
                    let note = note.map(|line| {
                        format!("# {}: {}", text(&line, "/note"), text(&line, "/next"))
                    });
                    (ids(&lines), note)
                }
            };
            let n_here = here.len();
            found.append(&mut here);
            let Some(note) = note else { break };
            let said =
                format!("# cut after 0 s with {n_here} of 600 rows; the rest is at `next`: ");
            target = note.strip_prefix(&said).expect(&note).to_owned();
            assert!(
                target.contains(&format!("format={format}&after=")),
                "{target}"
            );
            cuts += 1;
        }
        assert!(cuts > 0, "{format}");
        assert_eq!(found, expected, "{format}");
    }
    let votable = wanted(&nobody, target, "application/x-votable+xml").await;
    let votable = votable.text();
    let rows = rows_of_votable(&votable);
    assert_eq!(firsts(&rows), expected[..rows.len()]);
    let status = format!(
        "<INFO name=\"QUERY_STATUS\" value=\"OVERFLOW\">cut after 0 s with {} of 600 rows",
        rows.len()
    );
    assert!(votable.contains(&status), "{votable}");
}

#[tokio::test]
async fn a_name_that_a_spreadsheet_would_run_is_a_text() {
    let app = TestApp::builder()
        .product("=1+1, or \"two\".txt", "some text")
        .start()
        .await;
    let nobody = app.nobody();
    let target = "/api/v1/assets?q=or%20two&collapse=none";
    let csv = wanted(&nobody, target, "text/csv").await.text();
    let titles: Vec<String> = rows_of_csv(&csv)
        .iter()
        .skip(1)
        .map(|row| row[3].clone())
        .filter(|title| title.contains("1+1"))
        .collect();
    assert_eq!(titles, ["'=1+1, or \"two\".txt"], "{csv}");
    let lines = lines(&wanted(&nobody, target, "application/jsonl").await);
    let titles: Vec<&Value> = lines.iter().map(|line| &line["title"]).collect();
    assert!(
        titles.contains(&&json!("=1+1, or \"two\".txt")),
        "{titles:?}"
    );
}
