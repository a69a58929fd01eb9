//! Texts of strangers, as they may stand in a log.

use std::fmt;

/// A text that comes from a client or a handler, for a log or a terminal.
///
/// Whatever would end the line, move the cursor, or turn the direction of what stands there is written as
/// an escape, such as `\n` or `\u{202e}`; everything else as it is.
///
/// ```
/// # use tautline_server::Escaped;
/// assert_eq!(Escaped("ann\nERROR all is lost").to_string(), r"ann\nERROR all is lost");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_misleading) {
            let (plain, behind) = rest.split_at(at);
            f.write_str(plain)?;
            let mut chars = behind.chars();
            if let Some(misleading) = chars.next() {
                // Debug's escapes leave some of these as they are.
                match misleading {
                    '\n' | '\r' | '\t' => write!(f, "{}", misleading.escape_default())?,
                    _ => write!(f, "{}", misleading.escape_unicode())?,
                }
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

/// Control characters, line separators, and what is invisible or changes the direction.
fn is_misleading(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn nothing_ends_the_line_or_moves_the_cursor() {
        for (text, expected) in [
            ("", ""),
            ("Ann O'Neil \"\\\" \u{e9}\u{1f600}", "Ann O'Neil \"\\\" \u{e9}\u{1f600}"),
            ("a\r\nb\tc", r"a\r\nb\tc"),
            ("\u{1b}[2J\u{7}\u{9b}", r"\u{1b}[2J\u{7}\u{9b}"),
            ("\u{85}\u{2028}\u{2029}", r"\u{85}\u{2028}\u{2029}"),
            ("\u{202e}live\u{2066}\u{200f}\u{feff}", r"\u{202e}live\u{2066}\u{200f}\u{feff}"),
            ("\0\u{7f}", r"\u{0}\u{7f}"),
        ] {
            assert_eq!(Escaped(text).to_string(), expected);
        }
    }
}
