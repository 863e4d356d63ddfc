use super::NotifierKind;
use crate::domain::ledger::field::SecretFrom;
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "slack"`.
pub(super) const KIND: KindOf<NotifierKind> = KindOf { name: "slack", doc: "An incoming webhook of Slack.", read };

fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierKind> {
    let url = section.required("url", "Where the webhook's address is; whoever has the address can post.", SecretFrom);
    Some(NotifierKind::Slack { url: url? })
}
