use async_trait::async_trait;
use serde_json::json;

use super::markup::slack as escape;
use super::words::{cut, detail, facts, sign, title};
use super::{Sender, Tools, answer};
use crate::adapters::http::Url;
use crate::domain::message::Message;
use crate::ports::{Delivery, NotifyError};

/// The most characters of a section's text and of a context's element.
/// <https://docs.slack.dev/reference/block-kit/blocks/section-block>
const SECTION: usize = 3_000;

/// A Slack incoming webhook. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>
pub(super) struct Slack {
    url: Url,
    tools: Tools,
}

impl Slack {
    pub(super) fn new(url: Url, tools: &Tools) -> Self {
        Self { url, tools: tools.clone() }
    }
}

#[async_trait]
impl Sender for Slack {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let section =
            |text: &str| json!({ "type": "section", "text": { "type": "mrkdwn", "text": cut(text, SECTION) } });
        let headline = format!("{} {}", sign(message), title(message));
        let mut blocks = vec![section(&escape(&headline))];
        let detail = detail(message);
        if !detail.is_empty() {
            blocks.push(section(&escape(&detail)));
        }
        let facts: Vec<String> =
            facts(message).iter().map(|(name, value)| format!("{name}: {}", escape(value))).collect();
        let facts = cut(&facts.join("  ·  "), SECTION);
        blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": facts }] }));
        let body = json!({ "text": cut(&escape(&headline), SECTION), "blocks": blocks });
        answer::post(&self.tools, answer::json(&self.url, &body), |answer| answer.body.trim_ascii() == b"ok").await
    }
}
