//! Where the provider, the vault and guard's own secrets are; limits across workspaces.

use std::path::PathBuf;
use std::time::Duration;

use super::Program;

/// Where a secret of guard's own comes from. Never an option on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// guard's vault.
    Vault,
    /// A file that only its owner can read.
    File(PathBuf),
    /// A systemd credential of this name, below `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// A program that prints it.
    Command(Program),
    /// An environment variable; works, and warns.
    Environment(String),
}

/// The provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// https, or http to a loopback address. Without a trailing slash.
    pub url: String,
    /// guard's admin credential. Default: the vault, then the systemd credential `admin-key`.
    pub admin_key: Option<SecretSource>,
    /// The provider's API version. Default `2023-06-01`.
    pub api_version: String,
    /// One deadline for a request, its retries included. Default 30 seconds.
    pub timeout: Duration,
    /// For how long usage may be missing from the feed after it happened. Default 5 minutes, as the provider documents.
    pub feed_lag: Duration,
    /// A price table to be used instead of the built-in one. Absolute.
    pub prices: Option<PathBuf>,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            url: "https://api.anthropic.com".to_owned(),
            admin_key: None,
            api_version: "2023-06-01".to_owned(),
            timeout: Duration::from_secs(30),
            feed_lag: Duration::from_secs(5 * 60),
            prices: None,
        }
    }
}

/// Where guard keeps secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultSettings {
    /// The session's keyring service (Secret Service on D-Bus).
    Keyring {
        /// The service name that entries are stored under. Default `guard`.
        service: String,
    },
    /// Encrypted files below the state directory.
    File {
        /// Where; default `vault` below the state directory.
        path: Option<PathBuf>,
        /// Where the vault's own key comes from. Default: the systemd credential `guard-vault-key` if there is one, else the
        /// file `vault.key` (mode 0600) below the configuration directory, which `guard init` makes.
        unlock: Option<SecretSource>,
    },
}

impl Default for VaultSettings {
    /// The encrypted file: it works with and without a session.
    fn default() -> Self {
        Self::File { path: None, unlock: None }
    }
}

/// A dead-man's switch: a service elsewhere that calls people when guard's sign of life does not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatSettings {
    /// Where the check's address is; whoever has it can keep the check quiet.
    pub url: SecretSource,
    /// The least time between two signs of life. Default one minute.
    pub interval: Duration,
}

/// Limits across workspaces: guard itself must not become the outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrganizationPolicy {
    /// The most keys that rules (not people) may kill in an hour; past it guard gates and escalates. Default 2.
    pub kills_per_hour: u32,
    /// Pause between two polls of the feed. Default one minute, the provider's documented sustained rate.
    pub poll_interval: Duration,
}

impl Default for OrganizationPolicy {
    fn default() -> Self {
        Self { kills_per_hour: 2, poll_interval: Duration::from_secs(60) }
    }
}
