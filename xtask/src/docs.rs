//! `cargo xtask docs`: pages about the npm package and about the crates, in `target/docs`. Whatever
//! an application can use and nobody has described is an error.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use crate::package::{self, Package, copy_folder, replace_folder};
use crate::tools;
use crate::workspace::{announce, cargo, program, root, run as run_program, target};

const INDEX: &str = include_str!("docs/index.html");
/// The package's entries, by the files of their types.
const ENTRIES: [&str; 5] =
    ["index.d.ts", "inline.d.ts", "slim.d.ts", "service-worker.d.ts", "websocket.d.ts"];
/// The crates that applications use. The first one comes first, for links to it to have an aim.
const CRATES: [&str; 3] = ["tautline-protocol", "tautline", "tautline-server"];

/// `cargo xtask docs`
pub(crate) fn run() -> Result<ExitCode> {
    build(&package::build()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes all pages and prints where they begin.
pub(crate) fn build(package: &Package) -> Result<()> {
    let folder = target()?.join("docs");
    replace_folder(&folder)?;
    of_package(package, &folder.join("npm"))?;
    of_crates(&folder.join("rust"))?;
    let index = folder.join("index.html");
    fs::write(&index, INDEX).with_context(|| index.display().to_string())?;
    check_links(&folder)?;
    println!("file://{}", index.display());
    Ok(())
}

/// What `TypeDoc` makes of the package as it is packed: its README, its other documents, its types.
fn of_package(package: &Package, pages: &Path) -> Result<()> {
    tools::npm_packages("xtask")?;
    announce("Making pages of the npm package");
    let entries = ENTRIES.map(|name| package.folder.join(name));
    let settings = target()?.join("typedoc-tsconfig.json");
    let options = json!({
        "compilerOptions": {
            "module": "nodenext", "target": "esnext", "lib": ["esnext", "dom"], "strict": true, "types": []
        },
        "files": &entries,
    });
    fs::write(&settings, options.to_string()).with_context(|| settings.display().to_string())?;
    let mut command = program("node");
    command.arg(root().join("xtask/node_modules/typedoc/bin/typedoc"));
    command.arg("--options").arg(root().join("xtask/typedoc.json"));
    command.arg("--tsconfig").arg(&settings).arg("--out").arg(pages);
    for entry in &entries {
        command.arg("--entryPoints").arg(entry);
    }
    command.arg("--readme").arg(package.folder.join("README.md"));
    for documents in ["docs/*.md", "PROTOCOL.md"] {
        command.arg("--projectDocuments").arg(package.folder.join(documents));
    }
    run_program(&mut command)
}

/// What rustdoc makes of the crates.
fn of_crates(pages: &Path) -> Result<()> {
    announce("Making pages of the crates");
    // It may have pages of other crates, made for other reasons.
    let made = target()?.join("doc");
    replace_folder(&made)?;
    for name in CRATES {
        let mut command =
            cargo(&["doc", "--no-deps", "--lib", "--all-features", "--package", name])?;
        run_program(command.env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    copy_folder(&made, pages)
}

/// Every page that the first one names has to be there.
fn check_links(folder: &Path) -> Result<()> {
    for (_, link) in
        INDEX.match_indices("href=\"").map(|(at, start)| INDEX.split_at(at + start.len()))
    {
        let path = link.split('"').next().unwrap_or_default();
        fs::metadata(folder.join(path)).with_context(|| format!("the index names {path}"))?;
    }
    Ok(())
}
