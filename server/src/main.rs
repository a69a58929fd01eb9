//! The program `tautline-server`: topics for anyone who may connect, and static files beside them.

mod program;

use std::process::ExitCode;

/// Gives memory back to the system some seconds after it was freed. The C library keeps most of what thousands
/// of lines have used once.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    program::run()
}
