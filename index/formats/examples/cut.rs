//! `cut MAP RA DEC RADIUS CUT_OUT`: writes a cone of a map as a partial map, for independent programs to read.
#![expect(clippy::unwrap_used, reason = "an example that cannot go on fails")]

use std::fs::File;
use std::os::unix::fs::FileExt;

use gantry_formats::fits::cut::{Cone, Cut};
use gantry_formats::fits::{Limits, scan_file};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [map, ra, dec, radius, to] = &arguments[..] else {
        panic!("cut MAP RA DEC RADIUS CUT_OUT");
    };
    let file = File::open(map).unwrap();
    let hdus = scan_file(&file, Limits::default()).unwrap();
    let [ra, dec, radius] = [ra, dec, radius].map(|n| n.parse().unwrap());
    let cut = Cut::plan(&hdus, Cone { ra, dec, radius }, "from a map").unwrap();
    let mut writer = cut.start(File::create(to).unwrap()).unwrap();
    for range in cut.byte_ranges() {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start).unwrap();
        writer.take(&bytes).unwrap();
    }
    writer.finish().unwrap();
}
