//! Places that workloads read their key from. A new kind is one file that implements `Place` and one line in `place`.

mod aws_secrets_manager;
mod confirmed;
mod credential;
mod dotenv;
pub mod edit;
mod exec;
mod field;
mod file;
mod github_actions_secret;
mod keyring;
mod kubernetes_secret;
mod means;
mod programs;
mod reading;
mod remote;
mod systemd_credential;
mod target;
mod vault_kv;

pub use self::means::{FindSecret, Means};
pub use self::remote::LIMITS;

use async_trait::async_trait;

use self::aws_secrets_manager::AwsSecretsManager;
use self::confirmed::Confirmed;
use self::dotenv::Dotenv;
use self::exec::Exec;
use self::field::Field;
use self::file::KeyFile;
use self::github_actions_secret::GithubActionsSecret;
use self::keyring::KeyringEntry;
use self::kubernetes_secret::KubernetesSecret;
use self::means::Credentials;
use self::programs::WithPrograms;
use self::systemd_credential::SystemdCredential;
use self::vault_kv::VaultKv;
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::{ConsumerKind, ConsumerSettings};
use crate::domain::secret::Secret;
use crate::ports::{Consumer, ConsumerError, Reading};

/// What differs between kinds of consumers; reload and verify programs are the same for all. The methods promise what those
/// of [`Consumer`] promise.
#[async_trait]
trait Place: Send + Sync {
    /// What it is and where, for people.
    fn describe(&self) -> String;
    /// What it holds now.
    async fn read(&self) -> Result<Reading, ConsumerError>;
    /// Writes atomically. What the place then shows is checked by [`Confirmed`], or by the place itself.
    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError>;
    /// When a running workload picks the new key up by itself.
    fn pickup(&self) -> &'static str;
}

/// The adapter for a consumer of the ledger. Nothing is opened or asked yet.
pub fn build(workspace: &WorkspaceName, settings: &ConsumerSettings, means: &Means) -> Box<dyn Consumer> {
    Box::new(WithPrograms::new(place(workspace, settings, means), workspace, settings))
}

fn place(workspace: &WorkspaceName, settings: &ConsumerSettings, means: &Means) -> Box<dyn Place> {
    let own = Credentials { means, workspace, consumer: &settings.name };
    match &settings.kind {
        ConsumerKind::File { path, mode, follow_symlink } => Box::new(KeyFile::new(path, *mode, *follow_symlink)),
        ConsumerKind::Dotenv { path, variable, follow_symlink } => {
            Box::new(Dotenv::new(path, variable, *follow_symlink))
        }
        ConsumerKind::Exec { write, read } => {
            Box::new(Confirmed(Exec::new(write, read.as_ref(), workspace, &settings.name)))
        }
        ConsumerKind::Field(field) => Box::new(Confirmed(Field::new(field.clone()))),
        ConsumerKind::Keyring(entry) => Box::new(Confirmed(KeyringEntry::new(entry))),
        ConsumerKind::SystemdCredential(credential) => Box::new(Confirmed(SystemdCredential::new(credential.clone()))),
        ConsumerKind::AwsSecretsManager(secret) => Box::new(Confirmed(AwsSecretsManager::new(secret.clone(), &own))),
        ConsumerKind::VaultKv(secret) => Box::new(Confirmed(VaultKv::new(secret.clone(), &own))),
        ConsumerKind::GithubActionsSecret(secret) => {
            Box::new(Confirmed(GithubActionsSecret::new(secret.clone(), &own)))
        }
        ConsumerKind::KubernetesSecret(secret) => Box::new(Confirmed(KubernetesSecret::new(secret.clone(), &own))),
    }
}
