use async_trait::async_trait;
use serde_json::json;

use super::markup::discord as escape;
use super::words::{cut, detail, facts, sign, title};
use super::{Sender, Tools, answer};
use crate::adapters::http::Url;
use crate::domain::message::{Message, Phase};
use crate::domain::notice::Severity;
use crate::ports::{Delivery, NotifyError};

/// A Discord webhook. <https://discord.com/developers/docs/resources/webhook#execute-webhook>
pub(super) struct Discord {
    url: Url,
    tools: Tools,
}

impl Discord {
    pub(super) fn new(url: Url, tools: &Tools) -> Self {
        Self { url, tools: tools.clone() }
    }
}

const fn colour(message: &Message) -> u32 {
    match (message.phase, message.notice.severity) {
        (Phase::Ends, _) => 0x2E_CC_71,
        (_, Severity::Critical) => 0xE7_4C_3C,
        (_, Severity::Warning) => 0xF3_9C_12,
        (_, Severity::Notice | Severity::Info) => 0x34_98_DB,
    }
}

#[async_trait]
impl Sender for Discord {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let headline = escape(&title(message));
        let fields: Vec<_> = facts(message)
            .into_iter()
            .map(|(name, value)| json!({ "name": name, "value": cut(&escape(&value), 1_024), "inline": value.len() < 40 }))
            .collect();
        let mut embed = json!({ "title": cut(&headline, 256), "color": colour(message), "fields": fields });
        let detail = detail(message);
        if !detail.is_empty() {
            embed["description"] = cut(&escape(&detail), 4_096).into();
        }
        let body = json!({
            "content": cut(&format!("{} {headline}", sign(message)), 2_000),
            "embeds": [embed],
            // Nobody is mentioned, whatever the text says.
            "allowed_mentions": { "parse": [] },
        });
        answer::post(&self.tools, answer::json(&self.url, &body), |answer| answer.status == 204).await
    }
}
