//! `gantry lab-run` on its own, for the tests of this crate, where the binary `gantry` is not at hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Err(error) = gantry_labs::lab_run(std::env::args_os().skip(1));
    eprintln!("{error}");
    ExitCode::FAILURE
}
