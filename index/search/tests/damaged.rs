//! An index that is removed or damaged costs time alone.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use gantry_search::{Index, Mode};
use support::{Catalogue, Searched, asset, ids, query};

fn catalogue() -> Catalogue {
    let one = |n: u32| asset(&format!("{n:03}.fits"), "A map", n, &["band=100 GHz"]);
    Catalogue::of((0..200).map(one))
}

fn files_of(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let folders = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|found| found == ending));
    files.collect()
}

#[tokio::test]
async fn an_index_removed_while_it_is_followed_is_built_anew_and_held_again() {
    let catalogue = catalogue();
    let Searched { dir, index } = Searched::over(&catalogue).await;
    fs::remove_dir_all(dir.path()).unwrap();
    catalogue.put(asset("new.fits", "A comet", 1, &[]), 1);
    assert!(index.follow(&catalogue).await.unwrap().rebuilt);
    let found = index.search(&query("comet")).unwrap();
    assert_eq!(ids(&found), ["new.fits"]);
    assert_eq!(index.search(&query("")).unwrap().total, 201);
    // It holds the directory as before.
    assert!(Index::open(dir.path(), Mode::Writer).is_err());
    assert!(!index.follow(&catalogue).await.unwrap().rebuilt);
    drop(index);
    let index = Index::open(dir.path(), Mode::Writer).unwrap();
    assert_eq!(index.n_assets(), 201);
}

#[tokio::test]
async fn an_index_with_damaged_columns_is_built_anew_when_it_is_opened() {
    let catalogue = catalogue();
    let Searched { dir, index } = Searched::over(&catalogue).await;
    drop(index);
    let columns = files_of(dir.path(), "fast");
    assert!(!columns.is_empty());
    for path in columns {
        let mut bytes = fs::read(&path).unwrap();
        let n = bytes.len();
        bytes[n / 8..n - n / 8].fill(0xa5);
        fs::write(&path, bytes).unwrap();
    }
    let index = Index::open(dir.path(), Mode::Writer).unwrap();
    index.follow(&catalogue).await.unwrap();
    let found = index.search(&query("map")).unwrap();
    assert_eq!(found.total, 200);
}

#[tokio::test]
async fn a_beginning_that_many_names_have_finds_all_of_them() {
    const N: usize = 10_500;
    let one = |n: usize| asset(&format!("many.{n:05}.fits"), &format!("w{n}"), 1, &[]);
    let searched = Searched::over(&Catalogue::of((0..N).map(one))).await;
    for q in ["id:many*", "id:planck:*", "id:*", "many*", "title:w*", "w*"] {
        assert_eq!(searched.search(q).total, N as u64, "{q}");
    }
    assert_eq!(searched.search("-id:*").total, 0);
}
