//! The `weighbridge` binary: reads the world once and hands it to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    weighbridge::app::main(&weighbridge::env::Env::from_os())
}
