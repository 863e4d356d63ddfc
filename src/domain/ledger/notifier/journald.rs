use std::path::PathBuf;

use super::NotifierKind;
use crate::domain::ledger::field::absolute_path;
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "journald"`.
pub(super) const KIND: KindOf<NotifierKind> = KindOf {
    name: "journald",
    doc: "The host's journal, with fields: `journalctl SYSLOG_IDENTIFIER=guard GUARD_SEVERITY=critical`.",
    read,
};

const SOCKET: &str = "/run/systemd/journal/socket";

fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierKind> {
    let socket = section.with_default("socket", "The journal's socket.", absolute_path(SOCKET), PathBuf::from(SOCKET));
    Some(NotifierKind::Journald { socket })
}
