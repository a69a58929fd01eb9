//! The npm package: the browser crate compiled and bound, put together with `pkg-template/` in
//! `target/npm`, and packed into the tarball that npm would publish.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wasm_bindgen_cli_support::Bindgen;

use crate::border;
use crate::locals;
use crate::slim;
use crate::tools;
use crate::workspace::{announce, cargo, output, program, root, run as run_program, target};

/// Every package carries the workspace's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const VERSION_PLACEHOLDER: &str = "\"version\": \"0.0.0\"";
/// Files from the repository's top folder that belong into the package.
const SHARED_FILES: [&str; 3] = ["PROTOCOL.md", "LICENSE-MIT", "LICENSE-APACHE"];
/// What rustc's wasm32 target uses; every browser of the last years has it.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// For the smallest size the compiler inlines next to nothing; a little more makes the whole smaller.
const INLINING: &str = "-Cllvm-args=-inline-threshold=20";

/// What follows a join of two ways is seldom worth a copy for one of them.
const JOINS: &str = "-Cllvm-args=-jump-threading-threshold=2";

/// Pointers that run along with a loop's counter make it faster, and take a local each.
const LOOPS: &str = "-Cllvm-args=-disable-lsr";

/// The stack lies in front of all data: with a small one addresses are shorter, and a page's memory
/// begins with 128 KiB instead of more than a megabyte. Nothing in the wasm is recursive.
const STACK: &str = "-Clink-arg=-zstack-size=65536";

/// Flattening and relooping undo what the compiler did to control flow for the sake of speed; the rest
/// was found by trying, on several versions of the wasm. That no data is at the lowest addresses is
/// true of all that rustc links.
const PASSES: [&str; 11] = [
    "--merge-similar-functions",
    "--rse",
    "--flatten",
    "--rereloop",
    "--reorder-functions",
    "--vacuum",
    "-Oz",
    "-Oz",
    "-Oz",
    "-Os",
    "--low-memory-unused",
];

/// One of the package's two wasms. What only durable lines need is not in the other one, so that nobody
/// else loads it.
#[derive(Clone, Copy)]
pub(crate) enum Wasm {
    Plain,
    Durable,
}

impl Wasm {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "tautline",
            Self::Durable => "tautline.durable",
        }
    }

    const fn features(self) -> &'static str {
        match self {
            Self::Plain => "--features=npm",
            Self::Durable => "--features=npm,durable",
        }
    }
}

/// The finished package.
pub(crate) struct Package {
    /// The folder as npm would unpack it.
    pub(crate) folder: PathBuf,
    /// The same, packed.
    pub(crate) tarball: PathBuf,
}

impl Package {
    pub(crate) fn wasm(&self, which: Wasm) -> PathBuf {
        self.folder.join(format!("wasm/{}.wasm", which.name()))
    }

    /// Writes the package's plain wasm once more, with the names of its functions, to `path`.
    pub(crate) fn write_named_wasm(&self, path: &Path) -> Result<()> {
        optimize(&bound_wasm(Wasm::Plain)?, path, &["--debuginfo"])
    }
}

/// `cargo xtask package`
pub(crate) fn run() -> Result<ExitCode> {
    let package = build()?;
    println!("package: {}\ntarball: {}", package.folder.display(), package.tarball.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the package anew.
pub(crate) fn build() -> Result<Package> {
    tools::wasm_target()?;
    tools::npm_packages("xtask")?;
    let folder = target()?.join("npm");
    replace_folder(&folder)?;
    let wasm_folder = folder.join("wasm");
    fs::create_dir(&wasm_folder)?;

    announce("Compiling the browser crate to WebAssembly");
    for which in [Wasm::Plain, Wasm::Durable] {
        let optimized = wasm_folder.join(which.name()).with_added_extension("wasm");
        compile(which)?;
        optimize(&bound_wasm(which)?, &optimized, &["--strip-debug"])?;
        let wasm = locals::renumber(fs::read(&optimized)?)?;
        fs::write(&optimized, &wasm)?;
        let inline = wasm_folder.join(which.name()).with_added_extension("inline.js");
        fs::write(inline, inline_module(&wasm))?;
    }

    copy_folder(&root().join("pkg-template"), &folder)?;
    // The crate has it too, in what it packs.
    copy_file(&root().join("src/page.js"), &folder.join("page.js"))?;
    for name in SHARED_FILES {
        copy_file(&root().join(name), &folder.join(name))?;
    }
    let manifest = write_manifest(&folder)?;
    check_exports(&folder, &manifest["exports"])?;
    let tarball = pack(&folder)?;
    Ok(Package { folder, tarball })
}

/// The wasm before it is optimized, with the names of its functions.
fn bound_wasm(which: Wasm) -> Result<PathBuf> {
    Ok(target()?.join(which.name()).with_added_extension("bound.wasm"))
}

fn compile(which: Wasm) -> Result<()> {
    run_program(&mut cargo(&[
        "rustc",
        "--package=tautline",
        "--lib",
        "--crate-type=cdylib",
        which.features(),
        "--profile=wasm",
        "--target=wasm32-unknown-unknown",
        "--",
        slim::LINKER_OPTION,
        INLINING,
        JOINS,
        LOOPS,
        STACK,
    ])?)?;
    bind(&target()?.join("wasm32-unknown-unknown/wasm/tautline.wasm"), &bound_wasm(which)?)
}

/// Has wasm-bindgen take its descriptions out of the wasm. The JavaScript that it makes is not
/// used: only numbers cross this border, for which the package's own `border.js` does with less.
fn bind(compiled: &Path, bound_path: &Path) -> Result<()> {
    let linked = fs::read(compiled).with_context(|| compiled.display().to_string())?;
    let slim =
        slim::slim(&linked).with_context(|| format!("cannot slim {}", compiled.display()))?;
    let mut bound = Bindgen::new()
        .input_bytes("tautline", slim)
        .web(true)?
        .typescript(false)
        .encode_into(wasm_bindgen_cli_support::EncodeInto::Always)
        .remove_producers_section(true)
        .generate_output()
        .with_context(|| format!("wasm-bindgen cannot bind {}", compiled.display()))?;
    let module = bound.wasm_mut();
    border::restore(module)?;
    module.emit_wasm_file(bound_path)
}

fn optimize(bound: &Path, optimized: &Path, names: &[&str]) -> Result<()> {
    let mut command = program("node");
    command.arg(root().join("xtask/node_modules/binaryen/bin/wasm-opt")).arg(bound);
    command.arg("-o").arg(optimized).args(WASM_FEATURES);
    command.args(PASSES);
    command.args(["--strip-producers", "--strip-target-features"]).args(names);
    run_program(&mut command)
}

/// A module with the wasm inside, for pages that cannot load a second file.
fn inline_module(wasm: &[u8]) -> String {
    let text = STANDARD.encode(wasm);
    format!(
        "const text = \"{text}\";\n\n\
         /** Returns the WebAssembly module's bytes. */\n\
         export default function wasmBytes() {{\n  \
           return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));\n\
         }}\n"
    )
}

/// Puts the version into the package's manifest and returns what it says.
fn write_manifest(folder: &Path) -> Result<Value> {
    let path = folder.join("package.json");
    let text = fs::read_to_string(&path)?;
    if !text.contains(VERSION_PLACEHOLDER) {
        bail!("pkg-template/package.json must contain {VERSION_PLACEHOLDER}");
    }
    let text = text.replacen(VERSION_PLACEHOLDER, &format!("\"version\": \"{VERSION}\""), 1);
    fs::write(&path, &text)?;
    serde_json::from_str(&text).context("pkg-template/package.json")
}

/// Every path under `exports` must lead to a file, else an import fails at the user's.
fn check_exports(folder: &Path, exports: &Value) -> Result<()> {
    match exports {
        Value::String(path) if !folder.join(path).is_file() => {
            bail!("pkg-template/package.json exports `{path}`, which is not in the package")
        }
        Value::Object(entries) => {
            entries.values().try_for_each(|entry| check_exports(folder, entry))
        }
        Value::Null => bail!("pkg-template/package.json has no `exports`"),
        Value::String(_) | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Ok(()),
    }
}

fn pack(folder: &Path) -> Result<PathBuf> {
    let mut command = tools::npm();
    command.args(["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination"]);
    output(command.arg(target()?).current_dir(folder))?;
    Ok(target()?.join(format!("tautline-{VERSION}.tgz")))
}

/// Leaves an empty folder at `path`.
pub(crate) fn replace_folder(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot empty {}", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))
}

/// Copies what is in `from` into `to`, which is made if needed.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            copy_file(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_must_lead_to_files() {
        let folder = root().join("xtask");
        let good = serde_json::json!({ ".": { "default": "./package.json" } });
        check_exports(&folder, &good).unwrap();
        let bad = serde_json::json!({ ".": { "types": "./missing.d.ts" } });
        let message = check_exports(&folder, &bad).unwrap_err().to_string();
        assert!(message.contains("./missing.d.ts"), "{message}");
        check_exports(&folder, &Value::Null).unwrap_err();
    }
}
