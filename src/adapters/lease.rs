//! One writer at a time: advisory locks that the kernel frees when the holder dies.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::fs;
use crate::domain::ids::WorkspaceName;
use crate::domain::time::rfc3339;
use crate::ports::{Clock, Lease, Leases, StoreError};

/// Pause between two looks at a lock that somebody else holds.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// `flock` on `<state>/<workspace>.lock`. The file stays for ever; its content (who, since when) is information only.
#[derive(Clone)]
pub struct FileLeases {
    state_dir: PathBuf,
    clock: Arc<dyn Clock>,
}

/// The lock is freed when this is dropped, at the latest by the kernel when the process ends: the standard library opens every
/// file close-on-exec, so no program that guard starts inherits it.
struct Held {
    file: File,
}

impl Lease for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        // To close the file is not enough: a child between fork and exec still has it open, and the lock with it.
        let _ = rustix::fs::flock(&self.file, FlockOperation::NonBlockingUnlock);
    }
}

#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    command: String,
    since: String,
}

impl FileLeases {
    /// The locks of this state directory; the clock only dates the note about the holder.
    pub fn new(state_dir: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { state_dir: state_dir.to_owned(), clock }
    }
}

impl Leases for FileLeases {
    fn lease(&self, workspace: &WorkspaceName, holder: &str, wait: Duration) -> Result<Box<dyn Lease>, StoreError> {
        fs::directory(&self.state_dir).map_err(|e| StoreError::Untrusted(e.to_string()))?;
        let path = self.state_dir.join(format!("{workspace}.lock"));
        let io = |attempt: &str, error: &dyn std::fmt::Display| {
            StoreError::Io(format!("{attempt} {}: {error}", path.display()))
        };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(|e| io("open", &e))?;
        let begun = Instant::now();
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(error) => return Err(io("lock", &error)),
            }
            if begun.elapsed() >= wait {
                return Err(busy(&mut file));
            }
            #[expect(clippy::disallowed_methods, reason = "a lock is waited for outside of any clock that tests turn")]
            std::thread::sleep(LOOK_AGAIN.min(wait.saturating_sub(begun.elapsed())));
        }
        // For people only: a full disk must not keep guard from working.
        let note = Holder { pid: std::process::id(), command: holder.to_owned(), since: rfc3339(self.clock.now()) };
        if let Err(error) = sign(&mut file, &note) {
            tracing::debug!(%workspace, %error, "the lock is held, but its holder could not be noted");
        }
        Ok(Box::new(Held { file }))
    }
}

fn sign(file: &mut File, note: &Holder) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(note)?;
    text.push(b'\n');
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&text)
}

fn busy(file: &mut File) -> StoreError {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(4096).read_to_string(&mut text));
    match read.ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok()) {
        Some(Holder { pid, command, since }) => {
            StoreError::Busy { holder: format!("`{command}` (process {pid})"), since }
        }
        None => StoreError::Busy { holder: "another guard".to_owned(), since: "a moment ago".to_owned() },
    }
}
