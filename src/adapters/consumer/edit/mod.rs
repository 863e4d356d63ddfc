//! Edits one string of a JSON, TOML or YAML text: the bytes of that value are replaced and every other byte stays. Whatever
//! is ambiguous (a name that is there twice, an alias, a value that is no string) is refused, and no message carries a value.

mod json;
mod toml;
mod yaml;

use std::ops::Range;

use zeroize::Zeroizing;

use crate::domain::ledger::{DocumentFormat, FieldPath};
use crate::domain::secret::Secret;

/// Why a document cannot be edited. Line and column count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It does not parse.
    #[error("it is not valid {format}: line {line}, column {column}{remark}")]
    Malformed {
        /// What it should be.
        format: DocumentFormat,
        /// Where the parser gave up.
        line: usize,
        /// Where the parser gave up.
        column: usize,
        /// A cause that is worth naming, or nothing.
        remark: &'static str,
    },
    /// There is no such field. guard does not invent one, because it cannot know where the workload would look.
    #[error("it has no field `{path}`; add the field once by hand with the value \"\"")]
    Missing {
        /// Which field.
        path: FieldPath,
    },
    /// The field is there, but which bytes to replace would be a guess.
    #[error("`{path}` {why}")]
    Ambiguous {
        /// Which field.
        path: FieldPath,
        /// What makes it so, and the remedy.
        why: &'static str,
    },
}

/// How the value is written now; the new one is written alike as far as it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notation {
    /// Without quotes (YAML only).
    Plain,
    /// `'…'`, without escapes.
    Single,
    /// `"…"`, with backslash escapes.
    Double,
}

/// A field that was found.
struct Field {
    /// Its bytes, quotes included.
    span: Range<usize>,
    /// What it means; `None` for the format's null.
    value: Option<Zeroizing<String>>,
    notation: Notation,
}

fn find(format: DocumentFormat, text: &str, path: &FieldPath) -> Result<Field, EditError> {
    match format {
        DocumentFormat::Json => json::find(text, path),
        DocumentFormat::Toml => toml::find(text, path),
        DocumentFormat::Yaml => yaml::find(text, path),
    }
}

/// What the field at `path` says; `None` when it is null.
///
/// # Errors
/// [`EditError`] when the text does not parse, or the field is missing, ambiguous or no string.
pub fn read(format: DocumentFormat, text: &str, path: &FieldPath) -> Result<Option<Zeroizing<String>>, EditError> {
    find(format, text, path).map(|field| field.value)
}

/// `text` with the value at `path` replaced by `secret`.
///
/// # Errors
/// Those of [`read`]; and [`EditError::Ambiguous`] when the result would not read back as the secret.
pub fn replace(
    format: DocumentFormat,
    text: &str,
    path: &FieldPath,
    secret: &Secret,
) -> Result<Zeroizing<String>, EditError> {
    let field = find(format, text, path)?;
    let literal = encode(field.notation, secret.expose());
    let mut edited = Zeroizing::new(String::with_capacity(text.len() + literal.len()));
    edited.push_str(&text[..field.span.start]);
    edited.push_str(&literal);
    edited.push_str(&text[field.span.end..]);

    // The span came from a foreign parser: trust it only when the result says what was meant, at the same place.
    let again = find(format, &edited, path)?;
    let same_place = again.span == (field.span.start..field.span.start + literal.len());
    match again.value {
        Some(value) if same_place && value.as_str() == secret.expose() => Ok(edited),
        _ => Err(EditError::Ambiguous { path: path.clone(), why: "does not read back as it was written" }),
    }
}

/// A secret is printable ASCII without spaces, for which the three formats agree: a quoted text escapes only backslash and double quote.
fn encode(notation: Notation, secret: &str) -> Zeroizing<String> {
    let letters_and_dashes = secret.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    // A letter in front excludes numbers, dates and markers; the dash excludes `true`, `no` and `null`.
    let unmistakable =
        letters_and_dashes && secret.contains('-') && secret.starts_with(|c: char| c.is_ascii_alphabetic());
    Zeroizing::new(match notation {
        Notation::Plain if unmistakable => secret.to_owned(),
        Notation::Single if !secret.contains('\'') => format!("'{secret}'"),
        _ => {
            // Capacity for the worst case: a growing buffer would leave copies behind that nobody wipes.
            let mut literal = String::with_capacity(2 * secret.len() + 2);
            literal.push('"');
            for c in secret.chars() {
                if matches!(c, '"' | '\\') {
                    literal.push('\\');
                }
                literal.push(c);
            }
            literal.push('"');
            literal
        }
    })
}

/// Line and column, both from 1, of the byte `at` in `text`.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
