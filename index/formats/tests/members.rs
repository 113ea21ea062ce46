//! Archives: real ones against the sizes another tool listed, and made ones that must be refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Cursor, Write};

use gantry_formats::members::{
    Limits, MembersError, is_tar, tar_member, tar_members, zip_member, zip_members,
};
use zip::write::SimpleFileOptions;

fn zip_of(name: &str, bytes: &[u8]) -> Cursor<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file(name, SimpleFileOptions::default())
        .unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A tar of one member; the name is written past the checks of the library.
fn tar_of(name: &str, kind: tar::EntryType) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(0);
    header.set_entry_type(kind);
    header.set_cksum();
    let mut writer = tar::Builder::new(Vec::new());
    writer.append(&header, &b""[..]).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn names_that_climb_and_links_are_refused() {
    for name in ["../x", "/etc/x", "a/../../x", "C:\\x"] {
        let error = zip_members(zip_of(name, b"x"), Limits::default()).unwrap_err();
        assert!(matches!(error, MembersError::Name(_)), "{name}: {error}");
        let archive = tar_of(name, tar::EntryType::Regular);
        assert!(is_tar(&archive));
        let error = tar_members(&archive[..], Limits::default()).unwrap_err();
        assert!(matches!(error, MembersError::Name(_)), "{name}: {error}");
    }
    let archive = tar_of("link", tar::EntryType::Symlink);
    let error = tar_members(&archive[..], Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the member `link` is neither a file nor a folder"
    );
}

#[test]
fn a_bomb_stops_at_the_limits() {
    let limits = Limits {
        max_member_bytes: 1000,
        max_total_bytes: 1 << 19,
        ..Limits::default()
    };
    let error = zip_members(zip_of("zeros", &vec![0; 1 << 20]), limits).unwrap_err();
    assert!(matches!(error, MembersError::TooLarge { .. }), "{error}");
    let error = zip_member(zip_of("zeros", &[0; 5000]), "zeros", limits).unwrap_err();
    assert!(matches!(error, MembersError::TooLarge { .. }), "{error}");
    let none = Limits {
        max_members: 0,
        ..limits
    };
    let error = zip_members(zip_of("one", b""), none).unwrap_err();
    assert_eq!(error.to_string(), "more than 0 members");
}

#[test]
fn real_archives_list_what_another_tool_listed() {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    let read = |file: &str| std::fs::read(std::path::Path::new(&root).join(file)).unwrap();
    let tars: [(&str, &[(&str, u64)]); 4] = [
        ("gaia/job_2.vot.gz", &[("job_2.vot", 1019)]),
        (
            "fits/single_product_retrieval.tar",
            &[("single_product_retrieval_1.fits", 8640)],
        ),
        (
            "fits/tar_gz_file.tar.gz",
            &[("._test.fits", 163), ("test.fits", 23040)],
        ),
        (
            "fits/tar_file.tar",
            &[
                (
                    "SMC_X-1_ISGRI_0745_06340000001_spectrum_rmf.fits",
                    2_606_400,
                ),
                ("SMC_X-1_ISGRI_0745_06340000001_spectrum_arf.fits", 40_320),
                ("SMC_X-1_ISGRI_0745_06340000001_spectrum_spe.fits", 17_280),
            ],
        ),
    ];
    for (file, expected) in tars {
        let bytes = read(file);
        let members = tar_members(&bytes[..], Limits::default()).unwrap();
        let found: Vec<_> = members
            .iter()
            .map(|member| (member.name.as_str(), member.size_bytes))
            .collect();
        assert_eq!(found, expected, "{file}");
        for (name, size) in expected {
            let whole = tar_member(&bytes[..], name, Limits::default()).unwrap();
            assert_eq!(whole.len() as u64, *size, "{file} {name}");
        }
    }
    let bytes = Cursor::new(read(
        "gaia/gaia_dr3_source_id_5937083312263887616_dl_products_vot.zip",
    ));
    let members = zip_members(bytes.clone(), Limits::default()).unwrap();
    let sizes: Vec<_> = members.iter().map(|member| member.size_bytes).collect();
    assert_eq!(sizes, [9554, 12_617, 23_080]);
    for member in members {
        let whole = zip_member(bytes.clone(), &member.name, Limits::default()).unwrap();
        assert_eq!(whole.len() as u64, member.size_bytes, "{}", member.name);
    }
}
