use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::key::short_hint;

/// `…igAA`: what may be shown of a key. Whatever it is made from, it keeps four characters at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Hint(String);

impl Hint {
    /// From the provider's partial hint, or from a hint that was shortened before.
    pub fn of(text: &str) -> Self {
        Self(short_hint(Some(text)))
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self::of(&text)
    }
}

impl From<Hint> for String {
    fn from(hint: Hint) -> Self {
        hint.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_four_characters() {
        assert_eq!(Hint::of("sk-ant-api03-R2D...igAA").to_string(), "…igAA");
        assert_eq!(Hint::of("…igAA").to_string(), "…igAA");
        let parsed: Hint = serde_json::from_str("\"a-whole-secret-by-mistake\"").unwrap();
        assert_eq!(parsed.to_string(), "…take");
    }
}
