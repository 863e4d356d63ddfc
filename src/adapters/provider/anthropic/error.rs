//! What an answer with an error status means. Decided by status and `error.type`; by the message only where the provider
//! offers nothing else. See <https://platform.claude.com/docs/en/api/errors>.

use std::time::Duration;

use serde::Deserialize;

use crate::adapters::http::{HttpError, Response};
use crate::ports::ProviderError;

/// The longest pause that `retry-after` may ask for. A longer one is treated as this long, so that a strange answer cannot
/// stop a kill for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);
/// Characters of the provider's words that guard repeats.
const MAX_MESSAGE: usize = 300;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    error: Body,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    r#type: String,
    message: String,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    error_code: Option<String>,
}

/// An answer that is not a success, understood.
#[derive(Debug)]
pub(super) struct Failed {
    pub error: ProviderError,
    /// The provider's word for the kind of error; empty when the body did not say.
    pub kind: String,
    /// The same request may be sent again.
    pub retry: bool,
    /// The answer was larger than the client takes; a smaller page may fit.
    pub too_large: bool,
}

impl Failed {
    /// No answer at all.
    pub fn transport(error: HttpError) -> Self {
        let retry = matches!(error, HttpError::Connect(_) | HttpError::Timeout | HttpError::Broken(_));
        let too_large = matches!(error, HttpError::TooLarge { .. });
        let error = match error {
            HttpError::TooLarge { .. } => ProviderError::Malformed(error.to_string()),
            other => ProviderError::Unreachable(other.to_string()),
        };
        Self { error, kind: String::new(), retry, too_large }
    }

    /// An answer with an error status.
    pub fn answer(response: &Response) -> Self {
        let Body { r#type: kind, message, details } = response.json::<Envelope>().unwrap_or_default().error;
        let code = details.and_then(|d| d.error_code).unwrap_or_default();
        let status = response.status;
        let shown = shown(&message);
        let error = match status {
            402 => ProviderError::OutOfMoney(shown),
            400 | 429 if out_of_money(&kind, &message, &code) => ProviderError::OutOfMoney(shown),
            401 | 403 => ProviderError::Refused { status, message: shown },
            404 => ProviderError::NotFound(shown),
            429 => ProviderError::RateLimited { retry_after: response.header("retry-after").and_then(pause) },
            // 408 is the server's own time-out: like a 5xx, it does not say whether anything happened.
            408 | 500..=599 => ProviderError::Server { status },
            400..=499 => ProviderError::Rejected { status, message: shown },
            _ => ProviderError::Malformed(format!("status {status}, which is neither an answer nor an error")),
        };
        let retry = matches!(error, ProviderError::RateLimited { .. } | ProviderError::Server { .. })
            && response.header("x-should-retry") != Some("false");
        Self { error, kind, retry, too_large: false }
    }
}

/// 400 and 429 are also said when a limit that the customer set, or the tier's monthly cap, is used up. The first has no mark
/// but its wording, the second has a code on some endpoints.
fn out_of_money(kind: &str, message: &str, code: &str) -> bool {
    kind == "billing_error"
        || code == "enforced_spend_limit_reached"
        || message.starts_with("You have reached your specified")
        || message.starts_with("You have reached your API usage limits")
}

/// Whole seconds, capped. Anything else (a date, garbage) counts as not said.
fn pause(retry_after: &str) -> Option<Duration> {
    let seconds: u64 = retry_after.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// The provider's words, fit for a terminal and a log: cut, without control or direction characters, and without anything
/// that looks like one of its keys.
fn shown(message: &str) -> String {
    let mut text = String::new();
    let mut pieces = message.split("sk-ant-");
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        text.push_str("sk-ant-…");
        text.push_str(piece.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    }
    if text.trim().is_empty() {
        return "no reason given".to_owned();
    }
    let cut: String = text.chars().take(MAX_MESSAGE).collect();
    cut.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_seconds_and_capped() {
        assert_eq!(pause("25"), Some(Duration::from_secs(25)));
        assert_eq!(pause("86400"), Some(MAX_RETRY_AFTER));
        assert_eq!(pause("99999999999999999999999"), None);
        assert_eq!(pause("-1"), None);
        assert_eq!(pause("Fri, 31 Dec 1999 23:59:59 GMT"), None);
    }

    #[test]
    fn words_of_the_provider_are_harmless() {
        assert_eq!(shown("a\u{1b}[31m\u{202e}b\nc"), "a\\u{1b}[31m\\u{202e}b\\nc");
        assert_eq!(shown("bad key `sk-ant-admin01-abc_DEF-9`, see \"docs\""), "bad key `sk-ant-…`, see \"docs\"");
        assert_eq!(shown(" \n"), "no reason given");
        assert_eq!(shown(&"x".repeat(5000)).len(), MAX_MESSAGE);
    }
}
