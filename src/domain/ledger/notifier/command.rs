use super::NotifierKind;
use crate::domain::ledger::field::ProgramField;
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "command"`.
pub(super) const KIND: KindOf<NotifierKind> = KindOf {
    name: "command",
    doc: "A program that gets the notice as JSON on standard input; status 0 means delivered.",
    read,
};

fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierKind> {
    let command = section.required(
        "command",
        "The program and its arguments; no shell is involved. It is stopped after 9 seconds.",
        ProgramField,
    );
    Some(NotifierKind::Command { command: command? })
}
