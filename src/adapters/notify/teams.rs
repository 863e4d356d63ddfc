use async_trait::async_trait;
use serde_json::{Value, json};

use super::markup::card as escape;
use super::words::{cut, detail, facts, sign, title};
use super::{Sender, Tools, answer};
use crate::adapters::http::Url;
use crate::domain::message::Message;
use crate::ports::{Delivery, NotifyError};

/// The most characters of one text; Teams refuses messages above 28 KB.
/// <https://learn.microsoft.com/en-us/microsoftteams/limits-specifications-teams>
const TEXT: usize = 4_000;

/// A Teams workflow that posts cards.
/// <https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>
pub(super) struct Teams {
    url: Url,
    tools: Tools,
}

impl Teams {
    pub(super) fn new(url: Url, tools: &Tools) -> Self {
        Self { url, tools: tools.clone() }
    }
}

#[async_trait]
impl Sender for Teams {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let headline = cut(&escape(&format!("{} {}", sign(message), title(message))), TEXT);
        let mut body = vec![json!({ "type": "TextBlock", "text": headline, "wrap": true, "weight": "bolder" })];
        let detail = detail(message);
        if !detail.is_empty() {
            // A card breaks lines at an empty one only.
            let text = cut(&escape(&detail).replace('\n', "\n\n"), TEXT);
            body.push(json!({ "type": "TextBlock", "text": text, "wrap": true }));
        }
        let facts: Vec<Value> = facts(message)
            .iter()
            .map(|(name, value)| json!({ "title": name, "value": cut(&escape(value), 1_000) }))
            .collect();
        body.push(json!({ "type": "FactSet", "facts": facts }));
        let message = json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.2",
                    "body": body,
                },
            }],
        });
        answer::post(&self.tools, answer::json(&self.url, &message), answer::any).await
    }
}
