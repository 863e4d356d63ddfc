//! The Admin API and the models list of Anthropic, as described at <https://platform.claude.com/docs/en/manage-claude/admin-api>.

mod error;
mod keys;
mod pages;
mod probe;
mod retry;
mod transport;
mod usage;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use crate::adapters::http::{Client, HttpError, InvalidUrl, Limits, Url};
use crate::domain::ledger::ProviderSettings;
use crate::domain::secret::Secret;
use crate::ports::{Capabilities, Clock};

/// A source of numbers in `0.0..1.0` that spreads retries, so that many guards do not come back at the same moment.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// The client: implements [`KeyAdmin`](crate::ports::KeyAdmin), [`KeyProbe`](crate::ports::KeyProbe) and
/// [`UsageFeed`](crate::ports::UsageFeed).
pub struct Anthropic {
    http: Client,
    base: Url,
    settings: ProviderSettings,
    credential: Secret,
    clock: Arc<dyn Clock>,
    jitter: Jitter,
    /// How large a bucket of usage was when last seen; pages are cut so that they fit the limit of a body.
    bytes_per_bucket: AtomicU64,
    /// Whether the provider takes `service_account_id` as a dimension of usage.
    by_service_account: AtomicBool,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address in the settings.
    #[error("the provider's address is not usable: {0}")]
    Url(#[from] InvalidUrl),
    /// TLS.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl Anthropic {
    /// Keys are made by a person in the Console; everything else can be done by API.
    pub const CAPABILITIES: Capabilities = Capabilities { mint: false, enable: true, archive: true };

    /// A client for the provider of `settings`, with guard's admin credential: an Admin API key, or an OAuth access token with
    /// the scope `org:admin`.
    ///
    /// # Errors
    /// [`SetupError`] when the address is not allowed or TLS cannot be set up. Nothing is sent.
    pub fn new(
        settings: &ProviderSettings,
        credential: Secret,
        clock: Arc<dyn Clock>,
        jitter: Jitter,
    ) -> Result<Self, SetupError> {
        let limits = Limits::default();
        Ok(Self {
            http: Client::new(Limits { total: settings.timeout, ..limits })?,
            base: Url::parse(&settings.url)?,
            settings: settings.clone(),
            credential,
            clock,
            jitter,
            bytes_per_bucket: AtomicU64::new(0),
            by_service_account: AtomicBool::new(true),
        })
    }
}
