//! The program `tautline-server`: topics for anyone who may connect, and static files beside them.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run()
}
