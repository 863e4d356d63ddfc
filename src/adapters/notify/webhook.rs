use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use super::{Sender, Tools, answer};
use crate::adapters::http::{Request, Url};
use crate::domain::message::Message;
use crate::domain::notice::Notice;
use crate::domain::redact::scrub;
use crate::domain::secret::Secret;
use crate::ports::{Delivery, NotifyError};

/// A notice as an HTTP POST: the notice as JSON, `X-Guard-Event` with its kind, `X-Guard-Delivery` with a new id for each
/// attempt, and with a secret `X-Guard-Signature: t=<unix>,v1=<hex HMAC-SHA256 of "t.body">`. The receiver removes
/// duplicates by the body's `dedup`.
pub(super) struct Webhook {
    url: Url,
    secret: Option<Secret>,
    tools: Tools,
}

#[derive(Serialize)]
struct Body<'a> {
    schema: u32,
    r#type: &'static str,
    /// The matter that it belongs to, and what it does to it.
    thread: &'a str,
    phase: &'static str,
    again: bool,
    #[serde(flatten)]
    notice: &'a Notice,
}

/// The message as JSON, without key texts.
pub(super) fn body(message: &Message) -> Result<String, NotifyError> {
    let body = Body {
        schema: 1,
        r#type: "notice",
        thread: &message.thread,
        phase: message.phase.as_str(),
        again: message.again,
        notice: &message.notice,
    };
    let text = serde_json::to_string(&body)
        .map_err(|error| NotifyError::Never(format!("the notice has no JSON form: {error}")))?;
    Ok(scrub(&text).into_owned())
}

impl Webhook {
    /// A channel to `url`, signed when there is a secret.
    pub(super) fn new(url: Url, secret: Option<Secret>, tools: &Tools) -> Self {
        Self { url, secret, tools: tools.clone() }
    }
}

#[async_trait]
impl Sender for Webhook {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let body = body(message)?;
        let now = self.tools.clock.now();
        let signature = self.secret.as_ref().map(|secret| signature(secret, now.timestamp(), &body));
        let mut request = Request::post(self.url.clone(), "application/json", body.into_bytes())
            .header("x-guard-event", &message.notice.event)
            .header("x-guard-delivery", &uuid(rand::random()));
        if let Some(signature) = signature {
            request = request.header("x-guard-signature", &signature);
        }
        answer::post(&self.tools, request, answer::any).await
    }
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
}
