//! The same tree behind real servers of every way there is: the same catalogue comes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gantry_asset::{Asset, AssetId};
use gantry_connector::conformance::{Harvest, harvest};
use gantry_connector::{ArchiveConfig, Connector};
use gantry_net::{Access, FtpMode, HostKey, Limits, Net, NetConfig};

use crate::servers::{Tls, Tree, nginx, pyftpdlib, sshd, vsftpd};

/// Names of every kind, by folder, each with its size.
const FILES: &[(&str, &str, usize)] = &[
    (
        "gnss/data/daily/2023/001",
        "BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz",
        1000,
    ),
    ("gnss/data/daily/2023/001", "brux0010.23d.Z", 900),
    (
        "gnss/data/daily/2023/001",
        "BRDC00IGS_R_20230010000_01D_MN.rnx.gz",
        700,
    ),
    (
        "gnss/data/daily/2023/brdc",
        "BRDC00IGS_R_20230010000_01D_MN.rnx.gz",
        700,
    ),
    (
        "gnss/data/daily/2023/002",
        "POTS00DEU_R_20230020000_01D_30S_MO.crx.gz",
        1200,
    ),
    (
        "gnss/data/hourly/2023/002/13",
        "POTS00DEU_R_20230021300_01H_30S_MO.crx.gz",
        50,
    ),
    (
        "gnss/data/highrate/2023/002/13",
        "POTS00DEU_R_20230021315_15M_01S_MO.crx.gz",
        60,
    ),
    (
        "gnss/products/2243",
        "ESA0OPSFIN_20230010000_01D_05M_ORB.SP3.gz",
        3000,
    ),
    ("gnss/products/2243", "igs22430.sp3.Z", 2000),
    (
        "gnss/products/2243/mgex",
        "GRG0MGXFIN_20230010000_01D_15M_ORB.SP3.gz",
        2500,
    ),
    ("gnss/products/ionex/2023/001", "igsg0010.23i.Z", 400),
    ("igs/station/general", "igs20_2274.atx", 5000),
    ("igs/station/log", "houz00glp_20250106.log", 300),
    ("gnss/data/daily/2023/002", "notes about it.txt", 7),
];

/// What does not depend on the way: everything but addresses.
fn without_addresses(mut asset: Asset) -> Asset {
    for file in &mut asset.files {
        file.locations.clear();
    }
    asset
}

/// Midnight of 2023-01-05, since listings of FTP tell of old files only the day.
fn then() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_672_876_800)
}

fn fill(root: &Path) {
    for (folder, name, size) in FILES {
        std::fs::create_dir_all(root.join(folder)).unwrap();
        let path = root.join(folder).join(name);
        std::fs::write(&path, vec![b'x'; *size]).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(then()).unwrap();
    }
}

fn connector(
    url: &str,
    access: Access,
    ca_file: Option<PathBuf>,
    folders: &[&str],
) -> Box<dyn Connector> {
    let mut config = ArchiveConfig::new("gssc", url.parse().unwrap());
    config.access = access;
    config.folders = folders.iter().map(|folder| (*folder).to_owned()).collect();
    config.limits = Limits {
        max_in_flight: 4,
        per_second: 10_000.0,
        ..Limits::default()
    };
    let net = Net::new(NetConfig {
        ca_file,
        ..NetConfig::default()
    });
    let id = "gssc".parse().unwrap();
    gantry_connector_gssc::connect(id, &config, net.unwrap()).unwrap()
}

async fn harvested(
    url: &str,
    access: Access,
    ca_file: Option<PathBuf>,
    folders: &[&str],
) -> Result<Harvest, String> {
    let connector = connector(url, access, ca_file, folders);
    harvest(connector.as_ref(), None).await
}

async fn catalogue(
    url: &str,
    access: Access,
    ca_file: Option<PathBuf>,
) -> BTreeMap<AssetId, Asset> {
    let harvest = harvested(url, access, ca_file, &[]).await.unwrap();
    assert_eq!(harvest.rejected, [], "{url}");
    let assets = harvest.assets.into_iter();
    assets
        .map(|(id, asset)| (id, without_addresses(asset)))
        .collect()
}

#[tokio::test]
async fn ftp_ftps_sftp_and_https_listings_of_one_tree_make_the_same_catalogue() {
    let tree = Tree::new();
    fill(&tree.root());
    let (Some(plain), Some(secured), Some(second)) = (
        vsftpd(&tree, Tls::Off),
        vsftpd(&tree, Tls::Explicit),
        pyftpdlib(&tree),
    ) else {
        return;
    };
    let (Some((ssh, user, print)), Some((web, _))) = (sshd(&tree), nginx(&tree)) else {
        return;
    };
    let ftp = format!("ftp://127.0.0.1:{}/", plain.port);
    let first = catalogue(&ftp, Access::default(), None).await;
    // The broadcast file in two folders is one asset; the file of no known name is one as well.
    let n_files = first
        .values()
        .filter(|asset| !asset.files.is_empty())
        .count();
    assert_eq!(n_files, FILES.len() - 1);

    let active = Access {
        ftp_mode: FtpMode::Active,
        ..Access::default()
    };
    let by_key = Access {
        key_file: Some(tree.folder.path().join("client")),
        host_keys: vec![HostKey::try_from(print).unwrap()],
        ..Access::default()
    };
    let root = tree.root();
    let authority = Some(tree.folder.path().join("ca.pem"));
    for (url, access, ca_file) in [
        (ftp.clone(), active, None),
        (
            format!("ftpes://localhost:{}/", secured.port),
            Access::default(),
            authority,
        ),
        (
            format!("ftp://127.0.0.1:{}/", second.port),
            Access::default(),
            None,
        ),
        (
            format!("sftp://{user}@127.0.0.1:{}{}/", ssh.port, root.display()),
            by_key,
            None,
        ),
        (
            format!("http://127.0.0.1:{}/plain/", web.port),
            Access::default(),
            None,
        ),
    ] {
        let other = catalogue(&url, access, ca_file).await;
        let ids =
            |catalogue: &BTreeMap<AssetId, Asset>| catalogue.keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&other), ids(&first), "{url}");
        for (id, asset) in &first {
            assert_eq!(&other[id], asset, "{url}");
        }
    }
}

#[tokio::test]
async fn a_folder_with_a_name_that_breaks_its_listing_is_told_and_holds_up_no_other() {
    let tree = Tree::new();
    fill(&tree.root());
    let bad = tree.root().join("gnss/data/daily/2023/002/two\nlines");
    std::fs::write(bad, "x").unwrap();
    let (Some(first), Some(second)) = (vsftpd(&tree, Tls::Off), pyftpdlib(&tree)) else {
        return;
    };
    for server in [first, second] {
        let url = format!("ftp://127.0.0.1:{}/", server.port);
        let harvest = harvested(&url, Access::default(), None, &[]).await.unwrap();
        let (what, why) = harvest.rejected.first().unwrap();
        assert_eq!(what, "gnss/data/daily/2023/002");
        assert!(why.contains("has an unreadable line `lines"), "{why}");
        assert_eq!(harvest.rejected.len(), 1);
        let n_files = harvest.assets.values().map(|asset| asset.files.len());
        // Two of the files lie in the folder that is not told, one is told twice.
        assert_eq!(n_files.sum::<usize>(), FILES.len() - 3);
        let of_the_year = "gnss~data~daily~2023~";
        let scopes: Vec<&String> = harvest
            .scopes
            .iter()
            .filter(|scope| scope.starts_with(of_the_year))
            .collect();
        assert_eq!(
            scopes,
            ["gnss~data~daily~2023~001~", "gnss~data~daily~2023~brdc~"]
        );
        // Wherever it is cut and taken up again, what lies in that folder is not taken for gone.
        let connector = connector(&url, Access::default(), None, &[]);
        assert!(!harvest.cursors.is_empty());
        for (cursor, _) in &harvest.cursors {
            let rest =
                gantry_connector::conformance::harvest(connector.as_ref(), Some(cursor.clone()));
            let rest = rest.await.unwrap();
            assert_eq!(rest.rejected, harvest.rejected, "from {cursor:?} on");
            let of_the_year = "gnss~data~daily~2023~".to_owned();
            assert!(!rest.scopes.contains(&of_the_year), "from {cursor:?} on");
        }
    }
}

#[tokio::test]
async fn folders_that_are_not_there_are_named_and_a_harvest_of_nothing_else_fails() {
    let tree = Tree::new();
    fill(&tree.root());
    let Some(server) = vsftpd(&tree, Tls::Off) else {
        return;
    };
    let url = format!("ftp://127.0.0.1:{}/", server.port);
    let get = |folders: &'static [&'static str]| harvested(&url, Access::default(), None, folders);
    let part = get(&["gnss/data/daily/2023", "gnss/dta"]).await.unwrap();
    let why = "is named in `folders` and not in the tree";
    assert_eq!(part.rejected, [("gnss/dta".to_owned(), why.to_owned())]);
    assert!(!part.assets.is_empty());
    let none = get(&["gnss/dta", "prodcts"]).await.unwrap_err();
    let asked = "look at what its configuration says of `url` and `folders`";
    assert_eq!(
        none,
        format!("gssc has no folder `gnss/dta, prodcts`; {asked}")
    );
    let wrong = harvested(&format!("{url}nowhere/"), Access::default(), None, &[]).await;
    assert_eq!(
        wrong.unwrap_err(),
        format!("gssc has no folder `/nowhere/`; {asked}")
    );
}
