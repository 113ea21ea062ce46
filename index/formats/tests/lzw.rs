//! Unix compress: real files against what `gzip -dc`, another program, makes of them.

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
