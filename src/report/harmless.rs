//! Text from outside, before it is shown: no control characters, no invisible or direction-changing ones, no endless ones.
//! Escaping for HTML is the template's work and comes after this.

use std::fmt::Write;

/// The most characters of one piece of text that a page or a terminal line shows.
pub const MAX_CHARS: usize = 400;

/// `text` on one line, at most [`MAX_CHARS`] characters.
pub fn line(text: &str) -> String {
    clean(text, MAX_CHARS, false)
}

/// `text` on one line, at most `chars` characters.
pub fn short(text: &str, chars: usize) -> String {
    clean(text, chars, false)
}

/// `text` with its line breaks, at most `chars` characters.
pub fn block(text: &str, chars: usize) -> String {
    clean(text, chars, true)
}

fn clean(text: &str, chars: usize, line_breaks: bool) -> String {
    let mut out = String::with_capacity(text.len().min(chars));
    for (shown, c) in text.chars().enumerate() {
        if shown >= chars {
            out.push('…');
            break;
        }
        match c {
            '\n' if line_breaks => out.push('\n'),
            '\t' => out.push(' '),
            c if c.is_control() || deceptive(c) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Characters that change what others look like: bidirectional controls, zero-width and other invisible formatting, line
/// separators, tags, interlinear annotation, the byte order mark. <https://www.unicode.org/reports/tr36/>
const fn deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether `text` holds nothing that [`line()`] would have to change, its length apart.
pub fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || deceptive(c))
}

/// The text so that no spreadsheet takes it for a formula: <https://owasp.org/www-community/attacks/CSV_Injection>
pub fn no_formula(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tricks_become_visible() {
        assert_eq!(line("a\u{202e}b\u{1b}[31m"), "a\\u{202e}b\\u{1b}[31m");
        assert_eq!(line("two\nlines\there"), "two\\u{a}lines here");
        assert_eq!(block("two\nlines\r", 20), "two\nlines\\u{d}");
        assert_eq!(short("Grüße", 3), "Grü…");
    }

    proptest! {
        #[test]
        fn nothing_gets_through(text in any::<String>(), chars in 0usize..50) {
            let shown = short(&text, chars);
            prop_assert!(is_harmless(&shown));
            prop_assert!(shown.chars().count() <= chars * 10 + 1);
        }
    }
}
