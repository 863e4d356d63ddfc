use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::adapters::process::{Call, ProcessError};
use crate::domain::ledger::Program;
use crate::domain::secret::Secret;
use crate::ports::{Consumer, ConsumerError, Reading};

/// A store for one key: what the kinds of consumers differ in. The methods mean what those of [`Consumer`] mean.
#[async_trait]
pub trait Place: Send + Sync {
    /// What it is and where, for people.
    fn describe(&self) -> String;
    /// What it holds now.
    async fn read(&self) -> Result<Reading, ConsumerError>;
    /// Writes atomically and idempotently.
    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError>;
    /// When a running workload picks the new key up.
    fn pickup(&self) -> &'static str;
}

/// A place with the programs that the ledger wants run after a delivery.
pub struct Served<P> {
    place: P,
    reload: Option<Program>,
    verify: Option<Program>,
}

impl<P: Place> Served<P> {
    /// `reload` and `verify` as the ledger has them.
    pub fn new(place: P, reload: Option<Program>, verify: Option<Program>) -> Self {
        Self { place, reload, verify }
    }

    async fn run(&self, what: &str, program: Option<&Program>) -> Result<(), ConsumerError> {
        let Some(program) = program else { return Ok(()) };
        let target = format!("the {what} of {}", self.place.describe());
        match Call::new(program).run().await {
            Ok(_) => Ok(()),
            Err(error @ ProcessError::NotRun { .. }) => Err(ConsumerError::Refused { target, why: error.to_string() }),
            Err(error) => Err(ConsumerError::Unreachable { target, why: error.to_string() }),
        }
    }
}

#[async_trait]
impl<P: Place> Consumer for Served<P> {
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
        self.run("reload", self.reload.as_ref()).await
    }

    async fn verify(&self) -> Result<(), ConsumerError> {
        self.run("check", self.verify.as_ref()).await
    }

    fn pickup(&self) -> &'static str {
        self.place.pickup()
    }
}

/// What a text found in `target` says as a key; nothing and an empty text are [`Reading::Empty`].
pub(super) fn reading(target: &str, text: Option<Zeroizing<String>>) -> Result<Reading, ConsumerError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Reading::Empty) };
    match Secret::new(text.to_string()) {
        // White space around it is trimmed for people's input, but a workload would send it.
        Ok(secret) if secret.expose() == text.as_str() => Ok(Reading::Holds(secret)),
        _ => Err(ConsumerError::Refused {
            target: target.to_owned(),
            why: "what it holds is no key; empty it once by hand if guard may replace it".to_owned(),
        }),
    }
}
