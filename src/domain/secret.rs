//! The one type that holds a secret.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

/// A key's text. It cannot be printed, serialized or cloned, and its memory is wiped on drop. Whoever needs the text calls
/// [`Secret::expose`], so that every use can be found by searching for that word.
pub struct Secret(SecretString);

/// Why a text was refused as a secret. The text itself is never in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// Nothing but white space.
    #[error("the secret is empty")]
    Empty,
    /// Longer than 16 KiB, the most that any consumer takes.
    #[error("the secret is longer than 16384 bytes")]
    TooLong,
    /// Control characters, spaces or non-ASCII: a paste accident.
    #[error("the secret has a character that no key contains (space, line break or non-ASCII); paste the key alone")]
    NotAKey,
}

impl Secret {
    /// Takes `text` without surrounding white space; `text` itself is wiped.
    ///
    /// # Errors
    /// [`InvalidSecret`] when what remains is empty, too long, or not printable ASCII.
    pub fn new(mut text: String) -> Result<Self, InvalidSecret> {
        let checked = match text.trim() {
            "" => Err(InvalidSecret::Empty),
            t if t.len() > 16_384 => Err(InvalidSecret::TooLong),
            t if !t.bytes().all(|b| b.is_ascii_graphic()) => Err(InvalidSecret::NotAKey),
            t => Ok(Self(SecretString::from(t.to_owned()))),
        };
        text.zeroize();
        checked
    }

    /// The text, for the one place that sends or writes it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// A deliberate copy, for a second owner.
    pub fn duplicate(&self) -> Self {
        Self(SecretString::from(self.expose().to_owned()))
    }

    /// `…igAA`: the last four characters, the most of a secret that guard ever shows. Short texts show nothing.
    pub fn hint(&self) -> String {
        let text = self.expose();
        // `is_ascii_graphic` was checked, so that a byte index is a character index.
        if text.len() < 24 { "…".to_owned() } else { format!("…{}", &text[text.len() - 4..]) }
    }

    /// Whether the provider's `partial_key_hint` (`sk-ant-api03-R2D...igAA`) fits this secret: head and tail both match.
    pub fn fits(&self, partial_key_hint: &str) -> bool {
        let text = self.expose();
        match partial_key_hint.split_once("...").or_else(|| partial_key_hint.split_once('…')) {
            Some((head, tail)) => {
                !tail.is_empty()
                    && text.len() >= head.len() + tail.len()
                    && text.starts_with(head)
                    && text.ends_with(tail)
            }
            None => false,
        }
    }

    /// Whether both hold the same text.
    pub fn same_as(&self, other: &Self) -> bool {
        let (a, b) = (self.expose().as_bytes(), other.expose().as_bytes());
        // No early exit: the time must not tell how long the common prefix is.
        a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned()).unwrap()
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", secret("sk-ant-api03-abcdefghijklmnop")), "Secret(…)");
    }

    #[test]
    fn hints_match_head_and_tail() {
        let key = secret("sk-ant-api03-R2Dxxxxxxxxxxxxxxxxxxigaa-igAA");
        assert!(key.fits("sk-ant-api03-R2D...igAA"));
        assert!(!key.fits("sk-ant-api03-R2E...igAA"));
        assert!(!key.fits("sk-ant-api03-R2D..."));
        assert_eq!(key.hint(), "…igAA");
    }

    #[test]
    fn a_paste_accident_is_refused() {
        assert_eq!(Secret::new(" \n".into()).unwrap_err(), InvalidSecret::Empty);
        assert_eq!(Secret::new("two words".into()).unwrap_err(), InvalidSecret::NotAKey);
        assert!(Secret::new("sk-ant-x\n".into()).is_ok());
    }
}
