//! Names of things. Each is its own type, so that a workspace can never be passed where a key is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a {what}: {why}")]
pub struct InvalidId {
    /// What the text should have been, for people: "key id".
    pub what: &'static str,
    /// The text, made printable and cut to a bearable length.
    pub shown: String,
    /// The rule that it broke.
    pub why: &'static str,
}

fn printable(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}

/// The provider's identifiers: a fixed prefix, then letters, digits, `_` and `-`; at most 128 bytes.
fn check_prefixed(text: &str, what: &'static str, prefix: &'static str) -> Result<(), InvalidId> {
    let fail = |why| Err(InvalidId { what, shown: printable(text), why });
    let Some(rest) = text.strip_prefix(prefix) else {
        return fail(match prefix {
            "apikey_" => "it must begin with `apikey_`",
            "wrkspc_" => "it must begin with `wrkspc_`",
            _ => "it has another prefix",
        });
    };
    if rest.is_empty() || text.len() > 128 {
        return fail("it must have 1 to 120 characters after the prefix");
    }
    if !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return fail("only letters, digits, `_` and `-` may follow the prefix");
    }
    Ok(())
}

/// Names that people choose: lower-case letters, digits, `-`, `_`, `.`; begins with a letter or digit; at most 64 bytes.
/// The rule is that strict because the name becomes a file name and a metric label.
fn check_slug(text: &str, what: &'static str) -> Result<(), InvalidId> {
    let fail = |why| Err(InvalidId { what, shown: printable(text), why });
    if text.is_empty() || text.len() > 64 {
        return fail("it must have 1 to 64 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.')) {
        return fail("only lower-case letters, digits, `-`, `_` and `.` are allowed");
    }
    if !text.as_bytes()[0].is_ascii_alphanumeric() {
        return fail("it must begin with a letter or a digit");
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// [`InvalidId`] says which rule the text breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let check: fn(&str, &'static str) -> Result<(), InvalidId> = $check;
                check(&text, $what)?;
                Ok(Self(text))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }
    };
}

text_id!(
    /// A key at the provider, `apikey_…`. Never the secret.
    KeyId,
    "key id",
    |t, w| check_prefixed(t, w, "apikey_")
);
text_id!(
    /// A workspace at the provider, `wrkspc_…`.
    WorkspaceId,
    "workspace id",
    |t, w| check_prefixed(t, w, "wrkspc_")
);
text_id!(
    /// A workspace's name in the ledger, for example `prod-publish`.
    WorkspaceName,
    "workspace name",
    check_slug
);
text_id!(
    /// A consumer's name, unique within its workspace.
    ConsumerName,
    "consumer name",
    check_slug
);
text_id!(
    /// A notifier's name, unique within the ledger.
    NotifierName,
    "notifier name",
    check_slug
);

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// An incident, numbered from 1 within a workspace; equal to the gate's generation that it caused.
    IncidentId
);
number_id!(
    /// A rotation, numbered from 1 within a workspace.
    RotationId
);
number_id!(
    /// One execution of a job under `guard exec`.
    RunId
);

/// Whom usage is attributed to. "None" is a principal of its own, not noise: Console use and federated tokens carry no key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// Usage with an API key.
    Key(KeyId),
    /// Usage with a federated token of this service account, `svac_…`.
    ServiceAccount(String),
    /// Usage without key and service account in this workspace (`None`: the default workspace).
    Unattributed(Option<WorkspaceId>),
}

impl Principal {
    /// The key, when the principal is one.
    pub fn key(&self) -> Option<&KeyId> {
        match self {
            Self::Key(key) => Some(key),
            _ => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::ServiceAccount(id) => write!(f, "service account {}", printable(id)),
            Self::Unattributed(Some(workspace)) => write!(f, "no key in {workspace}"),
            Self::Unattributed(None) => f.write_str("no key in the default workspace"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_ids_need_their_prefix() {
        assert!(KeyId::new("apikey_01Rj2N8SVvo6BePZj99NhmiT").is_ok());
        assert!(KeyId::new("wrkspc_01").is_err());
        assert!(KeyId::new("apikey_").is_err());
        assert!(KeyId::new("apikey_a/b").is_err());
    }

    #[test]
    fn names_are_safe_as_file_names() {
        for bad in ["", "..", "a/b", "A", "-x", ".hidden", "a b", &"x".repeat(65)] {
            assert!(WorkspaceName::new(bad).is_err(), "{bad}");
        }
        assert!(WorkspaceName::new("prod-publish.eu_1").is_ok());
    }

    #[test]
    fn errors_never_carry_control_characters() {
        let error = WorkspaceName::new("a\u{1b}[31m\n").unwrap_err().to_string();
        assert!(!error.chars().any(char::is_control), "{error}");
    }
}
