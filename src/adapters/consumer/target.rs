use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::adapters::fs::{self, Attributes, FileError};
use crate::ports::ConsumerError;

/// The widest mode of a file with a key in it: its owner writes, its group reads.
const WIDEST: u32 = 0o640;
const LIMIT: u64 = 1024 * 1024;
/// A file system that does not answer (a dead network mount) must not hold guard up.
const PATIENCE: Duration = Duration::from_secs(15);

/// A file that belongs to a workload and is replaced as a whole.
#[derive(Debug, Clone)]
pub(super) struct Target {
    path: PathBuf,
    follow_symlink: bool,
}

/// What the file was when it was looked at.
pub(super) struct Loaded {
    path: PathBuf,
    file: Option<File>,
    /// Its content; empty when there is no file.
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl Target {
    pub(super) fn new(path: &Path, follow_symlink: bool) -> Self {
        Self { path: path.to_owned(), follow_symlink }
    }

    pub(super) fn path(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    /// Reads the file; a missing one is empty.
    pub(super) fn load(&self) -> Result<Loaded, FileError> {
        let path = match self.path.canonicalize() {
            Ok(path) if self.follow_symlink => path,
            _ => self.path.clone(),
        };
        let file = fs::open(&path)?;
        let bytes = file.as_ref().map(|file| fs::contents(file, &path, LIMIT)).transpose()?.unwrap_or_default();
        Ok(Loaded { path, file, bytes })
    }
}

impl Loaded {
    /// Whether there is no file.
    pub(super) fn is_missing(&self) -> bool {
        self.file.is_none()
    }

    /// Replaces the content. An existing file keeps its owner, mode and attributes; a new one gets `fresh`.
    ///
    /// # Errors
    /// [`FileError::Untrusted`] when the file may be read by too many, or has other names that would keep the old content.
    pub(super) fn replace(&self, content: &[u8], fresh: u32) -> Result<(), FileError> {
        let Some(file) = &self.file else {
            not_wider(&self.path, fresh)?;
            return fs::replace(&self.path, content, Attributes::Fresh(fresh));
        };
        let meta = file.metadata().map_err(|error| FileError::io("look at", &self.path, error))?;
        not_wider(&self.path, meta.mode())?;
        if meta.nlink() > 1 {
            let why = format!("it has {} names (hard links), and the others would keep the old key", meta.nlink());
            return Err(FileError::untrusted(&self.path, why));
        }
        if *self.bytes == content {
            return fs::confirm(&self.path, file);
        }
        fs::replace(&self.path, content, Attributes::Of(file))
    }
}

fn not_wider(path: &Path, mode: u32) -> Result<(), FileError> {
    // What the owner may do besides is nobody else's business.
    if mode & 0o077 & !WIDEST == 0 {
        return Ok(());
    }
    let why =
        format!("mode {:04o} lets too many read or write the key; run `chmod 640 {}`", mode & 0o7777, path.display());
    Err(FileError::untrusted(path, why))
}

/// Runs `work` on files without blocking the runtime. When it takes too long it is left behind; then its outcome is unknown.
pub(super) async fn bounded<T: Send + 'static>(
    target: String,
    work: impl FnOnce() -> Result<T, ConsumerError> + Send + 'static,
) -> Result<T, ConsumerError> {
    let (answer, answers) = mpsc::channel();
    let waited = tokio::task::spawn_blocking(move || {
        std::thread::Builder::new()
            .name("files".to_owned())
            .spawn(move || drop(answer.send(work())))
            .map_err(|error| error.to_string())?;
        answers.recv_timeout(PATIENCE).map_err(|_| format!("no answer within {} seconds", PATIENCE.as_secs()))
    });
    match waited.await {
        Ok(Ok(result)) => result,
        Ok(Err(why)) => Err(ConsumerError::Unknown { target, why }),
        Err(error) => Err(ConsumerError::Unknown { target, why: error.to_string() }),
    }
}

/// What a failure with a file means for a delivery.
pub(super) fn meaning(target: &str, error: &FileError) -> ConsumerError {
    let (target, why) = (target.to_owned(), error.to_string());
    match error {
        FileError::Unsettled { .. } => ConsumerError::Unknown { target, why },
        error if error.temporary() => ConsumerError::Unreachable { target, why },
        _ => ConsumerError::Refused { target, why },
    }
}
