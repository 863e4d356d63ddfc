use async_trait::async_trait;

use super::Place;
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// A place whose deliveries are read back: a store that says "done" is believed when it shows the key.
pub(super) struct Confirmed<P>(pub P);

#[async_trait]
impl<P: Place> Place for Confirmed<P> {
    fn describe(&self) -> String {
        self.0.describe()
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        self.0.read().await
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        self.0.deliver(secret).await?;
        match self.0.read().await? {
            Reading::WriteOnly => Ok(()),
            Reading::Holds(held) if held.same_as(secret) => Ok(()),
            _ => Err(ConsumerError::Unknown {
                target: self.describe(),
                why: "it ended well, but another key is read back".to_owned(),
            }),
        }
    }

    fn pickup(&self) -> &'static str {
        self.0.pickup()
    }
}
