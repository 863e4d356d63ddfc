//! Consumers: the places that workloads read their key from. A kind is a variant of
//! [`ConsumerKind`], one file with its fields, and a line in `KINDS`.

mod aws_secrets_manager;
mod dotenv;
mod exec;
mod field;
mod file;
mod github_actions_secret;
mod keyring;
mod kubernetes_secret;
mod systemd_credential;
mod vault_kv;

use std::path::PathBuf;
use std::time::Duration;

pub use aws_secrets_manager::AwsSecretsManagerSettings;
pub use field::FieldSettings;
pub use github_actions_secret::GithubActionsSecretSettings;
pub use keyring::KeyringSettings;
pub use kubernetes_secret::KubernetesSecretSettings;
pub use systemd_credential::{SealWith, SystemdCredentialSettings};
pub use vault_kv::VaultKvSettings;

use super::field::{ProgramField, slug};
use super::section::{KindOf, Section};
use crate::domain::ids::ConsumerName;

/// The registry.
const KINDS: &[KindOf<ConsumerKind>] = &[
    file::KIND,
    dotenv::KIND,
    exec::KIND,
    field::KIND,
    keyring::KIND,
    systemd_credential::KIND,
    aws_secrets_manager::KIND,
    vault_kv::KIND,
    github_actions_secret::KIND,
    kubernetes_secret::KIND,
];

/// A program and its arguments; run without a shell. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Absolute path, or a name that is looked up in the fixed path of hooks.
    pub path: String,
    /// Its arguments. No secret is ever among them.
    pub args: Vec<String>,
    /// Killed after this long. Default 60 seconds.
    pub timeout: Duration,
}

/// A place a workload reads its key from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerSettings {
    /// Unique within the workspace.
    pub name: ConsumerName,
    /// What kind of place.
    pub kind: ConsumerKind,
    /// Run after a delivery, so that the workload reads again.
    pub reload: Option<Program>,
    /// Run after the reload; a non-zero status keeps the rotation from going on.
    pub verify: Option<Program>,
}

/// The kinds of places, with their options. One adapter file each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerKind {
    /// A file that holds the key and nothing else.
    File {
        /// Absolute path.
        path: PathBuf,
        /// Mode of a file that is made anew. Default 0600; an existing file keeps its own.
        mode: u32,
        /// Whether a symbolic link is followed and its target replaced. Default: refused.
        follow_symlink: bool,
    },
    /// One variable of a dotenv file; every other byte stays.
    Dotenv {
        /// Absolute path.
        path: PathBuf,
        /// The variable. Default `ANTHROPIC_API_KEY`.
        variable: String,
        /// Whether a symbolic link is followed and its target replaced. Default: refused.
        follow_symlink: bool,
    },
    /// A program that gets the key on standard input.
    Exec {
        /// Writes the key.
        write: Program,
        /// Prints the key it holds; without it the consumer is write-only.
        read: Option<Program>,
    },
    /// One string of a JSON, TOML or YAML file.
    Field(FieldSettings),
    /// An entry of the session's keyring.
    Keyring(KeyringSettings),
    /// An encrypted credential of systemd.
    SystemdCredential(SystemdCredentialSettings),
    /// A secret of AWS Secrets Manager.
    AwsSecretsManager(AwsSecretsManagerSettings),
    /// A field in a key-value store of Vault or OpenBao.
    VaultKv(VaultKvSettings),
    /// A secret of GitHub Actions.
    GithubActionsSecret(GithubActionsSecretSettings),
    /// One key of a Kubernetes Secret.
    KubernetesSecret(KubernetesSecretSettings),
}

impl ConsumerKind {
    /// The place that no other consumer may write to, and the field of the ledger that names it. `None` when only a program
    /// knows.
    pub(super) fn place(&self) -> Option<(&'static str, Vec<String>)> {
        let text = |path: &std::path::Path| path.display().to_string();
        let (field, place) = match self {
            Self::File { path, .. } => ("path", vec![text(path)]),
            Self::SystemdCredential(c) => ("path", vec![text(&c.path)]),
            Self::Dotenv { path, variable, .. } => ("path", vec![text(path), variable.clone()]),
            Self::Field(f) => ("path", vec![text(&f.path), f.field.to_string()]),
            Self::Keyring(k) => ("service", vec![k.service.clone(), k.user.clone()]),
            Self::AwsSecretsManager(a) => {
                let within = a.field.as_ref().map(ToString::to_string).unwrap_or_default();
                ("secret", vec![a.region.clone(), a.secret.clone(), within])
            }
            Self::VaultKv(v) => {
                let namespace = v.namespace.clone().unwrap_or_default();
                ("path", vec![v.url.clone(), namespace, v.mount.clone(), v.path.clone(), v.field.clone()])
            }
            Self::GithubActionsSecret(g) => {
                let environment = g.environment.clone().unwrap_or_default();
                (
                    "repository",
                    vec![g.url.clone(), g.owner.clone(), g.repository.clone(), environment, g.secret.clone()],
                )
            }
            Self::KubernetesSecret(k) => {
                ("secret", vec![k.url.clone(), k.namespace.clone(), k.secret.clone(), k.key.clone()])
            }
            Self::Exec { .. } => return None,
        };
        Some((field, place))
    }
}

/// Reads one `[[workspace.consumer]]`.
pub(super) fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerSettings> {
    let name = section.required("name", "What people call the place; unique within the workspace.", slug("app"));
    let reload = section.optional(
        "reload",
        "Run after a delivery, so that the workload reads its key again. Not needed when it reads at each start.",
        ProgramField,
    );
    let verify = section.optional(
        "verify",
        "Run after the reload; while its status is not 0 the rotation goes no further and the old key stays alive.",
        ProgramField,
    );
    let kind = section.kind("What kind of place it is.", KINDS, None);
    Some(ConsumerSettings { name: name?, kind: kind?, reload, verify })
}
