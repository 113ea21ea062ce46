//! A tree in which a folder is found again under another name, behind a web server's index in JSON.

use std::collections::BTreeSet;

use gantry_asset::{Location, Relation};
use gantry_connector::ArchiveConfig;
use gantry_connector::conformance::conformance;
use gantry_net::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::archive::connector;

/// Paths and contents: one product is the same at both places, one has other bytes, one is at the alias only.
const FILES: [(&str, &str); 5] = [
    ("gnss/products/2243/igs22430.sp3.Z", "the same"),
    ("gnss/products/2243/igs22431.sp3.Z", "one"),
    ("igs/products/2243/igs22430.sp3.Z", "the same"),
    ("igs/products/2243/igs22431.sp3.Z", "another"),
    ("igs/products/2243/igs22432.sp3.Z", "alone"),
];

/// Serves the files and, for each folder, what is in it.
async fn serve() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    url.parse().unwrap()
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
    let file = FILES.iter().find(|(known, _)| *known == path);
    let (kind, body) = match file {
        Some((_, text)) => ("text/plain", (*text).to_owned()),
        None => ("application/json", listing(path)),
    };
    let status = if body == "[]" {
        "404 Not Found"
    } else {
        "200 OK"
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await
}

fn listing(folder: &str) -> String {
    let below = FILES.iter().filter_map(|(path, text)| {
        let rest = path.strip_prefix(folder)?;
        Some(match rest.split_once('/') {
            Some((name, _)) => format!(r#"{{"name":"{name}","type":"directory"}}"#),
            None => {
                let size = text.len();
                format!(r#"{{"name":"{rest}","type":"file","size":{size}}}"#)
            }
        })
    });
    let names: BTreeSet<String> = below.collect();
    format!("[{}]", names.into_iter().collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn a_product_under_an_alias_is_a_location_unless_its_bytes_differ_or_it_is_there_alone() {
    let url = serve().await;
    let mut config = ArchiveConfig::new("gssc", url.clone());
    config.folders = vec!["gnss/products".to_owned(), "igs/products".to_owned()];
    let harvest = conformance(connector(&config).as_ref()).await.unwrap();
    let files: Vec<&str> = harvest
        .assets
        .keys()
        .map(gantry_asset::AssetId::local)
        .filter(|id| !id.starts_with('~'))
        .collect();
    assert_eq!(
        files,
        [
            "gnss~products~2243~igs22430.sp3.Z",
            "gnss~products~2243~igs22431.sp3.Z",
            "igs~products~2243~igs22431.sp3.Z",
            "igs~products~2243~igs22432.sp3.Z",
        ]
    );
    let asset = |local: &str| &harvest.assets[&format!("gssc:{local}").parse().unwrap()];
    let both = asset("gnss~products~2243~igs22430.sp3.Z");
    let at = |path: &str| Location::Address(format!("{url}{path}"));
    assert_eq!(both.files[0].locations, [at(FILES[0].0), at(FILES[2].0)]);
    let other = &asset("igs~products~2243~igs22431.sp3.Z").related[0];
    assert_eq!(
        (other.relation, other.asset.local()),
        (Relation::SameName, "gnss~products~2243~igs22431.sp3.Z")
    );
}
