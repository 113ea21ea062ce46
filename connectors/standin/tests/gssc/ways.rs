//! What the three ways show of the tree.

use std::collections::BTreeSet;

use gantry_standin::gssc::{GsscAction, Way};

use crate::common::request;
use crate::{BRUX, DAY, ORBITS, WEEK, ftp, sftp, standin, standin_with};

fn linked(page: &[u8]) -> BTreeSet<String> {
    let page = String::from_utf8(page.to_vec()).unwrap();
    let links = page.split("<a href=\"").skip(2);
    links
        .map(|link| {
            link.split('"')
                .next()
                .unwrap()
                .trim_end_matches('/')
                .to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_ways_list_the_same_names() {
    let standin = standin();
    let session = sftp::session(standin.running.address(Way::Sftp), "anonymous", "")
        .await
        .unwrap();
    for folder in ["/", "/gnss/data/daily/2023", DAY, WEEK, "/igs/station/log"] {
        let by_ftp: BTreeSet<_> = standin.ftp().names(folder).into_iter().collect();
        let by_sftp: BTreeSet<_> = sftp::names(&session, folder).await.into_iter().collect();
        let page = standin.get(&format!("{}/", folder.trim_end_matches('/')));
        assert!(!by_ftp.is_empty(), "{folder}");
        assert_eq!(by_ftp, by_sftp, "{folder}");
        assert_eq!(by_ftp, linked(&page.body), "{folder}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_ways_send_the_same_bytes_and_tell_the_same_size() {
    let standin = standin();
    for path in [format!("{DAY}/{BRUX}"), format!("{WEEK}/{ORBITS}")] {
        let mut client = standin.ftp();
        let (bytes, (code, _)) = client.transfer(0, &format!("RETR {path}"));
        assert_eq!(code, 226);
        let session = sftp::session(standin.running.address(Way::Sftp), "anonymous", "")
            .await
            .unwrap();
        assert_eq!(session.read(&path).await.unwrap(), bytes);
        let answer = standin.get(&path);
        assert_eq!(answer.body, bytes);
        assert_eq!(answer.length(), bytes.len() as u64);
        let (_, size) = client.command(&format!("SIZE {path}"));
        assert_eq!(size.trim(), format!("213 {}", bytes.len()));
        let size = session.metadata(&path).await.unwrap().size;
        assert_eq!(size, Some(bytes.len() as u64));
    }
}

#[test]
fn a_transfer_goes_on_from_a_byte() {
    let standin = standin();
    let path = format!("{WEEK}/{ORBITS}");
    let whole = standin.get(&path).body;
    let (rest, (code, _)) = standin.ftp().transfer(1000, &format!("RETR {path}"));
    assert_eq!((rest.as_slice(), code), (&whole[1000..], 226));
    let address = standin.running.address(Way::Http);
    let etag = standin.get(&path).header("etag").unwrap().to_owned();
    let headers = [("Range", "bytes=1000-"), ("If-Range", etag.as_str())];
    let part = request(address, "GET", &path, &headers).unwrap();
    assert_eq!((part.status, part.body.as_slice()), (206, &whole[1000..]));
    let from: Vec<_> = standin
        .running
        .requests()
        .into_iter()
        .filter(|request| request.action == GsscAction::Retrieve)
        .map(|request| (request.way, request.from))
        .collect();
    let expected = [
        (Way::Http, 0),
        (Way::Ftp, 1000),
        (Way::Http, 0),
        (Way::Http, 1000),
    ];
    assert_eq!(from, expected);
    assert_eq!(standin.running.n_requests_for(ORBITS), 4);
}

#[test]
fn its_end_closes_every_connection_and_port() {
    let standin = standin();
    let ways = [Way::Ftp, Way::Sftp, Way::Http];
    let addresses = ways.map(|way| standin.running.address(way));
    let mut client = standin.ftp();
    standin.running.shutdown();
    assert_eq!(client.command("NOOP").0, 0);
    let is_closed = |address: &std::net::SocketAddr| std::net::TcpStream::connect(address).is_err();
    let n_closed = addresses
        .iter()
        .filter(|address| is_closed(address))
        .count();
    // A port that is free again may be somebody else's at once, though hardly two of three.
    assert!(n_closed >= 2, "{n_closed} of {addresses:?}");
}

#[test]
fn nothing_can_be_written_by_ftp() {
    let standin = standin();
    let mut client = standin.ftp();
    for command in ["DELE", "MKD", "RMD"] {
        let (code, _) = client.command(&format!("{command} {DAY}/{BRUX}"));
        assert_eq!(code, 550, "{command}");
    }
    assert_eq!(standin.get(&format!("{DAY}/{BRUX}")).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_anonymous_gets_in() {
    let standin = standin();
    let address = standin.running.address(Way::Ftp);
    let login = |user, password| {
        ftp::Client::connect(address)
            .unwrap()
            .log_in(user, password)
    };
    assert!(login("anonymous", "").is_ok());
    assert!(login("anonymous", "somebody@example.org").is_ok());
    assert_eq!(login("ada", "secret").unwrap_err().0, 530);
    let address = standin.running.address(Way::Sftp);
    assert!(sftp::session(address, "anonymous", "").await.is_some());
    assert!(sftp::session(address, "ada", "").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_missing_day_has_no_folder() {
    let standin = standin();
    let missing = "/gnss/data/daily/2023/017";
    let mut client = standin.ftp();
    assert_eq!(client.command(&format!("CWD {missing}")).0, 550);
    assert_eq!(client.command(&format!("CWD {DAY}")).0, 250);
    assert_eq!(standin.get(&format!("{missing}/")).status, 404);
    let session = sftp::session(standin.running.address(Way::Sftp), "anonymous", "")
        .await
        .unwrap();
    assert!(session.read_dir(missing).await.is_err());
    let days = client.names("/gnss/data/daily/2023");
    assert!(days.contains(&"016".to_owned()) && !days.contains(&"017".to_owned()));
}

#[test]
fn real_files_stand_where_their_names_belong_byte_for_byte() {
    let Some(real) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    let real = std::path::PathBuf::from(real);
    let standin = standin_with(|config| config.real_data = Some(real.clone()));
    for (folder, name) in [
        (
            "/gnss/data/daily/2024/209",
            "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz",
        ),
        ("/gnss/data/daily/2021/355", "AJAC3550.21D"),
        (
            "/gnss/data/highrate/2022/315/17",
            "GRAS00FRA_R_20223151700_15M_01S_MO.crx.gz",
        ),
        (
            "/gnss/products/2277",
            "ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz",
        ),
        ("/gnss/products/2035", "COD20352.CLK"),
        ("/gnss/products/ionex/2017/001", "jplg0010.17i.gz"),
        ("/igs/station/log", "houz00glp_20250106.log"),
        ("/misc", "GZGTR560.258"),
        ("/misc", "blank.10o"),
    ] {
        let bytes = std::fs::read(real.join("gssc").join(name)).unwrap();
        let path = format!("{folder}/{name}");
        assert_eq!(standin.get(&path).body, bytes, "{path}");
        let (by_ftp, _) = standin.ftp().transfer(0, &format!("RETR {path}"));
        assert_eq!(by_ftp, bytes, "{path}");
    }
    standin.running.switches().replace("COD20352.CLK");
    let mut bytes = std::fs::read(real.join("gssc/COD20352.CLK")).unwrap();
    bytes.push(b'\n');
    let answer = standin.get("/gnss/products/2035/COD20352.CLK");
    assert_eq!(answer.body, bytes);
}

#[test]
fn every_real_file_is_somewhere() {
    let Some(real) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    let real = std::path::PathBuf::from(real);
    let standin = standin_with(|config| config.real_data = Some(real.clone()));
    let mut left: BTreeSet<String> = std::fs::read_dir(real.join("gssc"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut client = standin.ftp();
    let mut folders = vec!["/".to_owned()];
    while let Some(folder) = folders.pop() {
        // No real file is of the weeks and days that are generated, which take their time.
        let generated = ["/gnss/data/daily/2023/0", "/gnss/products/224"];
        if generated.iter().any(|start| folder.starts_with(start)) {
            continue;
        }
        for name in client.names(&folder) {
            left.remove(&name);
            let path = format!("{}/{name}", folder.trim_end_matches('/'));
            if client.command(&format!("CWD {path}")).0 == 250 {
                folders.push(path);
            }
        }
    }
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_folder_without_its_slash_is_elsewhere() {
    let standin = standin();
    let answer = standin.get("/gnss/data");
    assert_eq!(
        (answer.status, answer.header("location")),
        (301, Some("/gnss/data/"))
    );
    assert_eq!(standin.get("/gnss/nothing").status, 404);
    assert_eq!(standin.get("/gnss/nothing/").status, 404);
    assert_eq!(standin.get("/%ff/").status, 400);
}
