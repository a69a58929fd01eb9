//! The project's automation: `cargo xtask <command>` is all there is to run.

mod bench;
mod border;
mod browsers;
mod builds;
mod check;
mod demo;
mod docs;
mod fuzz;
mod locals;
mod node_tests;
mod package;
mod proxy;
mod rules;
mod screen;
mod size;
mod slim;
mod tally;
mod test;
mod tidy;
mod tools;
mod wasm_tests;
mod workspace;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, tests and shows Tautline. Each command checks the tools it needs and installs those
/// it can.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything, start the server and print the address of the demo page
    Demo {
        /// Port of the demo page; default 4500, or a free one if that is taken
        #[arg(long)]
        port: Option<u16>,
    },
    /// Run every test, or those of the rings named
    Test(test::Options),
    /// Run format, lint and documentation checks, and the repository's own rules
    Check,
    /// Build the npm package: target/npm and a tarball beside it
    Package,
    /// Build the package and hold its download size to the budget
    Size,
    /// Make the pages of the package and the crates: target/docs
    Docs,
    /// Measure throughput and round trip in Chromium, or what is named
    Bench {
        #[arg(value_enum, default_value = "line")]
        subject: bench::Subject,
    },
    /// Run the fuzzer: `cargo xtask fuzz client --seconds 3600`
    Fuzz(fuzz::Options),
    /// Pass TCP connections on to a server, with faults on purpose; tests start this
    #[command(hide = true)]
    Proxy {
        /// Where to listen; port 0 takes a free one, printed on standard output
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// The server's address
        #[arg(long)]
        upstream: SocketAddr,
    },
    /// Run one wasm test binary in a browser without a screen; cargo calls this
    #[command(hide = true)]
    WasmRunner {
        /// What cargo passes on: the wasm file, then the options of the test harness
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo { port } => demo::run(port),
        Command::Test(options) => test::run(&options),
        Command::Check => check::run(),
        Command::Package => package::run(),
        Command::Size => size::run(),
        Command::Docs => docs::run(),
        Command::Bench { subject } => bench::run(subject),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Proxy { listen, upstream } => demo::run_proxy(listen, upstream),
        Command::WasmRunner { arguments } => wasm_tests::run_one(arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
