//! An encrypted credential of systemd. `systemd-creds` seals and opens; guard writes the file, because only so is the
//! replacement atomic. <https://systemd.io/CREDENTIALS/>

use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::Place;
use super::reading::reading;
use super::target::{Target, bounded, meaning};
use crate::adapters::process::{Call, ProcessError};
use crate::domain::ledger::{Program, SystemdCredentialSettings};
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// A TPM may take a few seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// See [`SystemdCredentialSettings`].
pub(super) struct SystemdCredential {
    settings: SystemdCredentialSettings,
    target: Target,
}

impl SystemdCredential {
    pub(super) fn new(settings: SystemdCredentialSettings) -> Self {
        let target = Target::new(&settings.path, false);
        Self { settings, target }
    }

    /// `systemd-creds` with these arguments.
    fn tool(args: Vec<String>) -> Call {
        Call::new(&Program { path: "systemd-creds".to_owned(), args, timeout: TIMEOUT })
    }

    /// Neither sealing nor opening changes anything, so that every failure is certain.
    fn failed(&self, error: &ProcessError) -> ConsumerError {
        let (target, why) = (self.describe(), error.to_string());
        match error {
            ProcessError::NotRun { .. } | ProcessError::Failed { .. } => ConsumerError::Refused { target, why },
            ProcessError::TimedOut { .. } | ProcessError::Abandoned { .. } => {
                ConsumerError::Unreachable { target, why }
            }
        }
    }
}

#[async_trait]
impl Place for SystemdCredential {
    fn describe(&self) -> String {
        format!("systemd credential {} ({})", self.target.path(), self.settings.credential)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        let (target, name) = (self.target.clone(), self.describe());
        let sealed = bounded(self.describe(), move || target.load().map_err(|error| meaning(&name, &error))).await?;
        let text = std::str::from_utf8(&sealed.bytes).unwrap_or_default();
        if sealed.is_missing() || text.is_empty() {
            return Ok(Reading::Empty);
        }
        let name = format!("--name={}", self.settings.credential);
        let args = ["decrypt".to_owned(), name, "-".to_owned(), "-".to_owned()];
        // Whoever may seal with the host's key may also open: no answer here is an error, not a place that only takes.
        let opened = Self::tool(args.into()).input(text).run().await.map_err(|error| self.failed(&error))?;
        match std::str::from_utf8(&opened.stdout) {
            Ok(text) => reading(&self.describe(), Some(Zeroizing::new(text.to_owned()))),
            Err(_) => {
                Err(ConsumerError::Refused { target: self.describe(), why: "what it holds is not text".to_owned() })
            }
        }
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        // Each sealing differs, so that a file that is right already is not touched; neither is one that cannot be opened: it
        // may be another credential, or no credential at all.
        if matches!(self.read().await?, Reading::Holds(held) if held.same_as(secret)) {
            return Ok(());
        }
        let args = [
            "encrypt".to_owned(),
            format!("--name={}", self.settings.credential),
            format!("--with-key={}", self.settings.seal_with.word()),
            "-".to_owned(),
            "-".to_owned(),
        ];
        let sealed = Self::tool(args.into()).secret(secret).run().await.map_err(|error| self.failed(&error))?;
        if sealed.stdout.is_empty() {
            let why = "`systemd-creds` ended well but wrote nothing".to_owned();
            return Err(ConsumerError::Refused { target: self.describe(), why });
        }
        let (target, name) = (self.target.clone(), self.describe());
        bounded(self.describe(), move || {
            let replaced = target.load().and_then(|old| old.replace(&sealed.stdout, 0o600));
            replaced.map_err(|error| meaning(&name, &error))
        })
        .await
    }

    fn pickup(&self) -> &'static str {
        "when its unit is started or restarted; a reload does not read credentials again"
    }
}
