//! Questions of somebody: with their own login, with a table of theirs.

use gantry_asset::{Location, Query, QueryUpload};
use gantry_connector::{Login, Resume};

use crate::archive::{adql_file, archive, datalink_file};

const TARGETS: &str = r#"<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE name="targets">
<FIELD name="source_id" datatype="long"/><FIELD name="my_name" datatype="char" arraysize="*"/>
<DATA><TABLEDATA>
<TR><TD>4583627001381815936</TD><TD>the one</TD></TR>
<TR><TD>1</TD><TD>nothing</TD></TR>
</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>
"#;

fn as_ada(password: &str) -> Resume {
    Resume {
        login: Some(Login {
            username: "ada".to_owned(),
            password: password.to_owned(),
        }),
        ..Resume::default()
    }
}

#[tokio::test]
async fn somebody_with_a_login_asks_as_themselves_from_the_job_to_its_result() {
    let archive = archive();
    let file = adql_file(
        "SELECT TOP 3 source_id FROM gaiadr3.gaia_source",
        "csv",
        None,
    );
    // The job of a user is theirs alone: without the cookie each of its parts is refused.
    let answer = archive.open(&file, &as_ada("right")).await.unwrap();
    assert_eq!(
        answer.bytes.iter().filter(|byte| **byte == b'\n').count(),
        4
    );
    let file = datalink_file("XP_SAMPLED", &["4583627001381815936"]);
    drop(archive.open(&file, &as_ada("right")).await.unwrap());
    let logins = archive
        .standin
        .requests()
        .into_iter()
        .filter(|request| request.target.ends_with("/login"));
    let logins: Vec<String> = logins.map(|request| request.target).collect();
    assert_eq!(logins, ["/tap-server/login", "/data-server/login"]);
}

#[tokio::test]
async fn a_login_that_is_refused_is_said_and_tried_once_and_never_shown() {
    let archive = archive();
    let file = adql_file(
        "SELECT TOP 3 source_id FROM gaiadr3.gaia_source",
        "csv",
        None,
    );
    let resume = as_ada("s3cret-and-wrong");
    let error = archive.open(&file, &resume).await.err().unwrap();
    assert!(!error.is_transient(), "{error}");
    assert!(
        error
            .to_string()
            .contains("the archive refused the login of `ada`"),
        "{error}"
    );
    assert!(
        !format!("{error:?} {resume:?}").contains("s3cret"),
        "{error:?}"
    );
    assert_eq!(archive.standin.requests().len(), 1);
}

#[tokio::test]
async fn a_table_of_ones_own_is_joined_with_the_archives() {
    let archive = archive();
    let adql = "SELECT t.my_name, g.source_id FROM gaiadr3.gaia_source AS g JOIN tap_upload.mine AS t ON g.source_id = t.source_id";
    let mut file = adql_file(adql, "csv", None);
    let Some(Location::Query(query)) = file.locations.first_mut() else {
        panic!("it is a question");
    };
    let Query::Adql(query) = query.as_mut() else {
        panic!("it is a question in ADQL");
    };
    query.upload = Some(QueryUpload {
        name: "mine".to_owned(),
        volume: "cmb".to_owned(),
        path: "targets.vot".to_owned(),
        sha256: String::new(),
    });
    let resume = Resume {
        upload: Some(TARGETS.into()),
        ..Resume::default()
    };
    let answer = archive.open(&file, &resume).await.unwrap();
    let text = String::from_utf8(answer.bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[1].contains("the one") && lines[1].contains("4583627001381815936"),
        "{text}"
    );
}
