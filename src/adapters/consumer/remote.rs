//! What the stores behind HTTP have in common: short limits, and what an answer means for a delivery.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::credential::Credential;
use super::reading::reading;
use crate::adapters::fs::{self, FileError, Trust};
use crate::adapters::http::{Client, HttpError, Limits, Request, Response, Url};
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// What a call to a store may take. A delivery makes a handful of them, so that the whole stays below a minute or two.
pub const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    read: Duration::from_secs(10),
    total: Duration::from_secs(15),
    body: 4 * 1024 * 1024,
};

/// Attempts when somebody else writes at the same time.
pub(super) const ATTEMPTS: u32 = 4;

/// The longest file of certificates.
const MAX_AUTHORITY: u64 = 1024 * 1024;

/// Whether a call changes anything, and so what its silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Writes,
}

/// A store behind HTTP.
pub(super) struct Remote {
    url: String,
    authority: Option<PathBuf>,
    limits: Limits,
    /// Made at the first call. Not kept when there is an authority: its file may be replaced.
    client: OnceLock<Client>,
    /// For people, in every error.
    target: String,
}

impl Remote {
    /// The store at `url`; `target` names the place for people. With `authority` only that file's certificates are believed.
    pub fn new(url: &str, authority: Option<PathBuf>, limits: Limits, target: String) -> Self {
        Self { url: url.to_owned(), authority, limits, client: OnceLock::new(), target }
    }

    pub fn target(&self) -> &str {
        &self.target
    }

    /// The store's address, with these parts of a path.
    pub fn url<'s>(&self, path: impl IntoIterator<Item = &'s str>) -> Result<Url, ConsumerError> {
        Url::parse(&self.url).map(|base| base.join(path)).map_err(|error| self.refused(error.to_string()))
    }

    pub fn refused(&self, why: impl Into<String>) -> ConsumerError {
        ConsumerError::Refused { target: self.target.clone(), why: why.into() }
    }

    pub fn unreachable(&self, why: impl Into<String>) -> ConsumerError {
        ConsumerError::Unreachable { target: self.target.clone(), why: why.into() }
    }

    /// guard's credential for the store. Without it nothing is sent.
    pub async fn credential(&self, source: &Credential) -> Result<Secret, ConsumerError> {
        let why = |why| self.unreachable(format!("guard's credential for it is not at hand: {why}"));
        source.fetch().await.map_err(why)
    }

    /// Sends once. Any answer is an answer; what an error status means, the caller knows first.
    pub async fn send(&self, request: Request, effect: Effect) -> Result<Response, ConsumerError> {
        let client = self.client().await?;
        client.send(request).await.map_err(|error| match (error, effect) {
            (error @ (HttpError::Setup(_) | HttpError::Connect(_)), _) | (error, Effect::Reads) => {
                self.unreachable(error.to_string())
            }
            (error, Effect::Writes) => self.unknown(error.to_string()),
        })
    }

    /// The client for the next call; an authority's file is read anew, because clusters replace theirs.
    async fn client(&self) -> Result<Client, ConsumerError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let Some(path) = self.authority.clone() else {
            let client = Client::new(self.limits).map_err(|e| self.unreachable(e.to_string()))?;
            return Ok(self.client.get_or_init(|| client).clone());
        };
        let shown = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || read_followed(&path, MAX_AUTHORITY)).await;
        match read {
            Ok(Ok(Some(pem))) => {
                Client::trusting_only(self.limits, &pem).map_err(|e| self.refused(format!("{shown}: {e}")))
            }
            Ok(Ok(None)) => Err(self.unreachable(format!("there is no file {shown} with its certificate authority"))),
            Ok(Err(error)) => Err(self.refused(error.to_string())),
            Err(error) => Err(self.unreachable(error.to_string())),
        }
    }

    fn unknown(&self, why: impl Into<String>) -> ConsumerError {
        ConsumerError::Unknown { target: self.target.clone(), why: why.into() }
    }

    /// What a status that is no success means. Its body is not shown: some stores repeat what they were sent.
    pub fn failed(&self, status: u16, effect: Effect) -> ConsumerError {
        match (status, effect) {
            (401 | 403, _) => self.refused(format!("it does not accept guard's credential for this (status {status})")),
            (404, _) => self.refused("it does not exist, or guard's credential may not see it (status 404)"),
            (408 | 425 | 429 | 503, _) => self.unreachable(format!("it is busy (status {status})")),
            (500.., Effect::Reads) => self.unreachable(format!("it answered with status {status}")),
            (500.., Effect::Writes) => self.unknown(format!("it answered with status {status}")),
            _ => self.refused(format!("it answered with status {status}")),
        }
    }

    /// Too many others wrote at the same time.
    pub fn contended(&self) -> ConsumerError {
        self.unreachable(format!("somebody else changed it during each of {ATTEMPTS} attempts"))
    }

    /// The answer's document.
    pub fn json<T: DeserializeOwned>(&self, response: &Response) -> Result<T, ConsumerError> {
        // The parser may quote what it found, and that may be a secret: only the place is told.
        response.json().map_err(|e| {
            self.unreachable(format!("its answer is not what it should be (line {}, column {})", e.line(), e.column()))
        })
    }

    /// What a stored text says as a key.
    pub fn reading(&self, text: Option<Zeroizing<String>>) -> Result<Reading, ConsumerError> {
        reading(&self.target, text)
    }
}

/// Reads a public file that only root or guard may have written, following links: Kubernetes swaps the files of a pod behind one.
pub(super) fn read_followed(path: &Path, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    fs::read(&path, Trust::Guarded, limit)
}
