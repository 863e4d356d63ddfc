//! The kinds behind HTTP: how each is set up, what its peer demands and answers.

use guard::domain::ledger::NotifierKind;
use serde_json::Value;
use wiremock::{Request, Respond, ResponseTemplate};

use super::{shapes, somewhere};

/// A peer of one kind.
#[derive(Clone, Copy)]
pub struct Peer {
    pub name: &'static str,
    /// The settings for a peer at this address.
    pub kind: fn(&str) -> NotifierKind,
    /// The secret for a peer at this address.
    pub secret: fn(&str) -> String,
    /// What the body must be.
    pub shape: fn() -> Value,
    /// What it says when it is content.
    pub content: fn(&Value) -> ResponseTemplate,
    /// The only path it serves.
    pub path: &'static str,
    /// It tells another's answer from its peer's.
    pub knows_its_peer: bool,
    /// The header that carries the secret, if one does.
    pub authorized: bool,
}

const TOKEN: &str = "the-token-of-the-test";
pub const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";

fn address(url: &str) -> String {
    format!("{url}/services/T000/B000/hook-secret")
}

pub const PEERS: &[Peer] = &[
    Peer {
        name: "slack",
        kind: |_| NotifierKind::Slack { url: somewhere() },
        secret: address,
        shape: shapes::slack,
        content: |_| ResponseTemplate::new(200).set_body_string("ok"),
        path: "/services/T000/B000/hook-secret",
        knows_its_peer: true,
        authorized: false,
    },
    Peer {
        name: "discord",
        kind: |_| NotifierKind::Discord { url: somewhere() },
        secret: address,
        shape: shapes::discord,
        content: |_| ResponseTemplate::new(204),
        path: "/services/T000/B000/hook-secret",
        knows_its_peer: true,
        authorized: false,
    },
    Peer {
        name: "teams",
        kind: |_| NotifierKind::Teams { url: somewhere() },
        secret: address,
        shape: shapes::teams,
        content: |_| ResponseTemplate::new(202),
        path: "/services/T000/B000/hook-secret",
        knows_its_peer: false,
        authorized: false,
    },
    Peer {
        name: "pagerduty",
        kind: |url| NotifierKind::PagerDuty { routing_key: somewhere(), url: format!("{url}/v2/enqueue") },
        secret: |_| ROUTING_KEY.to_owned(),
        shape: shapes::pagerduty,
        content: |body| {
            ResponseTemplate::new(202).set_body_json(serde_json::json!({
                "status": "success", "message": "Event processed", "dedup_key": body["dedup_key"],
            }))
        },
        path: "/v2/enqueue",
        knows_its_peer: true,
        authorized: false,
    },
    Peer {
        name: "alertmanager",
        kind: |url| NotifierKind::Alertmanager { url: format!("{url}/am"), token: Some(somewhere()) },
        secret: |_| TOKEN.to_owned(),
        shape: shapes::alertmanager,
        content: |_| ResponseTemplate::new(200),
        path: "/am/api/v2/alerts",
        knows_its_peer: true,
        authorized: true,
    },
    Peer {
        name: "ntfy",
        kind: |url| NotifierKind::Ntfy { url: url.to_owned(), topic: "guard-alerts".into(), token: Some(somewhere()) },
        secret: |_| TOKEN.to_owned(),
        shape: shapes::ntfy,
        content: |body| {
            ResponseTemplate::new(200).set_body_json(serde_json::json!({
                "id": "hwQ2YpKdmg", "time": 1_700_000_000, "event": "message", "topic": body["topic"],
                "message": body["message"],
            }))
        },
        path: "/",
        knows_its_peer: true,
        authorized: true,
    },
    Peer {
        name: "webhook",
        kind: |url| NotifierKind::Webhook { url: format!("{url}/hook"), secret: Some(somewhere()) },
        secret: |_| "whsec_of_the_test".to_owned(),
        shape: shapes::webhook,
        content: |_| ResponseTemplate::new(202),
        path: "/hook",
        knows_its_peer: false,
        authorized: false,
    },
];

/// Refuses what the real one would: another method, path or type, no token, and every body that is not of the shape.
pub struct Strict(pub Peer);

impl Respond for Strict {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let wrong = |why: String| ResponseTemplate::new(400).set_body_string(why);
        let header = |name: &str| request.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if request.method.as_str() != "POST" || request.url.path() != self.0.path {
            return ResponseTemplate::new(404).set_body_string(format!("{} {}", request.method, request.url.path()));
        }
        if header("content-type") != "application/json" {
            return wrong(format!("content type `{}`", header("content-type")));
        }
        if self.0.authorized && header("authorization") != format!("Bearer {TOKEN}") {
            return ResponseTemplate::new(403);
        }
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else { return wrong("no JSON".into()) };
        let validator = jsonschema::options().should_validate_formats(true).build(&(self.0.shape)()).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        if errors.is_empty() { (self.0.content)(&body) } else { wrong(errors.join("; ")) }
    }
}
