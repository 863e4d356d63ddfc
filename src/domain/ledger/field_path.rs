//! Where a value is within a document.

use std::fmt;
use std::str::FromStr;

/// Deeper paths are a mistake; the limit keeps every walk along one bounded.
const MAX_STEPS: usize = 32;

/// One step from a container to what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// The member of this name.
    Name(String),
    /// The element at this position, counted from 0.
    Index(usize),
}

/// Where a value is within a JSON, TOML or YAML document: `services.llm[0].key`. A name that has a dot, a bracket, a quote or
/// a space is put in double quotes, with `\"` and `\\` as the only escapes: `hosts."eu.example".key`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<Step>);

/// The formats in which guard can edit one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// RFC 8259.
    Json,
    /// TOML 1.0.
    Toml,
    /// YAML 1.2.
    Yaml,
}

impl fmt::Display for DocumentFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        })
    }
}

/// Why a text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a field path: {0} (write it like `services.llm[0].key` or `hosts.\"eu.example\".key`)")]
pub struct InvalidFieldPath(&'static str);

impl FieldPath {
    /// From the document's root inwards; at least one.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl FromStr for FieldPath {
    type Err = InvalidFieldPath;

    fn from_str(text: &str) -> Result<Self, InvalidFieldPath> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() || steps.is_empty() {
            let (step, after) = match rest.strip_prefix('[') {
                Some(inner) => index(inner)?,
                None if steps.is_empty() => name(rest)?,
                None => name(rest.strip_prefix('.').ok_or(InvalidFieldPath("a dot is missing between two names"))?)?,
            };
            steps.push(step);
            if steps.len() > MAX_STEPS {
                return Err(InvalidFieldPath("it has more than 32 steps"));
            }
            rest = after;
        }
        Ok(Self(steps))
    }
}

/// `0]…` after an opening bracket.
fn index(text: &str) -> Result<(Step, &str), InvalidFieldPath> {
    let (digits, rest) = text.split_once(']').ok_or(InvalidFieldPath("a bracket is not closed"))?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse() {
        Ok(index) if plain => Ok((Step::Index(index), rest)),
        _ => Err(InvalidFieldPath("between brackets there must be a number, counted from 0")),
    }
}

/// A bare or quoted name at the beginning of `text`.
fn name(text: &str) -> Result<(Step, &str), InvalidFieldPath> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['.', '[']).unwrap_or(text.len());
        let (bare, rest) = text.split_at(end);
        return match bare {
            "" => Err(InvalidFieldPath("a name is empty")),
            bare if bare.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | ']' | '\\')) => {
                Err(InvalidFieldPath("a name with a space, a quote, a bracket or a backslash needs double quotes"))
            }
            bare => Ok((Step::Name(bare.to_owned()), rest)),
        };
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Step::Name(name), &quoted[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => name.push(escaped),
                _ => return Err(InvalidFieldPath("after a backslash only `\"` or another backslash may follow")),
            },
            c if c.is_control() => return Err(InvalidFieldPath("a name has a control character")),
            c => name.push(c),
        }
    }
    Err(InvalidFieldPath("a quote is not closed"))
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Name(name) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    let bare = !name.is_empty()
                        && !name.contains(|c: char| c.is_whitespace() || matches!(c, '.' | '[' | ']' | '"' | '\\'));
                    match bare {
                        true => f.write_str(name)?,
                        false => write!(f, "\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))?,
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> FieldPath {
        text.parse().unwrap()
    }

    #[test]
    fn names_and_positions() {
        let name = |n: &str| Step::Name(n.to_owned());
        assert_eq!(path("a.b[0].c").steps(), [name("a"), name("b"), Step::Index(0), name("c")]);
        assert_eq!(path(r#"hosts."eu.example"[12]"#).steps(), [name("hosts"), name("eu.example"), Step::Index(12)]);
        assert_eq!(path(r#""a\"\\b""#).steps(), [name("a\"\\b")]);
        assert_eq!(path("[1].x").steps(), [Step::Index(1), name("x")]);
    }

    #[test]
    fn mistakes_are_refused() {
        for bad in
            ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[+1]", "a[]", "a[0]b", "a b", "\"a", r#""a\n""#, "a\"b"]
        {
            assert!(bad.parse::<FieldPath>().is_err(), "{bad}");
        }
        assert!(vec!["a"; 33].join(".").parse::<FieldPath>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(
            names in prop::collection::vec(prop_oneof!["[^\\p{C}]{0,6}".prop_map(Step::Name), any::<usize>().prop_map(Step::Index)], 1..8)
        ) {
            let original = FieldPath(names);
            prop_assert_eq!(original.to_string().parse::<FieldPath>().unwrap(), original);
        }
    }
}
