//! Consumers: the places that workloads read their key from.

pub mod aws_secrets_manager;
pub mod credential;
pub mod edit;
pub mod github_actions_secret;
pub mod kubernetes_secret;
pub mod place;
mod remote;
pub mod vault_kv;
