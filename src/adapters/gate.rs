//! The latches: one small file a workspace, whose absence keeps jobs from starting.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fs::{self, Attributes, FileError, Trust};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::incident::GateNote;
use crate::ports::{Gate, GateError, GateState};

const SCHEMA: u32 = 1;
const LIMIT: u64 = 4096;

/// `<state>/gate/<workspace>.open` means open; everything else means closed. Closing removes the file, which needs neither
/// disk space nor network; `<workspace>.closed` says why, if it could be written. The note of a trip that is newer than what was
/// opened keeps the gate closed, so that no opening under way can undo a trip.
#[derive(Debug, Clone)]
pub struct FileGate {
    directory: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opened {
    schema: u32,
    generation: u64,
    key: KeyId,
}

#[derive(Serialize, Deserialize)]
struct Closed {
    schema: u32,
    why: String,
}

impl FileGate {
    /// The gates below this state directory. Nothing is touched yet.
    pub fn new(state_dir: &Path) -> Self {
        Self { directory: state_dir.join("gate") }
    }

    fn file(&self, workspace: &WorkspaceName, ending: &str) -> PathBuf {
        self.directory.join(format!("{workspace}.{ending}"))
    }

    fn closed(&self, workspace: &WorkspaceName) -> GateState {
        let note = fs::read(&self.file(workspace, "closed"), Trust::Private, LIMIT).ok().flatten();
        let why = match note.and_then(|bytes| serde_json::from_slice::<Closed>(&bytes).ok()) {
            Some(note) => note.why,
            None => "it was never opened, or its file was removed".to_owned(),
        };
        GateState::Closed { why }
    }
}

impl Gate for FileGate {
    fn read(&self, workspace: &WorkspaceName) -> GateState {
        let path = self.file(workspace, "open");
        let unreadable = |why: String| GateState::Closed { why: format!("its state cannot be read: {why}") };
        let bytes = match fs::read(&path, Trust::Private, LIMIT) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.closed(workspace),
            Err(error) => return unreadable(error.to_string()),
        };
        match serde_json::from_slice::<Opened>(&bytes) {
            Ok(Opened { schema: SCHEMA, generation, key }) => match self.closed(workspace) {
                // Somebody was opening while a trip closed: whoever was last, the trip wins.
                GateState::Closed { why } if GateNote::parse(&why).is_some_and(|n| n.incident.0 > generation) => {
                    GateState::Closed { why }
                }
                _ => GateState::Open { generation, key },
            },
            Ok(Opened { schema, .. }) => {
                unreadable(format!("{} has schema {schema}, this guard knows {SCHEMA}", path.display()))
            }
            Err(error) => unreadable(format!("{} is damaged: {error}", path.display())),
        }
    }

    fn close(&self, workspace: &WorkspaceName, why: &str) -> Result<(), GateError> {
        let path = self.file(workspace, "open");
        match fs::remove(&path) {
            Ok(_) => {}
            // Something that is no file stands there: it reads as closed, and no file can take its place by itself.
            Err(_) if path.symlink_metadata().is_ok_and(|m| m.is_dir()) => {}
            Err(error) => return Err(failed(workspace, "closed", &error)),
        }
        // Best effort: the disk may be full, and the gate is closed already.
        let note = Closed { schema: SCHEMA, why: why.chars().take(1000).collect() };
        if let Ok(text) = serde_json::to_vec(&note)
            && let Err(error) = fs::replace(&self.file(workspace, "closed"), &text, Attributes::Fresh(0o600))
        {
            tracing::warn!(%workspace, %error, "the gate is closed, but the reason could not be noted beside it");
        }
        Ok(())
    }

    fn open(&self, workspace: &WorkspaceName, generation: u64, key: &KeyId) -> Result<(), GateError> {
        let opened = Opened { schema: SCHEMA, generation, key: key.clone() };
        let text = serde_json::to_vec(&opened).map_err(|error| GateError {
            workspace: workspace.clone(),
            attempt: "opened",
            why: error.to_string(),
        })?;
        fs::directory(&self.directory)
            .and_then(|()| fs::replace(&self.file(workspace, "open"), &text, Attributes::Fresh(0o600)))
            .map_err(|error| failed(workspace, "opened", &error))
        // The note of an older trip stays: removing it could remove the note of one that closes the gate at this moment.
    }
}

fn failed(workspace: &WorkspaceName, attempt: &'static str, error: &FileError) -> GateError {
    GateError { workspace: workspace.clone(), attempt, why: error.to_string() }
}
