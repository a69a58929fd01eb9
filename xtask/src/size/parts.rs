//! What the bytes of a wasm file are spent on: its sections, and the code by the crate it is from.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::Result;
use wasmparser::{KnownCustom, Name, Parser, Payload};

/// Parts and their bytes, the largest first. The names are not counted.
pub(super) fn list(wasm: &[u8]) -> Result<Vec<(String, usize)>> {
    let mut parts: BTreeMap<String, usize> = BTreeMap::new();
    let mut add = |part: &str, range: Range<usize>| {
        *parts.entry(part.to_owned()).or_default() += range.len();
    };
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    let mut bodies = Vec::new();
    let mut imported = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => add("types", section.range()),
            Payload::ImportSection(section) => {
                imported = section.count();
                add("imports", section.range());
            }
            Payload::FunctionSection(section) => add("types of functions", section.range()),
            Payload::ExportSection(section) => add("exports", section.range()),
            Payload::ElementSection(section) => add("table of functions", section.range()),
            Payload::DataSection(section) => add("data", section.range()),
            Payload::CodeSectionEntry(body) => bodies.push(body.range()),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(reader) = section.as_known() else { continue };
                for subsection in reader {
                    let Name::Function(functions) = subsection? else { continue };
                    for function in functions {
                        let function = function?;
                        names.insert(function.index, function.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    for (number, range) in (imported..).zip(bodies) {
        add(&format!("code of {}", names.get(&number).map_or("?", |name| origin(name))), range);
    }
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    Ok(parts)
}

/// The crate that a function is from, by its name; exports have none in theirs.
fn origin(name: &str) -> &str {
    let path = name.trim_start_matches(|start: char| !start.is_ascii_alphanumeric());
    let end = path.find(|inside: char| !inside.is_ascii_alphanumeric() && inside != '_');
    match path.split_at(end.unwrap_or(path.len())) {
        ("tautline", _) => "src/",
        ("tautline_protocol", _) => "protocol/",
        // The second is how a hash follows the name.
        (other, rest) if rest.starts_with("::") || rest.starts_with('[') => other,
        _ => "exports",
    }
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn functions_belong_to_crates() {
        assert_eq!(origin("<tautline_protocol::client::Client as Drop>::drop"), "protocol/");
        assert_eq!(origin("tautline::driver::Driver<A>::input::h3032"), "src/");
        assert_eq!(origin("core_new externref shim"), "exports");
        assert_eq!(origin("core[c5930c85a12de822]::panicking::panic_fmt"), "core");
        assert_eq!(origin("hashbrown::raw::RawTable"), "hashbrown");
    }
}
