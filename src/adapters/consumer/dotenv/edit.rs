use zeroize::Zeroizing;

use super::scan::{Ambiguous, Style, scan};
use crate::domain::secret::Secret;

/// A file with its variable set.
pub(super) struct Edited {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Assignments of the variable that do not count, because a later one does.
    pub(super) earlier: usize,
}

/// Sets `variable` to the secret: replaces the value of its last assignment, quotes kept where they can hold it, or adds a
/// line at the end. No other byte changes.
pub(super) fn set(bytes: &[u8], variable: &str, secret: &Secret) -> Result<Edited, Ambiguous> {
    let scan = scan(bytes, variable)?;
    let line = scan.found.as_ref().map_or(scan.end, |found| found.line);
    let bad = |why| Ambiguous { line, why };
    let named = variable.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !named || variable.is_empty() || variable.as_bytes()[0].is_ascii_digit() {
        return Err(bad("a variable's name has letters, digits and `_`, and begins with no digit"));
    }
    let style = scan.found.as_ref().map_or(Style::Bare, |found| found.style);
    let style = [style, Style::Single].into_iter().find(|style| holds(*style, secret.expose()));
    let quote: &[u8] =
        match style.ok_or(bad("the secret has characters that readers of dotenv files take differently"))? {
            Style::Bare => b"",
            Style::Single => b"'",
            Style::Double => b"\"",
        };
    let secret = secret.expose().as_bytes();
    let parts: Vec<&[u8]> = match &scan.found {
        Some(found) => vec![&bytes[..found.place.start], quote, secret, quote, &bytes[found.place.end..]],
        None if scan.glued => return Err(bad("the last line ends with a backslash, which glues the next one to it")),
        None => {
            let ending: &[u8] = if bytes.windows(2).any(|pair| pair == b"\r\n") { b"\r\n" } else { b"\n" };
            let missing = if bytes.is_empty() || bytes.ends_with(b"\n") { b"" } else { ending };
            vec![bytes, missing, variable.as_bytes(), b"=", quote, secret, quote, ending]
        }
    };
    Ok(Edited { bytes: Zeroizing::new(parts.concat()), earlier: scan.earlier })
}

/// Whether every reader takes `text` for itself when it is written in this style.
fn holds(style: Style, text: &str) -> bool {
    match style {
        Style::Bare => text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&b)),
        Style::Single => !text.contains(['\'', '\\']),
        Style::Double => !text.contains(['"', '\\', '$', '`']),
    }
}
