//! Numbers the locals of a wasm's functions so that gzip finds more of it repeated. Which local has which
//! number is the compiler's choice, as good in any other way, and every sixth byte of the wasm is one.
//!
//! Each change is tried, and stays if the compressed wasm is no larger for it. What comes out depends on
//! what goes in alone.

use std::io::Write as _;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use wasmparser::{FunctionBody, Operator, Parser, Payload, ValType};

/// More find next to nothing.
const SWEEPS: usize = 5;

/// A local that is no parameter.
struct Local {
    kind: ValType,
    number: u32,
    /// Where its number stands in the wasm.
    places: Vec<usize>,
}

/// Each two locals of a function that have one type change places, some times over.
pub(crate) fn renumber(mut wasm: Vec<u8>) -> Result<Vec<u8>> {
    let mut functions = functions(&wasm)?;
    let mut smallest = compressed(&wasm)?;
    for _ in 0..SWEEPS {
        for locals in &mut functions {
            for (first, second) in pairs(locals) {
                exchange(&mut wasm, locals, first, second);
                let size = compressed(&wasm)?;
                if size <= smallest {
                    smallest = size;
                } else {
                    exchange(&mut wasm, locals, first, second);
                }
            }
        }
    }
    Ok(wasm)
}

/// The places of each two that have one type.
fn pairs(locals: &[Local]) -> Vec<(usize, usize)> {
    let all = (1..locals.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
    all.filter(|(first, second)| locals[*first].kind == locals[*second].kind).collect()
}

fn exchange(wasm: &mut [u8], locals: &mut [Local], first: usize, second: usize) {
    let number = locals[first].number;
    locals[first].number = locals[second].number;
    locals[second].number = number;
    for local in [&locals[first], &locals[second]] {
        for place in &local.places {
            wasm[*place] = local.number as u8;
        }
    }
}

/// How many bytes are left of it, at the level that most servers compress with.
fn compressed(wasm: &[u8]) -> Result<usize> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(wasm)?;
    Ok(encoder.finish()?.len())
}

/// The locals of each function that are used.
fn functions(wasm: &[u8]) -> Result<Vec<Vec<Local>>> {
    let mut types = Vec::new();
    let mut signatures = Vec::new();
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                types = section.into_iter_err_on_gc_types().collect::<Result<_, _>>()?;
            }
            Payload::FunctionSection(section) => {
                signatures = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
            }
            Payload::CodeSectionEntry(body) => {
                let signature = signatures.get(functions.len()).context("a body without a type")?;
                let parameters = types[*signature as usize].params().len();
                functions.push(locals(&body, parameters)?);
            }
            _ => {}
        }
    }
    Ok(functions)
}

fn locals(body: &FunctionBody<'_>, parameters: usize) -> Result<Vec<Local>> {
    let mut locals = Vec::new();
    for group in body.get_locals_reader()? {
        let (count, kind) = group?;
        for _ in 0..count {
            let number = (parameters + locals.len()) as u32;
            locals.push(Local { kind, number, places: Vec::new() });
        }
    }
    // A larger number takes more than a byte: such a function stays as it is.
    if parameters + locals.len() > 128 {
        return Ok(Vec::new());
    }
    for instruction in body.get_operators_reader()?.into_iter_with_offsets() {
        let (operator, offset) = instruction?;
        let (Operator::LocalGet { local_index }
        | Operator::LocalSet { local_index }
        | Operator::LocalTee { local_index }) = operator
        else {
            continue;
        };
        if let Some(local) = (local_index as usize).checked_sub(parameters) {
            locals[local].places.push(offset + 1);
        }
    }
    locals.retain(|local| !local.places.is_empty());
    Ok(locals)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Functions `(func (param i32) (local i32 i32 i32 i64 i64) ...)` that get locals in these orders.
    fn module(functions: [&[u8]; 2]) -> Vec<u8> {
        let mut wasm = b"\0asm\x01\0\0\0\x01\x05\x01\x60\x01\x7f\0\x03\x03\x02\0\0\x0a".to_vec();
        let bodies = functions.map(|gets| {
            let gets = gets.iter().flat_map(|local| [0x20, *local, 0x1a]);
            let body: Vec<u8> =
                [2, 3, 0x7f, 2, 0x7e].into_iter().chain(gets).chain([0x0b]).collect();
            [vec![body.len() as u8], body].concat()
        });
        let bodies = bodies.concat();
        wasm.extend([bodies.len() as u8 + 1, 2]);
        wasm.extend(bodies);
        wasm
    }

    fn gets(wasm: &[u8]) -> Vec<u8> {
        wasm.windows(3).filter(|it| it[0] == 0x20 && it[2] == 0x1a).map(|it| it[1]).collect()
    }

    #[test]
    fn locals_change_places_with_others_of_their_type() {
        let first = [0, 1, 2, 3, 4, 5, 1, 0, 3, 2];
        let second = [0, 3, 1, 2, 5, 4, 3, 0, 2, 1];
        let wasm = module([&first, &second]);
        let renumbered = renumber(wasm.clone()).unwrap();
        assert!(compressed(&renumbered).unwrap() < compressed(&wasm).unwrap());
        let after = gets(&renumbered);
        let (after_first, after_second) = after.split_at(first.len());
        assert_eq!(module([after_first, after_second]), renumbered, "something else has changed");
        for (before, after) in [(first, after_first), (second, after_second)] {
            for (one, other) in before.iter().zip(after) {
                let kind = |local: &u8| [0, 1, 1, 1, 4, 4][*local as usize];
                assert_eq!(kind(one), kind(other));
                let mut same = before.iter().zip(after).filter(|it| it.0 == one || it.1 == other);
                assert!(same.all(|it| it == (one, other)), "two locals have become one");
            }
        }
    }

    #[test]
    fn functions_with_numbers_of_two_bytes_stay_as_they_are() {
        let mut wasm = module([&[3, 2, 1], &[1, 2, 3]]);
        let count = wasm.iter().rposition(|byte| *byte == 0x7e).unwrap() - 1;
        wasm[count] = 127;
        let counts: Vec<_> = functions(&wasm).unwrap().iter().map(Vec::len).collect();
        assert_eq!(counts, [3, 0]);
    }
}
