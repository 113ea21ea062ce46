use gantry_connector::{OpenError, Resume};
use gantry_formats::votable::{Limits, Reader, Value};
use gantry_standin::{Fault, Times};

use crate::archive::{Answer, Archive, adql_file, archive, datalink_file};

/// A source whose number passes 2⁵³.
const SOURCE: &str = "4583627001381815936";
const ITS_NUMBER: i64 = 4_583_627_001_381_815_936;

/// The rows of the one table of an answer.
fn rows(answer: &Answer) -> Vec<Vec<Value>> {
    let mut reader = Reader::new(&answer.bytes[..], Limits::default()).unwrap();
    reader.next_table().unwrap().unwrap();
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    while reader.next_row(&mut row).unwrap() {
        rows.push(row.clone());
    }
    rows
}

fn refusal(answer: Result<Answer, OpenError>) -> String {
    let error = answer.err().expect("the archive refuses");
    assert!(!error.is_transient(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_query_gives_its_rows_and_a_number_above_2_to_the_53_is_exact() {
    let archive = archive();
    let adql = format!("SELECT source_id, ra FROM gaiadr3.gaia_source WHERE source_id = {SOURCE}");
    let answer = archive.ask(&adql, None).await.unwrap();
    assert_eq!(
        (answer.n_rows, answer.remarks.as_slice()),
        (Some(1), &[] as &[String])
    );
    assert_eq!(rows(&answer)[0][0], Value::Int(ITS_NUMBER));
}

#[tokio::test]
async fn answers_come_in_each_form_and_never_packed() {
    let archive = archive();
    let begins: [(&str, &[u8]); 4] = [
        ("votable", b"<?xml"),
        ("csv", b"source_id"),
        ("ecsv", b"# %ECSV 1.0"),
        ("fits", b"SIMPLE  ="),
    ];
    for (format, beginning) in begins {
        let file = adql_file(
            "SELECT TOP 3 source_id FROM gaiadr3.gaia_source",
            format,
            None,
        );
        let answer = archive.open(&file, &Resume::default()).await.unwrap();
        assert!(
            answer.bytes.starts_with(beginning),
            "{format}: {:?}",
            &answer.bytes[..20]
        );
    }
}

#[tokio::test]
async fn gzip_that_says_it_is_not_is_taken_off_all_the_same() {
    let archive = archive().with(Fault::GzipUnsaid);
    let answer = archive
        .ask("SELECT TOP 3 source_id FROM gaiadr3.gaia_source", None)
        .await
        .unwrap();
    assert_eq!(rows(&answer).len(), 3);
}

#[tokio::test]
async fn an_overflow_behind_the_table_is_said() {
    let answer = archive()
        .ask("SELECT source_id FROM gaiadr3.gaia_source", Some(5))
        .await
        .unwrap();
    assert_eq!(answer.n_rows, Some(5));
    assert_eq!(
        answer.remarks,
        ["the archive cut the answer after 5 rows: there are more"]
    );
}

#[tokio::test]
async fn no_rows_are_lost_to_the_silent_2000_rows_of_a_synchronous_query() {
    let archive = archive();
    let n = archive
        .ask("SELECT COUNT(*) AS n FROM gaiadr3.gaia_source", None)
        .await
        .unwrap();
    let Value::Int(n) = rows(&n)[0][0] else {
        panic!("no number")
    };
    let all = archive
        .ask("SELECT source_id FROM gaiadr3.gaia_source", None)
        .await
        .unwrap();
    assert_eq!(all.n_rows, Some(n.unsigned_abs()));
}

#[tokio::test]
async fn a_query_the_archive_does_not_understand_is_refused_with_its_own_words() {
    for fault in [None, Some(Fault::ErrorIs400)] {
        let archive = match fault {
            Some(fault) => archive().with(fault),
            None => archive(),
        };
        let text = refusal(
            archive
                .ask("SELECT nothing FROM gaiadr3.gaia_sourze", None)
                .await,
        );
        assert!(
            text.contains("gaia did not answer `answer`") && text.contains("gaia_sourze"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_job_is_named_as_soon_as_it_exists_and_taken_up_by_whoever_has_the_name() {
    let archive = archive();
    let (runs, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let file = adql_file(
        "SELECT TOP 2 source_id FROM gaiadr3.gaia_source",
        "votable",
        None,
    );
    let first = Resume {
        runs: Some(runs),
        ..Resume::default()
    };
    archive.open(&file, &first).await.unwrap();
    let run = begun.recv().await.unwrap();
    let jobs = |archive: &Archive| {
        let posts = archive
            .standin
            .requests()
            .into_iter()
            .filter(|request| request.method == "POST");
        posts.count()
    };
    let before = jobs(&archive);
    let again = Resume {
        run: Some(run),
        ..Resume::default()
    };
    assert_eq!(rows(&archive.open(&file, &again).await.unwrap()).len(), 2);
    assert_eq!(jobs(&archive), before);

    // One that the archive has forgotten is begun anew.
    let forgotten = Resume {
        run: Some(format!(
            "{}/tap-server/tap/async/1479386030738O",
            archive.standin.url()
        )),
        ..Resume::default()
    };
    assert_eq!(
        rows(&archive.open(&file, &forgotten).await.unwrap()).len(),
        2
    );
    assert_eq!(jobs(&archive), before + 1);
}

#[tokio::test]
async fn a_transient_failure_of_the_archive_is_survived_and_a_lasting_one_is_said() {
    let archive = archive();
    archive
        .standin
        .faults()
        .set_for("async", Fault::ServerError, Times::Always);
    let error = archive
        .ask("SELECT TOP 1 ra FROM gaiadr3.gaia_source", None)
        .await
        .err()
        .unwrap();
    assert!(error.is_transient(), "{error}");
    archive.standin.faults().clear();
    archive
        .standin
        .faults()
        .set_for("data", Fault::PoolEmpty, Times::Next(1));
    let answer = archive
        .open(&datalink_file("XP_SAMPLED", &[SOURCE]), &Resume::default())
        .await;
    assert!(answer.is_ok(), "{:?}", answer.err());
}

#[tokio::test]
async fn products_of_sources_come_in_a_zip_and_sources_that_had_none_are_named() {
    let archive = archive();
    let nobody = "1";
    let file = datalink_file("XP_SAMPLED", &[SOURCE, nobody]);
    let answer = archive.open(&file, &Resume::default()).await.unwrap();
    assert!(answer.bytes.starts_with(b"PK"));
    assert_eq!(answer.remarks, ["1 of 2 sources have no XP_SAMPLED: 1"]);
    assert_eq!(answer.n_rows, Some(1));
    let zip = zip::ZipArchive::new(std::io::Cursor::new(answer.bytes)).unwrap();
    let names: Vec<String> = zip
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    // As the archive names them, blanks and all.
    assert_eq!(names, [format!("XP_SAMPLED-Gaia DR3 {SOURCE}.xml")]);
}
