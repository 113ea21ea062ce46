//! Each fault of the Gaia stand-in, seen from the other end of the wire.

mod gaia_common;

use std::io::Read;
use std::net::TcpStream;

use gaia_common::{get, request, standin, sync};
use gantry_standin::{Fault, Running, Scope, Times};

const QUERY: &str = "SELECT source_id FROM gaiadr3.gaia_source";
const ASYNC: &str = "/tap-server/tap/async?PHASE=RUN&REQUEST=doQuery&LANG=ADQL&FORMAT=csv&QUERY=SELECT+COUNT(*)+FROM+tap_schema.schemas";

fn with(fault: Fault) -> Running {
    let running = standin();
    running.faults().set(Scope::All, fault, Times::Always);
    running
}

#[test]
fn gzip_may_not_say_what_it_is() {
    let running = standin();
    let said = sync(&running, QUERY, "votable");
    assert_eq!(
        (said.header("content-encoding"), &said.body[..2]),
        (Some("gzip"), &[0x1f, 0x8b][..])
    );
    let unsaid = sync(&with(Fault::GzipUnsaid), QUERY, "votable");
    assert_eq!(
        (unsaid.header("content-encoding"), &unsaid.body[..2]),
        (None, &[0x1f, 0x8b][..])
    );
}

#[test]
fn a_votable_in_gzip_may_hold_a_tar() {
    let answer = sync(&with(Fault::TarInGzip), QUERY, "votable_gzip");
    assert!(
        answer
            .header("content-disposition")
            .unwrap()
            .ends_with(".vot.gz\"")
    );
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&answer.body[..])
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(&bytes[257..262], b"ustar");
}

#[test]
fn synchronous_queries_end_silently_at_2000_rows() {
    let running = gaia_common::standin_with(|config| config.n_sources = 2500);
    let rows = |running: &Running| sync(running, QUERY, "csv").text().lines().count() - 1;
    assert_eq!(rows(&running), 2000);
    assert!(
        !sync(&running, QUERY, "votable")
            .unzipped()
            .contains("OVERFLOW")
    );
    running
        .faults()
        .set(Scope::All, Fault::NoSilentCut, Times::Always);
    assert!(rows(&running) > 2000);
}

#[test]
fn a_page_of_maintenance_may_come_in_place_of_tables() {
    let answer = get(with(Fault::HtmlInstead).address(), "/tap-server/tap/tables");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("maintenance"));
}

#[test]
fn the_pool_is_empty_for_a_while() {
    let running = standin();
    running
        .faults()
        .set_for("sync", Fault::PoolEmpty, Times::Next(1));
    let answer = sync(&running, QUERY, "csv");
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("Pool empty"));
    assert_eq!(sync(&running, QUERY, "csv").status, 200);
}

#[test]
fn jobs_may_be_refused_while_the_same_query_runs_at_once() {
    let running = standin();
    running
        .faults()
        .set_for("async", Fault::ServerError, Times::Always);
    assert_eq!(
        request(running.address(), "POST", ASYNC, &[])
            .unwrap()
            .status,
        500
    );
    assert_eq!(sync(&running, QUERY, "csv").status, 200);
}

#[test]
fn a_job_may_stay_queued() {
    let running = with(Fault::StaysQueued);
    let created = request(running.address(), "POST", ASYNC, &[]).unwrap();
    let path = created
        .header("location")
        .unwrap()
        .split_once("/tap-server")
        .unwrap()
        .1
        .to_owned();
    let job = get(running.address(), &format!("/tap-server{path}?WAIT=1")).text();
    assert!(job.contains("<uws:phase>QUEUED</uws:phase>"), "{job}");
    request(
        running.address(),
        "POST",
        &format!("/tap-server{path}/phase?PHASE=ABORT"),
        &[],
    )
    .unwrap();
    assert_eq!(
        get(running.address(), &format!("/tap-server{path}/phase")).text(),
        "ABORTED"
    );
}

#[test]
fn sources_may_have_no_products_and_then_there_is_no_row_and_no_error() {
    let running = with(Fault::NoProducts);
    let links = get(
        running.address(),
        "/data-server/datalink/links?ID=4583627001381815936",
    )
    .text();
    assert!(
        !links.contains("<TR>") && !links.contains("Fault"),
        "{links}"
    );
    let zip = get(
        running.address(),
        "/data-server/data?ID=4583627001381815936&RETRIEVAL_TYPE=ALL",
    );
    assert_eq!((zip.status, &zip.body[..4]), (200, &b"PK\x05\x06"[..]));
}

#[test]
fn a_query_that_is_not_understood_may_be_400() {
    assert_eq!(sync(&standin(), "SELECT", "votable").status, 200);
    assert_eq!(
        sync(&with(Fault::ErrorIs400), "SELECT", "votable").status,
        400
    );
}

#[test]
fn every_second_connection_may_be_dropped() {
    let running = standin();
    running.faults().drop_every_nth_connection(Some(2));
    let answered = (0..4).filter(|_| {
        request(
            running.address(),
            "GET",
            "/tap-server/tap/availability",
            &[],
        )
        .is_some()
    });
    assert_eq!(answered.count(), 2);
}

#[test]
fn a_result_may_be_cut_and_announces_the_whole() {
    let answer = sync(&with(Fault::CutAt { byte: 100 }), QUERY, "csv");
    assert_eq!(answer.body.len(), 100);
    assert!(answer.length() > 100);
}

#[test]
fn a_slow_result_still_comes_whole() {
    let running = standin();
    let whole = sync(
        &running,
        "SELECT TOP 20 source_id FROM gaiadr3.gaia_source",
        "csv",
    )
    .body;
    let rate = 4 * whole.len() as u64;
    running.faults().set(
        Scope::All,
        Fault::Slow {
            bytes_per_second: rate,
        },
        Times::Always,
    );
    let started = std::time::Instant::now();
    assert_eq!(
        sync(
            &running,
            "SELECT TOP 20 source_id FROM gaiadr3.gaia_source",
            "csv"
        )
        .body,
        whole
    );
    assert!(started.elapsed() > std::time::Duration::from_millis(200));
}

#[test]
fn a_list_of_sums_lists_itself_and_never_matches() {
    let running = standin();
    let text = get(running.address(), "/bulk/Gaia/gdr3/gaia_source/_MD5SUM.txt").text();
    let own = text
        .lines()
        .find(|line| line.ends_with("  _MD5SUM.txt"))
        .unwrap();
    let etag = get(running.address(), "/bulk/Gaia/gdr3/gaia_source/_MD5SUM.txt")
        .header("etag")
        .unwrap()
        .to_owned();
    assert_ne!(format!("\"{}\"", &own[..32]), etag);
    let readme = text
        .lines()
        .find(|line| line.ends_with("  _readme.txt"))
        .unwrap();
    let etag = get(running.address(), "/bulk/Gaia/gdr3/gaia_source/_readme.txt")
        .header("etag")
        .unwrap()
        .to_owned();
    assert_eq!(format!("\"{}\"", &readme[..32]), etag);
}

#[test]
fn a_connection_that_is_dropped_ends_without_a_byte() {
    let running = standin();
    running.faults().drop_every_nth_connection(Some(1));
    let mut stream = TcpStream::connect(running.address()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert!(bytes.is_empty());
}
