//! The ledger `guard.toml`: what should be. Checked values only; whoever holds a [`Ledger`] need not check again.
//!
//! The text becomes a ledger in two steps: `raw` (what was typed, with the place of every value) and `build` (what it
//! means). Both note every [`Problem`] they find and go on.

mod build;
pub mod consumer;
mod declared;
mod field;
pub mod field_path;
mod first;
mod notes;
pub mod notifier;
pub mod policy;
mod problem;
mod raw;
pub mod reconcile;
mod rotation_times;
mod schema;
mod section;
pub mod settings;
mod words;
pub mod workspace;

pub use consumer::{
    AwsSecretsManagerSettings, ConsumerKind, ConsumerSettings, FieldSettings, GithubActionsSecretSettings,
    KeyringSettings, KubernetesSecretSettings, Program, SealWith, SystemdCredentialSettings, VaultKvSettings,
};
pub use field_path::{DocumentFormat, FieldPath, InvalidFieldPath, Step};
pub use first::{first_ledger, named};
pub use notes::Setting;
pub use notifier::{EmailSettings, Hours, MailSecurity, NotifierKind, NotifierSettings, Route};
pub use policy::{
    Ceilings, ExecPolicy, FailoverPolicy, JobSchedule, ModelPolicy, Recurrence, ReopenPolicy, RotationPolicy,
    RuleAction, RunningJobs, TripMode, TripPolicy, WatchPolicy, WhenBlind, Windows,
};
pub use problem::{Level, Problem};
pub use raw::redact;
pub use rotation_times::RotationTimes;
pub use schema::schema;
pub use settings::{HeartbeatSettings, OrganizationPolicy, ProviderSettings, SecretSource, VaultSettings};
pub use workspace::{Ledger, Workspace};

use notes::Notes;

/// A ledger that may be used, and what should be looked at all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What it says.
    pub ledger: Ledger,
    /// Problems of [`Level::Warning`] only, in the order of the file.
    pub warnings: Vec<Problem>,
}

/// Reads the ledger's text.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file, warnings included. At least one is of [`Level::Error`].
/// No message quotes a secret.
pub fn parse(text: &str) -> Result<Parsed, Vec<Problem>> {
    read(text, false).map(|(parsed, _)| parsed)
}

/// Every field of the ledger as it holds, defaults included, in the order of the parser.
///
/// # Errors
/// As [`parse`].
pub fn settings(text: &str) -> Result<Vec<Setting>, Vec<Problem>> {
    read(text, true).map(|(_, settings)| settings)
}

fn read(text: &str, keep_settings: bool) -> Result<(Parsed, Vec<Setting>), Vec<Problem>> {
    let (text, secrets) = redact(text);
    let mut notes = Notes::of(&text);
    if keep_settings {
        notes.put_settings(Some(Vec::new()));
    }
    if text.len() > raw::MAX_BYTES {
        notes.error(
            0..0,
            "",
            format!("the ledger is larger than {} bytes", raw::MAX_BYTES),
            "split what it describes over several guards",
        );
        return Err(notes.sorted());
    }
    for span in secrets {
        notes
            .error(
                span,
                "",
                "this looks like a secret; it is not shown here, and it must not be in the ledger",
                "remove it, deactivate the key (anyone who can read the file has it), and store the new one with `guard key add`",
            )
            .allowed("places of secrets, for example `\"vault\"` or `{ file = \"/etc/guard/admin-key\" }`");
    }
    let ledger = raw::document(&text, &mut notes)
        .map(|document| section::read_table(document.get_ref(), 0..0, String::new(), &mut notes, build::ledger));
    match ledger {
        Some(ledger) if !notes.any_error() => {
            let settings = notes.take_settings().unwrap_or_default();
            Ok((Parsed { ledger, warnings: notes.sorted() }, settings))
        }
        _ => Err(notes.sorted()),
    }
}
