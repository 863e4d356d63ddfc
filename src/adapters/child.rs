//! Jobs as child processes. They differ from hooks: a job belongs to the person or timer that started guard, so it inherits
//! guard's standard streams, its terminal and its environment.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;

use async_trait::async_trait;
use rustix::process::{Pid, kill_process, kill_process_group, umask};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::ports::{Job, JobCommand, JobEnd, Jobs, Signal, Signals, StartError};

/// Starts children of this process.
#[derive(Debug, Clone, Copy)]
pub struct Children {
    /// The file mode mask that guard was started with; guard narrows its own, a job gets back what it would have had.
    inherited_umask: rustix::fs::Mode,
    /// The job stays in guard's process group, because a terminal controls both: Ctrl-C, Ctrl-Z and `fg` then reach
    /// both without guard in between. Without a terminal a job gets a group of its own, which can be signalled as a whole.
    shares_terminal: bool,
}

impl Children {
    /// Looks once whether a terminal controls this process.
    pub fn new(inherited_umask: rustix::fs::Mode) -> Self {
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let shares_terminal = rustix::fs::open("/dev/tty", flags, rustix::fs::Mode::empty()).is_ok();
        Self { inherited_umask, shares_terminal }
    }
}

impl Jobs for Children {
    fn listen(&self) -> Result<Box<dyn Signals>, String> {
        let ignored = ignored_signals();
        let (sender, receiver) = mpsc::unbounded_channel();
        for received in RECEIVED {
            // A signal that guard was told to ignore (`nohup`) stays ignored, for the job as well.
            if ignored & (1 << (number(received).as_raw() - 1)) != 0 {
                continue;
            }
            let mut stream = signal(SignalKind::from_raw(number(received).as_raw())).map_err(|e| e.to_string())?;
            // What a terminal sends reaches the whole group; passing it on would deliver it twice.
            let delivered_already = self.shares_terminal && matches!(received, Signal::Interrupt | Signal::Quit);
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if !delivered_already && sender.send(received).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Box::new(Received(receiver)))
    }

    fn start(&self, command: JobCommand) -> Result<Box<dyn Job>, StartError> {
        let JobCommand { program, args, set, remove, key: (variable, secret) } = command;
        #[expect(clippy::disallowed_methods, reason = "the one place that starts jobs")]
        let mut child = Command::new(program);
        child.args(args);
        for name in remove {
            child.env_remove(name);
        }
        child.envs(set).env(OsStr::new(&variable), secret.expose());
        if !self.shares_terminal {
            child.process_group(0);
        }
        let started = {
            let _one_at_a_time = MASK.lock();
            let own = umask(self.inherited_umask);
            let started = child.spawn();
            umask(own);
            started
        };
        let child = started.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StartError::NotFound,
            _ => StartError::NotRunnable(error.to_string()),
        })?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        match pid {
            Some(pid) => Ok(Box::new(ChildJob { child, pid, has_group: !self.shares_terminal })),
            None => Err(StartError::NotRunnable("the operating system gave no process id".to_owned())),
        }
    }
}

/// The file mode mask belongs to the whole process: while one start has it changed, another must not take it for guard's own.
static MASK: Mutex<()> = Mutex::new(());

/// Everything in [`Signal`] that can be received.
const RECEIVED: [Signal; 6] =
    [Signal::Hangup, Signal::Interrupt, Signal::Quit, Signal::Terminate, Signal::User1, Signal::User2];

const fn number(signal: Signal) -> rustix::process::Signal {
    match signal {
        Signal::Hangup => rustix::process::Signal::HUP,
        Signal::Interrupt => rustix::process::Signal::INT,
        Signal::Quit => rustix::process::Signal::QUIT,
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::User1 => rustix::process::Signal::USR1,
        Signal::User2 => rustix::process::Signal::USR2,
        Signal::Kill => rustix::process::Signal::KILL,
    }
}

/// The mask of ignored signals, bit 0 for signal 1; none where the kernel does not tell.
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
}

struct Received(mpsc::UnboundedReceiver<Signal>);

#[async_trait]
impl Signals for Received {
    async fn next(&mut self) -> Signal {
        match self.0.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

struct ChildJob {
    child: Child,
    pid: Pid,
    has_group: bool,
}

#[async_trait]
impl Job for ChildJob {
    fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    async fn wait(&mut self) -> Result<JobEnd, String> {
        let status = self.child.wait().await.map_err(|e| e.to_string())?;
        let number = |n: i32| u8::try_from(n).unwrap_or(u8::MAX);
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => JobEnd::Exited(number(code)),
            (None, signal) => JobEnd::Killed(signal.map_or(u8::MAX, number)),
        })
    }

    fn signal(&self, signal: Signal) {
        // The id is still the job's: it has not been waited for, or tokio would not give it.
        if self.child.id().is_none() {
            return;
        }
        let sent = if self.has_group {
            kill_process_group(self.pid, number(signal))
        } else {
            kill_process(self.pid, number(signal))
        };
        if let Err(error) = sent {
            tracing::debug!("the job did not get {signal:?}: {error}");
        }
    }
}
