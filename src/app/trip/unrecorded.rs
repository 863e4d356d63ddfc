use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::ids::{IncidentId, KeyId};
use crate::domain::incident::GateNote;
use crate::domain::key::{KeyStatus, Probe};
use crate::domain::ledger::Workspace;
use crate::ports::{Gate, GateError, GateState, KeyAdmin, KeyProbe, SecretName, Vault};

/// All that stopping a key needs: neither database nor free disk space.
pub struct KillSwitch {
    /// The latches.
    pub gate: Arc<dyn Gate>,
    /// Secrets; it also knows which keys are guard's.
    pub vault: Arc<dyn Vault>,
    /// The provider's keys.
    pub keys: Arc<dyn KeyAdmin>,
    /// Whether a key works.
    pub probe: Arc<dyn KeyProbe>,
}

/// What such a trip came to. guard takes it up from the gate as soon as its records can be opened.
#[derive(Debug)]
pub struct Unrecorded {
    /// Whether the gate is closed.
    pub gate: Result<(), GateError>,
    /// Each key, and what is known of it now.
    pub keys: Vec<(KeyId, Ending)>,
}

/// How far a key is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The provider says that it is off, and refuses it.
    Dead,
    /// The provider says that it is off; that it refuses it was not seen yet.
    Off,
    /// It may be alive.
    Alive(String),
}

/// Closes the gate, leaving in it what is owed, and deactivates `key`, or the key that the gate gives out. A key that guard does not
/// hold is never touched.
pub async fn trip_unrecorded(
    switch: &KillSwitch,
    workspace: &Workspace,
    key: Option<&KeyId>,
    sentence: &str,
) -> Unrecorded {
    let (next, deployed) = match switch.gate.read(&workspace.name) {
        GateState::Open { generation, key } => (IncidentId(generation + 1), BTreeSet::from([key])),
        GateState::Closed { why } => match GateNote::parse(&why) {
            Some(note) => (IncidentId(note.incident.0 + 1), note.keys),
            None => (IncidentId(1), BTreeSet::new()),
        },
    };
    let held = switch.vault.keys().unwrap_or_default();
    let is_own = |key: &&KeyId| held.contains(key) || deployed.contains(*key);
    let doomed: BTreeSet<KeyId> = match key {
        Some(key) => Some(key).filter(is_own).cloned().into_iter().collect(),
        None => deployed.clone(),
    };
    let note = GateNote { incident: next, keys: doomed.clone(), sentence: sentence.to_owned() };
    let gate = switch.gate.close(&workspace.name, &note.to_string());
    let mut keys = Vec::new();
    for key in doomed {
        let ending = kill(switch, workspace, &key).await;
        keys.push((key, ending));
    }
    Unrecorded { gate, keys }
}

async fn kill(switch: &KillSwitch, workspace: &Workspace, key: &KeyId) -> Ending {
    // What the answer says is not believed, and what became of the request is not guessed: the key is read back.
    let sent = switch.keys.set_status(key, KeyStatus::Inactive).await;
    match (switch.keys.key(key).await, sent) {
        (Ok(read), _) if read.status.is_off() => {}
        (Ok(read), Ok(_)) => {
            return Ending::Alive(format!("the provider still says that it is {}", read.status.as_str()));
        }
        (_, Err(error)) | (Err(error), Ok(_)) => return Ending::Alive(error.to_string()),
    }
    match switch.vault.get(&SecretName::Key(key.clone())) {
        Ok(Some(secret)) if switch.probe.probe(&secret, Some(&workspace.id)).await == Probe::Refused => Ending::Dead,
        _ => Ending::Off,
    }
}
