use std::time::Duration;

use gantry_asset::AdqlQuery;
use gantry_connector::OpenError;
use gantry_connector::tap::Tap;
use gantry_net::{Net, NetConfig, Scope};
use gantry_standin::{Fault, GaiaConfig, GaiaStandin, Times};

#[tokio::test]
async fn a_job_that_stays_queued_is_given_up_with_a_reason_that_does_not_name_it() {
    let standin = GaiaStandin::start(GaiaConfig::default()).unwrap();
    standin
        .faults()
        .set_for("async", Fault::StaysQueued, Times::Always);
    let base = format!("{}/tap-server/tap/", standin.url())
        .parse()
        .unwrap();
    let net = Net::new(NetConfig::default()).unwrap();
    let client = net.client(Scope {
        name: "gaia".to_owned(),
        hosts: vec![standin.address().to_string()],
        ..Scope::default()
    });
    let tap = Tap::new("gaia".parse().unwrap(), client, base).patience(Duration::from_millis(50));
    let query = AdqlQuery {
        upload: None,
        adql: "SELECT TOP 1 ra FROM gaiadr3.gaia_source".to_owned(),
        release: None,
        format: "votable_plain".to_owned(),
        max_rows: None,
    };
    let asked = tap.result("a.vot", (&query, None), None, |_| {});
    let answer = tokio::time::timeout(Duration::from_secs(30), asked).await;
    let error = answer.expect("the job is waited for without end").err();
    let Some(OpenError::Refused { why, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        why,
        "the job was not done after 0 s; ask for less, or again when the archive is less busy"
    );
}
