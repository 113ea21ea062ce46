//! Hatanaka's compact RINEX on the standard input, RINEX on the standard output.

use std::io::{self, BufWriter};
use std::process::ExitCode;

use gantry_formats::hatanaka::{Limits, decode};

fn main() -> ExitCode {
    match decode(
        io::stdin().lock(),
        BufWriter::new(io::stdout().lock()),
        Limits::default(),
    ) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence for whoever runs the example.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{error}\n"));
            ExitCode::FAILURE
        }
    }
}
