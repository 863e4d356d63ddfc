//! Every kind of channel against a peer that enforces its contract: the shared suite for those behind HTTP (`contract`), real mail
//! and alert servers where they run, and fakes that refuse what the real ones would.

mod alertmanager;
mod command;
mod contract;
mod journal;
mod mail;
mod peers;
mod shapes;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use guard::adapters::http::{Client, Limits};
use guard::adapters::notify::{FindSecret, PATIENCE, Tools, channel};
use guard::domain::ids::{IncidentId, KeyId, WorkspaceName};
use guard::domain::ledger::{NotifierKind, NotifierSettings, Route, SecretSource};
use guard::domain::message::Message;
use guard::domain::notice::{Notice, Severity};
use guard::domain::secret::Secret;
use guard::ports::{Notifier, NotifyError};

use super::jobs_fakes::{SECRET, World, at};

/// Where a test's secret "is"; the tools below answer with it.
pub fn somewhere() -> SecretSource {
    SecretSource::Environment("SECRET_OF_THE_TEST".into())
}

pub fn tools_with(secret: FindSecret, patience: Duration) -> Tools {
    Tools { http: Client::new(Limits::default()).unwrap(), clock: World::healthy(), secret, patience }
}

/// The channel of this kind, whose secret is `secret`.
pub fn notifier(kind: NotifierKind, secret: &str, patience: Duration) -> Arc<dyn Notifier> {
    let secret = secret.to_owned();
    let found: FindSecret = Arc::new(move |_, _| Secret::new(secret.clone()).map_err(|error| error.to_string()));
    let settings = NotifierSettings { name: "ops".parse().unwrap(), kind, route: Route::default() };
    channel(&settings, &tools_with(found, patience))
}

pub fn patient(kind: NotifierKind, secret: &str) -> Arc<dyn Notifier> {
    notifier(kind, secret, PATIENCE)
}

/// What people are told of a trip.
pub fn tripped() -> Notice {
    Notice {
        dedup: "prod/incident/3/key.tripped".into(),
        event: "key.tripped".into(),
        severity: Severity::Critical,
        at: at(0),
        workspace: Some(WorkspaceName::new("prod").unwrap()),
        key: Some(KeyId::new("apikey_01_a").unwrap()),
        incident: Some(IncidentId(3)),
        summary: "prod: incident 3: gate closed, killing apikey_01_a (…igAA)".into(),
        detail: "spike: 40 × the median. `guard status` shows how far it is".into(),
        evidence_head: Some("17:5f1e".into()),
    }
}

/// A matter from its beginning to its end.
pub fn story() -> Vec<Message> {
    let news = |event: &str, severity, summary: &str| Notice {
        dedup: format!("prod/incident/3/{event}"),
        event: event.into(),
        severity,
        key: None,
        at: at(60),
        summary: summary.into(),
        detail: String::new(),
        ..tripped()
    };
    let told = [
        tripped(),
        news("key.dead", Severity::Warning, "prod: apikey_01_a is proven dead"),
        news("incident.acknowledged", Severity::Notice, "prod: alice has taken on incident 3"),
        news("incident.rearmed", Severity::Notice, "prod: alice released incident 3"),
    ];
    let mut messages: Vec<Message> = told.into_iter().map(Message::of).collect();
    for message in &mut messages[1..] {
        message.opened_by = Some(tripped());
    }
    messages
}

/// Names and sentences as an attacker would choose them, and a key text that should not be there.
pub fn hostile() -> Message {
    let text = format!(
        "a<!channel> @everyone &amp; [x](http://evil.example) *b* _u_ ~s~ `c \u{1b}[31m \u{202e}fed\r\n.\r\nFrom: x {SECRET} "
    );
    Message::of(Notice { summary: text.repeat(20), detail: text.repeat(200), ..tripped() })
}

pub async fn tell(notifier: &Arc<dyn Notifier>, message: &Message) -> Result<String, NotifyError> {
    notifier.notify(message).await.map(|delivery| delivery.answer)
}

pub fn is_later(result: &Result<String, NotifyError>) -> bool {
    matches!(result, Err(NotifyError::Later { .. }))
}
