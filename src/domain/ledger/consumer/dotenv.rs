use super::ConsumerKind;
use crate::domain::ledger::field::{Flag, absolute_path, environment_variable};
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "dotenv"`.
pub(super) const KIND: KindOf<ConsumerKind> = KindOf {
    name: "dotenv",
    doc: "One variable of a dotenv file; every other byte of the file stays, its owner and mode as well.",
    read,
};

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let path = section.required("path", "Where the file is.", absolute_path("/srv/app/.env"));
    let variable = section.with_default(
        "variable",
        "The variable that holds the key.",
        environment_variable(),
        "ANTHROPIC_API_KEY".to_owned(),
    );
    let follow_symlink = section.with_default(
        "follow_symlink",
        "Whether a symbolic link is followed and its target replaced; otherwise a link is refused.",
        Flag,
        false,
    );
    Some(ConsumerKind::Dotenv { path: path?, variable, follow_symlink })
}
