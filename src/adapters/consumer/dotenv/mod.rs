mod edit;
mod scan;
#[cfg(test)]
mod tests;

use std::path::Path;

use async_trait::async_trait;
use zeroize::Zeroizing;

use self::edit::set;
use self::scan::{Ambiguous, scan};
use super::place::{Place, reading};
use super::target::{Loaded, Target, bounded, meaning};
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// Mode of a file that did not exist.
const FRESH: u32 = 0o600;

/// One variable of a dotenv file. Every other byte of the file stays.
#[derive(Debug, Clone)]
pub(super) struct Dotenv {
    target: Target,
    variable: String,
}

impl Dotenv {
    pub(super) fn new(path: &Path, variable: &str, follow_symlink: bool) -> Self {
        Self { target: Target::new(path, follow_symlink), variable: variable.to_owned() }
    }

    fn load(&self) -> Result<Loaded, ConsumerError> {
        self.target.load().map_err(|error| meaning(&self.describe(), &error))
    }

    fn refused(&self, ambiguous: &Ambiguous) -> ConsumerError {
        ConsumerError::Refused { target: self.describe(), why: ambiguous.to_string() }
    }

    fn held(&self) -> Result<Reading, ConsumerError> {
        let loaded = self.load()?;
        let scan = scan(&loaded.bytes, &self.variable).map_err(|error| self.refused(&error))?;
        let text = scan.found.map(|found| Zeroizing::new(String::from_utf8_lossy(found.text).into_owned()));
        reading(&self.describe(), text)
    }

    fn write(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let loaded = self.load()?;
        let edited = set(&loaded.bytes, &self.variable, secret).map_err(|error| self.refused(&error))?;
        if edited.earlier > 0 {
            tracing::warn!(
                file = %self.target.path(), variable = %self.variable, earlier = edited.earlier,
                "the variable is set more than once; the last one counts and was changed, remove the others"
            );
        }
        loaded.replace(&edited.bytes, FRESH).map_err(|error| meaning(&self.describe(), &error))
    }
}

#[async_trait]
impl Place for Dotenv {
    fn describe(&self) -> String {
        format!("dotenv {} ({})", self.target.path(), self.variable)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        let file = self.clone();
        bounded(self.describe(), move || file.held()).await
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let (file, secret) = (self.clone(), secret.duplicate());
        bounded(self.describe(), move || file.write(&secret)).await
    }

    fn pickup(&self) -> &'static str {
        "at its next start"
    }
}
