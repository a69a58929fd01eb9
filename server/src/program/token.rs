//! The token that every client has to bring.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use tautline_protocol::limits::CREDENTIALS_BYTES_MAX;

/// A file is read no further: the token is in its first line.
const FILE_BYTES_MAX: u64 = 64 * 1024;
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The token in a file. Errors are sentences.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let name = path.display();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot read the token from {name}: {error}"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("cannot read the token from {name}: it is not a text in UTF-8"))?;
    let text = text.trim_start_matches(BYTE_ORDER_MARK).trim();
    match text.lines().next() {
        Some(line) => check(line).map_err(|wrong| format!("{name}: {wrong}")),
        None => Err(format!("expected a token in the first line of {name}, found nothing")),
    }
}

/// The token without what stands around it. Errors are sentences.
pub(crate) fn check(text: &str) -> Result<String, String> {
    let token = text.trim();
    if token.is_empty() {
        return Err("the token is empty".into());
    }
    if token.chars().any(char::is_control) {
        return Err("the token has a control character in it".into());
    }
    if token.len() > CREDENTIALS_BYTES_MAX {
        return Err(format!(
            "the token has {} bytes, and credentials have at most {CREDENTIALS_BYTES_MAX}",
            token.len()
        ));
    }
    Ok(token.into())
}
