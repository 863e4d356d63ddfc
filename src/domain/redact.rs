//! The second line of defence of everything that guard prints: key texts are blanked, and characters from outside that
//! could steer a terminal are shown, not obeyed. (The first line is that no secret is ever formatted.)

use std::borrow::Cow;

/// What every key of the provider begins with; a kind (`admin01`, `api03`, `oat01`, …) and a dash follow.
/// <https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml>
const PREFIX: &str = "sk-ant-";
/// A shorter tail is a hint (`sk-ant-api03-R2D…`), which is no secret.
const SHORTEST_TAIL: usize = 6;

/// Blanks every key text: `sk-ant-api03-[redacted]`.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut kept = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find(PREFIX) {
        let start = from + found;
        from = start + PREFIX.len();
        if let Some((kind, tail)) = key_at(&text[from..]) {
            clean.push_str(&text[kept..from + kind]);
            clean.push_str("-[redacted]");
            kept = from + kind + 1 + tail;
            from = kept;
        }
    }
    if kept == 0 { Cow::Borrowed(text) } else { Cow::Owned(clean + &text[kept..]) }
}

/// Lengths of kind and tail when `text`, which follows the prefix, goes on like a key.
fn key_at(text: &str) -> Option<(usize, usize)> {
    let kind = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let rest = text[kind..].strip_prefix('-').filter(|_| kind > 0)?;
    let tail = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    (tail >= SHORTEST_TAIL).then_some((kind, tail))
}

/// A name or message from outside, fit for one line of a terminal: control characters, direction marks and invisible
/// characters are shown as `\u{…}`, and what is longer than `limit` characters is cut.
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown: String = text.chars().take(limit).flat_map(shown).collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// Like [`printable`], for text of guard's own that spans lines: line breaks and tabs stay, nothing is cut.
pub fn printable_lines(text: &str) -> String {
    text.chars().flat_map(|c| if matches!(c, '\n' | '\t') { Shown::Plain(Some(c)) } else { shown(c) }).collect()
}

/// Either the character itself or its escape.
enum Shown {
    Plain(Option<char>),
    Escaped(std::char::EscapeDebug),
}

impl Iterator for Shown {
    type Item = char;
    fn next(&mut self) -> Option<char> {
        match self {
            Self::Plain(c) => c.take(),
            Self::Escaped(escape) => escape.next(),
        }
    }
}

fn shown(c: char) -> Shown {
    match c {
        // Harmless; escaping them would only make messages harder to read.
        '"' | '\'' | '\\' => Shown::Plain(Some(c)),
        c => Shown::Escaped(c.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_blanked_and_the_rest_stays() {
        for (text, clean) in [
            ("", ""),
            ("nothing here", "nothing here"),
            ("x sk-ant-api03-AbC_123-xyzAA y", "x sk-ant-api03-[redacted] y"),
            ("sk-ant-admin01-aaaaaaaa,sk-ant-oat01-bbbbbbbb", "sk-ant-admin01-[redacted],sk-ant-oat01-[redacted]"),
            ("a later kind: sk-ant-api99-cccccccc", "a later kind: sk-ant-api99-[redacted]"),
            ("glued_sk-ant-api03-dddddddd", "glued_sk-ant-api03-[redacted]"),
            ("the hint sk-ant-api03-R2D...igAA", "the hint sk-ant-api03-R2D...igAA"),
            ("sk-ant-sk-ant-api03-eeeeeeee", "sk-ant-sk-[redacted]"),
            ("sk-ant-", "sk-ant-"),
            ("sk-ant-é", "sk-ant-é"),
        ] {
            assert_eq!(scrub(text), clean);
        }
    }

    #[test]
    fn what_could_steer_a_terminal_is_shown() {
        assert_eq!(printable("a\u{1b}[31m\r\n\0", 99), r"a\u{1b}[31m\r\n\0");
        assert_eq!(printable("abc\u{202e}fed\u{200b}", 99), r"abc\u{202e}fed\u{200b}");
        assert_eq!(printable("Ünïcode `it's` \"fine\"", 99), "Ünïcode `it's` \"fine\"");
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable_lines("one\n\ttwo\u{7}"), "one\n\ttwo\\u{7}");
    }

    proptest! {
        #[test]
        fn no_key_survives_wherever_it_stands(
            before in ".{0,20}", after in "[^A-Za-z0-9_-].{0,20}", tail in "[A-Za-z0-9_-]{93}AA",
        ) {
            let clean = scrub(&format!("{before}sk-ant-api03-{tail}{after}")).into_owned();
            prop_assert!(!clean.contains(&tail[..SHORTEST_TAIL + 20]));
            prop_assert!(clean.ends_with(&after) || after.contains(PREFIX));
        }

        #[test]
        fn scrubbing_twice_changes_nothing(text in ".*|(sk-ant-[a-z0-9-]{0,12}){0,4}") {
            let once = scrub(&text).into_owned();
            prop_assert_eq!(scrub(&once).into_owned(), once.clone());
        }

        #[test]
        fn printable_text_has_no_control_character(text in any::<String>()) {
            prop_assert!(!printable(&text, 50).chars().any(char::is_control));
        }
    }
}
