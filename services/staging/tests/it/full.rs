use std::path::PathBuf;
use std::process::Command;

use gantry_staging::{Cache, NewVolume, Source, Staging, Worker};
use gantry_store::Phase;

use crate::fake::Held;
use crate::world::{fake, plain};

/// A file system of so many KiB that goes when it is dropped.
struct Small(PathBuf);

impl Small {
    fn mount(path: PathBuf, kib: u32) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let size = format!("size={kib}k");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "gantry-test"])
            .arg(&path)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "who runs it must see that nothing was tested"
)]
async fn a_full_volume_ends_the_job_with_one_sentence_and_frees_its_parts() {
    let big = |name: &str| Held::new(name, vec![1; 900 * 1024]);
    let mut world = fake([
        Held::new("a-small", "s"),
        big("big1"),
        big("big2"),
        big("big3"),
        big("big4"),
    ])
    .await;
    let Some(small) = Small::mount(world.folder.path().join("local/small"), 2048) else {
        eprintln!("not run: a small file system cannot be mounted here");
        return;
    };
    let new = NewVolume {
        name: "small".to_owned(),
        source: Source::Folder(small.0.clone()),
        ..NewVolume::default()
    };
    world.volume = world.volumes.create(&world.ada, &new).await.unwrap();
    let ids = [
        "fake:a-small",
        "fake:big1",
        "fake:big2",
        "fake:big3",
        "fake:big4",
    ];
    let ended = world.stage(&ids, &plain()).await;
    assert_eq!(ended.phase, Phase::Error);
    let text = ended.message.as_deref().unwrap();
    assert!(
        text.starts_with("no space is left in the volume for `fake/big"),
        "{text}"
    );
    assert!(text.ends_with("; make room in `small` and retry"), "{text}");
    let [staged, present, skipped, failed] = ended.counted();
    assert_eq!(
        (staged + failed, present, skipped, ended.counts.waiting),
        (5, 0, 0, 0)
    );
    assert!(failed >= 1, "{ended:?}");
    for (_, outcome) in ended
        .files
        .iter()
        .filter(|(_, outcome)| outcome.outcome == "failed")
    {
        assert_eq!(
            outcome.reason.as_deref(),
            Some("volume-full: no space is left in the volume")
        );
        assert_eq!(outcome.retry_may_help, Some(true));
    }
    assert_eq!(
        world.listing().len() as u64,
        staged,
        "{:?}",
        world.listing()
    );
    assert!(world.listing().iter().all(|path| !path.ends_with(".part")));
    assert!(
        world
            .path(&format!("fake/report-{}.json", ended.job.id))
            .exists(),
        "what was freed is enough for it"
    );

    // With room made, a retry brings the rest.
    let remount = Command::new("mount")
        .args(["-o", "remount,size=8192k"])
        .arg(&small.0)
        .status();
    assert!(remount.unwrap().success());
    assert!(world.store.retry_staging_job(&ended.job).await.unwrap());
    let ended = world.carry_out(&ended.job).await;
    assert_eq!(
        (ended.phase, ended.counted()),
        (Phase::Completed, [5, 0, 0, 0])
    );
    assert_eq!(world.listing().len(), 5);
}

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "who runs it must see that nothing was tested"
)]
async fn what_the_cache_can_spare_is_given_up_on_a_full_disk() {
    let files = ["a", "b", "c", "d"].map(|name| Held::new(name, name.repeat(1_000_000)));
    let mut world = fake(files).await;
    let Some(small) = Small::mount(world.folder.path().join("local/small"), 3500) else {
        eprintln!("not run: a small file system cannot be mounted here");
        return;
    };
    // Volume and cache lie on a disk that has room for three files.
    let cache = Cache::open(world.store.clone(), &small.0.join("cache"), 1 << 30).unwrap();
    world.worker.cache = Some(cache);
    let worker = Worker::new(world.worker.clone());
    world.staging = Staging::new(world.store.clone(), world.archives.clone(), worker);
    let folder = small.0.join("volume");
    std::fs::create_dir(&folder).unwrap();
    let new = NewVolume {
        name: "small".to_owned(),
        source: Source::Folder(folder),
        ..NewVolume::default()
    };
    world.volume = world.volumes.create(&world.ada, &new).await.unwrap();
    for id in ["fake:a", "fake:b", "fake:c"] {
        let ended = world.stage(&[id], &plain()).await;
        assert_eq!(
            (ended.phase, ended.counted()),
            (Phase::Completed, [1, 0, 0, 0]),
            "{ended:?}"
        );
    }
    let ended = world.stage(&["fake:d"], &plain()).await;
    assert_eq!(ended.phase, Phase::Error, "{ended:?}");
    let left = world.listing();
    assert_eq!(left, ["fake/a", "fake/b", "fake/c"]);
}

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "who runs it must see that nothing was tested"
)]
async fn a_disk_without_a_byte_left_keeps_no_half_written_manifest() {
    let mut world = fake([Held::new("empty", "")]).await;
    let Some(small) = Small::mount(world.folder.path().join("local/small"), 256) else {
        eprintln!("not run: a small file system cannot be mounted here");
        return;
    };
    let new = NewVolume {
        name: "small".to_owned(),
        source: Source::Folder(small.0.clone()),
        ..NewVolume::default()
    };
    world.volume = world.volumes.create(&world.ada, &new).await.unwrap();
    let filled = std::fs::write(small.0.join("filler"), vec![1; 300 * 1024]);
    assert!(filled.is_err(), "it holds less");
    let ended = world.stage(&["fake:empty"], &plain()).await;
    assert_eq!(ended.counted(), [1, 0, 0, 0]);
    let said = ended.message.as_deref().unwrap_or_default();
    let says_so = said.starts_with("the manifests could not be written: no space is left");
    assert!(says_so, "{said}");
    let names = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(world.path("fake")), ["empty"]);

    // With room made, the next job writes them.
    std::fs::remove_file(small.0.join("filler")).unwrap();
    world.stage(&["fake:empty"], &plain()).await;
    let there = names(world.path("fake"));
    assert_eq!(there.len(), 4, "{there:?}");
}
