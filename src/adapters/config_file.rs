//! Files that people write for guard (the ledger, a price table): read whole and within limits, made anew but never
//! overwritten.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// No such file is larger: 1 MiB.
const MAX_BYTES: usize = 1 << 20;

/// Why the text could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// There is none.
    #[error("there is no file {0}")]
    Missing(String),
    /// Not a file that may be trusted or read.
    #[error("{path} cannot be used: {why}")]
    Unusable {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads the text of `path`.
///
/// # Errors
/// [`ConfigFileError`] when it is missing, no regular file, not UTF-8, larger than 1 MiB, or writable for everybody: a
/// ledger names programs that guard runs.
pub fn read(path: &Path) -> Result<String, ConfigFileError> {
    let unusable = |why: String| ConfigFileError::Unusable { path: path.display().to_string(), why };
    // A pipe in the file's place must not hang guard: it is opened without blocking and then refused.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = match OpenOptions::new().read(true).custom_flags(nonblocking).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ConfigFileError::Missing(path.display().to_string()));
        }
        Err(error) => return Err(unusable(error.to_string())),
    };
    let metadata = file.metadata().map_err(|error| unusable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unusable("it is not a regular file".to_owned()));
    }
    if metadata.mode() & 0o002 != 0 {
        return Err(unusable("everybody may write to it; `chmod o-w` mends that".to_owned()));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a larger file is seen as such.
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| unusable(error.to_string()))?;
    if bytes.len() > MAX_BYTES {
        return Err(unusable(format!("it is larger than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        unusable(format!("line {line} is not UTF-8"))
    })
}

/// Makes the file `path`, mode 0644, durable when it returns.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is something at `path`; nothing is overwritten.
pub fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}
