use super::ConsumerKind;
use crate::domain::ledger::field::free_text;
use crate::domain::ledger::section::{KindOf, Section};

/// An entry of the session's keyring (Secret Service).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringSettings {
    /// The attribute `service`.
    pub service: String,
    /// The attribute `username`.
    pub user: String,
}

/// `kind = "keyring"`.
pub(super) const KIND: KindOf<ConsumerKind> = KindOf {
    name: "keyring",
    doc: "An entry of the session's keyring, as `secret-tool` and the `keyring` libraries read it.",
    read,
};

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let service = section.required("service", "The entry's service name.", free_text("my-pipeline"));
    let user = section.with_default(
        "user",
        "The entry's user name.",
        free_text("ANTHROPIC_API_KEY"),
        "ANTHROPIC_API_KEY".to_owned(),
    );
    Some(ConsumerKind::Keyring(KeyringSettings { service: service?, user }))
}
