//! Starts the stand-in for the Gaia archive, prints its address, and runs until it is ended.
//!
//! `cargo run -p gantry-standin --example gaia [port] [folder of real files]`

use std::io::Write;

use gantry_standin::{GaiaConfig, GaiaStandin};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut config = GaiaConfig::default();
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
