//! Unix compress: real files against what `gzip -dc`, another program, makes of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use gantry_formats::lzw::uncompress;
use proptest::prelude::*;

#[test]
fn real_z_files_unpack_to_what_gzip_makes_of_them() {
    let Some(root) = std::env::var_os("GANTRY_REAL_DATA") else {
        eprintln!("NOT RUN: GANTRY_REAL_DATA is not set");
        return;
    };
    for file in [
        "gssc/sample.rnx.Z",
        "gssc/sample.crx.Z",
        "gssc/ac660270.18o.Z",
        "fits/lzw.fits.Z",
        "fits/testfile.fits.Z",
    ] {
        let path = PathBuf::from(&root).join(file);
        let packed = std::fs::read(&path).unwrap();
        let mut ours = Vec::new();
        uncompress(&packed[..], 1 << 24)
            .unwrap()
            .read_to_end(&mut ours)
            .unwrap();
        let witness = Command::new("gzip").arg("-dc").arg(&path).output().unwrap();
        assert!(witness.status.success(), "{file}");
        assert!(ours == witness.stdout, "{file} differs");
        let error = uncompress(&packed[..], 100)
            .unwrap()
            .read_to_end(&mut Vec::new())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "unpacks to more than 100 bytes",
            "{file}"
        );
    }
}

/// Packs with ncompress, another program; nothing where it is not installed.
fn compress(bytes: &[u8], bits: &str) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bytes");
    std::fs::write(&path, bytes).unwrap();
    let output = Command::new("compress")
        .args(["-c", "-f", "-b", bits])
        .arg(&path)
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout)
}

#[test]
fn a_full_table_and_cleared_tables_unpack_as_they_were_packed() {
    let mut state = 7_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    // Letters that repeat fill the table; noise after them makes the ratio fall, so the table is cleared.
    let mut bytes: Vec<u8> = (0..600_000).map(|_| random() % 4).collect();
    bytes.extend((0..600_000).map(|_| random()));
    bytes.extend((0..600_000).map(|i| (i / 7 % 50) as u8));
    for bits in ["16", "12", "10"] {
        let Some(packed) = compress(&bytes, bits) else {
            eprintln!("NOT RUN: compress is not installed");
            return;
        };
        let mut ours = Vec::new();
        uncompress(&packed[..], 1 << 24)
            .unwrap()
            .read_to_end(&mut ours)
            .unwrap();
        assert!(ours == bytes, "{bits} bits: {} bytes", ours.len());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(flags in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let mut packed = vec![0x1f, 0x9d, flags];
        packed.extend(body);
        if let Ok(mut unpacked) = uncompress(&packed[..], 1 << 20) {
            let _ = unpacked.read_to_end(&mut Vec::new());
        }
    }
}
