//! The Gaia stand-in answers queries, jobs, DataLink and listings as the archive does.

mod gaia_common;

use gaia_common::{encoded, get, request, standin, sync};

const COOL: &str = "4583627001381815936";

#[test]
fn a_query_is_answered_in_csv_with_the_numbers_of_the_archive() {
    let running = standin();
    let query = format!(
        "SELECT source_id, ref_epoch, phot_g_mean_mag FROM gaiadr3.gaia_source WHERE source_id = {COOL}"
    );
    let text = sync(&running, &query, "csv").text();
    assert_eq!(
        text,
        "source_id,ref_epoch,phot_g_mean_mag\n4583627001381815936,2016.0,7.012019\n"
    );
}

#[test]
fn neighbouring_numbers_beyond_the_precision_of_a_double_are_told_apart() {
    let running = standin();
    let query = "SELECT source_id FROM gaiadr3.gaia_source WHERE source_id IN (5937083312263887616, 5937083312263888000) ORDER BY source_id";
    assert_eq!(
        sync(&running, query, "csv").text(),
        "source_id\n5937083312263887616\n5937083312263888000\n"
    );
}

#[test]
fn one_cone_is_written_in_many_ways() {
    let running = standin();
    let count = |condition: &str| {
        let query = format!(
            "select count(*) as n -- a comment\nfrom gaiadr3.gaia_source as g /* another */ where {condition}"
        );
        sync(&running, &query, "csv")
            .text()
            .lines()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let n = count("CONTAINS(POINT('ICRS', g.ra, g.dec), CIRCLE('ICRS', 56.75, 24.12, 1)) = 1");
    assert!(n > 50, "{n}");
    for condition in [
        "1 = CONTAINS(POINT(ra, dec), CIRCLE(56.75, 24.12, 1.0))",
        "1=contains(point('ICRS',g.ra,\"dec\"),circle('',56.75,24.12,1e0))",
        "CONTAINS(POINT(ra, dec), CIRCLE(POINT('ICRS', 56.75, 24.12), 1)) = 1",
        "DISTANCE(POINT(ra, dec), POINT(56.75, 24.12)) <= 1",
        "DISTANCE(ra, dec, 56.75, 24.12) < 1",
    ] {
        assert_eq!(count(condition), n, "{condition}");
    }
}

#[test]
fn groups_aggregates_and_order_go_together() {
    let running = standin();
    let query = "SELECT FLOOR(phot_g_mean_mag) AS bin, COUNT(*) AS n, AVG(parallax) AS mean FROM gaiadr3.gaia_source \
                 WHERE phot_g_mean_mag BETWEEN 8 AND 12 GROUP BY bin HAVING COUNT(*) > 1 ORDER BY n DESC";
    let text = sync(&running, query, "csv").text();
    let counts: Vec<i64> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(
        counts.len() >= 3 && counts.is_sorted_by(|a, b| a >= b),
        "{text}"
    );
}

#[test]
fn two_tables_are_joined_by_their_sources() {
    let running = standin();
    let query = format!(
        "SELECT g.source_id, d.r_med_geo FROM gaiadr3.gaia_source AS g \
                         JOIN external.gaiaedr3_distance AS d USING (source_id) WHERE g.source_id = {COOL}"
    );
    let text = sync(&running, &query, "csv").text();
    assert!(text.contains("4583627001381815936,434.1"), "{text}");
    let on = query.replace("USING (source_id)", "ON g.source_id = d.source_id");
    assert_eq!(sync(&running, &on, "csv").text(), text);
}

#[test]
fn what_is_not_understood_is_named_with_its_place() {
    let running = standin();
    for (query, expected) in [
        ("SELECT ra FROM gaiadr3.gaia_source LIMIT 5", "`LIMIT`"),
        ("SELECT ra,\n wrong FROM gaiadr3.gaia_source", "wrong"),
        (
            "SELECT ra FROM gaiadr3.no_such_table",
            "gaiadr3.no_such_table",
        ),
        ("SELECT FOO(ra) FROM gaiadr3.gaia_source", "`FOO`"),
        ("SELECT ra FROM gaiadr3.gaia_source GROUP BY dec", "`ra`"),
        ("DROP TABLE gaiadr3.gaia_source", "`DROP`"),
        (
            "SELECT 'open FROM gaiadr3.gaia_source",
            "not closed at line 1, column 8",
        ),
    ] {
        let answer = sync(&running, query, "votable");
        let text = answer.text();
        assert_eq!(answer.status, 200);
        assert!(
            text.contains("name=\"QUERY_STATUS\" value=\"ERROR\"") && text.contains(expected),
            "{query}: {text}"
        );
    }
}

#[test]
fn a_query_nested_without_end_is_refused() {
    let running = standin();
    let deep = format!(
        "SELECT {}1{} FROM gaiadr3.gaia_source",
        "(".repeat(900),
        ")".repeat(900)
    );
    assert!(
        sync(&running, &deep, "votable")
            .text()
            .contains("nested deeper")
    );
}

#[test]
fn an_overflow_is_said_behind_the_table_and_only_when_there_was_more() {
    let running = standin();
    let at = |query: &str, max: &str| {
        let target = format!(
            "/tap-server/tap/sync?request=doQuery&lang=ADQL&format=votable_plain&MaxRec={max}&query={}",
            encoded(query)
        );
        get(running.address(), &target).unzipped()
    };
    let overflow = "</TABLE>\n<INFO name=\"QUERY_STATUS\" value=\"OVERFLOW\"/>";
    assert!(at("SELECT source_id FROM gaiadr3.gaia_source", "3").contains(overflow));
    assert!(!at("SELECT TOP 3 source_id FROM gaiadr3.gaia_source", "3").contains(overflow));
    assert!(at("SELECT source_id FROM gaiadr3.gaia_source", "0").contains(overflow));
}

#[test]
fn a_job_goes_from_pending_to_completed_and_is_gone_when_deleted() {
    let running = standin();
    let address = running.address();
    let created = request(address, "POST", "/tap-server/tap/async?REQUEST=doQuery&LANG=ADQL&FORMAT=csv&QUERY=SELECT+COUNT(*)+AS+n+FROM+tap_schema.schemas", &[]).unwrap();
    assert_eq!(created.status, 303);
    let location = created.header("location").unwrap().to_owned();
    let id = location.rsplit('/').next().unwrap().to_owned();
    assert_eq!((id.len(), id.ends_with('O')), (14, true));
    let path = format!("/tap-server/tap/async/{id}");
    assert_eq!(get(address, &format!("{path}/phase")).text(), "PENDING");
    assert_eq!(get(address, &format!("{path}/results/result")).status, 404);
    request(address, "POST", &format!("{path}/phase?PHASE=RUN"), &[]).unwrap();
    let mut job = get(address, &format!("{path}?WAIT=10")).text();
    for _ in 0..10 {
        if job.contains(">COMPLETED<") {
            break;
        }
        job = get(address, &format!("{path}?WAIT=10")).text();
    }
    assert!(
        job.contains("<uws:phase>COMPLETED</uws:phase>") && job.contains("<![CDATA[anonymous]]>"),
        "{job}"
    );
    assert!(!job.contains("version=\"1.1\""), "{job}");
    assert_eq!(
        get(address, &format!("{path}/results/result")).text(),
        "n\n4\n"
    );
    assert!(
        get(address, "/tap-server/tap/async")
            .text()
            .contains(&format!("<uws:jobref id=\"{id}\""))
    );
    assert!(
        get(address, "/tap-server/tap/jobs/async")
            .text()
            .contains("total=\"1\"")
    );
    assert_eq!(request(address, "DELETE", &path, &[]).unwrap().status, 303);
    assert_eq!(get(address, &path).status, 404);
}

#[test]
fn a_job_that_fails_tells_why() {
    let running = standin();
    let address = running.address();
    let created = request(address, "POST", "/tap-server/tap/async?PHASE=RUN&REQUEST=doQuery&LANG=ADQL&QUERY=SELECT+x+FROM+gaiadr3.gaia_source", &[]).unwrap();
    let id = created
        .header("location")
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let mut phase = String::new();
    for _ in 0..20 {
        get(address, &format!("/tap-server/tap/async/{id}?WAIT=1"));
        phase = get(address, &format!("/tap-server/tap/async/{id}/phase")).text();
        if phase == "ERROR" {
            break;
        }
    }
    assert_eq!(phase, "ERROR");
    let error = get(address, &format!("/tap-server/tap/async/{id}/error"));
    assert_eq!(error.status, 200);
    assert!(error.text().contains("unresolved identifiers: x"));
}

#[test]
fn tables_have_the_sizes_and_attributes_of_the_archive() {
    let running = standin();
    let text = get(
        running.address(),
        "/tap-server/tap/tables?tables=gaiadr3.gaia_source",
    )
    .text();
    assert!(
        text.contains("esatapplus:size=\"1811709771\"") && text.contains("esatapplus:hierarchy=")
    );
    assert_eq!(text.matches("<column ").count(), 152);
    let all = get(running.address(), "/tap-server/tap/tables?only_tables=true").text();
    assert!(!all.contains("<column ") && all.contains("<name>external.gaiaedr3_distance</name>"));
}

#[test]
fn links_of_an_unknown_source_are_one_row_with_a_fault() {
    let running = standin();
    let answer = get(
        running.address(),
        "/data-server/datalink/links?ID=Gaia+DR3+4583627001381815936,17",
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/x-votable+xml;content=datalink")
    );
    let text = answer.text();
    assert_eq!(text.matches("NotFoundFault: no source `17`").count(), 1);
    assert!(text.contains("RETRIEVAL_TYPE=XP_SAMPLED"));
}

#[test]
fn a_sampled_spectrum_says_within_its_table_whose_it_is_as_the_archive_does() {
    let running = standin();
    let address = format!(
        "/data-server/data?ID=Gaia+DR3+{COOL}&RETRIEVAL_TYPE=XP_SAMPLED&FORMAT=votable&USE_ZIP_ALWAYS=false"
    );
    let text = get(running.address(), &address).text();
    let (_, table) = text.split_once("<TABLE>").unwrap();
    let parameter = format!("name=\"source_id\" ucd=\"meta.id;meta.main\" value=\"{COOL}\"");
    let (parameters, _) = table.split_once("<FIELD").unwrap();
    assert!(parameters.contains(&parameter), "{parameters}");
    assert!(!text[..text.find("<TABLE>").unwrap()].contains("<PARAM"));
}

#[test]
fn a_listing_has_pages_and_its_files_their_sums() {
    let running = standin();
    let address = running.address();
    let folders = get(address, "/bulk/?prefix=Gaia/gdr3/&delimiter=/").text();
    assert!(
        folders
            .contains("<CommonPrefixes><Prefix>Gaia/gdr3/gaia_source/</Prefix></CommonPrefixes>"),
        "{folders}"
    );
    let mut marker = String::new();
    let mut keys = Vec::new();
    loop {
        let page = get(
            address,
            &format!("/bulk/?prefix=Gaia/gdr3/gaia_source/&max-keys=7&marker={marker}"),
        )
        .text();
        keys.extend(
            page.split("<Key>")
                .skip(1)
                .map(|part| part.split('<').next().unwrap().to_owned()),
        );
        match page.split("<NextMarker>").nth(1) {
            Some(part) => marker = part.split('<').next().unwrap().to_owned(),
            None => break,
        }
    }
    let ranges: Vec<(u64, u64)> = keys
        .iter()
        .filter_map(|key| {
            let pair = key
                .strip_prefix("Gaia/gdr3/gaia_source/GaiaSource_")?
                .strip_suffix(".csv.gz")?;
            let (first, last) = pair.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        })
        .collect();
    assert_eq!((ranges[0].0, ranges[ranges.len() - 1].1), (0, 786_431));
    assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
    let key = &keys[0];
    let whole = get(address, &format!("/bulk/{key}"));
    let part = request(
        address,
        "GET",
        &format!("/bulk/{key}"),
        &[("Range", "bytes=10-19")],
    )
    .unwrap();
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[10..20]));
}

#[test]
fn real_files_are_listed_under_the_name_of_their_folder() {
    let Some(folder) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    let running = gaia_common::standin_with(|config| config.real_data = Some(folder.into()));
    let listing = get(running.address(), "/bulk/?prefix=gaia/").text();
    // Size by the README of the sample data.
    assert!(
        listing.contains("<Key>gaia/TS_gaia_ESAC.xml</Key>")
            && listing.contains("<Size>87032</Size>"),
        "{listing}"
    );
    assert_eq!(
        get(running.address(), "/bulk/gaia/TS_gaia_ESAC.xml")
            .body
            .len(),
        87_032
    );
}
