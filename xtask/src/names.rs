//! Short names between the wasm and its JavaScript glue. wasm-bindgen's own contain a hash each,
//! which no compression makes smaller, twice: in the wasm and in the glue.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use walrus::{ExportId, Module, ModuleConfig};

use crate::workspace::{program, root, run};

/// What wasm-bindgen calls its imports, their module, and its exports.
const LONG_NAMES: &str = r"^(__wbg|__wbindgen|__externref|wasm_bindgen__|\./tautline_bg\.js$)";

/// Writes the glue with short names, and the wasm with the same ones. What of wasm-bindgen's own
/// the glue does not name is no export any more. `names` is a file for the list of both.
pub(crate) fn shorten(glue: (&Path, &Path), wasm: &Path, names: &Path) -> Result<()> {
    let (long, short) = glue;
    let mut command = program("node");
    command
        .arg(root().join("xtask/node_modules/esbuild/bin/esbuild"))
        .arg(long)
        .args([
            "--format=esm",
            "--target=es2022",
            "--log-level=warning",
            "--mangle-quoted",
            "--drop:console",
        ])
        .arg(format!("--mangle-props={LONG_NAMES}"))
        .arg(format!("--mangle-cache={}", names.display()))
        .arg(format!("--outfile={}", short.display()));
    run(&mut command)?;
    let names = fs::read(names).with_context(|| names.display().to_string())?;
    let names: BTreeMap<String, Value> = serde_json::from_slice(&names)?;
    let mut module = ModuleConfig::new().parse_file(wasm)?;
    rename(&mut module, &names)?;
    module.emit_wasm_file(wasm)
}

fn rename(module: &mut Module, names: &BTreeMap<String, Value>) -> Result<()> {
    let short = |long: &str| names.get(long).and_then(Value::as_str).map(str::to_owned);
    for import in module.imports.iter_mut() {
        let unknown = || format!("the glue has no `{}.{}`", import.module, import.name);
        let (module, name) = (short(&import.module), short(&import.name));
        let (module, name) = module.zip(name).with_context(unknown)?;
        (import.module, import.name) = (module, name);
    }
    let mut unused: Vec<ExportId> = Vec::new();
    for export in module.exports.iter_mut() {
        match short(&export.name) {
            Some(name) => export.name = name,
            None if export.name.starts_with("__") => unused.push(export.id()),
            // The memory, and the functions that are named for the facade.
            None => {}
        }
    }
    for export in unused {
        module.exports.delete(export);
    }
    Ok(())
}
