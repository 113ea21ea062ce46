use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

fn map(title: &str, band: &str, stokes: &str) -> Product {
    let mut product = Product {
        asset: format!("planck:{band}.fits").replace(' ', ""),
        title: Some(title.to_owned()),
        archive: "planck".to_owned(),
        volume: "cmb".to_owned(),
        path: Some(format!("planck/{band}.fits")),
        ..Product::default()
    };
    for (field, value) in [
        ("product_type", "sky map"),
        ("nside", "2048"),
        ("band", band),
        ("stokes", stokes),
        ("release", "PR3"),
    ] {
        product.facets.add(field, value);
    }
    product
}

fn starter(products: Vec<Product>) -> Starter {
    Starter {
        title: "A comparison".to_owned(),
        selection: "sel_3fa9c1".to_owned(),
        made: "2026-11-22T19:50:00Z".parse().unwrap(),
        n_files: products.len() as u64,
        products,
        restage: "gantry restage /v/cmb/planck/report-1.json --volume cmb".to_owned(),
    }
}

fn rendered(starter: &Starter) -> Vec<Value> {
    let citation = Citation {
        text: "A. Author, 2026.".to_owned(),
        acknowledgement: "Thanks.".to_owned(),
        bibtex: "@misc{a, title = {{Planck 2018}}}".to_owned(),
    };
    let notebook: Value = serde_json::from_slice(&starter.render(&citation).unwrap()).unwrap();
    assert_eq!(
        (&notebook["nbformat"], &notebook["nbformat_minor"]),
        (&json!(4), &json!(5))
    );
    notebook["cells"].as_array().unwrap().clone()
}

fn source(cell: &Value) -> String {
    cell["source"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect()
}

/// The prefixes of the ids, each once: which blocks there are, in order.
fn blocks(cells: &[Value]) -> Vec<String> {
    let ids = cells.iter().map(|cell| {
        cell["id"]
            .as_str()
            .unwrap()
            .rsplit_once('-')
            .unwrap()
            .0
            .to_owned()
    });
    let mut blocks: Vec<String> = ids.collect();
    blocks.dedup();
    blocks
}

#[test]
fn two_maps_get_a_block_each_and_are_compared() {
    let cells = rendered(&starter(vec![
        map("A", "100 GHz", "IQU"),
        map("B", "545 GHz", "I"),
    ]));
    assert_eq!(
        blocks(&cells),
        ["header", "healpix-0", "healpix-1", "compare-0-1", "footer"]
    );
    let ids: BTreeSet<&str> = cells
        .iter()
        .map(|cell| cell["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), cells.len());
    let all: String = cells.iter().map(source).collect();
    assert!(
        all.contains("100 GHz and 545 GHz") && all.contains("pair = [products[0], products[1]]")
    );
    assert!(
        all.contains("title = {{Planck 2018}}")
            && all.contains("gantry restage /v/cmb/planck/report-1.json --volume cmb")
    );
}

#[test]
fn of_many_products_three_maps_and_six_blocks_are_opened_and_the_first_equal_two_are_compared() {
    let mut products = vec![
        map("A", "100 GHz", "I"),
        map("B", "143 GHz", "IQU"),
        map("C", "217 GHz", "IQU"),
        map("D", "353 GHz", "IQU"),
    ];
    products.extend((0..9).map(|_| Product {
        path: Some("planck/x.txt".to_owned()),
        ..Product::default()
    }));
    let cells = rendered(&starter(products));
    assert_eq!(
        blocks(&cells),
        [
            "header",
            "healpix-0",
            "healpix-1",
            "healpix-2",
            "compare-1-2",
            "other-4",
            "other-5",
            "footer"
        ]
    );
    let all: String = cells.iter().map(source).collect();
    assert!(
        all.contains(
            "143 GHz and 217 GHz, the first two of 4 maps with the same Stokes parameters"
        )
    );
}

#[test]
fn what_could_not_be_staged_is_listed_with_its_reason_and_opened_by_no_block() {
    let missing = Product {
        path: None,
        reason: Some("not-at-archive".to_owned()),
        ..map("A", "100 GHz", "I")
    };
    let cells = rendered(&starter(vec![missing, map("B", "143 GHz", "I")]));
    assert_eq!(blocks(&cells), ["header", "healpix-1", "footer"]);
    assert!(source(&cells[2]).contains(r#""reason": "not-at-archive""#));
}

#[test]
fn a_hostile_title_is_shown_and_never_run() {
    let title = "\"\"\"'''\n{{products}} {{index}}\n# %%\nraise SystemExit('run')\n\\\" <script>alert(1)</script> \u{2028}\u{202E} ``` $x$";
    let mut hostile = map(title, "100 GHz", "I");
    hostile.path = Some("planck/a\"; raise SystemExit('run') #.fits".to_owned());
    hostile.warnings = vec!["]\n}]\nraise SystemExit('run')".to_owned()];
    let starter = Starter {
        title: title.to_owned(),
        ..starter(vec![hostile])
    };
    let cells = rendered(&starter);
    assert_eq!(blocks(&cells), ["header", "healpix-0", "footer"]);
    let first = source(&cells[0]);
    assert!(first.lines().next().unwrap().contains("{{products}}") && !first.contains("\nraise"));

    // Python itself is asked what it reads: the very title, and no statement more.
    let products = source(&cells[2]);
    let check = "import ast, json, sys\n\
        tree = ast.parse(sys.stdin.read())\n\
        value = next(node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == 'products')\n\
        assert not any(isinstance(node, ast.Raise) for node in ast.walk(tree))\n\
        print(json.dumps(ast.literal_eval(value)[0]['title']), end='')";
    let mut python = Command::new("python3")
        .args(["-c", check])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(products.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        serde_json::from_slice::<String>(&output.stdout).unwrap(),
        title
    );
}

#[test]
fn a_long_list_says_that_it_is_cut() {
    let starter = Starter {
        n_files: 7_000,
        ..starter(vec![map("A", "100 GHz", "I")])
    };
    let cells = rendered(&starter);
    assert!(cells.iter().any(|cell| source(cell)
        == "These are the first 1 of 7000 files; the staging job's report lists all."));
}

/// A staged file of GNSS, known by its name alone.
fn gnss(name: &str) -> Product {
    Product {
        asset: format!("gssc:{name}"),
        archive: "gssc".to_owned(),
        volume: "gnss".to_owned(),
        path: Some(format!("gssc/{name}")),
        ..Product::default()
    }
}

#[test]
fn the_days_of_a_station_are_one_section_with_the_orbits_staged_with_them() {
    let cells = rendered(&starter(vec![
        gnss("BRUX00BEL_R_20230010000_01D_30S_MO.crx.gz"),
        gnss("BRUX00BEL_R_20230020000_01D_30S_MO.crx.gz"),
        gnss("BRDC00IGS_R_20230010000_01D_MN.rnx.gz"),
        gnss("ESA0OPSFIN_20230010000_01D_05M_ORB.SP3.gz"),
        gnss("ESA0OPSFIN_20230010000_01D_30S_CLK.CLK.gz"),
        gnss("ONSA00SWE_R_20230010000_01D_30S_MO.crx.gz"),
    ]));
    assert_eq!(
        blocks(&cells),
        [
            "header",
            "rinex-obs-0",
            "orbits-clocks-3",
            "rinex-obs-5",
            "footer"
        ]
    );
    let all: String = cells.iter().map(source).collect();
    assert!(all.contains("BRUX00BEL, observations in 2 files"));
    assert!(all.contains("observation_indices = [0, 1]\norbit_indices = [2, 3]"));
    assert!(all.contains("observation_indices = [5]\norbit_indices = [2, 3]"));
    assert!(all.contains("for index in [3, 4]:"));
}

#[test]
fn clocks_alone_have_no_cells_of_orbits_and_one_orbit_is_not_compared() {
    let clock = gnss("COD0OPSFIN_20230500000_01D_30S_CLK.CLK.gz");
    let orbit = |day| gnss(&format!("COD0OPSFIN_20230{day}0000_01D_05M_ORB.SP3.gz"));
    let text = |products| -> String { rendered(&starter(products)).iter().map(source).collect() };
    let clocks = text(vec![clock.clone()]);
    assert!(!clocks.contains("### Ground tracks") && clocks.contains("### Clocks"));
    let both = text(vec![clock.clone(), orbit(50)]);
    assert!(both.contains("### Ground tracks") && !both.contains("### From one day"));
    let orbits = text(vec![orbit(50), orbit(51)]);
    assert!(orbits.contains("### From one day to the next"));
    assert!(orbits.contains("## Orbits in 2 files"));
    assert!(text(vec![clock.clone(), clock]).contains("## Clocks in 2 files"));
}

#[test]
fn forty_days_of_maps_of_the_ionosphere_are_one_section() {
    let day = |day| gnss(&format!("ESA0OPSFIN_2023{day:03}0000_01D_02H_GIM.INX.gz"));
    let cells = rendered(&starter((1..=40).map(day).collect()));
    assert_eq!(blocks(&cells), ["header", "ionex-0", "footer"]);
    let all: String = cells.iter().map(source).collect();
    assert!(all.contains("Maps of the ionosphere in 40 files") && all.contains("### All days"));
}

#[test]
fn only_the_kinds_of_spectra_that_were_asked_for_have_cells() {
    let staged = |name: &str| Product {
        sources: vec!["4583627001381815936".to_owned()],
        ..gaia(name, "spectra")
    };
    let all: String = rendered(&starter(vec![staged("XP_SAMPLED-0123456789ab.zip")]))
        .iter()
        .map(source)
        .collect();
    assert!(all.contains(r#""sources": ["4583627001381815936"]"#));
    assert!(all.contains("### Sampled spectra") && !all.contains("### Light curves"));
    assert!(!all.contains("### Radial velocity"));
}

/// A file of the Gaia archive.
fn gaia(name: &str, product_type: &str) -> Product {
    let mut product = Product {
        asset: format!("gaia:{name}"),
        archive: "gaia".to_owned(),
        volume: "stars".to_owned(),
        path: Some(format!("gaia/{name}")),
        ..Product::default()
    };
    product.facets.add("product_type", product_type);
    product
}

#[test]
fn the_chapter_of_a_query_is_called_after_the_archive() {
    let answer = Product {
        title: Some("Gaia archive (stand-in): SELECT TOP 5 ra FROM gaiadr3.gaia_source".to_owned()),
        ..gaia("query-0123456789ab.vot", "query result")
    };
    let cells = rendered(&starter(vec![answer]));
    assert!(source(&cells[3]).starts_with("## Query of the Gaia archive\n"));
}

#[test]
fn a_table_without_a_query_gets_its_columns_and_a_bounded_query() {
    let column = |name: &str| gantry_asset::Column {
        name: name.to_owned(),
        ..gantry_asset::Column::default()
    };
    let table = Product {
        path: None,
        reason: Some("needs-a-query".to_owned()),
        table: Some(crate::notebook::product::Table {
            name: "gaiadr3.gaia_source".to_owned(),
            about: "1811709771 rows, 3 columns. <b>".to_owned(),
            columns: ["source_id", "ra", "dec"].map(column).to_vec(),
        }),
        ..gaia("gaiadr3.gaia_source.vot", "source table")
    };
    let cells = rendered(&starter(vec![table]));
    assert_eq!(blocks(&cells), ["header", "query-0", "footer"]);
    let all: String = cells.iter().map(source).collect();
    assert!(
        all.contains(r#"adql = "SELECT TOP 1000 source_id, ra, dec FROM gaiadr3.gaia_source""#)
    );
    assert!(
        all.contains(r"1811709771 rows, 3 columns. \<b\>") && all.contains(r#"["ra", "", "", ""]"#)
    );
    let hidden = |cell: &&Value| cell["metadata"]["jupyter"]["source_hidden"] == true;
    assert_eq!(cells.iter().filter(hidden).count(), 1);
}

#[test]
fn navigation_without_observations_is_shown_as_text() {
    let cells = rendered(&starter(vec![gnss("brdc0010.23n.gz")]));
    assert_eq!(blocks(&cells), ["header", "other-0", "footer"]);
}
