use std::collections::HashMap;

use gantry_store::{
    FileCounts, FileOutcome, Lease, NewStagingFile, Phase, Selection, SelectionMember, StagedFile,
    StagingJob, StoreError, User, Volume, Wanted,
};

use crate::record::{Record, id, maps, record};

/// A user with a volume and a selection, and the job that stages it.
struct Staged {
    record: Record,
    ada: User,
    volume: Volume,
}

async fn staged() -> Staged {
    let record = record().await;
    record.harvested(&maps(3)).await;
    let ada = record.user("ada").await;
    let volume = record.new_volume(&volume(&ada, "cmb")).await.unwrap();
    let selection = Selection {
        days: Default::default(),
        id: "sel_1".to_owned(),
        owner: None,
        change: 3,
        n_assets: 3,
        n_files: 3,
        size_bytes: Some(3 * 2880),
        created: chrono::Utc::now(),
    };
    let members: Vec<_> = (0..3)
        .map(|n| SelectionMember {
            asset: id(&format!("m00{n}")),
            version: 1,
        })
        .collect();
    record.keep_selection(&selection, &members).await.unwrap();
    Staged {
        record,
        ada,
        volume,
    }
}

fn volume(owner: &User, name: &str) -> Volume {
    Volume::local(&owner.id, name, &format!("/nowhere/{name}"))
}

impl Staged {
    async fn job(&self, request: &str) -> StagingJob {
        let files: Vec<_> = (0..3)
            .map(|n| NewStagingFile {
                asset: id(&format!("m00{n}")),
                version: 1,
                name: format!("m00{n}"),
                size_bytes: Some(2880),
                settled: None,
            })
            .collect();
        self.record
            .new_staging_job(&self.ada.id, ("sel_1", &self.volume.id), request, &files)
            .await
            .unwrap()
    }

    async fn claim(&self, owner: &str) -> Option<Lease> {
        self.record.claim_staging_job(owner).await.unwrap()
    }

    async fn phase(&self, job: &StagingJob) -> Phase {
        self.record.staging_job_by_id(&job.id).await.unwrap().phase
    }
}

fn outcome(outcome: &str) -> FileOutcome {
    FileOutcome {
        outcome: outcome.to_owned(),
        ..FileOutcome::default()
    }
}

#[tokio::test]
async fn a_second_click_finds_the_live_job_and_another_request_makes_another() {
    let staged = staged().await;
    let first = staged.job("{}").await;
    assert_eq!(staged.job("{}").await.id, first.id);
    assert_ne!(staged.job(r#"{"method":"copy"}"#).await.id, first.id);
    let lease = staged.claim("one").await.unwrap();
    assert_eq!(lease.id, first.id);
    staged.record.start_staging_job(&lease).await.unwrap();
    assert_eq!(staged.job("{}").await.id, first.id);
    staged
        .record
        .end_staging_job(&lease, Phase::Completed, None)
        .await
        .unwrap();
    assert_ne!(staged.job("{}").await.id, first.id);
}

#[tokio::test]
async fn a_worker_that_was_only_asleep_can_write_no_more() {
    let staged = staged().await;
    let job = staged.job("{}").await;
    let asleep = staged.claim("one").await.unwrap();
    assert_eq!(staged.claim("two").await, None);
    staged.record.expire_staging_jobs("one").await.unwrap();
    let awake = staged.claim("two").await.unwrap();
    assert_eq!(
        (awake.id.as_str(), awake.epoch),
        (job.id.as_str(), asleep.epoch + 1)
    );
    let (store, volume) = (&staged.record, &staged.volume.id);
    let settled = [(0, outcome("staged"), None)];
    for result in [
        store.start_staging_job(&asleep).await,
        store.renew_staging_job(&asleep).await,
        store.keep_progress(&asleep, 0, 5, None).await,
        store
            .keep_all_progress(&asleep, &[(0, 5, String::new())])
            .await,
        store.keep_waiting(&asleep, "[]", 1).await,
        store.settle_files(&asleep, volume, &settled, &[]).await,
        store.end_staging_job(&asleep, Phase::Completed, None).await,
    ] {
        assert!(
            matches!(result, Err(StoreError::LeaseLost { .. })),
            "{result:?}"
        );
    }
    // Giving back what one no longer has takes nothing from the other.
    store.give_back_staging_job(&asleep).await.unwrap();
    assert_eq!(staged.claim("three").await, None);
    store
        .settle_files(&awake, volume, &settled, &[])
        .await
        .unwrap();
    let counts = store.file_counts(&job.id).await.unwrap();
    assert_eq!(
        counts,
        FileCounts {
            total: 3,
            staged: 1,
            waiting: 2,
            bytes_total: 3 * 2880,
            bytes_done: 2880,
            ..FileCounts::default()
        }
    );
    // What moves counts once, beside what is settled and not in its place; what has just been settled counts as that.
    let moving = HashMap::from([(0, 100), (1, 1000), (2, 500)]);
    let with_moving = store.file_counts_moving(&job.id, &moving).await.unwrap();
    assert_eq!(with_moving.bytes_done, 2880 + 1000 + 500);
}

#[tokio::test]
async fn outcomes_and_what_is_in_the_volume_are_kept_together() {
    let staged = staged().await;
    let job = staged.job("{}").await;
    let lease = staged.claim("one").await.unwrap();
    let file = StagedFile {
        path: "planck/m001".to_owned(),
        asset: id("m001"),
        version: 1,
        name: "m001".to_owned(),
        method: "copy".to_owned(),
        size_bytes: 2880,
        modified_ns: -1,
        inode: u64::MAX,
        sha256: Some("00".to_owned()),
        verified_by: "size".to_owned(),
        staged: chrono::DateTime::UNIX_EPOCH,
    };
    let whole = FileOutcome {
        warnings: vec!["odd".to_owned()],
        size_bytes: Some(2880),
        retry_may_help: Some(false),
        ..outcome("staged")
    };
    let settled = [(1, whole.clone(), Some(file.clone()))];
    staged
        .record
        .settle_files(&lease, &staged.volume.id, &settled, &[])
        .await
        .unwrap();
    let rows = staged.record.staging_files(&job.id, 1, 1).await.unwrap();
    assert_eq!(rows[0].outcome.as_ref(), Some(&whole));
    let known = staged
        .record
        .staged_files(&staged.volume.id, "planck")
        .await
        .unwrap();
    assert_eq!(known, std::slice::from_ref(&file));
    assert_eq!(
        staged
            .record
            .staged_files(&staged.volume.id, "plan")
            .await
            .unwrap(),
        []
    );
    staged
        .record
        .forget_staged(&staged.volume.id, "planck")
        .await
        .unwrap();
    assert_eq!(
        staged
            .record
            .staged_file(&staged.volume.id, &file.path)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_job_that_no_worker_began_is_aborted_at_once_even_when_one_has_just_claimed_it() {
    let staged = staged().await;
    let job = staged.job("{}").await;
    let claimed = staged.claim("one").await.unwrap();
    staged
        .record
        .ask_staging_job(&job, Wanted::Abort)
        .await
        .unwrap();
    assert_eq!(staged.phase(&job).await, Phase::Aborted);
    let late = staged.record.start_staging_job(&claimed).await;
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })));
    assert_eq!(staged.phase(&job).await, Phase::Aborted);
    assert_eq!(staged.claim("two").await, None);
}

#[tokio::test]
async fn a_held_job_is_taken_up_right_after_its_release() {
    let staged = staged().await;
    let job = staged.job("{}").await;
    let _claimed = staged.claim("one").await.unwrap();
    staged
        .record
        .ask_staging_job(&job, Wanted::Hold)
        .await
        .unwrap();
    assert_eq!(staged.phase(&job).await, Phase::Held);
    assert_eq!(staged.claim("two").await, None);
    staged.record.release_staging_job(&job).await.unwrap();
    assert_eq!(staged.claim("two").await.unwrap().id, job.id);
}

#[tokio::test]
async fn what_is_to_be_aborted_cannot_be_held_any_more() {
    let staged = staged().await;
    let job = staged.job("{}").await;
    let lease = staged.claim("one").await.unwrap();
    staged.record.start_staging_job(&lease).await.unwrap();
    for wanted in [Wanted::Hold, Wanted::Abort, Wanted::Hold] {
        staged.record.ask_staging_job(&job, wanted).await.unwrap();
    }
    let row = staged
        .record
        .staging_job(&job.id, &staged.ada.id)
        .await
        .unwrap();
    assert_eq!(
        (row.phase, row.wanted),
        (Phase::Executing, Some(Wanted::Abort))
    );
    // A new click while it is aborted makes a new job.
    assert_ne!(staged.job("{}").await.id, job.id);
}

#[tokio::test]
async fn a_retry_queues_only_what_failed_and_only_in_a_job_that_has_ended() {
    let staged = staged().await;
    let job = staged.job("{}").await;
    let lease = staged.claim("one").await.unwrap();
    staged.record.start_staging_job(&lease).await.unwrap();
    let settled = [
        (0, outcome("staged"), None),
        (1, outcome("failed"), None),
        (2, outcome("skipped"), None),
    ];
    staged
        .record
        .settle_files(&lease, &staged.volume.id, &settled, &[])
        .await
        .unwrap();
    assert!(
        !staged.record.retry_staging_job(&job).await.unwrap(),
        "it runs"
    );
    assert_eq!(staged.record.file_counts(&job.id).await.unwrap().failed, 1);
    staged
        .record
        .end_staging_job(&lease, Phase::Completed, None)
        .await
        .unwrap();
    assert!(staged.record.retry_staging_job(&job).await.unwrap());
    let counts = staged.record.file_counts(&job.id).await.unwrap();
    assert_eq!(
        (counts.staged, counts.skipped, counts.failed, counts.waiting),
        (1, 1, 0, 1)
    );
    assert_eq!(staged.phase(&job).await, Phase::Queued);
    let lease = staged.claim("one").await.unwrap();
    let settled = [(1, outcome("staged"), None)];
    staged
        .record
        .settle_files(&lease, &staged.volume.id, &settled, &[])
        .await
        .unwrap();
    staged
        .record
        .end_staging_job(&lease, Phase::Completed, None)
        .await
        .unwrap();
    assert!(
        !staged.record.retry_staging_job(&job).await.unwrap(),
        "nothing failed"
    );
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_not_found() {
    let staged = staged().await;
    let job = staged.job("{}").await;
    let eve = staged.record.user("eve").await;
    let job_of = staged
        .record
        .staging_job(&job.id, &eve.id)
        .await
        .unwrap_err();
    assert_eq!(job_of.to_string(), format!("no staging job `{}`", job.id));
    let volume = staged.record.volume(&eve.id, "cmb").await.unwrap_err();
    assert_eq!(volume.to_string(), "no volume `cmb`");
    assert!(
        staged
            .record
            .staging_jobs(&eve.id, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(staged.record.volumes(&eve.id).await.unwrap().is_empty());
    let mine = staged.record.volume(&eve.id, "cmb").await;
    assert!(matches!(mine, Err(StoreError::NotFound { .. })));
    // Names are each user's own.
    staged.record.new_volume(&volume_of(&eve)).await.unwrap();
    let twice = staged
        .record
        .new_volume(&volume_of(&eve))
        .await
        .unwrap_err();
    assert_eq!(twice.to_string(), "there is a volume `cmb` already");
}

fn volume_of(owner: &User) -> Volume {
    volume(owner, "cmb")
}

#[tokio::test]
async fn a_selection_of_a_user_is_hidden_from_others_and_one_of_nobody_is_everybodys() {
    let staged = staged().await;
    let eve = staged.record.user("eve").await;
    let mine = Selection {
        days: Default::default(),
        id: "sel_mine".to_owned(),
        owner: Some(staged.ada.id.clone()),
        ..staged.record.selection("sel_1", None).await.unwrap()
    };
    staged.record.keep_selection(&mine, &[]).await.unwrap();
    assert!(
        staged
            .record
            .selection("sel_mine", Some(&staged.ada.id))
            .await
            .is_ok()
    );
    for viewer in [Some(eve.id.as_str()), None] {
        let hidden = staged.record.selection("sel_mine", viewer).await;
        assert!(matches!(hidden, Err(StoreError::NotFound { .. })));
        assert!(staged.record.selection("sel_1", viewer).await.is_ok());
    }
    let members = staged
        .record
        .selection_members("sel_1", 1, 10)
        .await
        .unwrap();
    assert_eq!(
        members,
        [1, 2].map(|n| SelectionMember {
            asset: id(&format!("m00{n}")),
            version: 1
        })
    );
}

#[tokio::test]
async fn a_volume_is_forgotten_with_its_jobs_but_not_while_one_is_live() {
    let staged = staged().await;
    let job = staged.job("{}").await;
    let live = staged
        .record
        .forget_volume(&staged.volume)
        .await
        .unwrap_err();
    assert!(matches!(live, StoreError::Exists { .. }), "{live}");
    staged
        .record
        .ask_staging_job(&job, Wanted::Abort)
        .await
        .unwrap();
    staged.record.forget_volume(&staged.volume).await.unwrap();
    assert!(staged.record.volume(&staged.ada.id, "cmb").await.is_err());
    assert!(staged.record.staging_job_by_id(&job.id).await.is_err());
}
