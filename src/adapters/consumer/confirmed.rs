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
        let why = match self.0.read().await {
            Ok(Reading::WriteOnly) => return Ok(()),
            Ok(Reading::Holds(held)) if held.same_as(secret) => return Ok(()),
            Ok(_) => "it ended well, but another key is read back".to_owned(),
            // The new key may be there: "nothing was changed" would be a guess.
            Err(error) => format!("it ended well, but cannot be read back: {error}"),
        };
        Err(ConsumerError::Unknown { target: self.describe(), why })
    }

    fn pickup(&self) -> &'static str {
        self.0.pickup()
    }
}
