//! An encrypted credential of systemd. `systemd-creds` seals and opens; guard writes the file, because only so is the
//! replacement atomic. <https://systemd.io/CREDENTIALS/>

use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::place::{Place, reading};
use crate::adapters::fs::{self, Attributes, FileError};
use crate::adapters::process::{Call, ProcessError};
use crate::domain::ledger::{Program, SystemdCredentialSettings};
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// A TPM may take a few seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// See [`SystemdCredentialSettings`].
pub struct SystemdCredential {
    settings: SystemdCredentialSettings,
    /// The program that seals and opens.
    tool: String,
}

impl SystemdCredential {
    /// The credential, sealed by the system's own `systemd-creds`.
    pub fn new(settings: SystemdCredentialSettings) -> Self {
        Self::with_tool(settings, "systemd-creds")
    }

    /// The credential, sealed by another program with the arguments of `systemd-creds`.
    pub fn with_tool(settings: SystemdCredentialSettings, tool: impl Into<String>) -> Self {
        Self { settings, tool: tool.into() }
    }

    fn call(&self, args: Vec<String>) -> Call {
        Call::new(&Program { path: self.tool.clone(), args, timeout: TIMEOUT })
    }

    fn failed(&self, error: &ProcessError) -> ConsumerError {
        let (target, why) = (self.describe(), error.to_string());
        match error {
            ProcessError::NotRun { .. } | ProcessError::Failed { .. } => ConsumerError::Refused { target, why },
            ProcessError::TimedOut { .. } | ProcessError::Abandoned { .. } => {
                ConsumerError::Unreachable { target, why }
            }
        }
    }

    fn no_file(&self, error: &FileError) -> ConsumerError {
        let (target, why) = (self.describe(), error.to_string());
        if error.temporary() {
            ConsumerError::Unreachable { target, why }
        } else {
            ConsumerError::Refused { target, why }
        }
    }

    /// Runs `work` on the credential's path where it may block.
    async fn on_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&std::path::Path) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, ConsumerError> {
        let path = self.settings.path.clone();
        match tokio::task::spawn_blocking(move || work(&path)).await {
            Ok(result) => result.map_err(|error| self.no_file(&error)),
            Err(error) => Err(ConsumerError::Unreachable { target: self.describe(), why: error.to_string() }),
        }
    }
}

#[async_trait]
impl Place for SystemdCredential {
    fn describe(&self) -> String {
        format!("systemd credential {} ({})", self.settings.path.display(), self.settings.credential)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        let path = self.settings.path.clone();
        if self.on_file(fs::open).await?.is_none() {
            return Ok(Reading::Empty);
        }
        let name = format!("--name={}", self.settings.credential);
        let args = ["decrypt".to_owned(), name, path.display().to_string(), "-".to_owned()];
        // Whoever may seal with the host's key may also open: no answer here is an error, not a place that only takes.
        let opened = self.call(args.into()).run().await.map_err(|error| self.failed(&error))?;
        match std::str::from_utf8(&opened.stdout) {
            Ok(text) => reading(&self.describe(), Some(Zeroizing::new(text.to_owned()))),
            Err(_) => {
                Err(ConsumerError::Refused { target: self.describe(), why: "what it holds is not text".to_owned() })
            }
        }
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let args = [
            "encrypt".to_owned(),
            format!("--name={}", self.settings.credential),
            format!("--with-key={}", self.settings.seal_with.word()),
            "-".to_owned(),
            "-".to_owned(),
        ];
        let sealed = self.call(args.into()).secret(secret).run().await.map_err(|error| self.failed(&error))?;
        if sealed.stdout.is_empty() {
            let why = format!("`{}` ended well but wrote nothing", self.tool);
            return Err(ConsumerError::Refused { target: self.describe(), why });
        }
        self.on_file(move |path| match fs::open(path)? {
            Some(old) => fs::replace(path, &sealed.stdout, Attributes::Of(&old)),
            None => fs::replace(path, &sealed.stdout, Attributes::Fresh(0o600)),
        })
        .await
    }

    fn pickup(&self) -> &'static str {
        "when its unit is started or restarted (`systemctl try-restart`); a reload does not read credentials again"
    }
}
