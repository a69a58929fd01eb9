//! Panics as traps: the functions that begin one become `unreachable`, and so does what leads only
//! there.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use walrus::ir::{Instr, InstrLocId, InstrSeq, InstrSeqId, Unreachable, Visitor, dfs_in_order};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module};

use super::references::each_instruction;

/// Where panics begin, in `core`, `alloc`, `std` and wasm-bindgen.
const PANICS: [&str; 2] = ["core::panicking::panic_fmt", "wasm_bindgen::throw_str"];

/// Replaces the bodies of all functions that can only panic, and cuts the others short where they
/// can only panic.
pub(super) fn cut(module: &mut Module) -> Result<()> {
    let mut paths = Paths { panics: entry_points(module)?, silent: silent(module) };
    loop {
        let more: Vec<FunctionId> = module
            .funcs
            .iter_local()
            .filter(|(id, function)| !paths.panics.contains(id) && paths.end_at_once(function))
            .map(|(id, _)| id)
            .collect();
        if more.is_empty() {
            break;
        }
        paths.panics.extend(more);
    }
    for id in &paths.panics {
        trap(module, *id)?;
    }
    for (_, function) in module.funcs.iter_local_mut() {
        for id in sequences(function) {
            paths.shorten(function.block_mut(id));
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

/// The functions that nobody outside of the wasm notices: they call no import, nor any function
/// that is not known before the program runs.
fn silent(module: &Module) -> BTreeSet<FunctionId> {
    let mut calls: BTreeMap<FunctionId, BTreeSet<FunctionId>> = BTreeMap::new();
    for (id, function) in module.funcs.iter_local() {
        let mut called = BTreeSet::new();
        let mut known = true;
        each_instruction(function, |instruction, _| match instruction {
            Instr::Call(call) => drop(called.insert(call.func)),
            Instr::CallIndirect(_) | Instr::ReturnCallIndirect(_) | Instr::CallRef(_) => {
                known = false;
            }
            _ => {}
        });
        if known {
            calls.insert(id, called);
        }
    }
    loop {
        let silent: BTreeSet<FunctionId> = calls.keys().copied().collect();
        calls.retain(|_, called| called.is_subset(&silent));
        if calls.len() == silent.len() {
            return silent;
        }
    }
}

/// Tells the ways that lead to a trap and nowhere else.
struct Paths {
    /// The functions that only trap.
    panics: BTreeSet<FunctionId>,
    silent: BTreeSet<FunctionId>,
}

impl Paths {
    fn end_at_once(&self, function: &LocalFunction) -> bool {
        let instructions = &function.block(function.entry_block()).instrs;
        let end = instructions.iter().find(|(instruction, _)| !self.is_preparation(instruction));
        end.is_some_and(|(instruction, _)| self.is_trap(instruction))
    }

    /// Replaces what leads up to a trap, and what follows it, by the trap.
    fn shorten(&self, sequence: &mut InstrSeq) {
        let found = sequence.iter().position(|(instruction, _)| self.is_trap(instruction));
        let Some(end) = found else { return };
        let before = sequence[..end].iter().rev();
        let steps = before.take_while(|(instruction, _)| self.is_preparation(instruction)).count();
        sequence.truncate(end - steps);
        sequence.push((Unreachable {}.into(), InstrLocId::default()));
    }

    fn is_trap(&self, instruction: &Instr) -> bool {
        match instruction {
            Instr::Unreachable(_) => true,
            Instr::Call(call) => self.panics.contains(&call.func),
            _ => false,
        }
    }

    /// Whether an instruction goes on to the next one, and nobody knows of it after a trap.
    fn is_preparation(&self, instruction: &Instr) -> bool {
        match instruction {
            Instr::Call(call) => {
                self.silent.contains(&call.func) && !self.panics.contains(&call.func)
            }
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
            | Instr::MemoryFill(_) => true,
            _ => false,
        }
    }
}

/// All sequences of instructions in a function.
fn sequences(function: &LocalFunction) -> Vec<InstrSeqId> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use walrus::InstrSeqBuilder;

    /// A module with a panic; `build` writes a function that may end in it, and gets the panic and
    /// an import.
    fn module(
        build: impl FnOnce(&mut InstrSeqBuilder<'_>, FunctionId, FunctionId),
    ) -> (Module, FunctionId) {
        let mut module = Module::default();
        let ty = module.types.add(&[], &[]);
        let (import, _) = module.add_import_func("page", "log", ty);
        let mut function = |name: &str, build: &mut dyn FnMut(&mut InstrSeqBuilder<'_>)| {
            let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
            builder.name(name.to_owned());
            build(&mut builder.func_body());
            builder.finish(vec![], &mut module.funcs)
        };
        let panics = PANICS.map(|name| {
            function(name, &mut |body| {
                body.call(import);
            })
        });
        let mut build = Some(build);
        let id = function("built", &mut |body| {
            if let Some(build) = build.take() {
                build(body, panics[0], import);
            }
        });
        (module, id)
    }

    fn instructions(module: &Module, id: FunctionId) -> Vec<Instr> {
        let function = module.funcs.get(id).kind.unwrap_local();
        let sequence = function.block(function.entry_block());
        sequence.instrs.iter().map(|(instruction, _)| instruction.clone()).collect()
    }

    #[test]
    fn what_only_prepares_a_panic_goes() {
        let (mut module, id) = module(|body, panic, _| {
            body.i32_const(1).drop().call(panic).i32_const(2).drop();
        });
        cut(&mut module).unwrap();
        assert!(matches!(instructions(&module, id)[..], [Instr::Unreachable(_)]));
    }

    #[test]
    fn what_others_notice_before_a_panic_stays() {
        let (mut module, id) = module(|body, panic, import| {
            body.call(import).i32_const(1).drop().call(panic);
        });
        cut(&mut module).unwrap();
        let left = instructions(&module, id);
        assert!(matches!(left[..], [Instr::Call(_), Instr::Unreachable(_)]), "{left:?}");
    }

    #[test]
    fn a_way_around_a_panic_stays() {
        let (mut module, id) = module(|body, panic, _| {
            let panicking = |then: &mut InstrSeqBuilder<'_>| {
                then.call(panic);
            };
            body.i32_const(0).if_else(None, panicking, |_| {});
        });
        cut(&mut module).unwrap();
        let left = instructions(&module, id);
        assert!(matches!(left[..], [Instr::Const(_), Instr::IfElse(_)]), "{left:?}");
    }

    #[test]
    fn a_missing_panic_is_told() {
        let message = cut(&mut Module::default()).unwrap_err().to_string();
        assert!(message.contains("core::panicking::panic_fmt"), "{message}");
    }
}
