//! What was typed: the text with its limits, secrets blotted out, and the TOML tree with the place of every value.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use super::notes::Notes;

/// The largest ledger that is judged: 1 MiB.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Beginnings of texts that are secrets, and how many characters must follow before it is more than a mention.
const SECRET_PREFIXES: [(&str, usize); 2] = [("sk-ant-", 12), ("AGE-SECRET-KEY-1", 8)];

/// `text` with everything that looks like a secret replaced by asterisks of the same length, and where that was. The
/// provider's partial hints (`sk-ant-api03-R2D...igAA`) are no secrets.
pub fn redact(text: &str) -> (Cow<'_, str>, Vec<Range<usize>>) {
    let mut secrets = Vec::new();
    for (prefix, least) in SECRET_PREFIXES {
        // Where the last run ended: a prefix inside it begins no new one, and no byte is looked at twice.
        let mut seen = 0;
        for (start, _) in text.match_indices(prefix) {
            if start < seen {
                continue;
            }
            let rest = &text[start + prefix.len()..];
            let run = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
            seen = start + prefix.len() + run;
            let hint = rest[run..].starts_with("...") || rest[run..].starts_with('…');
            if run >= least && !hint {
                secrets.push(start..seen);
            }
        }
    }
    if secrets.is_empty() {
        return (Cow::Borrowed(text), secrets);
    }
    let mut blotted = text.to_owned();
    for secret in &secrets {
        blotted.replace_range(secret.clone(), &"*".repeat(secret.len()));
    }
    (Cow::Owned(blotted), secrets)
}

/// Parses `text`, which holds no secret any more. `None` when the syntax leaves nothing to judge by.
pub(super) fn document<'t>(text: &'t str, notes: &mut Notes<'_>) -> Option<Spanned<DeTable<'t>>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut readable = true;
    // A bracket that is never closed is reported once for each level of nesting.
    let mut seen = BTreeSet::new();
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        if !seen.insert((span.start, error.message())) {
            continue;
        }
        // A key that stands twice leaves the tree sound: the rest can be judged as well.
        let duplicate = error.message().starts_with("duplicate key");
        readable &= duplicate;
        let remedy = if duplicate { "keep one of the two" } else { "mend the syntax; fields are judged after that" };
        let message = format!("TOML syntax: {}", error.message());
        notes.error(span, "", message, remedy);
    }
    readable.then_some(document)
}
