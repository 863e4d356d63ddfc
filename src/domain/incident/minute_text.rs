//! Minutes in documents for machines: RFC 3339, like every other time in them, not the number that guard counts with.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use crate::domain::time::{Minute, Timestamp, rfc3339};

/// Writes the instant at which the minute begins.
pub fn serialize<S: Serializer>(minute: &Minute, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(minute.start()))
}

/// Reads the minute that contains the instant.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Minute, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(D::Error::custom)
}

fn parse(text: &str) -> Result<Minute, chrono::ParseError> {
    Ok(Minute::containing(text.parse::<Timestamp>()?))
}

/// The same for a minute that may be missing.
pub mod option {
    use super::{Deserialize, Deserializer, Error, Minute, Serializer, parse};

    /// Writes the instant at which the minute begins, or null.
    pub fn serialize<S: Serializer>(minute: &Option<Minute>, serializer: S) -> Result<S::Ok, S::Error> {
        match minute {
            Some(minute) => super::serialize(minute, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the minute that contains the instant, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Minute>, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        text.map(|text| parse(&text).map_err(D::Error::custom)).transpose()
    }
}
