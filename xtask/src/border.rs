//! The wasm's border: all that it may import and export, by name.

use anyhow::{Result, bail};
use walrus::{ExportId, Module};

/// The one function that the package's own JavaScript gives the wasm.
const IMPORT: (&str, &str) = ("border", "note");
/// What that JavaScript uses of the wasm; the last one is in that of durable lines alone.
const EXPORTS: [&str; 5] = ["memory", "reserve", "open", "command", "stores"];
/// What wasm-bindgen gives every wasm, for tables of objects that this one has not.
const UNUSED_IMPORT: &str = "__wbindgen_init_externref_table";

/// Gives the import its name again, to which wasm-bindgen has added a hash, and takes away every
/// export that nothing uses.
pub(crate) fn restore(module: &mut Module) -> Result<()> {
    let unused: Vec<ExportId> = module
        .exports
        .iter()
        .filter(|export| !EXPORTS.contains(&export.name.as_str()))
        .map(walrus::Export::id)
        .collect();
    for export in unused {
        module.exports.delete(export);
    }
    for import in module.imports.iter_mut() {
        if import.name.starts_with("__wbg_note_") {
            (import.module, import.name) = (IMPORT.0.to_owned(), IMPORT.1.to_owned());
        } else if import.name != UNUSED_IMPORT {
            bail!("the wasm imports `{}`, which nothing in JavaScript provides", import.name);
        }
    }
    Ok(())
}
