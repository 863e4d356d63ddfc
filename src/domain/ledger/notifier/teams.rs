use super::NotifierKind;
use crate::domain::ledger::field::SecretFrom;
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "teams"`.
pub(super) const KIND: KindOf<NotifierKind> = KindOf {
    name: "teams",
    doc: "A Teams workflow that posts cards (\"When a Teams webhook request is received\").",
    read,
};

fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierKind> {
    let url = section.required("url", "Where the webhook's address is; whoever has the address can post.", SecretFrom);
    Some(NotifierKind::Teams { url: url? })
}
