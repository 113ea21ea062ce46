//! Fairness: an archive's places go round by user, and no archive keeps others waiting.

use std::collections::BTreeMap;

use gantry_staging::NewVolume;
use gantry_store::Phase;

use crate::fake::Held;
use crate::world::{Setup, made, plain, until};

#[tokio::test]
async fn an_archive_that_never_answers_keeps_no_other_job_waiting() {
    let mut stuck: Vec<Held> = (0..20)
        .map(|n| Held::new(&format!("stuck{n}"), "x"))
        .collect();
    stuck.iter_mut().for_each(|held| held.stalls_at = Some(0));
    let world = crate::world::fake_and_standin(stuck).await;
    let worker = world.worker("one");
    for n in 0..20 {
        world.job(&[&format!("fake:stuck{n}")], &plain()).await;
    }
    let map = "planck:HFI_SkyMap_100_0016_R3.01_full.fits";
    let job = world.job(&[map], &plain()).await;
    let done = world.until_phase(&job, Phase::Completed).await;
    assert_eq!(done.counted(), [1, 0, 0, 0]);
    worker.stop().await;
}

/// Two hundred jobs of fifty users: while all wait, each gets as much as every other.
#[tokio::test]
async fn fifty_users_with_two_hundred_jobs_are_served_alike() {
    const USERS: usize = 50;
    const FILES: usize = 12;
    let names: Vec<String> = (0..USERS * FILES).map(|n| format!("f{n:04}")).collect();
    let held = names.iter().map(|name| Held::new(name, vec![1; 2000]));
    let world = made(held, Setup::default()).await;
    let mut owners = BTreeMap::new();
    let mut jobs = Vec::new();
    // The first users ask for all they want before the others come, in one job or in many.
    for user in 0..USERS {
        let row = world
            .store
            .ensure_user(&format!("u{user:02}"), false)
            .await
            .unwrap();
        let new = NewVolume {
            name: "data".to_owned(),
            ..NewVolume::default()
        };
        let volume = world.volumes.create(&row, &new).await.unwrap();
        let files: Vec<&String> = names[user * FILES..(user + 1) * FILES].iter().collect();
        for name in &files {
            owners.insert((*name).clone(), user);
        }
        let n_jobs = [1, 2, 6, 7][user % 4];
        for piece in files.chunks(FILES.div_ceil(n_jobs)) {
            let ids: Vec<String> = piece.iter().map(|name| format!("fake:{name}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let selection = world.select(&ids).await;
            let job = world
                .staging
                .stage(&row, &selection, &volume, &plain())
                .await;
            jobs.push(job.unwrap());
        }
    }
    assert!(jobs.len() >= 180, "{}", jobs.len());
    world.fake.answers(false);
    let worker = world.worker_with("one", 256);
    until("all jobs are under way", async || {
        for job in &jobs {
            let job = world.store.staging_job_by_id(&job.id).await.unwrap();
            if job.phase != Phase::Executing {
                return None;
            }
        }
        Some(())
    })
    .await;
    let before = world.fake.opened().len();
    world.fake.answers(true);
    for job in &jobs {
        assert_eq!(
            world.until_phase(job, Phase::Completed).await.counts.failed,
            0
        );
    }
    worker.stop().await;
    // Half-way through, everybody still has files that wait.
    let half = &world.fake.opened()[before..names.len() / 2];
    let mut served = vec![0_usize; USERS];
    for (name, _) in half {
        served[owners[name]] += 1;
    }
    let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
    // One after the other the first users would have all of their twelve by now and the last none. A job asks for its
    // next file once it gets a processor, so on a busy machine somebody is a few behind.
    assert!(least * 2 >= *most, "{served:?}");
}
