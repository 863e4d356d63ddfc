use std::path::PathBuf;

use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::sandbox::log::{Line, Plane};

/// What the drill sees with its own eyes while the sandbox writes its log: the gate is a file of guard's, so that no request
/// tells of it.
pub struct Seen {
    gate: PathBuf,
    stolen: Option<KeyId>,
    /// When the gate was seen closed for the first time: at the first request to the sandbox after it, which is guard's next.
    pub gate_closed_at: Option<Timestamp>,
    /// When guard first ordered that the stolen key be deactivated, whatever became of it.
    pub ordered_at: Option<Timestamp>,
}

impl Seen {
    /// Will look at whether this file is there: an open gate.
    pub const fn of_gate(gate: PathBuf) -> Self {
        Self { gate, stolen: None, gate_closed_at: None, ordered_at: None }
    }

    /// From now on `key` is in a thief's hands.
    pub fn theft_of(&mut self, key: &KeyId) {
        self.stolen = Some(key.clone());
        (self.gate_closed_at, self.ordered_at) = (None, None);
    }

    /// Whether jobs may start.
    pub fn gate_is_open(&self) -> bool {
        self.gate.exists()
    }

    /// Looks at a line of the log as it is written.
    pub fn look(&mut self, line: &Line) {
        let Some(stolen) = &self.stolen else { return };
        if self.gate_closed_at.is_none() && !self.gate.exists() {
            self.gate_closed_at = Some(line.at);
        }
        let order = line.plane == Plane::Admin && line.method == "POST" && line.key.as_ref() == Some(stolen);
        if self.ordered_at.is_none() && order {
            self.ordered_at = Some(line.at);
        }
    }
}
