use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Why a file was not read or written. Messages carry names and reasons, never content.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file exists, but whoever else can change or read it makes its content worthless. A person must look.
    #[error("{} cannot be trusted: {why}", path.display())]
    Untrusted {
        /// Which file.
        path: PathBuf,
        /// What is wrong and how to mend it.
        why: String,
    },
    /// The new content is in place, but it is not certain that it stays: not durable, or changed by somebody else.
    #[error("{} was replaced, but {why}", path.display())]
    Unsettled {
        /// Which file.
        path: PathBuf,
        /// What is in doubt.
        why: String,
    },
    /// The operating system says no; nothing was changed.
    #[error("{attempt} {}: {}", path.display(), explain(source))]
    Io {
        /// What was tried, "write", "rename".
        attempt: &'static str,
        /// Which file.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
}

impl FileError {
    /// The operating system refused `attempt` on `path`.
    pub fn io(attempt: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { attempt, path: path.to_owned(), source: source.into() }
    }

    /// `path` is not to be believed.
    pub fn untrusted(path: &Path, why: impl Into<String>) -> Self {
        Self::Untrusted { path: path.to_owned(), why: why.into() }
    }

    /// Trying again later may help without anybody changing permissions or content.
    pub fn temporary(&self) -> bool {
        match self {
            Self::Untrusted { .. } => false,
            Self::Unsettled { .. } => true,
            Self::Io { source, .. } => !matches!(
                Errno::from_io_error(source),
                Some(Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::BUSY | Errno::XDEV | Errno::NAMETOOLONG)
            ),
        }
    }
}

/// The operating system's words, and what they mean here where they are known to puzzle.
fn explain(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT) => "the disk is full; free some space".to_owned(),
        Some(Errno::FBIG) => "the file would grow past the size limit of this process".to_owned(),
        Some(Errno::ROFS) => "the file system is read-only".to_owned(),
        Some(Errno::BUSY) => {
            "the file is a mount point of its own and cannot be replaced; mount its directory instead".to_owned()
        }
        Some(Errno::ACCESS | Errno::PERM) => {
            format!("no permission for uid {}", rustix::process::geteuid().as_raw())
        }
        _ => error.to_string(),
    }
}
