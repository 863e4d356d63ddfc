use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use zeroize::Zeroizing;

/// The most that is kept of each stream; the rest is read and dropped, so that the child never waits for guard.
const KEPT: usize = 64 * 1024;
/// So many pieces are taken at a time: an endless flood must not keep guard from looking at the clock.
const PIECES: usize = 16;
/// Between the polite request to stop and the end.
const PAUSE: Duration = Duration::from_secs(5);

/// The beginning of what a stream said.
type Heard = Zeroizing<Vec<u8>>;

/// How a child ended.
pub(super) enum End {
    /// By itself.
    Exited(ExitStatus),
    /// Past its limit; its whole group was stopped.
    TimedOut,
    /// The one who waited went away; its whole group was stopped.
    Abandoned,
}

/// A child that is gone, and what it wrote.
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) stdout: Heard,
    pub(super) stderr: Heard,
}

/// Starts the command as the leader of a process group, with pipes on its three standard streams.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// Feeds a child, listens to it and waits for its end, in one loop. The child is reaped last: until then its process id, and
/// so its group's, cannot come to mean anything else. Whatever it leaves running after a normal end is its own affair.
pub(super) fn supervise(
    start: impl FnOnce() -> io::Result<Child>,
    input: Zeroizing<Vec<u8>>,
    limit: Duration,
    cancelled: Option<BorrowedFd<'_>>,
) -> io::Result<Ended> {
    let mut child = start()?;
    let group = Pid::from_child(&child);
    let watched = watch(&mut child, &input, limit, cancelled, group);
    if !matches!(watched, Ok((Watched::Exited, ..))) {
        // Whatever happened, nothing of it goes on.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait()?;
    let (how, stdout, stderr) = watched?;
    let end = match how {
        Watched::Exited => End::Exited(status),
        Watched::TimedOut => End::TimedOut,
        Watched::Abandoned => End::Abandoned,
    };
    Ok(Ended { end, stdout, stderr })
}

#[derive(Clone, Copy)]
enum Watched {
    Exited,
    TimedOut,
    Abandoned,
}

fn watch(
    child: &mut Child,
    input: &[u8],
    limit: Duration,
    cancelled: Option<BorrowedFd<'_>>,
    group: Pid,
) -> io::Result<(Watched, Heard, Heard)> {
    let exit = pidfd_open(group, PidfdFlags::empty())?;
    let mut stdin = child.stdin.take().filter(|_| !input.is_empty());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let streams = [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)];
    for stream in streams.into_iter().flatten() {
        rustix::fs::fcntl_setfl(stream, OFlags::NONBLOCK)?;
    }
    let mut out = Ear::new(stdout.as_ref().map(AsFd::as_fd));
    let mut err = Ear::new(stderr.as_ref().map(AsFd::as_fd));
    let (mut fed, mut stopping, mut deadline) = (0, None, Instant::now() + limit);
    loop {
        let mut streams = vec![PollFd::new(&exit, PollFlags::IN)];
        streams.extend(cancelled.filter(|_| stopping.is_none()).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let optional = streams.len();
        streams.extend(stdin.as_ref().map(|fd| PollFd::new(fd, PollFlags::OUT)));
        streams.extend(out.open.iter().chain(&err.open).map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
        wait(&mut streams, deadline.saturating_duration_since(Instant::now()))?;
        let exited = !streams[0].revents().is_empty();
        let abandoned = optional == 2 && !streams[1].revents().is_empty();
        drop(streams);

        if let Some(pipe) = &stdin {
            match rustix::io::write(pipe, &input[fed..]) {
                Ok(count) => fed += count,
                Err(Errno::AGAIN | Errno::INTR) => {}
                // It does not listen; its status says whether that was right.
                Err(_) => fed = input.len(),
            }
            if fed == input.len() {
                stdin = None;
            }
        }
        out.listen();
        err.listen();
        if exited {
            return Ok((stopping.unwrap_or(Watched::Exited), out.kept, err.kept));
        }
        let late = Instant::now() >= deadline;
        match stopping {
            None if abandoned || late => {
                stopping = Some(if abandoned { Watched::Abandoned } else { Watched::TimedOut });
                deadline = Instant::now() + PAUSE;
                let _ = kill_process_group(group, Signal::TERM);
            }
            Some(how) if late => return Ok((how, out.kept, err.kept)),
            _ => {}
        }
    }
}

fn wait(streams: &mut [PollFd<'_>], limit: Duration) -> io::Result<()> {
    // Rounded up, so that a limit is over when the call returns; an endless one is a day and is asked for again.
    let limit = limit.min(Duration::from_secs(86_400)) + Duration::from_millis(1);
    let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
    match rustix::event::poll(streams, Some(&limit)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Keeps the beginning of what a stream says.
struct Ear<'fd> {
    open: Option<BorrowedFd<'fd>>,
    kept: Heard,
}

impl<'fd> Ear<'fd> {
    fn new(open: Option<BorrowedFd<'fd>>) -> Self {
        // Room for all at once: a buffer that grows leaves unwiped copies behind.
        Self { open, kept: Zeroizing::new(Vec::with_capacity(KEPT)) }
    }

    /// Takes what is there now.
    fn listen(&mut self) {
        let mut part = Zeroizing::new([0_u8; 8192]);
        for _ in 0..PIECES {
            let Some(stream) = self.open else { return };
            match rustix::io::read(stream, part.as_mut_slice()) {
                Ok(0) => self.open = None,
                Ok(count) => {
                    let room = KEPT - self.kept.len();
                    self.kept.extend_from_slice(&part[..count.min(room)]);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.open = None,
            }
        }
    }
}
