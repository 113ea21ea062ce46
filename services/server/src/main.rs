//! `gantry`: the bridge between science archives and labs.

use std::process::ExitCode;

fn main() -> ExitCode {
    gantry_server::cli::main()
}
