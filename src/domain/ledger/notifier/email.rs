use std::path::PathBuf;

use super::NotifierKind;
use crate::domain::ledger::SecretSource;
use crate::domain::ledger::field::{Choice, List, SecretFrom, Text, Whole, absolute_path, free_text, is_loopback};
use crate::domain::ledger::section::{KindOf, Section};
use crate::domain::ledger::words::shown;

/// `kind = "email"`.
pub(super) const KIND: KindOf<NotifierKind> = KindOf { name: "email", doc: "Mail over SMTP.", read };

/// A mail server and whom to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailSettings {
    /// The server's name; its certificate must be for it.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// The sender.
    pub from: String,
    /// The recipients, at least one.
    pub to: Vec<String>,
    /// Whom guard logs in as.
    pub username: Option<String>,
    /// Where the password is.
    pub password: Option<SecretSource>,
    /// The only certificate authority to be believed (PEM). Default: the public ones.
    pub authority: Option<PathBuf>,
}

/// How the connection to a mail server is protected. There is no way to go on without when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS after `STARTTLS`, always.
    StartTls,
    /// None; to this machine only.
    Plain,
}

impl MailSecurity {
    const fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::Plain => 25,
        }
    }
}

fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierKind> {
    let server = section.required("server", "The mail server's name.", host_name());
    let security = section.with_default(
        "security",
        "TLS from the first byte, TLS after STARTTLS (refused if the server does not offer it), or none to this machine.",
        Choice(&[
            ("tls", MailSecurity::Tls),
            ("starttls", MailSecurity::StartTls),
            ("none", MailSecurity::Plain),
        ]),
        MailSecurity::Tls,
    );
    let port =
        section.optional("port", "Its port. When not given: 465, 587 or 25, as `security` says.", Whole(1, 65_535));
    let from = section.required("from", "The sender.", mailbox());
    let to = section.required("to", "The recipients.", List(mailbox()));
    let username = section.optional("username", "Whom guard logs in as.", free_text("guard@example.com"));
    let password = section.optional("password", "Where the password is.", SecretFrom);
    let authority = section.optional(
        "authority",
        "The only certificate authority to be believed (PEM), for a company's own mail server.",
        absolute_path("/etc/guard/mail-ca.pem"),
    );
    if username.is_some() != password.is_some() && (section.has("username") != section.has("password")) {
        section.error_at(
            &[if section.has("username") { "username" } else { "password" }],
            "`username` and `password` go together",
            "give both, or neither",
        );
    }
    if to.as_ref().is_some_and(Vec::is_empty) {
        section.error_at(&["to"], "nobody would get the mail", "write for example `to = [\"oncall@example.com\"]`");
    }
    let server = server?;
    if security == MailSecurity::Plain && !on_this_machine(&server) {
        section
            .error_at(
                &["security"],
                format!("`{server}` is another machine; mail would go there without encryption"),
                "write `security = \"starttls\"` or `\"tls\"`",
            )
            .allowed("`\"none\"` only to 127.0.0.1, ::1 or localhost");
    }
    Some(NotifierKind::Email(EmailSettings {
        server,
        // The bounds above keep the number within 16 bits.
        port: port.and_then(|p| u16::try_from(p).ok()).unwrap_or(security.port()),
        security,
        from: from?,
        to: to?,
        username,
        password,
        authority,
    }))
}

fn on_this_machine(server: &str) -> bool {
    let host = if server.contains(':') { format!("[{server}]") } else { server.to_owned() };
    is_loopback(&format!("http://{host}"))
}

fn host_name() -> Text<String> {
    Text {
        parse: |typed| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
            let name = (1..=253).contains(&typed.len()) && typed.bytes().all(plain) && !typed.contains("..");
            match name || typed.parse::<core::net::Ipv6Addr>().is_ok() {
                true => Ok(typed.to_owned()),
                false => Err(format!("`{}` is not the name of a server", shown(typed))),
            }
        },
        show: String::clone,
        allowed: "a host name or an address, without a port",
        example: "smtp.example.com",
        pattern: r"^[A-Za-z0-9._:-]{1,253}$",
    }
}

/// A plain address. Display names are left out: they only invite confusion about who wrote.
fn mailbox() -> Text<String> {
    Text {
        parse: |typed| {
            let plain =
                |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b',' | b';' | b'"' | b'\\' | b'(' | b')');
            match typed.split_once('@') {
                Some((local, host))
                    if !local.is_empty()
                        && local.len() <= 64
                        && !host.is_empty()
                        && !host.contains('@')
                        && typed.len() <= 254
                        && typed.bytes().all(plain) =>
                {
                    Ok(typed.to_owned())
                }
                _ => Err(format!("`{}` is not a mail address", shown(typed))),
            }
        },
        show: String::clone,
        allowed: "a mail address without a display name",
        example: "oncall@example.com",
        pattern: r"^[^@\s<>,;]+@[^@\s<>,;]+$",
    }
}
