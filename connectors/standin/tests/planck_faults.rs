//! Each fault, seen from the other end of the wire.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{MAP, get, map_path, request, standin, standin_with};
use gantry_standin::{Fault, Scope, Times};

#[test]
fn unavailable_strikes_as_often_as_said_and_says_when_to_come_back() {
    let standin = standin();
    let address = standin.running.address();
    let fault = Fault::Unavailable {
        retry_after_s: Some(7),
    };
    standin.running.faults().set_for(MAP, fault, Times::Next(2));
    for _ in 0..2 {
        let answer = get(address, &map_path(MAP));
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("7"))
        );
    }
    assert_eq!(get(address, &map_path(MAP)).status, 200);
    let statuses: Vec<_> = standin
        .running
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [Some(503), Some(503), Some(200)]);
}

#[test]
fn the_service_may_be_down_while_the_landing_page_is_up() {
    let down = (
        Scope::All,
        Fault::Unavailable {
            retry_after_s: None,
        },
        Times::Always,
    );
    let standin = standin_with(|config| config.faults.push(down));
    let address = standin.running.address();
    let answer = get(address, &map_path(MAP));
    assert_eq!((answer.status, answer.header("retry-after")), (503, None));
    assert_eq!(get(address, "/products.json").status, 503);
    assert_eq!(get(address, "/").status, 200);
    standin.running.faults().clear();
    assert_eq!(get(address, "/products.json").status, 200);
}

#[test]
fn a_page_may_come_in_place_of_a_map() {
    let standin = standin();
    standin
        .running
        .faults()
        .set_for(MAP, Fault::HtmlInstead, Times::Always);
    let answer = get(standin.running.address(), &map_path(MAP));
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with(b"<!DOCTYPE html>"));
}

#[test]
fn a_cut_answer_announces_the_whole_and_a_resumed_one_goes_through() {
    let standin = standin();
    let address = standin.running.address();
    let whole = get(address, &map_path(MAP)).body;
    standin
        .running
        .faults()
        .set_for(MAP, Fault::CutAt { byte: 70_001 }, Times::Always);
    let cut = get(address, &map_path(MAP));
    assert_eq!((cut.status, cut.length()), (200, whole.len() as u64));
    assert_eq!(cut.body, whole[..70_001]);
    let rest = request(address, "GET", &map_path(MAP), &[("Range", "bytes=70001-")]).unwrap();
    assert_eq!((rest.status, rest.body), (206, whole[70_001..].to_vec()));
}

#[test]
fn the_list_may_be_cut_too() {
    let standin = standin();
    standin
        .running
        .faults()
        .set_for("products.json", Fault::CutAt { byte: 100 }, Times::Next(1));
    let cut = get(standin.running.address(), "/products.json");
    assert_eq!(cut.body.len(), 100);
    assert!(cut.length() > 100);
    let whole = get(standin.running.address(), "/products.json");
    assert_eq!(whole.length(), whole.body.len() as u64);
}

#[test]
fn a_slow_product_takes_its_time() {
    let standin = standin();
    let target = "/pla/aio/product-action?COSMOLOGY.FILE_ID=COM_PowerSpect_CMB-TT-binned_R3.01.txt";
    let size = get(standin.running.address(), target).body.len() as u64;
    let fault = Fault::Slow {
        bytes_per_second: 2 * size,
    };
    standin
        .running
        .faults()
        .set(Scope::All, fault, Times::Always);
    let start = Instant::now();
    let slow = get(standin.running.address(), target);
    assert_eq!(slow.body.len() as u64, size);
    assert!(
        start.elapsed() > Duration::from_millis(400),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn an_archive_without_ranges_sends_everything() {
    let standin = standin();
    standin
        .running
        .faults()
        .set(Scope::All, Fault::NoRange, Times::Always);
    let answer = request(
        standin.running.address(),
        "GET",
        &map_path(MAP),
        &[("Range", "bytes=10-")],
    )
    .unwrap();
    assert_eq!((answer.status, answer.header("accept-ranges")), (200, None));
    assert_eq!(answer.body.len() as u64, answer.length());
}

#[test]
fn the_announced_length_may_be_wrong_either_way() {
    let standin = standin();
    let address = standin.running.address();
    let size = get(address, &map_path(MAP)).length();
    standin
        .running
        .faults()
        .set_for(MAP, Fault::WrongLength { off_by: 500 }, Times::Next(1));
    let larger = get(address, &map_path(MAP));
    assert_eq!(
        (larger.length(), larger.body.len() as u64),
        (size + 500, size)
    );
    standin
        .running
        .faults()
        .set_for(MAP, Fault::WrongLength { off_by: -500 }, Times::Next(2));
    let smaller = get(address, &map_path(MAP));
    assert_eq!(
        (smaller.length(), smaller.body.len() as u64),
        (size - 500, size - 500)
    );
    let head = request(address, "HEAD", &map_path(MAP), &[]).unwrap();
    assert_eq!(head.length(), size - 500);
}

#[test]
fn head_may_hang_while_get_answers_and_the_end_closes_it() {
    let standin = standin();
    let address = standin.running.address();
    standin
        .running
        .faults()
        .set(Scope::All, Fault::HangingHead, Times::Always);
    let mut hanging = TcpStream::connect(address).unwrap();
    hanging
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    write!(
        hanging,
        "HEAD {} HTTP/1.1\r\nHost: x\r\n\r\n",
        map_path(MAP)
    )
    .unwrap();
    let mut byte = [0];
    hanging.read(&mut byte).expect_err("no answer comes");
    assert_eq!(get(address, &map_path(MAP)).status, 200);
    standin.running.shutdown();
    hanging
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    assert_eq!(hanging.read(&mut byte).unwrap_or(0), 0);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn every_third_connection_is_dropped() {
    let standin = standin();
    standin.running.faults().drop_every_nth_connection(Some(3));
    let came = |_| request(standin.running.address(), "GET", "/", &[]).is_some();
    assert_eq!([0; 6].map(came), [true, true, false, true, true, false]);
    standin.running.faults().drop_every_nth_connection(None);
    assert_eq!([0; 3].map(came), [true; 3]);
}

#[test]
fn a_changed_product_has_another_tag_another_date_and_one_other_byte() {
    let standin = standin();
    let address = standin.running.address();
    let old = get(address, &map_path(MAP));
    standin
        .running
        .faults()
        .set_for(MAP, Fault::ChangedContent, Times::Always);
    let listed = String::from_utf8(get(address, "/products.json").body).unwrap();
    assert!(listed.contains("2018-08-17T12:00:00Z"));
    let range = [
        ("Range", "bytes=100-"),
        ("If-Range", old.header("etag").unwrap()),
    ];
    let new = request(address, "GET", &map_path(MAP), &range).unwrap();
    assert_eq!(new.status, 200);
    assert_ne!(new.header("etag"), old.header("etag"));
    assert_ne!(new.header("last-modified"), old.header("last-modified"));
    let n_different = old
        .body
        .iter()
        .zip(&new.body)
        .filter(|(a, b)| a != b)
        .count();
    assert_eq!((n_different, new.body.len()), (1, old.body.len()));
}

#[test]
fn a_removed_product_is_neither_served_nor_listed() {
    let standin = standin();
    let address = standin.running.address();
    standin
        .running
        .faults()
        .set_for(MAP, Fault::Removed, Times::Always);
    assert_eq!(get(address, &map_path(MAP)).status, 404);
    let listed = String::from_utf8(get(address, "/products.json").body).unwrap();
    assert!(!listed.contains(MAP));
    standin.running.faults().clear();
    assert_eq!(get(address, &map_path(MAP)).status, 200);
}
