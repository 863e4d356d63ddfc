//! What guard changes about its own process before it touches a secret.
//! These do not protect the jobs of `guard exec`: execve makes a process dumpable again.
//! <https://man7.org/linux/man-pages/man2/pr_set_dumpable.2const.html>

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// No core dump, no reading of guard's memory by others of the same user, no file that others can read.
/// Returns the file mode mask that guard was started with.
pub fn harden() -> Mode {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!("guard's memory could not be closed to debuggers: {error}");
    }
    // The hard limit stays, so that a job may allow itself core dumps again.
    let limit = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::warn!("core dumps could not be switched off: {error}");
    }
    umask(Mode::RWXG | Mode::RWXO)
}
