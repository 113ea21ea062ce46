//! How long it takes to generate everything at the NSIDE of the demonstration.

mod common;

use std::time::{Duration, Instant};

use common::{get, standin_with};

#[test]
fn everything_at_nside_256_is_generated_in_seconds() {
    let start = Instant::now();
    let standin = standin_with(|config| config.maps.nside = 256);
    let address = standin.running.address();
    let list: serde_json::Value =
        serde_json::from_slice(&get(address, "/products.json").body).unwrap();
    let listed = start.elapsed();
    assert!(
        listed < Duration::from_secs(2),
        "the list takes no generating: {listed:?}"
    );
    let mut n_bytes = 0;
    for product in list["products"].as_array().unwrap() {
        let (class, oid) = (product["class"].as_str().unwrap(), &product["oid"]);
        let target = format!("/pla-sl/data-action?{class}.{class}_OID={oid}");
        n_bytes += get(address, &target).body.len() as u64;
    }
    let took = start.elapsed();
    eprintln!("{n_bytes} bytes listed in {listed:?}, generated and served in {took:?}");
    assert!(took < Duration::from_secs(60), "{took:?}");
}
