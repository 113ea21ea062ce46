//! The key that secrets are sealed with, exchanged beside a running service.

use serde_json::json;

use crate::gantry::{Gantry, standin};

#[test]
fn a_key_is_exchanged_beside_a_running_service_and_the_old_one_opens_nothing_any_more() {
    let (archive, _cache) = standin(16);
    let gantry = Gantry::on(&archive);
    let service = gantry.serve();
    let far = json!({"name": "far", "address": "sftp://ada:s3cret@storage.example/home"});
    service.api.post(201, "/api/v1/volumes", &far);
    let trouble = |service: &crate::gantry::Service| {
        service.api.get("/api/v1/volumes/far")["trouble"].clone()
    };
    let key = gantry.path("data/seal.key");
    let old = std::fs::read(&key).unwrap();
    let rotated = gantry.json(&["key", "rotate"]);
    assert_eq!(rotated, json!({"sealed": 1, "lost": 0}));
    let new = std::fs::read(&key).unwrap();
    assert_eq!(new.len(), 32);
    assert_ne!(new, old);
    // The service that was running all the while still reads the login, and seals with the new key.
    assert_eq!(trouble(&service), json!(null));
    let near = json!({"name": "near", "address": "sftp://ada:other@storage.example/home"});
    service.api.post(201, "/api/v1/volumes", &near);
    service.stop();
    let service = gantry.serve();
    assert_eq!(trouble(&service), json!(null));
    service.stop();
    std::fs::write(&key, old).unwrap();
    let service = gantry.serve();
    let why = trouble(&service)["why"].clone();
    assert_eq!(why, "the volume's login cannot be read; enter it again");
    service.stop();
}
