use super::ConsumerKind;
use crate::domain::ledger::field::{Flag, absolute_path, file_mode};
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "file"`.
pub(super) const KIND: KindOf<ConsumerKind> =
    KindOf { name: "file", doc: "A file that holds the key and nothing else.", read };

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let path = section.required("path", "Where the file is.", absolute_path("/run/app/anthropic-key"));
    let mode = section.with_default(
        "mode",
        "The mode of a file that is made anew; an existing file keeps its own.",
        file_mode(),
        0o600,
    );
    let follow_symlink = section.with_default(
        "follow_symlink",
        "Whether a symbolic link is followed and its target replaced; otherwise a link is refused.",
        Flag,
        false,
    );
    Some(ConsumerKind::File { path: path?, mode, follow_symlink })
}
