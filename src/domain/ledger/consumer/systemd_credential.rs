use std::path::PathBuf;

use super::ConsumerKind;
use crate::domain::ledger::field::{Choice, absolute_path, credential_name};
use crate::domain::ledger::section::{KindOf, Section};

/// What an encrypted credential is sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealWith {
    /// Host key and TPM when there is one, as `systemd-creds` decides.
    Auto,
    /// The key in `/var/lib/systemd/credential.secret`.
    Host,
    /// The TPM.
    Tpm2,
    /// Both.
    HostAndTpm2,
}

impl SealWith {
    /// The word that `systemd-creds --with-key=` takes, and the ledger as well.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Host => "host",
            Self::Tpm2 => "tpm2",
            Self::HostAndTpm2 => "host+tpm2",
        }
    }
}

/// An encrypted credential of systemd, for `LoadCredentialEncrypted=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemdCredentialSettings {
    /// Absolute path of the encrypted file.
    pub path: PathBuf,
    /// The credential's name, as the unit writes it; it is sealed in.
    pub credential: String,
    /// Default [`SealWith::Auto`].
    pub seal_with: SealWith,
}

/// `kind = "systemd-credential"`.
pub(super) const KIND: KindOf<ConsumerKind> = KindOf {
    name: "systemd-credential",
    doc: "An encrypted credential of systemd, for `LoadCredentialEncrypted=`; a unit gets it at its next start.",
    read,
};

const SEALS: Choice<SealWith> = Choice(&[
    (SealWith::Auto.word(), SealWith::Auto),
    (SealWith::Host.word(), SealWith::Host),
    (SealWith::Tpm2.word(), SealWith::Tpm2),
    (SealWith::HostAndTpm2.word(), SealWith::HostAndTpm2),
]);

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let path =
        section.required("path", "Where the encrypted file is.", absolute_path("/etc/credstore.encrypted/anthropic"));
    let credential = section.required("credential", "The credential's name in the unit.", credential_name());
    let seal_with = section.with_default(
        "seal_with",
        "What it is encrypted with; see `systemd-creds --with-key`.",
        SEALS,
        SealWith::Auto,
    );
    Some(ConsumerKind::SystemdCredential(SystemdCredentialSettings { path: path?, credential: credential?, seal_with }))
}
