//! The programs the project needs: looked for, installed where that needs no question, else named
//! in one sentence.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::{announce, output, program, root, run};

const NODE_MIN: (u32, u32) = (20, 11);
/// Makes sure that rustc can build for `wasm32-unknown-unknown`.
pub(crate) fn wasm_target() -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let sysroot = output(program("rustc").args(["--print", "sysroot"]))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).is_dir() {
        return Ok(());
    }
    announce("Installing rustc's WebAssembly target");
    run(program("rustup").args(["target", "add", TARGET])).with_context(|| {
        format!("rustc has no {TARGET} target; install it with `rustup target add {TARGET}`")
    })
}

/// Makes sure that `cargo fmt` and `cargo clippy` are there.
pub(crate) fn rust_components() -> Result<()> {
    if find("cargo-fmt").is_some() && find("cargo-clippy").is_some() && components_work() {
        return Ok(());
    }
    announce("Installing rustfmt and clippy");
    run(program("rustup").args(["component", "add", "rustfmt", "clippy"])).context(
        "rustfmt or clippy is missing; install them with `rustup component add rustfmt clippy`",
    )
}

/// rustup puts stand-ins for components on the path, so being there proves nothing.
fn components_work() -> bool {
    [["fmt", "--version"], ["clippy", "--version"]].iter().all(|arguments| {
        program("cargo").args(arguments).output().is_ok_and(|result| result.status.success())
    })
}

/// Makes sure that a new enough Node is there.
pub(crate) fn node() -> Result<()> {
    let (major, minor) = NODE_MIN;
    let advice = format!("install Node {major}.{minor} or newer from https://nodejs.org");
    let Some(node) = find("node") else { bail!("Node is missing; {advice}") };
    let version = output(program(node).arg("--version"))?;
    if node_version(&version).is_none_or(|found| found < NODE_MIN) {
        bail!("Node {} is too old; {advice}", version.trim());
    }
    Ok(())
}

fn node_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Makes sure that the npm packages locked in `folder` are installed there.
pub(crate) fn npm_packages(folder: &str) -> Result<()> {
    node()?;
    let folder = root().join(folder);
    let lock_file = folder.join("package-lock.json");
    let lock = fs::read(&lock_file).with_context(|| lock_file.display().to_string())?;
    let stamp = folder.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    announce(&format!("Installing npm packages in {}", folder.display()));
    let mut command = npm();
    command.args(["ci", "--ignore-scripts", "--loglevel=error"]).current_dir(&folder);
    run(&mut command)?;
    fs::write(&stamp, lock).with_context(|| stamp.display().to_string())
}

/// npm, under the name the system starts it by.
pub(crate) fn npm() -> std::process::Command {
    program(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// Installs a package with apt; does nothing where that is not ours to do.
pub(crate) fn install_with_apt(debian: &str, ubuntu: &str) -> Result<()> {
    let Some(package) = package_of_this_system(debian, ubuntu) else { return Ok(()) };
    announce(&format!("Installing {package}"));
    run(program("apt-get").args(["update", "-q"]))?;
    let mut install = program("apt-get");
    install.args(["install", "-y", "-q", "--no-install-recommends", package]);
    run(install.env("DEBIAN_FRONTEND", "noninteractive"))
}

fn package_of_this_system<'a>(debian: &'a str, ubuntu: &'a str) -> Option<&'a str> {
    let is_root = output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || find("apt-get").is_none() {
        return None;
    }
    let system = fs::read_to_string("/etc/os-release").ok()?;
    let is = |id: &str| system.lines().any(|line| line == format!("ID={id}"));
    if is("debian") {
        Some(debian)
    } else if is("ubuntu") {
        Some(ubuntu)
    } else {
        None
    }
}

/// The program of this name on the path.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(&file)).find(|p| p.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_compare_as_numbers() {
        assert_eq!(node_version("v20.9.0\n"), Some((20, 9)));
        assert!(node_version("v20.9.0").unwrap() < NODE_MIN);
        assert!(node_version("v100.0.1").unwrap() > NODE_MIN);
        assert_eq!(node_version("20"), None);
    }
}
