use async_trait::async_trait;

use crate::domain::ledger::Program;

/// Programs that the ledger names for guard to run.
#[async_trait]
pub trait Programs: Send + Sync {
    /// Runs one to its end, at most for its own time limit, with these variables beside a fixed environment. Never a secret.
    ///
    /// # Errors
    /// Why it did not end with status 0, in words without secrets.
    async fn run(&self, program: &Program, environment: &[(&'static str, String)]) -> Result<(), String>;
}
