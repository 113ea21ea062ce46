//! Starts the stand-in for the Gaia archive, prints its address, and runs until it is ended.
//!
//! `cargo run -p gantry-standin --example gaia [--standard-jobs] [port] [folder of real files]`

use std::io::Write;

use gantry_standin::{GaiaConfig, GaiaStandin};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let is_option = |argument: &String| argument == "--standard-jobs";
    let mut config = GaiaConfig {
        standard_jobs: std::env::args().any(|argument| is_option(&argument)),
        ..GaiaConfig::default()
    };
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| !is_option(argument));
    if let Some(port) = arguments.next() {
        config.listen.set_port(port.parse()?);
    }
    config.real_data = arguments.next().map(Into::into);
    let running = GaiaStandin::start(config)?;
    writeln!(std::io::stdout(), "{}", running.url())?;
    loop {
        std::thread::park();
    }
}
