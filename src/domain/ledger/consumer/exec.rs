use super::ConsumerKind;
use crate::domain::ledger::field::ProgramField;
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "exec"`.
pub(super) const KIND: KindOf<ConsumerKind> = KindOf {
    name: "exec",
    doc: "A program that gets the key on standard input and stores it, for example in a cloud secret manager.",
    read,
};

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let write = section.required("write", "Gets the key on standard input and stores it.", ProgramField);
    let read = section.optional(
        "read",
        "Prints the key that the place holds. Without it the place is write-only and guard has to take the writer's word.",
        ProgramField,
    );
    Some(ConsumerKind::Exec { write: write?, read })
}
