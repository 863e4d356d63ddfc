use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;

use super::words::{detail, line};
use super::{Sender, Tools, answer};
use crate::adapters::http::Url;
use crate::domain::message::{Message, Phase};
use crate::domain::notice::Notice;
use crate::domain::secret::Secret;
use crate::domain::time::rfc3339;
use crate::ports::{Delivery, NotifyError};

/// An alert without an end is taken for over after the server's `resolve_timeout`, five minutes by default, unless it is sent again. guard
/// says each thing once, so that it names the end: that of a matter that lasts is far away until it is over.
const LASTS: TimeDelta = TimeDelta::days(30);
/// What stands alone is shown for so long.
const SHOWN: TimeDelta = TimeDelta::hours(1);

/// Prometheus Alertmanager. <https://prometheus.io/docs/alerting/latest/alerts_api/>
pub(super) struct Alertmanager {
    url: Url,
    token: Option<Secret>,
    tools: Tools,
}

impl Alertmanager {
    pub(super) fn new(base: &Url, token: Option<Secret>, tools: &Tools) -> Self {
        Self { url: base.join(["api", "v2", "alerts"]), token, tools: tools.clone() }
    }
}

/// `GuardKeyAnomaly` for incidents; `GuardFeedBlind` for `feed.blind`.
fn alert_name(notice: &Notice) -> String {
    if notice.incident.is_some() {
        return "GuardKeyAnomaly".to_owned();
    }
    let words = notice.event.split(|c: char| !c.is_ascii_alphanumeric());
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    format!("Guard{}", words.map(capital).collect::<String>())
}

#[async_trait]
impl Sender for Alertmanager {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let notice = &message.notice;
        // Two alerts are the same one when their labels are: they come from whatever opened the matter.
        let opened = message.opened_by.as_ref().unwrap_or(notice);
        let mut labels = json!({
            "alertname": alert_name(opened),
            "severity": opened.severity.as_str(),
            "matter": line(&message.thread),
        });
        if let Some(workspace) = &opened.workspace {
            labels["workspace"] = workspace.as_str().into();
        }
        if let Some(key) = &opened.key {
            labels["api_key_id"] = key.as_str().into();
        }
        let end = match message.phase {
            Phase::Ends => notice.at,
            Phase::Single => notice.at + SHOWN,
            Phase::Begins | Phase::Continues | Phase::Acknowledged => notice.at + LASTS,
        };
        let mut annotations = json!({ "summary": line(&notice.summary), "event": line(&notice.event) });
        let detail = detail(message);
        if !detail.is_empty() {
            annotations["description"] = detail.into();
        }
        if let Some(head) = &notice.evidence_head {
            annotations["evidence"] = line(head).into();
        }
        let alert = json!([{
            "labels": labels,
            "annotations": annotations,
            "startsAt": rfc3339(opened.at),
            "endsAt": rfc3339(end),
        }]);
        let mut request = answer::json(&self.url, &alert);
        if let Some(token) = &self.token {
            request = request.secret_header("authorization", "Bearer ", token);
        }
        // It answers with nothing, or with an empty document.
        answer::post(&self.tools, request, |answer| matches!(answer.body.trim_ascii(), b"" | b"{}" | b"null")).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notice::Severity;

    #[test]
    fn an_alert_is_called_after_its_event() {
        let notice = |event: &str| Notice {
            dedup: "x".into(),
            event: event.into(),
            severity: Severity::Warning,
            at: chrono::DateTime::UNIX_EPOCH,
            workspace: None,
            key: None,
            incident: None,
            summary: String::new(),
            detail: String::new(),
            evidence_head: None,
        };
        assert_eq!(alert_name(&notice("feed.blind")), "GuardFeedBlind");
        assert_eq!(alert_name(&notice("rotation.turned_back")), "GuardRotationTurnedBack");
        let tripped = Notice { incident: Some(crate::domain::ids::IncidentId(1)), ..notice("key.tripped") };
        assert_eq!(alert_name(&tripped), "GuardKeyAnomaly");
    }
}
