//! Consumers: the places that workloads read their key from.

pub mod aws_secrets_manager;
pub mod credential;
pub mod edit;
pub mod field;
pub mod github_actions_secret;
pub mod keyring;
pub mod kubernetes_secret;
pub mod place;
mod remote;
pub mod systemd_credential;
pub mod vault_kv;

pub use remote::LIMITS;
