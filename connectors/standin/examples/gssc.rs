//! Runs the stand-in for the GNSS Science Support Centre until its input ends.
//!
//! `cargo run -p gantry-standin --example gssc -- [CACHE_DIR [REAL_DATA [CHAIN KEY]]]` prints three
//! addresses. An empty `REAL_DATA` is none; `CHAIN` and `KEY` are PEM files for explicit FTPS.
#![expect(clippy::print_stdout, reason = "printing addresses is its purpose")]

use std::error::Error;
use std::io::Read;

use gantry_standin::{GsscConfig, GsscStandin};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let cache_dir = match arguments.next() {
        Some(folder) => folder.into(),
        None => std::env::temp_dir().join("gantry-standin"),
    };
    let mut config = GsscConfig::new(cache_dir);
    let real_data = arguments.next().filter(|folder| !folder.is_empty());
    config.real_data = real_data.map(Into::into);
    let files = arguments.next().zip(arguments.next());
    config.ftps = files.map(|(chain, key)| (chain.into(), key.into()));
    let running = GsscStandin::start(config)?;
    println!("{}", running.ftp_url());
    println!("{}", running.sftp_url());
    println!("{}", running.http_url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
