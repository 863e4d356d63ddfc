//! One logical request: headers, credential, retries within one budget of time, and the meaning of the answer.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Anthropic;
use super::error::Failed;
use super::retry::Attempts;
use crate::adapters::http::{Request, Response, Url};
use crate::domain::secret::Secret;
use crate::ports::ProviderError;

/// OAuth access tokens; they travel as bearer tokens, keys in `x-api-key`.
const ACCESS_TOKEN: &str = "sk-ant-oat01-";

impl Anthropic {
    /// The address of an endpoint: `/v1/` and `segments`.
    pub(super) fn endpoint(&self, segments: &[&str]) -> Url {
        self.base.join(["v1"].into_iter().chain(segments.iter().copied()))
    }

    /// A request with guard's own credential.
    pub(super) fn as_admin(&self, request: Request) -> Request {
        self.signed(request, &self.credential)
    }

    /// A request with this credential.
    pub(super) fn signed(&self, request: Request, credential: &Secret) -> Request {
        let request =
            request.header("anthropic-version", &self.settings.api_version).header("accept", "application/json");
        if credential.expose().starts_with(ACCESS_TOKEN) {
            request.secret_header("authorization", "Bearer ", credential)
        } else {
            request.secret_header("x-api-key", "", credential)
        }
    }

    /// Sends a reading request until it is answered, cannot succeed, or the budget of time is used up.
    pub(super) async fn read(&self, request: Request) -> Result<Response, Failed> {
        let mut attempts = Attempts::within(self.settings.timeout);
        loop {
            let begun = Instant::now();
            let failed = match self.once(request.clone(), attempts.left()).await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            attempts.spent(begun.elapsed());
            let asked = match failed.error {
                ProviderError::RateLimited { retry_after } => retry_after,
                _ => None,
            };
            let pause = if failed.retry { attempts.next(asked, (self.jitter)()) } else { None };
            match pause {
                Some(pause) => self.clock.sleep(pause).await,
                None => return Err(failed),
            }
        }
    }

    /// Sends a request a single time.
    pub(super) async fn once(&self, request: Request, within: Duration) -> Result<Response, Failed> {
        let what = request.describe();
        let response = match self.http.send_within(request, within).await {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(%error, "{what}");
                return Err(Failed::transport(error));
            }
        };
        tracing::debug!(
            status = response.status,
            request_id = response.header("request-id").unwrap_or_default(),
            "{what}"
        );
        if response.is_success() { Ok(response) } else { Err(Failed::answer(&response)) }
    }

    /// Reads a document with guard's credential.
    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, ProviderError> {
        let response = self.read(self.as_admin(Request::get(url))).await.map_err(|failed| failed.error)?;
        decode(&response)
    }
}

/// The answer's document.
pub(super) fn decode<T: DeserializeOwned>(response: &Response) -> Result<T, ProviderError> {
    response.json().map_err(|error| ProviderError::Malformed(error.to_string().escape_debug().to_string()))
}
