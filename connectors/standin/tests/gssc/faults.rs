//! Each fault and switch, seen from the other end of the wire.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_standin::gssc::{Change, GsscAction, Way};
use gantry_standin::{Fault, Times};

use crate::common::request;
use crate::{BRUX, DAY, ORBITS, WEEK, ftp, sftp, standin};

#[test]
fn a_listing_changes_while_it_is_walked() {
    let standin = standin();
    let switches = standin.running.switches();
    let added = "NEWS00BEL_R_20230010000_01D_30S_MO.crx.gz".to_owned();
    let bytes = Bytes::from_static(b"news");
    switches.change_after_listings(1, DAY, Change::Remove(BRUX.to_owned()));
    switches.change_after_listings(2, DAY, Change::Add(added.clone(), bytes));
    let mut client = standin.ftp();
    let mut seen = || {
        let names = client.names(DAY);
        [BRUX, &added].map(|name| names.iter().any(|there| there == name))
    };
    assert_eq!(seen(), [true, false]);
    assert_eq!(seen(), [false, false]);
    assert_eq!(seen(), [false, true]);
    assert_eq!(standin.get(&format!("{DAY}/{BRUX}")).status, 404);
    assert_eq!(standin.get(&format!("{DAY}/{added}")).body, b"news");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_nth_connection_is_dropped() {
    let standin = standin();
    let switches = standin.running.switches();
    for way in [Way::Ftp, Way::Sftp, Way::Http] {
        switches.drop_every_nth_connection(way, Some(2));
    }
    let ftp = standin.running.address(Way::Ftp);
    let came = [1, 2, 3, 4].map(|_| ftp::Client::connect(ftp).is_some());
    assert_eq!(came, [true, false, true, false]);
    let address = standin.running.address(Way::Sftp);
    let mut came = Vec::new();
    for _ in 0..4 {
        came.push(sftp::session(address, "anonymous", "").await.is_some());
    }
    assert_eq!(came, [true, false, true, false]);
    let http = standin.running.address(Way::Http);
    let came = [1, 2, 3, 4].map(|_| request(http, "GET", "/", &[]).is_some());
    assert_eq!(came, [true, false, true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_cut_at_a_byte_and_goes_on_from_there() {
    let standin = standin();
    let path = format!("{WEEK}/{ORBITS}");
    let whole = standin.get(&path).body;
    let fault = Fault::CutAt { byte: 5000 };
    standin
        .running
        .faults()
        .set_for(ORBITS, fault, Times::Always);
    let (part, (code, _)) = standin.ftp().transfer(0, &format!("RETR {path}"));
    assert_eq!((part.as_slice(), code), (&whole[..5000], 426));
    let (rest, (code, _)) = standin.ftp().transfer(5000, &format!("RETR {path}"));
    assert_eq!((rest.as_slice(), code), (&whole[5000..], 226));
    assert_eq!(standin.get(&path).body, whole[..5000]);
    let address = standin.running.address(Way::Sftp);
    let session = sftp::session(address, "anonymous", "").await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(30), session.read(&path));
    assert!(read.await.unwrap().is_err());
}

#[test]
fn bytes_come_slowly() {
    let standin = standin();
    let path = format!("{DAY}/{BRUX}");
    let n_bytes = standin.get(&path).body.len() as u64;
    let bytes_per_second = n_bytes * 2;
    let fault = Fault::Slow { bytes_per_second };
    standin
        .running
        .faults()
        .set_for(BRUX, fault, Times::Next(1));
    let start = Instant::now();
    let (bytes, _) = standin.ftp().transfer(0, &format!("RETR {path}"));
    assert_eq!(bytes.len() as u64, n_bytes);
    assert!(start.elapsed() > Duration::from_millis(400));
}

#[test]
fn names_come_in_mixed_case() {
    let standin = standin();
    let plain = standin.ftp().names(DAY);
    standin.running.switches().mix_case(true);
    let mixed = standin.ftp().names(DAY);
    assert_eq!(plain.len(), mixed.len());
    let n_other = plain.iter().filter(|name| !mixed.contains(name)).count();
    assert!((1..plain.len()).contains(&n_other), "{mixed:?}");
    for name in mixed {
        assert!(plain.iter().any(|other| other.eq_ignore_ascii_case(&name)));
        let (_, (code, _)) = standin.ftp().transfer(0, &format!("RETR {DAY}/{name}"));
        assert_eq!(code, 226, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_refused() {
    let standin = standin();
    standin.running.switches().refuse_login(true);
    let mut client = ftp::Client::connect(standin.running.address(Way::Ftp)).unwrap();
    assert_eq!(client.log_in("anonymous", "").unwrap_err().0, 530);
    let address = standin.running.address(Way::Sftp);
    assert!(sftp::session(address, "anonymous", "").await.is_none());
    standin.running.switches().clear();
    assert!(sftp::session(address, "anonymous", "").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ftp_port_is_refused_and_opens_again() {
    let standin = standin();
    let running = &standin.running;
    let until = |refused: bool| {
        let start = Instant::now();
        while running.refuses_ftp() != refused {
            assert!(start.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        }
    };
    running.refuse_ftp(true);
    until(true);
    let address = running.address(Way::Sftp);
    assert!(sftp::session(address, "anonymous", "").await.is_some());
    assert_eq!(standin.get("/").status, 200);
    running.refuse_ftp(false);
    until(false);
    assert!(!standin.ftp().names("/").is_empty());
}

#[test]
fn a_file_is_replaced_under_its_name() {
    let standin = standin();
    let path = format!("{WEEK}/{ORBITS}");
    let before = standin.get(&path);
    standin.running.switches().replace(ORBITS);
    let after = standin.get(&path);
    assert_ne!(before.body, after.body);
    assert_ne!(before.length(), after.length());
    for header in ["etag", "last-modified"] {
        assert_ne!(before.header(header), after.header(header));
    }
    let (_, size) = standin.ftp().command(&format!("SIZE {path}"));
    assert_eq!(size.trim(), format!("213 {}", after.length()));
}

#[test]
fn a_removed_file_is_neither_listed_nor_sent() {
    let standin = standin();
    let faults = standin.running.faults();
    faults.set_for(BRUX, Fault::Removed, Times::Always);
    assert!(!standin.ftp().names(DAY).contains(&BRUX.to_owned()));
    let (_, (code, _)) = standin.ftp().transfer(0, &format!("RETR {DAY}/{BRUX}"));
    assert_eq!(code, 550);
    assert_eq!(standin.get(&format!("{DAY}/{BRUX}")).status, 404);
}

#[test]
fn a_file_may_be_missing_once() {
    let standin = standin();
    let faults = standin.running.faults();
    faults.set_for(BRUX, Fault::Removed, Times::Next(1));
    let mut client = standin.ftp();
    let codes = [1, 2].map(|_| client.transfer(0, &format!("RETR {DAY}/{BRUX}")).1.0);
    assert_eq!(codes, [550, 226]);
    let granted: Vec<_> = standin
        .running
        .requests()
        .iter()
        .filter(|request| request.action == GsscAction::Retrieve)
        .map(|request| request.granted)
        .collect();
    assert_eq!(granted, [false, true]);
}

#[test]
fn an_unavailable_file_is_a_transient_refusal() {
    let standin = standin();
    let fault = Fault::Unavailable {
        retry_after_s: Some(3),
    };
    standin
        .running
        .faults()
        .set_for(BRUX, fault, Times::Next(2));
    let path = format!("{DAY}/{BRUX}");
    let (_, (code, _)) = standin.ftp().transfer(0, &format!("RETR {path}"));
    assert_eq!(code, 450);
    assert_eq!(standin.get(&path).status, 503);
    assert_eq!(standin.get(&path).status, 200);
}

#[test]
fn what_changed_on_the_way_has_its_length() {
    let standin = standin();
    let path = format!("{DAY}/{BRUX}");
    let before = standin.get(&path).body;
    let faults = standin.running.faults();
    faults.set_for(BRUX, Fault::ChangedContent, Times::Always);
    let (after, _) = standin.ftp().transfer(0, &format!("RETR {path}"));
    let n_other = std::iter::zip(&before, &after)
        .filter(|(a, b)| a != b)
        .count();
    assert_eq!((after.len(), n_other), (before.len(), 1));
}
