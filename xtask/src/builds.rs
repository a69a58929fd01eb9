//! What tests, demo and benchmark use besides Rust code: built when first asked for, once in each
//! run, and handed to Node programs through environment variables.

use std::cell::OnceCell;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use wasm_bindgen_cli_support::Bindgen;

use crate::browsers::Browser;
use crate::package::{self, Package};
use crate::tools;
use crate::workspace::{announce, cargo, own_program, root, run, target};

/// See the module's description.
#[derive(Default)]
pub(crate) struct Builds {
    package: OnceCell<Package>,
    server: OnceCell<PathBuf>,
    example: OnceCell<PathBuf>,
    bridge: OnceCell<PathBuf>,
    demo: OnceCell<PathBuf>,
    rust_page: OnceCell<PathBuf>,
}

impl Builds {
    /// The npm package.
    pub(crate) fn package(&self) -> Result<&Package> {
        remember(&self.package, package::build)
    }

    /// The server program.
    pub(crate) fn server(&self) -> Result<&Path> {
        let path = remember(&self.server, || {
            announce("Building the server");
            run(&mut cargo(&["build", "--package=tautline-server", "--bin=tautline-server"])?)?;
            Ok(target()?.join(format!("debug/tautline-server{}", env::consts::EXE_SUFFIX)))
        })?;
        Ok(path)
    }

    /// An application's server: the example that echoes requests and pushes messages.
    fn example(&self) -> Result<&Path> {
        let path = remember(&self.example, || build_example("bench"))?;
        Ok(path)
    }

    /// The example that puts lines in front of a plain WebSocket server.
    fn bridge(&self) -> Result<&Path> {
        let path = remember(&self.bridge, || build_example("bridge"))?;
        Ok(path)
    }

    /// The demo page's folder: `www/` beside the package, installed as npm would do it.
    pub(crate) fn demo(&self) -> Result<&Path> {
        let package = self.package()?;
        let path = remember(&self.demo, || {
            let folder = target()?.join("demo");
            package::replace_folder(&folder)?;
            package::copy_folder(&root().join("www"), &folder)?;
            package::copy_folder(&package.folder, &folder.join("node_modules/tautline"))?;
            Ok(folder)
        })?;
        Ok(path)
    }

    /// The folder of the example that is a page in Rust, bound for the browser.
    fn rust_page(&self) -> Result<&Path> {
        let path = remember(&self.rust_page, || {
            tools::wasm_target()?;
            announce("Building the example page in Rust");
            run(&mut cargo(&[
                "build",
                "--package=tautline",
                "--example=room",
                "--target=wasm32-unknown-unknown",
            ])?)?;
            let folder = target()?.join("rust-page");
            Bindgen::new()
                .input_path(target()?.join("wasm32-unknown-unknown/debug/examples/room.wasm"))
                .web(true)?
                .typescript(false)
                .omit_default_module_path(false)
                .generate(&folder)?;
            Ok(folder)
        })?;
        Ok(path)
    }

    /// Tells a Node program where everything is. All names are absolute paths.
    pub(crate) fn describe_to(&self, command: &mut Command, browser: Browser) -> Result<()> {
        command
            .env("TAUTLINE_NPM", &self.package()?.folder)
            .env("TAUTLINE_TARBALL", &self.package()?.tarball)
            .env("TAUTLINE_SERVER", self.server()?)
            .env("TAUTLINE_EXAMPLE", self.example()?)
            .env("TAUTLINE_BRIDGE", self.bridge()?)
            .env("TAUTLINE_DEMO", self.demo()?)
            .env("TAUTLINE_RUST_PAGE", self.rust_page()?)
            .env("TAUTLINE_PROXY", own_program()?)
            .env("TAUTLINE_BROWSER", browser.name())
            .env("TAUTLINE_BROWSER_PROGRAM", browser.program()?);
        Ok(())
    }
}

fn build_example(name: &str) -> Result<PathBuf> {
    announce(&format!("Building the example server {name}"));
    run(&mut cargo(&["build", "--package=tautline-server", &format!("--example={name}")])?)?;
    Ok(target()?.join(format!("debug/examples/{name}{}", env::consts::EXE_SUFFIX)))
}

/// The value in the cell, made first if it is not there yet; a failure is not remembered.
fn remember<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = make()?;
    Ok(cell.get_or_init(|| value))
}
