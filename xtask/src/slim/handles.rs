//! The page's objects stay in an array of the JavaScript glue, and the wasm knows them by number.
//!
//! wasm-bindgen can also keep them in a table of the wasm, and does so whenever the compiler would
//! have allowed it. Managing that table in the wasm costs half a kilobyte of the download.

use anyhow::{Context, Result, ensure};
use walrus::{ExportId, ImportKind, Module};

/// What tells wasm-bindgen that it may use a table.
const FEATURES: &str = "target_features";
/// The functions that manage the table.
const TABLE: &str = "__externref";
/// The import that says where the table's free places begin, and what it says without a table:
/// behind `undefined`, `null`, `true` and `false` (wasm-bindgen's `JSIDX_RESERVED`).
const FREE_FROM: (&str, &str) =
    ("__wbindgen_externref_xform__", "__wbindgen_externref_statics_end");
const RESERVED: i32 = 1028;

/// Has wasm-bindgen keep the objects in JavaScript.
pub(super) fn keep_in_javascript(module: &mut Module) -> Result<()> {
    ensure!(module.customs.remove_raw(FEATURES).is_some(), "the wasm has no section `{FEATURES}`");
    let table: Vec<ExportId> = module
        .exports
        .iter()
        .filter(|export| export.name.starts_with(TABLE))
        .map(walrus::Export::id)
        .collect();
    for export in table {
        module.exports.delete(export);
    }
    let import = module.imports.find(FREE_FROM.0, FREE_FROM.1);
    let function = import.and_then(|import| match module.imports.get(import).kind {
        ImportKind::Function(function) => Some(function),
        _ => None,
    });
    let function = function.with_context(|| format!("the wasm does not import {FREE_FROM:?}"))?;
    module.replace_imported_func(function, |(body, _)| {
        body.i32_const(RESERVED);
    })?;
    Ok(())
}
