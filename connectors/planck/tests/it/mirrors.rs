use gantry_asset::{Asset, Location, Relation};
use gantry_connector::conformance::{Harvest, harvest};
use serde_json::json;

use crate::archive::archive;
use crate::servers::{Tree, nginx};

const SAME: &str = "HFI_SkyMap_100_2048_R3.01_full.fits";
const OTHER: &str = "HFI_SkyMap_143_2048_R4.00_full.fits";
const UNSIZED: &str = "HFI_RIMO_R1.10.fits";

fn named<'h>(harvest: &'h Harvest, id: &str) -> &'h Asset {
    &harvest.assets[&format!("planck:{id}").parse().unwrap()]
}

fn addresses(asset: &Asset) -> Vec<&str> {
    let address = |location: &'_ Location| matches!(location, Location::Address(_));
    let locations = asset.files[0].locations.iter().filter(|one| address(one));
    locations
        .map(|location| match location {
            Location::Address(address) => address.as_str(),
            _ => "",
        })
        .collect()
}

#[tokio::test]
async fn a_mirror_with_the_same_file_is_a_location_and_one_with_another_a_related_asset() {
    let tree = Tree::new();
    let Some((web, _)) = nginx(&tree) else {
        return;
    };
    let folder = tree.root().join("release_3/maps");
    std::fs::create_dir_all(&folder).unwrap();
    // The index of the server rounds these sizes.
    for (name, size) in [
        (SAME, 5_000_001),
        (OTHER, 5_000_002),
        (UNSIZED, 7),
        ("not a product.fits", 9),
    ] {
        std::fs::write(folder.join(name), vec![b'x'; size]).unwrap();
    }
    let mut archive = archive();
    let mirror = format!("http://127.0.0.1:{}/round", web.port);
    archive.config.mirrors = vec![
        mirror.parse().unwrap(),
        "http://127.0.0.1:1/".parse().unwrap(),
    ];
    let list = json!({"read": "2026-11-22", "products": [
        {"name": SAME, "class": "MAP", "size_bytes": 5_000_001},
        {"name": OTHER, "class": "MAP", "size_bytes": 5_000_001},
        {"name": UNSIZED, "class": "DOCUMENT"},
    ]});
    let harvest = harvest(archive.with_list(&list.to_string()).as_ref(), None)
        .await
        .unwrap();

    let at_mirror = format!("{mirror}/release_3/maps/{SAME}");
    assert_eq!(
        addresses(named(&harvest, SAME)).last(),
        Some(&at_mirror.as_str())
    );
    assert_eq!(
        addresses(named(&harvest, UNSIZED)).len(),
        1,
        "of unknown size nothing is the same"
    );

    let product = named(&harvest, OTHER);
    assert_eq!(addresses(product).len(), 1);
    let related = product
        .related
        .iter()
        .find(|one| one.relation == Relation::SameName)
        .unwrap();
    let other = &harvest.assets[&related.asset];
    assert_eq!(
        related.asset.local(),
        format!("127.0.0.1~round~release_3~maps~{OTHER}")
    );
    assert_eq!(other.title, format!("{}, as at 127.0.0.1", product.title));
    assert_eq!(other.files[0].size_bytes, Some(5_000_002));
    assert_eq!(
        addresses(other),
        [format!("{mirror}/release_3/maps/{OTHER}")]
    );
    assert_eq!(other.related[0].asset, product.id);
    assert!(other.rank < product.rank);
    assert_eq!(harvest.assets.len(), 4);
}
