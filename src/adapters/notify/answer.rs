//! What an HTTP answer means for a notice.

use std::time::Duration;

use chrono::DateTime;

use super::Tools;
use crate::adapters::http::{Request, Response};
use crate::domain::redact::{printable, scrub};
use crate::domain::time::Timestamp;
use crate::ports::{Delivery, NotifyError};

/// Sends and judges: 2xx is delivered when `is_right` recognizes the other side's words; 408, 425, 429 and 5xx mend themselves; the
/// rest (and a redirect, which is not followed) does not. A 2xx in other words is somebody else's, a portal or a proxy: it is
/// tried again.
pub(super) async fn post(
    tools: &Tools,
    request: Request,
    is_right: impl FnOnce(&Response) -> bool,
) -> Result<Delivery, NotifyError> {
    let answer = tools
        .http
        .send_within(request, tools.patience)
        .await
        .map_err(|error| NotifyError::Later { why: error.to_string(), after: None })?;
    let words = printable(scrub(&String::from_utf8_lossy(&answer.body)).trim(), 100);
    let text = if words.is_empty() { answer.status.to_string() } else { format!("{} {words}", answer.status) };
    match answer.status {
        200..=299 if is_right(&answer) => Ok(Delivery { answer: text }),
        200..=299 => {
            let why = format!("the answer is not what this kind of channel says: {text}");
            Err(NotifyError::Later { why, after: None })
        }
        408 | 425 | 429 | 500..=599 => {
            let after = answer.header("retry-after").and_then(|value| retry_after(value, tools.clock.now()));
            Err(NotifyError::Later { why: text, after })
        }
        _ => Err(NotifyError::Never(text)),
    }
}

/// Every 2xx is right.
pub(super) const fn any(_: &Response) -> bool {
    true
}

/// A JSON request, or the reason why there is none.
pub(super) fn json(url: &crate::adapters::http::Url, body: &serde_json::Value) -> Request {
    // The last look at what leaves: a key text that got into a name or a sentence is blanked here.
    Request::post(url.clone(), "application/json", scrub(&body.to_string()).into_owned().into_bytes())
}

/// Seconds, or a date. <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        // Discord sends fractions.
        return Duration::try_from_secs_f64(seconds.ceil()).ok();
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    (date.to_utc() - now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_wait_is_seconds_or_a_date() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("0.3", now), Some(Duration::from_secs(1)));
        assert_eq!(retry_after("Tue, 14 Nov 2023 22:14:20 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Tue, 14 Nov 2023 22:00:00 GMT", now), None);
        for senseless in ["soon", "-5", "inf", "NaN", "1e300"] {
            assert_eq!(retry_after(senseless, now), None, "{senseless}");
        }
    }
}
