//! The last look at what leaves guard for strangers: does it hold a key?

use super::secret::Secret;

/// What guard knows of secrets that must not show.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownSecrets<'a> {
    /// Secrets whose text guard holds.
    pub held: &'a [Secret],
    /// The provider's partial hints of all other keys, `sk-ant-api03-R2D...igAA`.
    pub hints: &'a [String],
}

/// How every key of the provider begins. <https://platform.claude.com/docs/en/manage-claude/admin-api-keys>
const KEY_PREFIX: &str = "sk-ant-";

/// A word that begins like a key is one from this length on; a hint's head is shorter.
const KEY_LENGTH: usize = 24;

/// A secret is searched in pieces of this length, so that a cut one is found, too.
const PIECE: usize = 16;

/// The least of a hint's head that makes a match mean something.
const HEAD: usize = 4;

/// Whether `text` holds something that looks like a key, a known secret, or more than half of one. What it is, is not told.
pub fn holds_secret(text: &str, known: KnownSecrets<'_>) -> bool {
    words(text).any(|word| looks_like_key(word) || known.hints.iter().any(|hint| fits(word, hint)))
        || known.held.iter().any(|secret| pieces(secret).any(|piece| text.contains(piece)))
}

/// Stretches of the characters that keys are made of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).filter(|w| w.len() >= KEY_LENGTH)
}

fn looks_like_key(word: &str) -> bool {
    word.find(KEY_PREFIX).is_some_and(|at| word.len() - at >= KEY_LENGTH)
}

fn fits(word: &str, hint: &str) -> bool {
    let parts = hint.split_once("...").or_else(|| hint.split_once('…'));
    parts.is_some_and(|(head, tail)| {
        head.len() >= HEAD && !tail.is_empty() && word.find(head).is_some_and(|at| word[at..].ends_with(tail))
    })
}

/// The secret in pieces. Its beginning may be common to all keys and is no piece.
fn pieces(secret: &Secret) -> impl Iterator<Item = &str> {
    let text = secret.expose();
    let body = match text.strip_prefix(KEY_PREFIX).and_then(|rest| rest.split_once('-')) {
        Some((_kind, body)) => body,
        None => text,
    };
    // `Secret` admits printable ASCII only, so that every index is a character boundary.
    let length = body.len().min(PIECE);
    let count = if length < 8 { 0 } else { body.len() / length };
    (0..count).map(move |i| &body[i * length..(i + 1) * length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> String {
        format!("sk-ant-api03-{}AA", "R2Dx9_".repeat(16).get(..93).unwrap())
    }

    #[test]
    fn keys_are_found_and_hints_are_not() {
        let known = KnownSecrets::default();
        assert!(holds_secret(&format!("{{\"key\":\"{}\"}}", key()), known));
        assert!(holds_secret(&format!("x-{}", key()), known));
        for fine in ["sk-ant-api03-R2D...igAA", "apikey_01Rj2N8SVvo6BePZj99NhmiT", "…igAA", &"5f1d7a84".repeat(8)] {
            assert!(!holds_secret(fine, known), "{fine}");
        }
    }

    #[test]
    fn known_secrets_are_found_whatever_they_look_like() {
        let held = [Secret::new("hunter2-correct-horse-battery".into()).unwrap()];
        let known = KnownSecrets { held: &held, hints: &[] };
        assert!(holds_secret("url?token=hunter2-correct-horse-battery&x", known));
        assert!(!holds_secret("hunter2", known));
        let hints = ["tok-9f...Qz".to_owned()];
        let known = KnownSecrets { held: &[], hints: &hints };
        assert!(holds_secret("tok-9fAAAAAAAAAAAAAAAAAAAAAAAAQz", known));
        assert!(!holds_secret("tok-9f...Qz", known));
    }

    proptest! {
        #[test]
        fn a_third_of_a_key_is_enough(start in 13usize..70, before in ".{0,20}", after in ".{0,20}") {
            let key = key();
            let held = [Secret::new(key.clone()).unwrap()];
            let text = format!("{before}{}{after}", &key[start..start + 31]);
            let known = KnownSecrets { held: &held, hints: &[] };
            prop_assert!(holds_secret(&text, known));
        }
    }
}
