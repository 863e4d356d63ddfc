use zeroize::Zeroizing;

use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

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
