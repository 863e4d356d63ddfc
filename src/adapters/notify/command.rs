use std::time::Duration;

use async_trait::async_trait;

use super::{Sender, Tools, webhook};
use crate::adapters::process::Call;
use crate::domain::ledger::Program;
use crate::domain::message::Message;
use crate::domain::redact::{printable, scrub};
use crate::ports::{Delivery, NotifyError};

/// A program that gets the same JSON as a webhook on standard input. Its first line of output is taken for the answer.
pub(super) struct Command {
    program: Program,
}

impl Command {
    pub(super) fn new(program: &Program, tools: &Tools) -> Self {
        let timeout: Duration = program.timeout.min(tools.patience);
        Self { program: Program { timeout, ..program.clone() } }
    }
}

#[async_trait]
impl Sender for Command {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let notice = &message.notice;
        let call = Call::new(&self.program)
            .input(&webhook::body(message)?)
            .env("GUARD_EVENT", &notice.event)
            .env("GUARD_SEVERITY", notice.severity.as_str())
            .env("GUARD_WORKSPACE", notice.workspace.as_ref().map_or("", |w| w.as_str()));
        match call.run().await {
            Ok(finished) => {
                let said = String::from_utf8_lossy(&finished.stdout).lines().next().unwrap_or_default().to_owned();
                let said = printable(scrub(&said).trim(), 100);
                let answer = if said.is_empty() { "status 0".to_owned() } else { format!("status 0: {said}") };
                Ok(Delivery { answer })
            }
            // A missing program is mended as easily as one that failed.
            Err(error) => Err(NotifyError::Later { why: error.to_string(), after: None }),
        }
    }
}
