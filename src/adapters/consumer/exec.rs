use async_trait::async_trait;

use super::Place;
use crate::adapters::process::{Call, ProcessError};
use crate::domain::ids::{ConsumerName, WorkspaceName};
use crate::domain::ledger::Program;
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// A program that is given the key on standard input, and perhaps one that prints the key it holds.
pub(super) struct Exec {
    write: Program,
    read: Option<Program>,
    workspace: WorkspaceName,
    name: ConsumerName,
}

impl Exec {
    pub(super) fn new(write: &Program, read: Option<&Program>, workspace: &WorkspaceName, name: &ConsumerName) -> Self {
        Self { write: write.clone(), read: read.cloned(), workspace: workspace.clone(), name: name.clone() }
    }

    fn call(&self, program: &Program, event: &'static str) -> Call {
        Call::new(program)
            .env("GUARD_EVENT", event)
            .env("GUARD_WORKSPACE", self.workspace.as_str())
            .env("GUARD_CONSUMER", self.name.as_str())
    }
}

#[async_trait]
impl Place for Exec {
    fn describe(&self) -> String {
        format!("exec {}", self.write.path)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        let Some(program) = &self.read else { return Ok(Reading::WriteOnly) };
        let target = self.describe();
        let finished = match self.call(program, "read").run().await {
            Ok(finished) => finished,
            Err(error @ ProcessError::NotRun { .. }) => {
                return Err(ConsumerError::Refused { target, why: error.to_string() });
            }
            Err(error) => return Err(ConsumerError::Unreachable { target, why: error.to_string() }),
        };
        match std::str::from_utf8(&finished.stdout).unwrap_or("\u{fffd}").trim() {
            "" => Ok(Reading::Empty),
            text => Secret::new(text.to_owned()).map(Reading::Holds).map_err(|error| ConsumerError::Refused {
                target,
                why: format!("`{}` printed something else than a key: {error}", program.path),
            }),
        }
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let target = self.describe();
        match self.call(&self.write, "write").secret(secret).run().await {
            Ok(_) => Ok(()),
            Err(error @ ProcessError::NotRun { .. }) => Err(ConsumerError::Refused { target, why: error.to_string() }),
            // It may have got far enough before it failed.
            Err(error) => Err(ConsumerError::Unknown { target, why: error.to_string() }),
        }
    }

    fn pickup(&self) -> &'static str {
        "when its store hands the new key out"
    }
}
