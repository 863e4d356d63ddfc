//! Finds a string in JSON (RFC 8259; comments and trailing commas are not JSON).

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{EditError, Field, Notation};
use crate::domain::ledger::{DocumentFormat, FieldPath, Step};

/// An object's members in order, repeated names included, each with the bytes of its value.
struct Members<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A member's name, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

pub(super) fn find(text: &str, path: &FieldPath) -> Result<Field, EditError> {
    let ambiguous = |why| EditError::Ambiguous { path: path.clone(), why };
    let missing = || EditError::Missing { path: path.clone() };

    // The whole text is checked here, so that the steps below cannot meet broken syntax.
    let mut here: &RawValue = serde_json::from_str(text).map_err(|e| malformed(&e))?;
    for step in path.steps() {
        here = match step {
            Step::Name(wanted) => {
                let Members(members) = serde_json::from_str(here.get())
                    .map_err(|_| ambiguous("passes through something that is no object"))?;
                let mut found = members.into_iter().filter(|(name, _)| name == wanted);
                match (found.next(), found.next()) {
                    (Some((_, value)), None) => value,
                    (None, _) => return Err(missing()),
                    (Some(_), Some(_)) => {
                        return Err(ambiguous("is there twice, and parsers differ in which one counts; remove one"));
                    }
                }
            }
            Step::Index(index) => {
                let items: Vec<&RawValue> = serde_json::from_str(here.get())
                    .map_err(|_| ambiguous("passes through something that is no array"))?;
                items.get(*index).copied().ok_or_else(missing)?
            }
        };
    }
    let value: Option<String> = serde_json::from_str(here.get()).map_err(|_| ambiguous("is not a string"))?;
    // `here` is a slice of `text`: the distance of the two is the offset.
    let start = here.get().as_ptr().addr() - text.as_ptr().addr();
    Ok(Field { span: start..start + here.get().len(), value: value.map(Zeroizing::new), notation: Notation::Double })
}

/// Only the position: the parser's own text may quote the document.
fn malformed(error: &serde_json::Error) -> EditError {
    EditError::Malformed {
        format: DocumentFormat::Json,
        line: error.line(),
        column: error.column(),
        remark: " (JSON has no comments and no trailing commas)",
    }
}
