//! What a user downloads, held to a budget: the wasm, and the JavaScript bundled and minified as
//! an application's build does it.

mod comparison;
mod parts;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::package::{self, Package, Wasm};
use crate::tally::Tally;
use crate::tools;
use crate::workspace::{output, program, root, run as run_program, target};

/// What the entry point `.` may cost, wasm and JavaScript after gzip.
const BUDGET_GZIP: u64 = 19_300;

/// What the README compares the package with, measured in the same way.
const PEERS: [&str; 2] = ["partysocket.js", "socket.io.js"];

/// The size of one download in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Size {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// `cargo xtask size`
pub(crate) fn run() -> Result<ExitCode> {
    let tally = check(&package::build()?)?;
    Ok(tally.exit_code())
}

/// Prints the sizes and tells whether they are within the budget.
pub(crate) fn check(package: &Package) -> Result<Tally> {
    tools::npm_packages("xtask")?;
    let folder = target()?.join("size");
    package::replace_folder(&folder)?;
    let bundled = |entry| bundle(&package.folder.join(entry), entry);
    let entries = [
        bundled("index.js")?,
        bundled("inline.js")?,
        bundled("websocket.js")?,
        bundled("durable.js")?,
    ];
    let peers = PEERS.map(|name| bundle(&root().join("xtask/peers").join(name), name));
    let [javascript, inline, websocket, durable] = measure(&entries)?;
    let [wasm, durable_wasm] = measure(&[Wasm::Plain, Wasm::Durable].map(|it| package.wasm(it)))?;
    let sum = wasm.plus(javascript);

    println!("{:<12}{:<12}{:>10}{:>10}{:>10}", "entry", "part", "raw", "gzip -9", "brotli 11");
    print_row(".", "wasm", wasm);
    print_row("", "JavaScript", javascript);
    print_row("", "sum", sum);
    print_row("./inline", "JavaScript", inline);
    print_row("./websocket", "JavaScript", websocket);
    print_row("(durable)", "JavaScript", durable);
    print_row("", "its wasm", durable_wasm);
    let mut compared = Vec::new();
    for (name, peer) in PEERS.iter().zip(peers) {
        let [peer] = measure(&[peer?])?;
        print_row(name.trim_end_matches(".js"), "JavaScript", peer);
        compared.push(peer.gzip);
    }
    compared.push(sum.gzip);

    let named = folder.join("named.wasm");
    package.write_named_wasm(&named)?;
    println!("\nThe wasm's parts, raw; what a function calls once is mostly inside of it:");
    for (part, bytes) in parts::list(&fs::read(&named)?)? {
        println!("{part:<40}{bytes:>10}");
    }

    let within = sum.gzip <= BUDGET_GZIP;
    let verdict = if within { "within" } else { "OVER" };
    println!("\".\" costs {} bytes gzip: {verdict} the budget of {BUDGET_GZIP}", sum.gzip);
    let mut tally = Tally::of_one(within);
    tally.add(comparison::check(&package.folder, &compared)?);
    Ok(tally)
}

/// One minified file with everything that the entry point imports; beside it stay the wasm, and
/// what is only imported when a line asks for it.
fn bundle(entry: &Path, name: &str) -> Result<PathBuf> {
    let folder = target()?.join("size").join(name.trim_end_matches(".js"));
    let mut command = program("node");
    command
        .arg(root().join("xtask/node_modules/esbuild/bin/esbuild"))
        .arg(entry)
        .args(["--bundle", "--minify", "--format=esm", "--target=es2022"])
        .args(["--external:node:*", "--legal-comments=none", "--log-level=warning"])
        .args(["--splitting", &format!("--outdir={}", folder.display())]);
    run_program(&mut command)?;
    for file in fs::read_dir(&folder)? {
        let file = file?.file_name();
        if file.to_string_lossy().starts_with("chunk-") {
            bail!("what {name} loads when asked shares code with it, which is not measured");
        }
    }
    Ok(folder.join(name))
}

fn measure<const N: usize>(files: &[PathBuf; N]) -> Result<[Size; N]> {
    for file in files {
        if fs::metadata(file).with_context(|| file.display().to_string())?.len() == 0 {
            bail!("{} is empty, so its size says nothing", file.display());
        }
    }
    let text = output(program("node").arg(root().join("xtask/measure.mjs")).args(files))?;
    let sizes: Option<Vec<Size>> = text.lines().map(Size::parse).collect();
    let sizes = sizes.and_then(|sizes| sizes.try_into().ok());
    sizes.with_context(|| format!("xtask/measure.mjs printed something else than sizes: {text}"))
}

fn print_row(entry: &str, part: &str, size: Size) {
    println!("{entry:<12}{part:<12}{:>10}{:>10}{:>10}", size.raw, size.gzip, size.brotli);
}

impl Size {
    fn parse(line: &str) -> Option<Self> {
        let numbers: Vec<u64> = line.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [raw, gzip, brotli] = numbers[..] else { return None };
        Some(Self { raw, gzip, brotli })
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            raw: self.raw + other.raw,
            gzip: self.gzip + other.gzip,
            brotli: self.brotli + other.brotli,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_measures_is_three_numbers() {
        assert_eq!(Size::parse("3 2 1"), Some(Size { raw: 3, gzip: 2, brotli: 1 }));
        assert_eq!(Size::parse("3 2"), None);
        assert_eq!(Size::parse("3 2 x"), None);
    }
}
