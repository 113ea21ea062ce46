//! Totals and counts of searches against plain SQL over the catalogue.

use std::io::Write;
use std::process::{Command, Stdio};

use gantry_tests::TestApp;
use serde_json::{Map, Value, json};

use crate::list;

/// The fields that are selected and counted.
const FIELDS: [&str; 8] = [
    "mission",
    "instrument",
    "product_type",
    "band",
    "release",
    "content",
    "station",
    "year",
];

/// Answers one query a line by SQLite: `{facets: {field: [values]}, time: [from, to] or null}` → `{total, counts}`.
const REFERENCE: &str = r#"
import json, sqlite3, sys
FIELDS = json.loads(sys.argv[2])
base = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
base.executescript("""
CREATE TEMP TABLE shown AS SELECT id, json_extract(body, '$.time.start') AS starts, json_extract(body, '$.time.end') AS ends
  FROM assets WHERE owner IS NULL AND withdrawn IS NULL AND id NOT LIKE '%:~%';
CREATE TEMP TABLE has AS SELECT assets.id, field.key AS field, value.value AS value
  FROM assets, json_each(body, '$.facets') AS field, json_each(field.value) AS value WHERE assets.id IN (SELECT id FROM shown);
CREATE INDEX temp.has_id ON has (id, field);
DELETE FROM shown WHERE id IN (SELECT id FROM has WHERE field = 'provenance' AND value = 'simulated');
""")
def matches(query, but=None):
    sql, values = "SELECT id FROM shown WHERE true", []
    if query["time"]:
        sql += " AND starts < ? AND ends > ?"
        values += reversed(query["time"])
    for field, wanted in query["facets"].items():
        if field != but:
            sql += f" AND id IN (SELECT id FROM has WHERE field = ? AND value IN ({', '.join('?' * len(wanted))}))"
            values += [field, *wanted]
    return sql, values
for line in sys.stdin:
    query = json.loads(line)
    sql, values = matches(query)
    total = base.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()[0]
    counts = {}
    for field in FIELDS:
        sql, values = matches(query, field)
        rows = base.execute(f"SELECT value, count(*) FROM has WHERE field = ? AND id IN ({sql}) GROUP BY value", [field, *values])
        counts[field] = dict(rows.fetchall())
    print(json.dumps({"total": total, "counts": counts}))
"#;

fn reference(app: &TestApp, queries: &[Value]) -> Vec<Value> {
    let database = app.outside().join("data/gantry.db");
    let mut python = Command::new("python3")
        .args(["-c", REFERENCE])
        .arg(database)
        .arg(json!(FIELDS).to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let mut input = python.stdin.take().expect("it is piped");
    let lines: String = queries.iter().map(|query| format!("{query}\n")).collect();
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let said = python.wait_with_output().expect("python3 ends");
    writing
        .join()
        .expect("the queries are written")
        .expect("python3 reads them");
    assert!(said.status.success(), "python3 failed");
    let said = String::from_utf8(said.stdout).expect("JSON is text");
    said.lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

/// Numbers that look random, the same for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number % n as u64).expect("it is below a usize")
    }
}

fn random_query(dice: &mut Dice, values: &Map<String, Value>) -> Value {
    let mut facets = Map::new();
    for _ in 0..dice.below(4) {
        let field = FIELDS[dice.below(FIELDS.len())];
        let known: Vec<&String> = values[field]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(value, _)| value)
            .collect();
        if known.is_empty() {
            continue;
        }
        let mut wanted: Vec<&String> = (0..=dice.below(3))
            .map(|_| known[dice.below(known.len())])
            .collect();
        wanted.sort();
        wanted.dedup();
        facets.insert(field.to_owned(), json!(wanted));
    }
    let year = 2008 + dice.below(16);
    let time = (dice.below(3) == 0).then(|| {
        let end = year + dice.below(3);
        [
            format!("{year}-03-01T00:00:00Z"),
            format!("{end}-08-15T00:00:00Z"),
        ]
    });
    json!({"facets": facets, "time": time})
}

fn address(query: &Value) -> String {
    let mut address = format!(
        "/api/v1/assets?collapse=none&limit=0&facets={}",
        FIELDS.join(",")
    );
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    for (field, values) in query["facets"].as_object().into_iter().flatten() {
        for value in list(values, "") {
            let value = value.as_str().expect("a value is text");
            address.push_str(&format!("&facet={}", encode(&format!("{field}/{value}"))));
        }
    }
    if let [from, to] = query["time"].as_array().map_or(&[][..], Vec::as_slice) {
        let bound = |at: &Value| at.as_str().unwrap_or_default().to_owned();
        address.push_str(&format!(
            "&time={}",
            encode(&format!("{}/{}", bound(from), bound(to)))
        ));
    }
    address
}

#[expect(
    clippy::print_stdout,
    reason = "how many were compared is for who runs the tests"
)]
#[tokio::test]
async fn totals_and_counts_are_those_of_plain_sql_over_the_catalogue() {
    let app = TestApp::builder().all_archives().start().await;
    let rounds = std::env::var("GANTRY_TEST_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(5);
    let everything = json!({"facets": {}, "time": null});
    let all = reference(&app, &[everything]).remove(0);
    let values = all["counts"].as_object().expect("counts by field");
    let dice = &mut Dice(20_261_126);
    let queries: Vec<Value> = (0..rounds * 10)
        .map(|_| random_query(dice, values))
        .collect();
    let (nobody, mut n_found) = (app.nobody(), 0);
    for (query, expected) in queries.iter().zip(reference(&app, &queries)) {
        let found = nobody.get(&address(query)).await.is(200).json();
        assert_eq!(found["total"], expected["total"], "{query}");
        n_found += usize::from(found["total"] != 0);
        for field in FIELDS {
            // Of a field of more values than an answer shows, the first hundred.
            let shown = list(&found, &format!("/facets/{field}"));
            let counted: Map<String, Value> = shown
                .iter()
                .filter(|value| value["count"] != 0)
                .map(|value| {
                    (
                        value["path"].as_str().unwrap_or_default().to_owned(),
                        value["count"].clone(),
                    )
                })
                .collect();
            let expected = expected["counts"][field]
                .as_object()
                .expect("counts by value");
            assert_eq!(counted.len(), expected.len().min(100), "{field}: {query}");
            for (value, count) in &counted {
                assert_eq!(Some(count), expected.get(value), "{field}/{value}: {query}");
            }
        }
    }
    println!(
        "{} queries agree, {n_found} of them found something",
        queries.len()
    );
    assert!(
        n_found * 4 > queries.len(),
        "only {n_found} found something"
    );
}
