use async_trait::async_trait;

use super::Place;
use crate::adapters::process::{Call, ProcessError};
use crate::domain::ids::{ConsumerName, WorkspaceName};
use crate::domain::ledger::{ConsumerSettings, Program};
use crate::domain::secret::Secret;
use crate::ports::{Consumer, ConsumerError, Reading};

/// A place with the programs that are run after a delivery.
pub(super) struct WithPrograms {
    place: Box<dyn Place>,
    workspace: WorkspaceName,
    name: ConsumerName,
    reload: Option<Program>,
    verify: Option<Program>,
}

impl WithPrograms {
    pub(super) fn new(place: Box<dyn Place>, workspace: &WorkspaceName, settings: &ConsumerSettings) -> Self {
        let ConsumerSettings { name, reload, verify, .. } = settings.clone();
        Self { place, workspace: workspace.clone(), name, reload, verify }
    }

    async fn run(&self, program: Option<&Program>, event: &'static str) -> Result<(), ConsumerError> {
        let Some(program) = program else { return Ok(()) };
        let call = Call::new(program)
            .env("GUARD_EVENT", event)
            .env("GUARD_WORKSPACE", self.workspace.as_str())
            .env("GUARD_CONSUMER", self.name.as_str());
        call.run().await.map(drop).map_err(|error| {
            let (target, why) = (self.place.describe(), format!("{event}: {error}"));
            match error {
                ProcessError::NotRun { .. } => ConsumerError::Refused { target, why },
                _ => ConsumerError::Unreachable { target, why },
            }
        })
    }
}

#[async_trait]
impl Consumer for WithPrograms {
    fn describe(&self) -> String {
        self.place.describe()
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        self.place.read().await
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        self.place.deliver(secret).await
    }

    async fn reload(&self) -> Result<(), ConsumerError> {
        self.run(self.reload.as_ref(), "reload").await
    }

    async fn verify(&self) -> Result<(), ConsumerError> {
        self.run(self.verify.as_ref(), "verify").await
    }

    fn pickup(&self) -> &'static str {
        if self.reload.is_some() { "when its reload program has run" } else { self.place.pickup() }
    }
}
