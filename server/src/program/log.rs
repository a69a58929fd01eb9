//! Standard error, where the log goes: a line that cannot be written is lost, and nothing else. Nobody waits
//! for whoever reads it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::collections::VecDeque;
use std::fmt::{self, Debug, Write as _};
use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tautline_server::Escaped;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

/// What may wait to be written; what comes on top is lost.
const WAITING_BYTES: usize = 1024 * 1024;
/// How long the end of the program waits for the last lines.
const FLUSH: Duration = Duration::from_secs(1);

static WAITING: Mutex<Waiting> = Mutex::new(Waiting::new());
static CHANGED: Condvar = Condvar::new();

struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines for which there was no room.
    lost: u64,
    /// What was taken out is being written.
    is_writing: bool,
}

impl Waiting {
    const fn new() -> Self {
        Self { lines: VecDeque::new(), bytes: 0, lost: 0, is_writing: false }
    }

    fn put(&mut self, line: Vec<u8>) {
        if self.bytes + line.len() > WAITING_BYTES {
            self.lost += 1;
        } else {
            self.bytes += line.len();
            self.lines.push_back(line);
        }
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.lost == 0
    }
}

fn waiting() -> MutexGuard<'static, Waiting> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has everything that is logged from now on, and panics, written on standard error.
pub(crate) fn start(level: LevelFilter) -> io::Result<()> {
    thread::Builder::new().name("tautline-log".into()).spawn(|| write_to(&mut io::stderr()))?;
    std::panic::set_hook(Box::new(note_panic));
    tracing_subscriber::fmt()
        .with_writer(|| Line)
        .fmt_fields(debug_fn(write_field))
        .with_ansi(io::stderr().is_terminal())
        .with_max_level(level)
        .with_target(false)
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// Has one line written.
pub(crate) fn put(mut line: String) {
    line.push('\n');
    waiting().put(line.into_bytes());
    CHANGED.notify_all();
}

/// Waits until everything is written, but not for long.
pub(crate) fn flush() {
    let is_busy = |waiting: &mut Waiting| waiting.is_writing || !waiting.is_empty();
    // At the end of its time the rest is lost.
    drop(CHANGED.wait_timeout_while(waiting(), FLUSH, is_busy));
}

/// Takes a line of the log, as it is formatted.
struct Line;

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        waiting().put(line.to_vec());
        CHANGED.notify_all();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what comes, for ever.
fn write_to(out: &mut impl Write) {
    let mut lost = 0;
    loop {
        let is_idle = |waiting: &mut Waiting| waiting.is_empty();
        let mut taken =
            CHANGED.wait_while(waiting(), is_idle).unwrap_or_else(PoisonError::into_inner);
        let lines = std::mem::take(&mut taken.lines);
        let lost_meanwhile = std::mem::take(&mut taken.lost);
        taken.bytes = 0;
        taken.is_writing = true;
        drop(taken);
        for line in lines {
            write_line(out, &line, &mut lost);
        }
        lost += lost_meanwhile;
        waiting().is_writing = false;
        CHANGED.notify_all();
    }
}

/// Writes a line, and before it how many could not be written.
fn write_line(out: &mut impl Write, line: &[u8], lost: &mut u64) {
    if *lost > 0 {
        // The last one may have got half way.
        let told = format!("\n{lost} lines of the log could not be written and are lost\n");
        if out.write_all(told.as_bytes()).is_ok() {
            *lost = 0;
        }
    }
    if *lost > 0 || out.write_all(line).is_err() {
        *lost += 1;
    }
}

/// Writes a field of an event without anything that could pass for another line.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let mut plain = Plain(writer);
    match field.name() {
        "message" => write!(plain, "{value:?}"),
        name => write!(plain, " {name}={value:?}"),
    }
}

struct Plain<W>(W);

impl<W: fmt::Write> fmt::Write for Plain<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write!(self.0, "{}", Escaped(text))
    }
}

/// The panic itself is somebody else's to catch.
fn note_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("without a name");
    let mut text = format!("a panic in the thread {thread}: {}", Escaped(&panic.to_string()));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        text.push_str(&format!("\n{backtrace}"));
    }
    put(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes.
    struct Full(usize, Vec<u8>);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.0);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0 -= count;
            self.1.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_are_lost_are_counted() {
        let (mut out, mut lost) = (Full(5, Vec::new()), 0);
        for line in ["one\n", "two\n", "three\n"] {
            write_line(&mut out, line.as_bytes(), &mut lost);
        }
        assert_eq!(lost, 2);
        out.0 = 1_000;
        write_line(&mut out, b"four\n", &mut lost);
        let told = "one\nt\n2 lines of the log could not be written and are lost\nfour\n";
        assert_eq!((String::from_utf8(out.1).unwrap().as_str(), lost), (told, 0));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut waiting = Waiting::new();
        for _ in 0..3 {
            waiting.put(vec![b'x'; WAITING_BYTES / 2]);
        }
        assert_eq!((waiting.lines.len(), waiting.lost), (2, 1));
    }
}
