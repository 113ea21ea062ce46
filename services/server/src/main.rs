//! `gantry`: the bridge between science archives and labs.

use std::process::ExitCode;

/// Searches and harvests come in bursts over many threads; this allocator gives back what they leave.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    gantry_server::cli::main()
}
