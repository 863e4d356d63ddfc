use std::path::Path;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::place::{Place, reading};
use super::target::{Loaded, Target, bounded, meaning};
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// A file that holds the key and nothing else. A line break at its end is kept where there is one.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    target: Target,
    mode: u32,
}

impl KeyFile {
    pub(super) fn new(path: &Path, mode: u32, follow_symlink: bool) -> Self {
        Self { target: Target::new(path, follow_symlink), mode }
    }

    fn load(&self) -> Result<(Loaded, Reading), ConsumerError> {
        let loaded = self.target.load().map_err(|error| meaning(&self.describe(), &error))?;
        let text = String::from_utf8_lossy(&loaded.bytes).trim_end_matches(['\r', '\n']).to_owned();
        let held = reading(&self.describe(), Some(Zeroizing::new(text)))?;
        Ok((loaded, held))
    }

    fn write(&self, secret: &Secret) -> Result<(), ConsumerError> {
        // What holds anything but a key may be the wrong file, and is not overwritten.
        let (loaded, _) = self.load()?;
        let ending: &[u8] = match loaded.bytes.as_slice() {
            [.., b'\r', b'\n'] => b"\r\n",
            [.., b'\n'] => b"\n",
            _ => b"",
        };
        let content = Zeroizing::new([secret.expose().as_bytes(), ending].concat());
        loaded.replace(&content, self.mode).map_err(|error| meaning(&self.describe(), &error))
    }
}

#[async_trait]
impl Place for KeyFile {
    fn describe(&self) -> String {
        format!("file {}", self.target.path())
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        let file = self.clone();
        bounded(self.describe(), move || Ok(file.load()?.1)).await
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let (file, secret) = (self.clone(), secret.duplicate());
        bounded(self.describe(), move || file.write(&secret)).await
    }

    fn pickup(&self) -> &'static str {
        "when it next reads the file"
    }
}
