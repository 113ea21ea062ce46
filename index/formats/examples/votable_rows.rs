//! A VOTable on the standard input, the number of its rows and of its cells that are not null on the standard output.

use std::io::{self, BufReader, Write};
use std::process::ExitCode;

use gantry_formats::votable::{Limits, Reader, Value, VotableError};

fn main() -> ExitCode {
    let counted = count();
    let (said, code) = match &counted {
        Ok((n_rows, n_cells)) => (format!("{n_rows} {n_cells}\n"), ExitCode::SUCCESS),
        Err(error) => (format!("{error}\n"), ExitCode::FAILURE),
    };
    match io::stdout().write_all(said.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

fn count() -> Result<(u64, u64), VotableError> {
    let mut reader = Reader::new(BufReader::new(io::stdin().lock()), Limits::default())?;
    let (mut n_rows, mut n_cells, mut row) = (0, 0, Vec::new());
    while reader.next_table()?.is_some() {
        while reader.next_row(&mut row)? {
            n_rows += 1;
            let known = row.iter().filter(|value| !matches!(value, Value::Null));
            n_cells += known.count() as u64;
        }
    }
    Ok((n_rows, n_cells))
}
