use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::words::{cut, cut_bytes, detail, facts, title};
use super::{Sender, Tools, answer};
use crate::adapters::http::Url;
use crate::domain::message::{Message, Phase};
use crate::domain::notice::Severity;
use crate::domain::secret::Secret;
use crate::ports::{Delivery, NotifyError};

/// A longer message would become an attachment. <https://docs.ntfy.sh/publish/#limitations>
const MESSAGE: usize = 4_096;

/// A topic of an ntfy server. <https://docs.ntfy.sh/publish/#publish-as-json>
pub(super) struct Ntfy {
    url: Url,
    topic: String,
    token: Option<Secret>,
    tools: Tools,
}

#[derive(Deserialize)]
struct Published {
    event: String,
    topic: String,
}

impl Ntfy {
    pub(super) fn new(url: Url, topic: String, token: Option<Secret>, tools: &Tools) -> Self {
        Self { url, topic, token, tools: tools.clone() }
    }
}

/// From 1 (no sound) to 5 (goes on until it is seen).
const fn priority(message: &Message) -> u8 {
    match (message.phase, message.notice.severity) {
        (Phase::Ends | Phase::Acknowledged, _) => 3,
        (_, Severity::Critical) => 5,
        (_, Severity::Warning) => 4,
        (_, Severity::Notice) => 3,
        (_, Severity::Info) => 2,
    }
}

const fn tag(message: &Message) -> &'static str {
    match (message.phase, message.notice.severity) {
        (Phase::Ends, _) => "white_check_mark",
        (Phase::Acknowledged, _) => "eyes",
        (_, Severity::Critical) => "rotating_light",
        (_, Severity::Warning) => "warning",
        (_, Severity::Notice | Severity::Info) => "information_source",
    }
}

#[async_trait]
impl Sender for Ntfy {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let facts =
            facts(message).iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n");
        let detail = detail(message);
        let text = [detail, facts].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let body = json!({
            "topic": self.topic,
            "title": cut(&title(message), 250),
            "message": cut_bytes(&text.join("\n\n"), MESSAGE),
            "priority": priority(message),
            "tags": [tag(message)],
        });
        let mut request = answer::json(&self.url, &body);
        if let Some(token) = &self.token {
            request = request.secret_header("authorization", "Bearer ", token);
        }
        answer::post(&self.tools, request, |answer| {
            answer.json::<Published>().is_ok_and(|said| said.event == "message" && said.topic == self.topic)
        })
        .await
    }
}
