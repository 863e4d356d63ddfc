//! The journal's native protocol, read as the journal reads it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IoSliceMut, Read, Seek};
use std::os::unix::net::UnixDatagram;

use guard::domain::ledger::NotifierKind;
use guard::domain::message::Message;
use guard::domain::notice::Notice;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::{hostile, is_later, patient, tell, tripped};
use crate::jobs_fakes::SECRET;

/// A journal's socket; one entry is what came in a datagram, or in the sealed file that came instead.
struct Journal {
    socket: UnixDatagram,
    directory: tempfile::TempDir,
}

impl Journal {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("socket")).unwrap();
        Self { socket, directory }
    }

    fn kind(&self) -> NotifierKind {
        NotifierKind::Journald { socket: self.directory.path().join("socket") }
    }

    fn entry(&self) -> (BTreeMap<String, String>, bool) {
        let mut bytes = vec![0; 1 << 20];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let got = recvmsg(&self.socket, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::DONTWAIT);
        bytes.truncate(got.unwrap().bytes);
        let mut by_file = false;
        for message in ancillary.drain() {
            let RecvAncillaryMessage::ScmRights(descriptors) = message else { continue };
            for descriptor in descriptors {
                let seals = rustix::fs::fcntl_get_seals(&descriptor).unwrap();
                assert!(seals.contains(rustix::fs::SealFlags::WRITE), "the journal takes sealed files only");
                let mut file = File::from(descriptor);
                file.rewind().unwrap();
                file.read_to_end(&mut bytes).unwrap();
                by_file = true;
            }
        }
        (fields(&bytes), by_file)
    }
}

fn fields(mut rest: &[u8]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n').expect("every field ends in a line break");
        let line = &rest[..end];
        let (name, value, after) = match line.iter().position(|b| *b == b'=') {
            Some(equals) => (&line[..equals], &line[equals + 1..], end + 1),
            None => {
                let start = end + 1 + 8;
                let length = u64::from_le_bytes(rest[end + 1..start].try_into().unwrap()) as usize;
                assert_eq!(rest[start + length], b'\n');
                (line, &rest[start..start + length], start + length + 1)
            }
        };
        let name = String::from_utf8(name.to_vec()).unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        found.insert(name, String::from_utf8(value.to_vec()).unwrap());
        rest = &rest[after..];
    }
    found
}

#[tokio::test]
async fn the_journal_gets_fields_and_a_priority() {
    let journal = Journal::open();
    let notice = Notice { detail: "two\nlines".into(), ..tripped() };
    assert_eq!(tell(&patient(journal.kind(), "none"), &Message::of(notice)).await.unwrap(), "written");
    let (fields, by_file) = journal.entry();
    assert!(!by_file);
    assert_eq!(fields["PRIORITY"], "2");
    assert_eq!(fields["SYSLOG_IDENTIFIER"], "guard");
    assert_eq!(fields["GUARD_DETAIL"], "two\nlines");
    assert_eq!((fields["GUARD_WORKSPACE"].as_str(), fields["GUARD_INCIDENT"].as_str()), ("prod", "3"));
}

#[tokio::test]
async fn what_no_datagram_holds_goes_as_a_sealed_file() {
    let journal = Journal::open();
    let notice = Notice { detail: "a long story\n".repeat(100_000), ..tripped() };
    assert!(tell(&patient(journal.kind(), "none"), &Message::of(notice.clone())).await.is_ok());
    let (fields, by_file) = journal.entry();
    assert!(by_file);
    assert_eq!(fields["GUARD_DETAIL"], notice.detail);
}

#[tokio::test]
async fn hostile_words_cannot_forge_a_field() {
    let journal = Journal::open();
    let forged = Notice { summary: format!("x\nPRIORITY=7\nFORGED=1 {SECRET}"), ..hostile().notice };
    assert!(tell(&patient(journal.kind(), "none"), &Message::of(forged)).await.is_ok());
    let (fields, _) = journal.entry();
    assert!(!fields.contains_key("FORGED") && fields["PRIORITY"] == "2");
    assert!(fields.values().all(|value| !value.contains(&SECRET[20..])));
}

#[tokio::test]
async fn a_journal_that_is_missing_or_full_is_tried_later() {
    let journal = Journal::open();
    let channel = patient(journal.kind(), "none");
    let mut told = Ok(String::new());
    // Nobody reads: the queue is full after some hundred entries at most.
    for _ in 0..5_000 {
        told = tell(&channel, &Message::of(tripped())).await;
        if told.is_err() {
            break;
        }
    }
    assert!(is_later(&told), "a full journal blocks nobody: {told:?}");
    let missing = NotifierKind::Journald { socket: journal.directory.path().join("nobody") };
    let told = tell(&patient(missing, "none"), &Message::of(tripped())).await;
    assert!(is_later(&told) && told.unwrap_err().to_string().starts_with("there is no journal at "));
}
