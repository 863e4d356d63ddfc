use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::ids::{IncidentId, KeyId};
use crate::domain::ledger::TripMode;

/// A trip: what is stopped, and on what grounds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TripRecord {
    /// Its number, one more than the gate's generation before it.
    pub incident: IncidentId,
    /// The keys to kill; none when only the gate is closed.
    pub keys: BTreeSet<KeyId>,
    /// The rule's name; `person` for a trip by hand.
    pub rule: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// The figures that the sentence stands on.
    pub figures: Value,
    /// A person did it.
    pub by_person: bool,
    /// How far it goes.
    pub mode: TripMode,
}

/// The text that a trip leaves in the gate. It names what must be killed, so that a trip that could not be written to the
/// journal (disk full) is completed from the gate as soon as the disk allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GateNote {
    /// The incident's number.
    pub incident: IncidentId,
    /// The keys to kill.
    pub keys: BTreeSet<KeyId>,
    /// Why, in one sentence.
    pub sentence: String,
}

/// `incident 3, keys apikey_a apikey_b: sentence`.
impl fmt::Display for GateNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "incident {}, keys", self.incident)?;
        for key in &self.keys {
            write!(f, " {key}")?;
        }
        write!(f, ": {}", self.sentence)
    }
}

impl GateNote {
    /// Reads the text back; `None` when it is not a note of a trip.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, rest) = text.strip_prefix("incident ")?.split_once(", keys")?;
        let (keys, sentence) = rest.split_once(": ")?;
        Some(Self {
            incident: IncidentId(number.parse().ok()?),
            keys: keys.split_whitespace().map(|k| KeyId::new(k).ok()).collect::<Option<_>>()?,
            sentence: sentence.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_note_reads_back() {
        let keys = ["apikey_a", "apikey_b"].map(|k| KeyId::new(k).unwrap());
        for keys in [BTreeSet::from(keys), BTreeSet::new()] {
            let note = GateNote { incident: IncidentId(3), keys, sentence: "spike: 40 × the median".to_owned() };
            assert_eq!(GateNote::parse(&note.to_string()), Some(note));
        }
        assert_eq!(GateNote::parse("never enrolled"), None);
        assert_eq!(GateNote::parse("incident x, keys: y"), None);
    }
}
