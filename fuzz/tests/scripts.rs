//! Every target on its corpus and on random scripts: the short form of `cargo xtask fuzz`.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use std::fs;
use std::panic;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tautline_fuzz::TARGETS;

/// The files that are committed for a target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_file_of_the_corpus_is_harmless() {
    let mut harmful = Vec::new();
    for (name, target) in TARGETS {
        let files = corpus(name);
        assert!(files.len() >= 12, "{name} has {} files", files.len());
        for (file, bytes) in files {
            if panic::catch_unwind(|| target(&bytes)).is_err() {
                harmful.push(format!("{name}/{file}"));
            }
        }
    }
    assert_eq!(harmful, [""; 0], "what each did is said above");
}

/// Pieces of the corpus and random ones, one after the other, with a few bytes changed.
fn scripts(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<_> = corpus(target).into_iter().map(|(_, bytes)| bytes).collect();
    let piece =
        (select(files.clone()), any::<Index>(), any::<Index>()).prop_map(|(file, from, to)| {
            let (from, to) = (from.index(file.len() + 1), to.index(file.len() + 1));
            file[from.min(to)..from.max(to)].to_vec()
        });
    let whole = select(files.clone());
    let pieces = vec(prop_oneof![3 => piece, 1 => vec(any::<u8>(), 0..40)], 0..6);
    let changes = vec((any::<Index>(), any::<u8>()), 0..6);
    (prop_oneof![whole, Just(Vec::new())], pieces, changes).prop_map(|(whole, pieces, changes)| {
        let mut script = [whole, pieces.concat()].concat();
        for (at, byte) in changes {
            if !script.is_empty() {
                let at = at.index(script.len());
                script[at] = byte;
            }
        }
        script
    })
}

/// Regressions become files of the corpus, and tests of their own with a story.
fn runs(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

macro_rules! harmless {
    ($($name:ident: $runs:literal,)+) => {$(
        proptest! {
            #![proptest_config(runs($runs))]

            #[test]
            fn $name(script in scripts(stringify!($name))) {
                tautline_fuzz::$name(&script);
            }
        }
    )+};
}

mod random_scripts {
    use super::*;

    harmless! {
        uplink: 20_000,
        downlink: 20_000,
        client: 5_000,
        session: 5_000,
        handshake: 1_000,
    }
}
