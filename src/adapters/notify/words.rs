//! The words that all channels share, before each channel's own escaping.

use crate::domain::message::{Message, Phase};
use crate::domain::notice::Severity;
use crate::domain::redact::{printable, printable_lines, scrub};
use crate::domain::time::rfc3339;

/// One line: how bad, and what.
pub(super) fn title(message: &Message) -> String {
    let severity = message.notice.severity.as_str().to_uppercase();
    let mark = match message.phase {
        Phase::Ends => "RESOLVED".to_owned(),
        Phase::Acknowledged => "ACKNOWLEDGED".to_owned(),
        _ if message.again => format!("{severity}, STILL UNACKNOWLEDGED"),
        _ => severity,
    };
    format!("{mark}: {}", line(&message.notice.summary))
}

/// Figures and the next step.
pub(super) fn detail(message: &Message) -> String {
    clean(&message.notice.detail)
}

/// What the message is about, as names and values.
pub(super) fn facts(message: &Message) -> Vec<(&'static str, String)> {
    let notice = &message.notice;
    let mut facts = Vec::new();
    facts.extend(notice.workspace.as_ref().map(|w| ("Workspace", w.to_string())));
    facts.extend(notice.key.as_ref().map(|k| ("Key", k.to_string())));
    facts.extend(notice.incident.map(|i| ("Incident", i.to_string())));
    facts.push(("When", rfc3339(notice.at)));
    facts.push(("Event", line(&notice.event)));
    facts.extend(notice.evidence_head.as_ref().map(|head| ("Evidence", line(head))));
    facts
}

/// What people see where a channel has a sign for it.
pub(super) const fn sign(message: &Message) -> &'static str {
    match (message.phase, message.notice.severity) {
        (Phase::Ends, _) => "✅",
        (Phase::Acknowledged, _) => "👀",
        (_, Severity::Critical) => "🚨",
        (_, Severity::Warning) => "⚠️",
        (_, Severity::Notice | Severity::Info) => "ℹ️",
    }
}

/// Without key texts, and with control characters and direction marks shown instead of obeyed.
pub(super) fn clean(text: &str) -> String {
    scrub(&printable_lines(text)).into_owned()
}

/// The same on one line.
pub(super) fn line(text: &str) -> String {
    scrub(&printable(text, 2_000)).into_owned()
}

/// At most `limit` characters.
pub(super) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// At most `limit` bytes.
pub(super) fn cut_bytes(text: &str, limit: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = (0..=limit.saturating_sub(MARK.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}{MARK}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_keeps_characters_whole_and_the_limit() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut_bytes("äöü", 6), "äöü");
        assert_eq!(cut_bytes("äöüß", 6), "ä…");
    }
}
