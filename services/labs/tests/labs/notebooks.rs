//! Datalabs that open on a selection.

use std::fs;

use gantry_asset::AssetId;
use gantry_labs::{OpensOn, notebook_name};
use gantry_store::{FileOutcome, NewStagingFile, Phase, Selection, SelectionMember};
use serde_json::{Value, json};

use crate::world::{World, asks, until};

#[tokio::test]
async fn a_datalab_on_a_selection_is_ready_when_its_products_are_there_and_its_notebook_stands() {
    let world = World::new().await;
    let opens_on = staged_later(&world).await;
    let ran = world.run();
    let datalab = ran
        .labs
        .launch(&world.ada, asks("test/serves"), Some(opens_on.clone()))
        .await
        .unwrap();
    let again = ran
        .labs
        .launch(&world.ada, asks("test/serves"), Some(opens_on))
        .await
        .unwrap();
    assert_eq!(again.id, datalab.id);
    let row = world.reaches(&datalab, Phase::Executing).await;
    let view = ran.labs.view(&row).unwrap();
    assert!(!view.ready);
    assert_eq!(
        (&view.waiting_for[0]["cause"], &view.waiting_for[0]["text"]),
        (&json!("staging"), &json!("the products are being staged"))
    );
    assert_eq!(view.volumes.len(), 2);
    let notebook = world.path("workspace/hfi-100-ghz-3fa9c1.ipynb");
    assert!(!notebook.exists());

    finish_staging(&world).await;
    let row = until(|| async {
        Some(world.row(&datalab).await).filter(|row| ran.labs.view(row).unwrap().ready)
    })
    .await;
    let written: Value = serde_json::from_slice(&fs::read(&notebook).unwrap()).unwrap();
    let text = written.to_string();
    let path = format!(
        "gantry restage {}/planck/report-{}.json --volume cmb",
        world.path("cmb").display(),
        row.staging_job.as_ref().unwrap()
    );
    assert!(
        text.contains("planck/map.fits")
            && text.contains("Everybody, sel_3fa9c1d2.")
            && text.contains(&path),
        "{text}"
    );
    let url = ran.labs.open_url(&row).await.unwrap();
    assert!(
        url.contains("/lab/tree/hfi-100-ghz-3fa9c1.ipynb?token="),
        "{url}"
    );
    ran.labs.stop(&row).await.unwrap();
    world.reaches(&datalab, Phase::Aborted).await;
    ran.end().await;
}

#[tokio::test]
async fn a_notebook_that_is_there_is_opened_as_it_is() {
    let world = World::new().await;
    let opens_on = staged_later(&world).await;
    let notebook = world
        .path("workspace")
        .join(opens_on.notebook.as_ref().unwrap());
    fs::write(&notebook, "mine").unwrap();
    finish_staging(&world).await;
    let ran = world.run();
    let datalab = ran
        .labs
        .launch(&world.ada, asks("test/serves"), Some(opens_on))
        .await
        .unwrap();
    until(|| async {
        ran.labs
            .view(&world.row(&datalab).await)
            .unwrap()
            .ready
            .then_some(())
    })
    .await;
    assert_eq!(fs::read_to_string(&notebook).unwrap(), "mine");
    ran.end().await;
}

/// A selection of one map and the job that is to stage it into `cmb`.
async fn staged_later(world: &World) -> OpensOn {
    let asset = AssetId::parse("planck:map.fits").unwrap();
    let volume = world.store.volume(&world.ada.id, "cmb").await.unwrap();
    let selection = Selection {
        days: Default::default(),
        id: "sel_3fa9c1d2".to_owned(),
        owner: None,
        change: 0,
        n_assets: 1,
        n_files: 1,
        size_bytes: Some(2880),
        created: chrono::Utc::now(),
    };
    world
        .store
        .keep_selection(
            &selection,
            &[SelectionMember {
                asset: asset.clone(),
                version: 1,
            }],
        )
        .await
        .unwrap();
    let file = NewStagingFile {
        asset,
        version: 1,
        name: "map.fits".to_owned(),
        size_bytes: Some(2880),
        settled: None,
    };
    let job = world
        .store
        .new_staging_job(&world.ada.id, (&selection.id, &volume.id), "{}", &[file])
        .await
        .unwrap();
    OpensOn {
        notebook: Some(notebook_name("HFI 100 GHz", &selection.id)),
        selection: selection.id,
        staging_job: job.id,
    }
}

async fn finish_staging(world: &World) {
    let volume = world.store.volume(&world.ada.id, "cmb").await.unwrap();
    let lease = world
        .store
        .claim_staging_job("the test")
        .await
        .unwrap()
        .unwrap();
    let outcome = FileOutcome {
        outcome: "staged".to_owned(),
        path: Some("planck/map.fits".to_owned()),
        verified_by: Some("size".to_owned()),
        ..FileOutcome::default()
    };
    world
        .store
        .settle_files(&lease, &volume.id, &[(0, outcome, None)], &[])
        .await
        .unwrap();
    world
        .store
        .end_staging_job(&lease, Phase::Completed, None)
        .await
        .unwrap();
}
