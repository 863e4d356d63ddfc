use super::NotifierKind;
use crate::domain::ledger::field::{SecretFrom, web_address};
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "webhook"`.
pub(super) const KIND: KindOf<NotifierKind> = KindOf {
    name: "webhook",
    doc: "An HTTP POST of the notice as JSON, signed with HMAC-SHA256 when a secret is given.",
    read,
};

fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierKind> {
    let url = section.required("url", "Where notices are posted to.", web_address("https://hooks.example.com/guard"));
    let secret = section.optional("secret", "The secret that signs the notices.", SecretFrom);
    Some(NotifierKind::Webhook { url: url?, secret })
}
