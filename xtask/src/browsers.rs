//! The browsers that tests run in, without a screen: looked for, installed where apt may be used,
//! else named in one sentence.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::tools::{self, find};
use crate::workspace::{announce, cargo, run, target};

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Chromium,
    Firefox,
    /// What Safari is made of: the small browser of `WebKitGTK`, of which only the driver is started.
    Webkit,
}

/// Where a program may be, and where it comes from.
struct Place {
    /// The environment variable that says it.
    variable: &'static str,
    names: &'static [&'static str],
    paths: &'static [&'static str],
    /// The packages that have it.
    debian: &'static str,
    ubuntu: &'static str,
}

impl Place {
    fn find(&self) -> Option<PathBuf> {
        named_by(self.variable)
            .or_else(|| self.names.iter().find_map(|name| find(name)))
            .or_else(|| self.paths.iter().map(PathBuf::from).find(|path| path.is_file()))
    }

    fn find_or_install(&self, what: &str) -> Result<PathBuf> {
        if let Some(program) = self.find() {
            return Ok(program);
        }
        if let Err(error) = tools::install_with_apt(self.debian, self.ubuntu) {
            println!("{error:#}");
        }
        let Self { variable, debian, .. } = self;
        self.find().with_context(|| {
            format!(
                "{what} is missing; install it (on Debian: `apt-get install {debian}`), or name its \
                 file in the variable {variable}"
            )
        })
    }
}

const CHROMIUM: Place = Place {
    variable: "CHROMIUM",
    names: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    paths: &[
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ],
    debian: "chromium",
    ubuntu: "chromium-browser",
};
const CHROMEDRIVER: Place = Place {
    variable: "CHROMEDRIVER",
    names: &["chromedriver"],
    paths: &["/usr/lib/chromium-browser/chromedriver", "/usr/lib/chromium/chromedriver"],
    debian: "chromium-driver",
    ubuntu: "chromium-chromedriver",
};
const FIREFOX: Place = Place {
    variable: "FIREFOX",
    names: &["firefox-esr", "firefox"],
    paths: &["/Applications/Firefox.app/Contents/MacOS/firefox"],
    debian: "firefox-esr",
    ubuntu: "firefox",
};
const WEBKIT_DRIVER: Place = Place {
    variable: "WEBKITDRIVER",
    names: &["WebKitWebDriver"],
    paths: &[],
    debian: "webkit2gtk-driver",
    ubuntu: "webkit2gtk-driver",
};
/// Looked for, and else built.
const GECKODRIVER: &str = "GECKODRIVER";

impl Browser {
    /// The name by which tests know it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::Webkit => "webkit",
        }
    }

    /// What tests start: the browser, or its driver. Installed first where apt may be used.
    pub(crate) fn program(self) -> Result<PathBuf> {
        match self {
            Self::Chromium => CHROMIUM.find_or_install("Chromium"),
            Self::Firefox => FIREFOX.find_or_install("Firefox"),
            Self::Webkit => self.driver(),
        }
    }

    /// The program that steers it by the WebDriver protocol.
    pub(crate) fn driver(self) -> Result<PathBuf> {
        match self {
            Self::Chromium => CHROMEDRIVER.find_or_install("Chromium's driver"),
            Self::Firefox => named_by(GECKODRIVER)
                .or_else(|| find("geckodriver"))
                .map_or_else(build_geckodriver, Ok),
            Self::Webkit => WEBKIT_DRIVER.find_or_install("WebKitGTK's driver"),
        }
    }

    /// What the WebDriver protocol has to be told about it.
    pub(crate) fn capabilities(self) -> Result<serde_json::Value> {
        let binary = self.program()?;
        Ok(match self {
            Self::Chromium => serde_json::json!({ "goog:chromeOptions": { "binary": binary } }),
            Self::Firefox => serde_json::json!({
                "moz:firefoxOptions": { "binary": binary, "args": ["-headless"] }
            }),
            Self::Webkit => serde_json::json!({}),
        })
    }

    /// The variable by which wasm-bindgen's test runner learns of the driver.
    pub(crate) const fn driver_variable(self) -> &'static str {
        match self {
            Self::Chromium => CHROMEDRIVER.variable,
            Self::Firefox => GECKODRIVER,
            // It speaks to the driver of Safari as it does to this one.
            Self::Webkit => "SAFARIDRIVER",
        }
    }
}

fn named_by(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Debian has no package of it. Mozilla publishes its source where crates are.
fn build_geckodriver() -> Result<PathBuf> {
    let folder = target()?.join("tools");
    let driver = folder.join(format!("bin/geckodriver{}", env::consts::EXE_SUFFIX));
    if driver.is_file() {
        return Ok(driver);
    }
    announce("Building geckodriver, once: a few minutes");
    let mut command =
        cargo(&["install", "geckodriver", "--version=0.37.1", "--locked", "--quiet"])?;
    run(command.arg("--root").arg(&folder)).context(
        "Firefox's driver is missing; install it (`cargo install geckodriver`) or name its file \
         in the variable GECKODRIVER",
    )?;
    Ok(driver)
}
