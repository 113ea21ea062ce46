//! Figures for operators, in the Prometheus text format.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;

/// Answers so far, by the first digit of their status, and the time they took together.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    by_class: [AtomicU64; 6],
    micros: AtomicU64,
}

impl Answers {
    /// Counts one answer.
    pub(crate) fn count(&self, status: StatusCode, took: Duration) {
        if let Some(class) = self.by_class.get(usize::from(status.as_u16() / 100)) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// What is written so far.
#[derive(Default)]
struct Page(String);

impl Page {
    /// One metric with a line per value; the text before a value is its labels, in braces, or nothing.
    fn metric<V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        values: impl IntoIterator<Item = (String, V)>,
    ) {
        let text = &mut self.0;
        // Writing to a text cannot fail.
        let _ = writeln!(text, "# TYPE gantry_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "gantry_{name}{labels} {value}");
        }
    }

    fn one(&mut self, name: &str, kind: &str, value: impl Display) {
        self.metric(name, kind, [(String::new(), value)]);
    }
}

/// `/metrics`.
pub(crate) async fn show(State(app): State<App>) -> Response {
    let mut page = Page::default();
    page.one("uptime_seconds", "gauge", app.started.elapsed().as_secs());
    page.one(
        "catalogue_change",
        "counter",
        app.store.change_number().await.unwrap_or_default(),
    );
    index(&app, &mut page);
    archives(&app, &mut page);
    work(
        &app.store.work_counts().await.unwrap_or_default(),
        &mut page,
    );
    let cached = app.store.cached_total().await.unwrap_or_default();
    page.one("cache_bytes", "gauge", cached);
    answers(&app.answers, &mut page);
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        page.0,
    )
        .into_response()
}

fn index(app: &App, page: &mut Page) {
    let index = app.index.make_up();
    page.one("index_change", "counter", app.index.up_to());
    page.one("index_assets", "gauge", app.index.n_assets());
    page.one("index_segments", "gauge", index.n_segments);
    page.one("index_deleted_assets", "gauge", index.n_deleted);
    page.one("index_facet_bytes", "gauge", index.facet_bytes);
    page.one("index_disk_bytes", "gauge", index.disk_bytes);
}

fn archives(app: &App, page: &mut Page) {
    let of_each = |figure: &dyn Fn(&gantry_net::Health) -> f64| -> Vec<(String, f64)> {
        let each = app.archives.iter();
        each.map(|(id, access)| {
            (
                format!("{{archive=\"{id}\"}}"),
                figure(&access.connector.health()),
            )
        })
        .collect()
    };
    page.metric(
        "archive_requests_in_flight",
        "gauge",
        of_each(&|health| health.in_flight as f64),
    );
    page.metric(
        "archive_requests_waiting",
        "gauge",
        of_each(&|health| health.waiting as f64),
    );
    let is_open = |health: &gantry_net::Health| health.circuit != gantry_net::Circuit::Closed;
    page.metric(
        "archive_circuit_open",
        "gauge",
        of_each(&|health| f64::from(u8::from(is_open(health)))),
    );
    page.metric(
        "archive_bytes_per_second",
        "gauge",
        of_each(&|health| health.bytes_per_second.unwrap_or_default()),
    );
}

fn work(counts: &[(String, String, u64)], page: &mut Page) {
    for what in ["staging jobs", "datalabs"] {
        let of = counts.iter().filter(|(counted, _, _)| counted == what);
        let by_phase = of.map(|(_, phase, n)| (format!("{{phase=\"{phase}\"}}"), *n));
        page.metric(&what.replace(' ', "_"), "gauge", by_phase);
    }
}

fn answers(answers: &Answers, page: &mut Page) {
    let classes = (1..6).map(|class| {
        let n = answers.by_class[class].load(Ordering::Relaxed);
        (format!("{{class=\"{class}xx\"}}"), n)
    });
    page.metric("http_answers_total", "counter", classes);
    let seconds = answers.micros.load(Ordering::Relaxed) as f64 / 1e6;
    page.one("http_seconds_total", "counter", seconds);
}
