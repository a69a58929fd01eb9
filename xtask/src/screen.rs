//! A screen that nobody sees, for browsers that need one: an X server in memory.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tools::{find, install_with_apt};
use crate::workspace::program;

/// Ends with this value.
pub(crate) struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    /// Starts one under the first number that is free.
    pub(crate) fn open() -> Result<Self> {
        const MISSING: &str = "Xvfb is missing; install it (on Debian: `apt-get install xvfb`)";
        if find("Xvfb").is_none() {
            install_with_apt("xvfb", "xvfb").context(MISSING)?;
        }
        let mut server = program("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context(MISSING)?;
        let output = server.stdout.take().context("Xvfb's output is not piped")?;
        let mut number = String::new();
        BufReader::new(output).read_line(&mut number)?;
        // From here on the server ends with the screen, also when it had nothing to say.
        let screen = Self { server, display: format!(":{}", number.trim()) };
        if number.trim().is_empty() {
            bail!("Xvfb ended without saying which display it serves");
        }
        Ok(screen)
    }

    /// Has a program show its windows here.
    pub(crate) fn lend_to(&self, command: &mut Command) {
        command.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
