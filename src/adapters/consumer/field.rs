//! One string of a JSON, TOML or YAML file.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::edit::{self, EditError};
use super::place::{Place, reading};
use crate::adapters::fs::{self, Attributes, FileError};
use crate::domain::ledger::FieldSettings;
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// The longest file that guard edits.
const LIMIT: u64 = 4 * 1024 * 1024;

/// See [`FieldSettings`].
pub struct Field {
    settings: FieldSettings,
}

/// Why the file was left alone.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error("there is no such file; make it once with the field in it")]
    Missing,
    #[error("it is not text in UTF-8")]
    NotText,
    #[error("{0}")]
    Interrupted(String),
}

impl Field {
    /// The field; nothing is opened yet.
    pub fn new(settings: FieldSettings) -> Self {
        Self { settings }
    }

    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&FieldSettings) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, ConsumerError> {
        let settings = self.settings.clone();
        let result = tokio::task::spawn_blocking(move || work(&settings)).await;
        result.unwrap_or_else(|error| Err(Failed::Interrupted(error.to_string()))).map_err(|error| {
            let (target, why) = (self.describe(), error.to_string());
            match error {
                Failed::Interrupted(_) => ConsumerError::Unreachable { target, why },
                Failed::File(file) if file.temporary() => ConsumerError::Unreachable { target, why },
                _ => ConsumerError::Refused { target, why },
            }
        })
    }
}

/// The file to edit, its handle and its text.
fn open(settings: &FieldSettings) -> Result<(PathBuf, File, Zeroizing<String>), Failed> {
    let path = match settings.follow_symlink {
        true => std::fs::canonicalize(&settings.path).unwrap_or_else(|_| settings.path.clone()),
        false => settings.path.clone(),
    };
    let file = fs::open(&path)?.ok_or(Failed::Missing)?;
    let text = text(&path, &file)?;
    Ok((path, file, text))
}

fn text(path: &Path, file: &File) -> Result<Zeroizing<String>, Failed> {
    let length = file.metadata().map_err(|e| FileError::io("look at", path, e))?.len();
    if length > LIMIT {
        return Err(FileError::untrusted(path, format!("it is longer than {LIMIT} bytes")).into());
    }
    // Room for everything at once: a buffer that grows leaves unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
    file.take(LIMIT).read_to_end(&mut bytes).map_err(|e| FileError::io("read", path, e))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Failed::NotText),
    }
}

#[async_trait]
impl Place for Field {
    fn describe(&self) -> String {
        format!("{} {} ({})", self.settings.format, self.settings.path.display(), self.settings.field)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        let value = self
            .blocking(|settings| {
                let (_, _, text) = open(settings)?;
                Ok(edit::read(settings.format, &text, &settings.field)?)
            })
            .await?;
        reading(&self.describe(), value)
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let secret = secret.duplicate();
        self.blocking(move |settings| {
            let (path, file, text) = open(settings)?;
            let edited = edit::replace(settings.format, &text, &settings.field, &secret)?;
            // A file that is right already is not touched: programs may watch it.
            if *edited != *text {
                fs::replace(&path, edited.as_bytes(), Attributes::Of(&file))?;
            }
            Ok(())
        })
        .await
    }

    fn pickup(&self) -> &'static str {
        "when it next reads the file; a program that read it at its start only after a reload or a restart"
    }
}
