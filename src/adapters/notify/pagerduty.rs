use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::words::{cut, detail, facts, line};
use super::{Sender, Tools, answer};
use crate::adapters::http::Url;
use crate::domain::message::{Message, Phase};
use crate::domain::notice::Severity;
use crate::domain::secret::Secret;
use crate::domain::time::rfc3339;
use crate::ports::{Delivery, NotifyError};

/// PagerDuty's Events API, version 2. <https://developer.pagerduty.com/docs/send-alert-event>
pub(super) struct PagerDuty {
    url: Url,
    routing_key: Secret,
    tools: Tools,
}

#[derive(Deserialize)]
struct Accepted {
    status: String,
}

impl PagerDuty {
    pub(super) fn new(url: Url, routing_key: Secret, tools: &Tools) -> Self {
        Self { url, routing_key, tools: tools.clone() }
    }
}

/// One key for one matter, at most 255 characters.
fn dedup_key(thread: &str) -> String {
    let named = format!("guard/{thread}");
    if named.chars().count() <= 255 { named } else { format!("guard/{}", hex::encode(Sha256::digest(thread))) }
}

const fn severity(of: Severity) -> &'static str {
    match of {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Notice | Severity::Info => "info",
    }
}

#[async_trait]
impl Sender for PagerDuty {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let notice = &message.notice;
        let action = match message.phase {
            Phase::Acknowledged => "acknowledge",
            Phase::Ends => "resolve",
            Phase::Single | Phase::Begins | Phase::Continues => "trigger",
        };
        let mut body = json!({
            "routing_key": self.routing_key.expose(),
            "event_action": action,
            "dedup_key": dedup_key(&message.thread),
        });
        if action == "trigger" {
            let mut details: serde_json::Map<_, _> =
                facts(message).into_iter().map(|(name, value)| (name.to_lowercase(), value.into())).collect();
            details.insert("detail".to_owned(), cut(&detail(message), 8_000).into());
            body["client"] = "guard".into();
            body["payload"] = json!({
                "summary": cut(&line(&notice.summary), 1_024),
                "source": notice.workspace.as_ref().map_or("guard", |w| w.as_str()),
                "severity": severity(notice.severity),
                "timestamp": rfc3339(notice.at),
                "component": notice.workspace.as_ref().map_or("guard", |w| w.as_str()),
                "class": line(&notice.event),
                "custom_details": details,
            });
        }
        answer::post(&self.tools, answer::json(&self.url, &body), |answer| {
            answer.status == 202 && answer.json::<Accepted>().is_ok_and(|accepted| accepted.status == "success")
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_readable_and_never_too_long() {
        assert_eq!(dedup_key("prod/incident/3"), "guard/prod/incident/3");
        assert_eq!(dedup_key(&"x".repeat(300)).len(), 6 + 64);
    }
}
