use std::fs::File;
use std::io::{ErrorKind, IoSlice, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::Sender;
use super::words::{clean, detail};
use crate::domain::message::Message;
use crate::domain::notice::Severity;
use crate::ports::{Delivery, NotifyError};

/// The host's journal, in its native protocol. <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>
pub(super) struct Journald {
    socket: PathBuf,
}

impl Journald {
    pub(super) fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    fn write(&self, entry: &[u8]) -> std::io::Result<()> {
        let socket = UnixDatagram::unbound()?;
        // A journal that does not keep up must not hold guard up.
        socket.set_nonblocking(true)?;
        socket.connect(&self.socket)?;
        match socket.send(entry) {
            Ok(_) => Ok(()),
            // EMSGSIZE, ENOBUFS: more than a datagram may hold goes as a sealed file in memory.
            Err(error) if matches!(error.raw_os_error(), Some(90 | 105)) => send_file(&socket, entry),
            Err(error) => Err(error),
        }
    }
}

fn send_file(socket: &UnixDatagram, entry: &[u8]) -> std::io::Result<()> {
    let memory = memfd_create("guard-journal", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(memory);
    file.write_all(entry)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    let descriptors = [file.as_fd()];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(std::io::Error::other("the descriptor did not fit"));
    }
    sendmsg(socket, &[IoSlice::new(&[])], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// `NAME=value`, or with its length where the value has line breaks.
fn field(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

/// As syslog counts: 2 critical, 4 warning, 5 notice, 6 info.
const fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "2",
        Severity::Warning => "4",
        Severity::Notice => "5",
        Severity::Info => "6",
    }
}

fn entry(message: &Message) -> Vec<u8> {
    let notice = &message.notice;
    let mut entry = Vec::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            field(&mut entry, name, &clean(value));
        }
    };
    add("MESSAGE", &notice.summary);
    add("PRIORITY", priority(notice.severity));
    add("SYSLOG_IDENTIFIER", "guard");
    add("GUARD_DETAIL", &detail(message));
    add("GUARD_EVENT", &notice.event);
    add("GUARD_SEVERITY", notice.severity.as_str());
    add("GUARD_WORKSPACE", notice.workspace.as_ref().map_or("", |w| w.as_str()));
    add("GUARD_KEY", notice.key.as_ref().map_or("", |k| k.as_str()));
    add("GUARD_INCIDENT", &notice.incident.map_or_else(String::new, |i| i.to_string()));
    add("GUARD_THREAD", &message.thread);
    add("GUARD_DEDUP", &notice.dedup);
    add("GUARD_EVIDENCE", notice.evidence_head.as_deref().unwrap_or_default());
    entry
}

#[async_trait]
impl Sender for Journald {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        match self.write(&entry(message)) {
            Ok(()) => Ok(Delivery { answer: "written".to_owned() }),
            Err(error) => {
                let why = match error.kind() {
                    ErrorKind::NotFound => format!("there is no journal at {}", self.socket.display()),
                    ErrorKind::WouldBlock => "the journal does not keep up".to_owned(),
                    _ => format!("{}: {error}", self.socket.display()),
                };
                Err(NotifyError::Later { why, after: None })
            }
        }
    }
}
