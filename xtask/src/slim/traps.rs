//! Panics as traps: the functions that begin one become `unreachable`, and so does what leads only
//! there.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use walrus::ir::{Instr, InstrLocId, InstrSeqId, Unreachable};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module};

/// Where panics begin, in `core`, `alloc`, `std` and wasm-bindgen.
const PANICS: [&str; 1] = [
    "core::panicking::panic_fmt",
];

/// Replaces the bodies of all functions that can only panic, and cuts the others short where they
/// can only panic.
pub(super) fn cut(module: &mut Module) -> Result<()> {
    let mut panics = entry_points(module)?;
    loop {
        let more: Vec<FunctionId> = module
            .funcs
            .iter_local()
            .filter(|(id, function)| !panics.contains(id) && only_traps(function, &panics))
            .map(|(id, _)| id)
            .collect();
        if more.is_empty() {
            break;
        }
        panics.extend(more);
    }
    for id in &panics {
        trap(module, *id)?;
    }
    for (_, function) in module.funcs.iter_local_mut() {
        for id in sequences(function) {
            shorten(function, id, &panics);
        }
    }
    Ok(())
}

/// The functions named [`PANICS`].
fn entry_points(module: &Module) -> Result<BTreeSet<FunctionId>> {
    let mut found = BTreeSet::new();
    let mut missing: BTreeSet<&str> = PANICS.into();
    for function in module.funcs.iter() {
        let Some(name) = &function.name else { continue };
        // Without its hash.
        let name = format!("{:#}", rustc_demangle::demangle(name));
        if PANICS.contains(&name.as_str()) {
            missing.remove(name.as_str());
            found.insert(function.id());
        }
    }
    ensure!(
        missing.is_empty(),
        "the compiled wasm has no {missing:?}: this version of Rust begins panics elsewhere; \
         find out where, and change the list in {}",
        file!()
    );
    Ok(found)
}

/// Empties a function: calling it traps.
pub(super) fn trap(module: &mut Module, id: FunctionId) -> Result<()> {
    let function = module.funcs.get(id);
    ensure!(matches!(function.kind, FunctionKind::Local(_)), "{:?} is an import", function.name);
    let arguments = function.kind.unwrap_local().args.clone();
    let (parameters, results) = module.types.params_results(function.ty());
    let (parameters, results) = (parameters.to_vec(), results.to_vec());
    let mut builder = FunctionBuilder::new(&mut module.types, &parameters, &results);
    builder.func_body().unreachable();
    module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(arguments));
    Ok(())
}

/// Whether a function does nothing but prepare a trap.
fn only_traps(function: &LocalFunction, panics: &BTreeSet<FunctionId>) -> bool {
    let instructions = &function.block(function.entry_block()).instrs;
    let mut instructions = instructions.iter().map(|(instruction, _)| instruction);
    instructions
        .find(|instruction| !is_preparation(instruction))
        .is_some_and(|instruction| is_trap(instruction, panics))
}

/// Replaces what leads up to a trap without a way out, and what follows it, by the trap.
fn shorten(function: &mut LocalFunction, id: InstrSeqId, panics: &BTreeSet<FunctionId>) {
    let sequence = function.block_mut(id);
    let found = sequence.iter().position(|(instruction, _)| is_trap(instruction, panics));
    let Some(at) = found else { return };
    let led = sequence[..at].iter().rev().take_while(|(instruction, _)| is_preparation(instruction));
    let start = at - led.count();
    sequence.truncate(start);
    sequence.push((Unreachable {}.into(), InstrLocId::default()));
}

fn is_trap(instruction: &Instr, panics: &BTreeSet<FunctionId>) -> bool {
    match instruction {
        Instr::Unreachable(_) => true,
        Instr::Call(call) => panics.contains(&call.func),
        _ => false,
    }
}

/// Whether an instruction goes on to the next one, and nobody sees what it did after a trap.
const fn is_preparation(instruction: &Instr) -> bool {
    matches!(
        instruction,
        Instr::Const(_)
            | Instr::LocalGet(_)
            | Instr::LocalSet(_)
            | Instr::LocalTee(_)
            | Instr::GlobalGet(_)
            | Instr::GlobalSet(_)
            | Instr::Binop(_)
            | Instr::Unop(_)
            | Instr::Select(_)
            | Instr::Drop(_)
            | Instr::Load(_)
            | Instr::Store(_)
            | Instr::MemoryCopy(_)
            | Instr::MemoryFill(_)
    )
}

/// All sequences of instructions in a function.
fn sequences(function: &LocalFunction) -> Vec<InstrSeqId> {
    use walrus::ir::{InstrSeq, Visitor, dfs_in_order};
    struct All(Vec<InstrSeqId>);
    impl<'module> Visitor<'module> for All {
        fn start_instr_seq(&mut self, sequence: &'module InstrSeq) {
            self.0.push(sequence.id());
        }
    }
    let mut all = All(Vec::new());
    dfs_in_order(&mut all, function, function.entry_block());
    all.0
}
