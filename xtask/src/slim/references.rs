//! Which instruction and which piece of data refers to which function or data, from the relocations
//! that the linker has left in the wasm.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use walrus::Module;
use walrus::ir::{Instr, InstrLocId, Visitor, dfs_in_order};
use wasmparser::{
    KnownCustom, Linking, LinkingSectionReader, Parser, Payload, RelocSectionReader,
    RelocationEntry, RelocationType, SymbolInfo,
};

/// What can be referred to by an address or a table slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// A function, by its number.
    Function(u32),
    /// One of [`References::data`], by its place.
    Data(usize),
}

/// A piece of data that the linker knows as one.
#[derive(Debug)]
pub(super) struct Data {
    /// The number of the segment that it is in.
    pub(super) segment: u32,
    /// Where it is in its segment.
    pub(super) range: Range<usize>,
    /// What it refers to.
    pub(super) targets: Vec<Target>,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Those in code, by the place of the reference in the module's bytes.
    code: BTreeMap<usize, Target>,
    pub(super) data: Vec<Data>,
}

impl References {
    /// What an instruction refers to by an address or a table slot.
    pub(super) fn of(&self, instruction: &Instr, location: InstrLocId) -> Option<Target> {
        self.at(instruction, location).map(|(_, target)| target)
    }

    fn at(&self, instruction: &Instr, location: InstrLocId) -> Option<(usize, Target)> {
        // Between an instruction's first byte and the address is at most an alignment.
        let ahead = match instruction {
            Instr::Const(_) => 1,
            Instr::Load(_) | Instr::Store(_) => 2,
            _ => return None,
        };
        let place = usize::try_from(location.data()).ok()? + ahead;
        self.code.get(&place).map(|target| (place, *target))
    }

    /// Makes sure that every reference in code is found again at an instruction: what is overlooked
    /// would be emptied.
    pub(super) fn check(&self, module: &Module) -> Result<()> {
        let mut found = 0;
        for (_, function) in module.funcs.iter_local() {
            each_instruction(function, |instruction, location| {
                found += usize::from(self.at(instruction, location).is_some());
            });
        }
        let all = self.code.len();
        ensure!(found == all, "found {found} of {all} relocations of the wasm's code");
        ensure!(all > 0, "the wasm has no relocations; link it with {}", super::LINKER_OPTION);
        Ok(())
    }
}

/// Shows every instruction of a function.
pub(super) fn each_instruction(
    function: &walrus::LocalFunction,
    act: impl FnMut(&Instr, InstrLocId),
) {
    struct Each<F>(F);
    impl<'module, F: FnMut(&Instr, InstrLocId)> Visitor<'module> for Each<F> {
        fn visit_instr(&mut self, instruction: &'module Instr, location: &'module InstrLocId) {
            self.0(instruction, *location);
        }
    }
    dfs_in_order(&mut Each(act), function, function.entry_block());
}

/// Reads them from a module as the linker has written it.
pub(super) fn read(wasm: &[u8]) -> Result<References> {
    let mut linked = Linked::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if let Some((_, range)) = payload.as_section() {
            linked.sections.push(range.start);
        }
        match payload {
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment?;
                    linked.segments.push(segment.range.end - segment.data.len());
                }
            }
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::Linking(reader) => linked.read_symbols(reader)?,
                KnownCustom::Reloc(reader) => linked.read_relocations(&reader)?,
                _ => {}
            },
            _ => {}
        }
    }
    linked.references()
}

/// The parts of a linked module that matter here. All places are offsets in its bytes.
#[derive(Default)]
struct Linked {
    /// Where the contents of each section begin.
    sections: Vec<usize>,
    /// Where the contents of each data segment begin.
    segments: Vec<usize>,
    /// What a relocation can name; nothing for what is neither function nor data.
    symbols: Vec<Option<Target>>,
    /// Where each piece of data is, with its segment.
    data: Vec<(u32, Range<usize>)>,
    relocations: Vec<(usize, RelocationEntry)>,
}

impl Linked {
    fn read_symbols(&mut self, reader: LinkingSectionReader<'_>) -> Result<()> {
        for subsection in reader {
            let Linking::SymbolTable(symbols) = subsection? else { continue };
            for symbol in symbols {
                let target = match symbol? {
                    SymbolInfo::Func { index, .. } => Some(Target::Function(index)),
                    SymbolInfo::Data { symbol: Some(symbol), .. } => {
                        let start = symbol.offset as usize;
                        self.data.push((symbol.index, start..start + symbol.size as usize));
                        Some(Target::Data(self.data.len() - 1))
                    }
                    _ => None,
                };
                self.symbols.push(target);
            }
        }
        Ok(())
    }

    fn read_relocations(&mut self, reader: &RelocSectionReader<'_>) -> Result<()> {
        let section = reader.section_index() as usize;
        let start = *self.sections.get(section).context("a relocation of an unknown section")?;
        for entry in reader.entries() {
            let entry = entry?;
            if is_address(entry.ty)? {
                self.relocations.push((start + entry.offset as usize, entry));
            }
        }
        Ok(())
    }

    fn references(self) -> Result<References> {
        let data_start = *self.segments.first().context("the wasm has no data")?;
        let target = |entry: &RelocationEntry| {
            let target = self.symbols.get(entry.index as usize).copied().flatten();
            target.with_context(|| format!("a relocation of an undefined symbol: {entry:?}"))
        };
        let mut references = References::default();
        for (segment, range) in self.data {
            references.data.push(Data { segment, range, targets: Vec::new() });
        }
        for (place, entry) in &self.relocations {
            let target = target(entry)?;
            if *place < data_start {
                references.code.insert(*place, target);
                continue;
            }
            let mut owners = 0;
            for data in &mut references.data {
                let start = self.segments.get(data.segment as usize).copied().unwrap_or_default();
                if (start + data.range.start..start + data.range.end).contains(place) {
                    data.targets.push(target);
                    owners += 1;
                }
            }
            ensure!(owners > 0, "a relocation outside of all data: {entry:?}");
        }
        Ok(references)
    }
}

/// Whether relocations of this kind are addresses of data or slots of the function table; calls
/// name their function themselves.
fn is_address(kind: RelocationType) -> Result<bool> {
    use RelocationType as Kind;
    match kind {
        Kind::MemoryAddrLeb
        | Kind::MemoryAddrSleb
        | Kind::MemoryAddrI32
        | Kind::TableIndexSleb
        | Kind::TableIndexI32 => Ok(true),
        Kind::FunctionIndexLeb
        | Kind::TypeIndexLeb
        | Kind::GlobalIndexLeb
        | Kind::TableNumberLeb => Ok(false),
        _ => bail!("a kind of relocation that is not known here: {kind:?}"),
    }
}
