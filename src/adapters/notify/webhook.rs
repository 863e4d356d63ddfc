use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use super::Tools;
use crate::adapters::http::{Client, Request, Response, Url};
use crate::domain::ids::NotifierName;
use crate::domain::ledger::SecretSource;
use crate::domain::notice::Notice;
use crate::domain::redact::{printable, scrub};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::ports::{Clock, Delivery, Notifier, NotifyError};

/// Less than what the outbox allows, so that the reason is the client's own words.
const TIMEOUT: Duration = Duration::from_secs(9);

/// A notice as an HTTP POST: the notice as JSON, `X-Guard-Event` with its kind, `X-Guard-Delivery` with a new id for each
/// attempt, and with a secret `X-Guard-Signature: t=<unix>,v1=<hex HMAC-SHA256 of "t.body">`. The receiver removes
/// duplicates by the body's `dedup`.
pub struct Webhook {
    name: NotifierName,
    url: Url,
    secret: Option<Secret>,
    http: Client,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
struct Body<'a> {
    schema: u32,
    r#type: &'static str,
    #[serde(flatten)]
    notice: &'a Notice,
}

impl Webhook {
    /// A channel to `url`, signed when `secret` names where the signing secret is.
    ///
    /// # Errors
    /// For people: the address is not allowed, or the secret cannot be read.
    pub fn new(
        name: NotifierName,
        url: &str,
        secret: Option<&SecretSource>,
        tools: &Tools<'_>,
    ) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("its address is refused: {error}"))?;
        let secret = secret.map(|source| (tools.secret)(&name, source)).transpose()?;
        Ok(Self { name, url, secret, http: tools.http.clone(), clock: Arc::clone(&tools.clock) })
    }
}

#[async_trait]
impl Notifier for Webhook {
    fn name(&self) -> &NotifierName {
        &self.name
    }

    async fn notify(&self, notice: &Notice) -> Result<Delivery, NotifyError> {
        let body = serde_json::to_string(&Body { schema: 1, r#type: "notice", notice })
            .map_err(|error| NotifyError::Never(format!("the notice has no JSON form: {error}")))?;
        let body = scrub(&body).into_owned();
        let now = self.clock.now();
        let signature = self.secret.as_ref().map(|secret| signature(secret, now.timestamp(), &body));
        let mut request = Request::post(self.url.clone(), "application/json", body.into_bytes())
            .header("x-guard-event", &notice.event)
            .header("x-guard-delivery", &uuid(rand::random()));
        if let Some(signature) = signature {
            request = request.header("x-guard-signature", &signature);
        }
        match self.http.send_within(request, TIMEOUT).await {
            Ok(answer) => judge(&answer, now),
            Err(error) => Err(NotifyError::Later { why: error.to_string(), after: None }),
        }
    }
}

/// 2xx is delivered; 408, 425, 429 and 5xx mend themselves; the rest (and a redirect, which is not followed) does not.
fn judge(answer: &Response, now: Timestamp) -> Result<Delivery, NotifyError> {
    let words = printable(scrub(&String::from_utf8_lossy(&answer.body)).trim(), 100);
    let text = if words.is_empty() { answer.status.to_string() } else { format!("{} {words}", answer.status) };
    match answer.status {
        200..=299 => Ok(Delivery { answer: text }),
        408 | 425 | 429 | 500..=599 => Err(NotifyError::Later {
            why: text,
            after: answer.header("retry-after").and_then(|value| retry_after(value, now)),
        }),
        _ => Err(NotifyError::Never(text)),
    }
}

/// Seconds, or a date. <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(value.trim()).ok()?;
    (date.to_utc() - now).to_std().ok()
}

fn signature(secret: &Secret, unix: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes a key of any length, RFC 2104 section 2");
    mac.update(format!("{unix}.{body}").as_bytes());
    format!("t={unix},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// A version 4 UUID of these random bits. <https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-4>
fn uuid(random: u128) -> String {
    let bits = random & !(0xF000 << 64) & !(0xC000 << 48) | (0x4000 << 64) | (0x8000 << 48);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_is_a_version_4_uuid() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn a_signature_can_be_checked_with_any_other_tool() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test
        let secret = Secret::new("whsec_test".into()).unwrap();
        assert_eq!(
            signature(&secret, 1_700_000_000, "{}"),
            "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91"
        );
    }

    #[test]
    fn a_wish_to_wait_is_seconds_or_a_date() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Tue, 14 Nov 2023 22:14:20 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Tue, 14 Nov 2023 22:00:00 GMT", now), None);
        assert_eq!(retry_after("soon", now), None);
    }
}
