//! Escaping, a way for each markup. Names of keys and workspaces come from outside, and a message must look the same whatever is in
//! them: no mention, no link, no bold.

/// Slack's mrkdwn: the three characters that begin entities, links and mentions.
/// <https://docs.slack.dev/messaging/formatting-message-text/>
pub(super) fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Markdown of Discord: with a backslash, outside of code spans (`` `guard status` ``), where a backslash would be shown.
pub(super) fn discord(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of marks leaves the last one without its end.
    let paired = parts.len() % 2 == 1;
    let last = parts.len() - 1;
    let escaped = parts.iter().enumerate().map(|(index, part)| {
        let code = index % 2 == 1 && (paired || index < last);
        if code { (*part).to_owned() } else { backslashed(part) }
    });
    escaped.collect::<Vec<_>>().join("`")
}

/// The markdown subset of Adaptive Cards, which has no code spans.
/// <https://learn.microsoft.com/en-us/adaptive-cards/authoring-cards/text-features>
pub(super) fn card(text: &str) -> String {
    backslashed(&text.replace('`', "'"))
}

fn backslashed(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '_' | '~' | '|' | '>' | '<' | '[' | ']' | '(' | ')' | '#' | '@' | '`') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_cannot_be_made_to_mention_or_link() {
        assert_eq!(slack("a<!channel> & <http://evil|ok>"), "a&lt;!channel&gt; &amp; &lt;http://evil|ok&gt;");
    }

    #[test]
    fn discord_shows_commands_as_code_and_names_as_they_are() {
        assert_eq!(discord("apikey_01_x: run `guard rearm -w a_b`"), r"apikey\_01\_x: run `guard rearm -w a_b`");
        assert_eq!(discord("@everyone *x* `open_end"), r"\@everyone \*x\* `open\_end");
        assert_eq!(discord("[here](http://evil)"), r"\[here\]\(http://evil\)");
    }

    #[test]
    fn a_card_shows_names_as_they_are() {
        assert_eq!(card("apikey_01: `guard status`"), r"apikey\_01: 'guard status'");
    }
}
