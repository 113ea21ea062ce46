//! Documents of services in `$GANTRY_REAL_DATA`, and small ones of the standards.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::path::PathBuf;

use gantry_formats::uws::{Phase, read_job, read_jobs};
use gantry_formats::vodataservice::read_tables;
use gantry_formats::vosi::{read_availability, read_capabilities};
use gantry_formats::{DocumentError, XmlLimits};
use proptest::prelude::*;

fn real(name: &str) -> Option<File> {
    match std::env::var_os("GANTRY_REAL_DATA") {
        Some(root) => Some(File::open(PathBuf::from(root).join(name)).unwrap()),
        None => {
            eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
            None
        }
    }
}

fn limits() -> XmlLimits {
    XmlLimits::default()
}

#[test]
fn the_tables_of_the_gaia_archive_are_read() {
    let Some(file) = real("gaia/test_tables_gaia.xml") else {
        return;
    };
    let schemas = read_tables(file, limits()).unwrap();
    assert_eq!(schemas.len(), 1);
    let schema = &schemas[0];
    assert_eq!(
        (schema.name.as_str(), schema.public),
        ("external", Some(true))
    );
    assert_eq!(schema.tables.len(), 3);
    let n_columns: usize = schema.tables.iter().map(|table| table.columns.len()).sum();
    assert_eq!(n_columns, 181);
    let table = &schema.tables[0];
    assert_eq!(table.name, "external.apassdr9");
    assert_eq!(table.n_rows, Some(61_176_401));
    assert_eq!(table.n_bytes, Some(22_474_547_200));
    assert_eq!(table.flags, Some(1));
    assert_eq!(
        table.hierarchy.as_deref(),
        Some("Other/External catalogues")
    );
    assert!(table.description.as_ref().unwrap().starts_with("The AAVSO"));
    let column = &table.columns[1];
    assert_eq!(column.name, "raj2000");
    assert_eq!(column.unit.as_deref(), Some("deg"));
    assert_eq!(column.ucd.as_deref(), Some("pos.eq.ra;meta.main"));
    assert_eq!(column.flags, ["indexed", "primary"]);
    let datatype = column.datatype.as_ref().unwrap();
    assert_eq!(datatype.system.as_deref(), Some("VOTableType"));
    assert_eq!(datatype.name, "double");
}

#[test]
fn a_table_set_of_the_older_types_is_read() {
    let Some(file) = real("gaia/test_tables.xml") else {
        return;
    };
    let schemas = read_tables(file, limits()).unwrap();
    let tables = &schemas[0].tables;
    assert_eq!(tables.len(), 2);
    assert_eq!(
        (tables[0].n_rows, tables[0].columns.len()),
        (Some(2_539_913), 2)
    );
    assert_eq!((tables[1].n_rows, tables[1].columns.len()), (Some(13), 3));
    assert_eq!(tables[0].columns[0].unit, None);
    assert_eq!(
        tables[0].columns[0].datatype.as_ref().unwrap().name,
        "VARCHAR"
    );
}

#[test]
fn a_single_table_and_rows_of_the_newer_standard_are_read() {
    let text = r#"<v:table xmlns:v="urn:v" type="view"><name>a.b</name><title>B</title><utype>u:t</utype>
        <column><name>s</name><dataType arraysize="*" extendedType="timestamp" xsi:type="vs:VOTableType">char</dataType></column>
        <foreignKey><targetTable>c</targetTable><fkColumn><fromColumn>s</fromColumn></fkColumn></foreignKey>
        <nrows>7</nrows></v:table>"#;
    let schemas = read_tables(text.as_bytes(), limits()).unwrap();
    let table = &schemas[0].tables[0];
    assert_eq!((table.name.as_str(), table.n_rows), ("a.b", Some(7)));
    assert_eq!(table.title.as_deref(), Some("B"));
    let datatype = table.columns[0].datatype.as_ref().unwrap();
    assert_eq!(datatype.arraysize.as_deref(), Some("*"));
    assert_eq!(datatype.xtype.as_deref(), Some("timestamp"));
}

#[test]
fn the_jobs_of_the_gaia_archive_are_read() {
    let Some(file) = real("gaia/test_jobs_async.xml") else {
        return;
    };
    let jobs = read_jobs(file, limits()).unwrap();
    let phases: Vec<Phase> = jobs.iter().map(|job| job.phase).collect();
    assert_eq!(phases, [Phase::Completed, Phase::Error]);
    let job = &jobs[0];
    assert_eq!(job.id, "1479386030738O");
    assert_eq!(job.owner.as_deref(), Some("anonymous"));
    assert_eq!((&job.run_id, &job.quote, &job.error), (&None, &None, &None));
    let started = job.started.unwrap();
    assert_eq!(started.to_rfc3339(), "2016-11-17T12:33:50.755+00:00");
    assert_eq!(job.duration, Some(1800));
    assert!(job.destruction.unwrap() > job.ended.unwrap());
}

/// File, id, parameters, results.
const JOBS: &[(&str, &str, usize, usize)] = &[
    (
        "completed_job.xml",
        "a7b53da7-1201-46ee-8718-0bf5b64dd5b8",
        1,
        2,
    ),
    ("job-implicit-v1.0.xml", "1576511540079_32840", 4, 1),
    ("job-with-duplicate-elements.xml", "myjobid", 1, 1),
    ("job-with-nested-jobinfo.xml", "jobid123", 1, 1),
    ("job.xml", "1337", 6, 1),
];

#[test]
fn jobs_of_other_services_are_read() {
    for (name, id, n_parameters, n_results) in JOBS {
        let Some(file) = real(&format!("votable/{name}")) else {
            return;
        };
        let job = read_job(file, limits()).unwrap();
        assert_eq!(job.id, *id, "{name}");
        assert_eq!(job.phase, Phase::Completed, "{name}");
        assert_eq!(job.parameters.len(), *n_parameters, "{name}");
        assert_eq!(job.results.len(), *n_results, "{name}");
        assert!(
            job.results[0].href.as_ref().unwrap().starts_with("http"),
            "{name}"
        );
        assert!(job.started.is_some(), "{name}");
        assert_eq!(job.error, None, "{name}");
    }
    let Some(file) = real("votable/job.xml") else {
        return;
    };
    let job = read_job(file, limits()).unwrap();
    assert_eq!(
        job.parameters[2],
        ("query".to_owned(), "SELECT 'test'".to_owned())
    );
    assert_eq!(job.parameters[1], ("maxrec".to_owned(), String::new()));
    assert_eq!(job.quote.unwrap().to_rfc3339(), "2018-01-01T02:00:00+00:00");
}

#[test]
fn a_failed_job_says_why_and_references_are_jobs() {
    let text = r#"<jobs xmlns:x="urn:x"><jobref id="a" x:href="http://h/a"><phase>HELD</phase></jobref>
        <job><jobId>b</jobId><phase>ERROR</phase><errorSummary type="transient" hasDetail="true"><message>too busy</message>
        </errorSummary><results><result id="r" x:href="http://h/r" size="12" mime-type="text/csv"/></results></job></jobs>"#;
    let jobs = read_jobs(text.as_bytes(), limits()).unwrap();
    assert_eq!((jobs[0].id.as_str(), jobs[0].phase), ("a", Phase::Held));
    assert_eq!(jobs[0].href.as_deref(), Some("http://h/a"));
    let error = jobs[1].error.as_ref().unwrap();
    assert!(error.is_transient && error.has_detail);
    assert_eq!(error.message, "too busy");
    assert_eq!(jobs[1].results[0].n_bytes, Some(12));
}

#[test]
fn documents_that_are_none_are_refused_by_a_sentence() {
    let sentence = |text: &str| read_job(text.as_bytes(), limits()).unwrap_err().to_string();
    assert_eq!(
        sentence("<html/>"),
        "expected a document of a job, found `html`"
    );
    assert_eq!(
        sentence(""),
        "expected a document of a job, found `nothing`"
    );
    assert_eq!(
        sentence("<job><phase>DONE</phase></job>"),
        "`phase` is `DONE`, which it may not be"
    );
    assert_eq!(sentence("<job/>"), "a job without a jobId");
    let cut = read_job(&b"<job><jobId>a</jobId>"[..], limits()).unwrap_err();
    assert!(matches!(cut, DocumentError::Xml(_)), "{cut}");
}

#[test]
fn capabilities_lead_from_standards_to_addresses() {
    let Some(file) = real("votable/capabilities.xml") else {
        return;
    };
    let all = read_capabilities(file, limits()).unwrap();
    assert_eq!(all.len(), 4);
    let tap = all
        .iter()
        .find(|one| one.standard.as_deref() == Some("ivo://ivoa.net/std/TAP"));
    let interface = &tap.unwrap().interfaces[0];
    assert_eq!(interface.urls, ["http://dc.zah.uni-heidelberg.de/tap"]);
    assert_eq!(interface.role.as_deref(), Some("std"));
    // Its upload limit, in bytes, is another element.
    assert_eq!(tap.unwrap().hard_limit_rows, Some(10_000_000));
    assert_eq!(all[2].interfaces[0].security.len(), 1);
    for name in [
        "votable/sia2_capabilities.xml",
        "votable/capabilities-priv.xml",
    ] {
        let all = read_capabilities(real(name).unwrap(), limits()).unwrap();
        assert_eq!(all.len(), 3, "{name}");
    }
}

#[test]
fn availability_is_read_whatever_its_times_are() {
    let Some(file) = real("votable/availability.xml") else {
        return;
    };
    let availability = read_availability(file, limits()).unwrap();
    assert!(availability.available);
    assert_eq!(
        availability.up_since.as_deref(),
        Some("2000-00-00T00:00:00Z")
    );
    assert_eq!(availability.notes, ["foo", "bar"]);
}

proptest! {
    #[test]
    fn no_document_makes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for root in ["job", "jobs", "tableset", "capabilities", "availability"] {
            let mut document = format!("<{root}>").into_bytes();
            document.extend_from_slice(&bytes);
            let _ = read_job(&document[..], limits());
            let _ = read_jobs(&document[..], limits());
            let _ = read_tables(&document[..], limits());
            let _ = read_capabilities(&document[..], limits());
            let _ = read_availability(&document[..], limits());
        }
    }
}
