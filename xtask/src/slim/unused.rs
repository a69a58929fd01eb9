//! What is not reached from the module's exports any more: emptied.

use std::collections::BTreeSet;

use anyhow::Result;
use walrus::ir::Instr;
use walrus::{ExportItem, FunctionId, FunctionKind, IndicesToIds, Module};

use super::references::{References, Target, each_instruction};
use super::traps::trap;

/// Exports that wasm-bindgen drops by itself, so what only they reach is not used.
const DROPPED_EXPORTS: [&str; 1] = ["__wbg_jspi_task_poll"];

/// Makes traps of the functions, and zeros of the data, that nothing refers to.
pub(super) fn empty(
    module: &mut Module,
    references: &References,
    ids: &IndicesToIds,
) -> Result<()> {
    let used = Used::find(module, references, ids)?;
    let functions: Vec<FunctionId> = module.funcs.iter_local().map(|(id, _)| id).collect();
    for id in functions {
        if !used.functions.contains(&id) {
            trap(module, id)?;
        }
    }
    for (number, data) in references.data.iter().enumerate() {
        if used.data.contains(&number) {
            continue;
        }
        // Two names may share bytes, which only end when both do.
        let shared = |at: &usize| {
            used.data.iter().any(|other| {
                let other = &references.data[*other];
                other.segment == data.segment && other.range.contains(at)
            })
        };
        let segment = module.data.get_mut(ids.get_data(data.segment)?);
        for at in data.range.clone().filter(|at| !shared(at)) {
            segment.value[at] = 0;
        }
    }
    Ok(())
}

/// Paths of source files are for messages of panics, which nobody writes any more, though functions
/// that might panic are still told theirs.
fn is_source_path(data: &[u8]) -> bool {
    data.ends_with(b".rs") || data.ends_with(b".rs\0")
}

/// What can be reached.
#[derive(Default)]
struct Used {
    functions: BTreeSet<FunctionId>,
    /// Places in [`References::data`].
    data: BTreeSet<usize>,
}

impl Used {
    fn find(module: &Module, references: &References, ids: &IndicesToIds) -> Result<Self> {
        let mut used = Self::default();
        let mut functions: Vec<FunctionId> = roots(module);
        let mut places: Vec<usize> = Vec::new();
        loop {
            let mut targets = Vec::new();
            if let Some(id) = functions.pop() {
                if !used.functions.insert(id) {
                    continue;
                }
                let FunctionKind::Local(function) = &module.funcs.get(id).kind else { continue };
                each_instruction(function, |instruction, location| {
                    match instruction {
                        Instr::Call(call) => functions.push(call.func),
                        Instr::RefFunc(reference) => functions.push(reference.func),
                        _ => targets.extend(references.of(instruction, location)),
                    };
                });
            } else if let Some(number) = places.pop() {
                let data = &references.data[number];
                let segment = module.data.get(ids.get_data(data.segment)?);
                let bytes = segment.value.get(data.range.clone()).unwrap_or_default();
                if !is_source_path(bytes) && used.data.insert(number) {
                    targets.extend(&data.targets);
                }
            } else {
                return Ok(used);
            }
            for target in targets {
                match target {
                    Target::Function(number) => functions.push(ids.get_func(number)?),
                    Target::Data(number) => places.push(number),
                }
            }
        }
    }
}

/// The functions that are called from outside.
fn roots(module: &Module) -> Vec<FunctionId> {
    let exported = module.exports.iter().filter_map(|export| match export.item {
        ExportItem::Function(id) if !DROPPED_EXPORTS.contains(&export.name.as_str()) => Some(id),
        _ => None,
    });
    exported.chain(module.start).collect()
}
