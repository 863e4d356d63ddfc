use super::NotifierKind;
use crate::domain::ledger::field::{SecretFrom, Text, web_address};
use crate::domain::ledger::section::{KindOf, Section};
use crate::domain::ledger::words::shown;

/// `kind = "ntfy"`.
pub(super) const KIND: KindOf<NotifierKind> = KindOf { name: "ntfy", doc: "A topic of an ntfy server.", read };

const PUBLIC: &str = "https://ntfy.sh";

fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierKind> {
    let url = section.with_default("url", "The server.", web_address(PUBLIC), PUBLIC.to_owned());
    let topic = section.required("topic", "The topic.", topic());
    let token = section.optional("token", "Where the access token is.", SecretFrom);
    if topic.is_some() && token.is_none() && url == PUBLIC {
        section.warn_at(
            &["topic"],
            "on the public server whoever knows or guesses the topic can read along and post",
            "reserve the topic and give a `token`, or use a server of your own with `url`",
        );
    }
    Some(NotifierKind::Ntfy { url, topic: topic?, token })
}

/// As the server takes it. <https://docs.ntfy.sh/publish/>
fn topic() -> Text<String> {
    Text {
        parse: |typed| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            match (1..=64).contains(&typed.len()) && typed.bytes().all(plain) {
                true => Ok(typed.to_owned()),
                false => Err(format!("`{}` is not a topic", shown(typed))),
            }
        },
        show: String::clone,
        allowed: "1 to 64 letters, digits, `-` and `_`",
        example: "guard-alerts",
        pattern: r"^[A-Za-z0-9_-]{1,64}$",
    }
}
