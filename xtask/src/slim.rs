//! The compiled wasm without its panic machinery: a panic becomes a trap, and what only panics used
//! goes away.
//!
//! Formatting a panic's message takes a fifth of the wasm, yet `protocol/` never panics on any
//! input, and a page could do nothing with the message. `panic=immediate-abort` would leave it out,
//! but that needs a nightly toolchain and a rebuilt `std`. So it is done here, between the linker
//! and wasm-bindgen:
//!
//! 1. [`traps`] replaces the functions that begin a panic by the instruction `unreachable`, and cuts
//!    what leads nowhere else.
//! 2. [`unused`] follows the references from the exports, and empties the functions and the data
//!    that are not reached any more. The linker's own relocations tell what refers to what, so
//!    nothing is guessed; [`LINKER_OPTION`] makes it leave them in.
//!
//! wasm-opt then removes the emptied functions and leaves the zeros out. The price: after a panic
//! the console shows `RuntimeError: unreachable` and a stack, but no message.

mod references;
mod traps;
mod unused;

use anyhow::Result;
use walrus::ModuleConfig;

/// Makes the linker leave its relocations in the wasm.
pub(crate) const LINKER_OPTION: &str = "-Clink-arg=--emit-relocs";

/// Sections that describe the wasm as it was linked, and nothing after that.
const LINKER_SECTIONS: [&str; 3] = ["linking", "reloc.CODE", "reloc.DATA"];

/// Returns the linked module without what only panics used.
pub(crate) fn slim(linked: &[u8]) -> Result<Vec<u8>> {
    let references = references::read(linked)?;
    let mut config = ModuleConfig::new();
    // Only in here the numbers in the module's bytes can be told from what they stand for.
    config.on_parse(move |module, ids| {
        references.check(module)?;
        traps::cut(module)?;
        unused::empty(module, &references, ids)
    });
    let mut module = config.parse(linked)?;
    for name in LINKER_SECTIONS {
        module.customs.remove_raw(name);
    }
    Ok(module.emit_wasm())
}
