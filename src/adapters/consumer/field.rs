//! One string of a JSON, TOML or YAML file.

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::Place;
use super::edit;
use super::reading::reading;
use super::target::{Loaded, Target, bounded, meaning};
use crate::domain::ledger::FieldSettings;
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// See [`FieldSettings`].
#[derive(Clone)]
pub(super) struct Field {
    settings: FieldSettings,
    target: Target,
}

impl Field {
    pub(super) fn new(settings: FieldSettings) -> Self {
        let target = Target::new(&settings.path, settings.follow_symlink);
        Self { settings, target }
    }

    fn refused(&self, why: impl Into<String>) -> ConsumerError {
        ConsumerError::Refused { target: self.describe(), why: why.into() }
    }

    fn load(&self) -> Result<(Loaded, Zeroizing<String>), ConsumerError> {
        let loaded = self.target.load().map_err(|error| meaning(&self.describe(), &error))?;
        if loaded.is_missing() {
            return Err(self.refused("there is no such file; make it once with the field in it"));
        }
        let text = std::str::from_utf8(&loaded.bytes).map_err(|_| self.refused("it is not text in UTF-8"))?;
        let text = Zeroizing::new(text.to_owned());
        Ok((loaded, text))
    }

    fn held(&self) -> Result<Reading, ConsumerError> {
        let (_, text) = self.load()?;
        let value = edit::read(self.settings.format, &text, &self.settings.field);
        reading(&self.describe(), value.map_err(|error| self.refused(error.to_string()))?)
    }

    fn write(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let (loaded, text) = self.load()?;
        let edited = edit::replace(self.settings.format, &text, &self.settings.field, secret)
            .map_err(|error| self.refused(error.to_string()))?;
        // The mode is not used: there is a file.
        loaded.replace(edited.as_bytes(), 0o600).map_err(|error| meaning(&self.describe(), &error))
    }
}

#[async_trait]
impl Place for Field {
    fn describe(&self) -> String {
        format!("{} file {} ({})", self.settings.format, self.target.path(), self.settings.field)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        let field = self.clone();
        bounded(self.describe(), move || field.held()).await
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let (field, secret) = (self.clone(), secret.duplicate());
        bounded(self.describe(), move || field.write(&secret)).await
    }

    fn pickup(&self) -> &'static str {
        "when it next reads the file"
    }
}
