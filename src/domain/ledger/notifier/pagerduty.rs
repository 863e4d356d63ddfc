use super::NotifierKind;
use crate::domain::ledger::field::{SecretFrom, web_address};
use crate::domain::ledger::section::{KindOf, Section};

/// `kind = "pagerduty"`.
pub(super) const KIND: KindOf<NotifierKind> = KindOf {
    name: "pagerduty",
    doc: "PagerDuty's Events API: an incident is triggered, acknowledged and resolved under one key.",
    read,
};

const EVENTS: &str = "https://events.pagerduty.com/v2/enqueue";

fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierKind> {
    let routing_key =
        section.required("routing_key", "Where the routing key of the service's integration is.", SecretFrom);
    let url = section.with_default(
        "url",
        "Where events are posted to; a service in the EU has `https://events.eu.pagerduty.com/v2/enqueue`.",
        web_address(EVENTS),
        EVENTS.to_owned(),
    );
    Some(NotifierKind::PagerDuty { routing_key: routing_key?, url })
}
