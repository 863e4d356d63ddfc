use super::NotifierKind;
use crate::domain::ledger::field::{SecretFrom, web_address};
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "alertmanager"`.
pub(super) const KIND: KindOf<NotifierKind> =
    KindOf { name: "alertmanager", doc: "Prometheus Alertmanager: firing until the matter is over.", read };

fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierKind> {
    let url = section.required(
        "url",
        "Its address, with the path prefix if it has one, without `/api/v2`.",
        web_address("http://127.0.0.1:9093"),
    );
    let token = section.optional("token", "Where the bearer token is, if a proxy in front asks for one.", SecretFrom);
    Some(NotifierKind::Alertmanager { url: url?, token })
}
