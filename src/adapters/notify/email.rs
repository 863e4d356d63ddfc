use std::path::Path;

use async_trait::async_trait;
use lettre::message::header::{self, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use sha2::{Digest, Sha256};

use super::words::{cut, detail, facts, title};
use super::{Sender, Tools};
use crate::adapters::fs::{self, Trust};
use crate::domain::ledger::{EmailSettings, MailSecurity};
use crate::domain::message::Message;
use crate::domain::redact::{printable, scrub};
use crate::domain::secret::Secret;
use crate::ports::{Delivery, NotifyError};

/// A file of certificates is small.
const AUTHORITY_LIMIT: u64 = 1024 * 1024;

/// Mail over SMTP. <https://www.rfc-editor.org/rfc/rfc5321>
pub(super) struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    tools: Tools,
}

impl Email {
    pub(super) fn new(settings: &EmailSettings, password: Option<&Secret>, tools: &Tools) -> Result<Self, String> {
        let mailbox = |address: &String| -> Result<Mailbox, String> {
            address.parse().map(|address| Mailbox::new(None, address)).map_err(|error| format!("`{address}`: {error}"))
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.server)
            .port(settings.port)
            .timeout(Some(tools.patience))
            .tls(match settings.security {
                MailSecurity::Tls => Tls::Wrapper(tls(settings)?),
                // A server that does not offer it is not spoken to: nothing leaves in plain text.
                MailSecurity::StartTls => Tls::Required(tls(settings)?),
                MailSecurity::Plain => Tls::None,
            });
        if let (Some(username), Some(password)) = (&settings.username, password) {
            builder = builder.credentials(Credentials::new(username.clone(), password.expose().to_owned()));
        }
        Ok(Self {
            transport: builder.build(),
            from: mailbox(&settings.from)?,
            to: settings.to.iter().map(mailbox).collect::<Result<_, _>>()?,
            tools: tools.clone(),
        })
    }

    fn mail(&self, message: &Message) -> Result<lettre::Message, lettre::error::Error> {
        let host = self.from.email.domain();
        // The same notice is the same mail, and everything about one matter is one thread.
        let id = |name: &str| format!("<{}@{host}>", &hex::encode(Sha256::digest(name))[..32]);
        let thread = id(&message.thread);
        let notice = &message.notice;
        let own =
            id(&format!("{}\n{}", notice.dedup, if message.again { notice.at.to_rfc3339() } else { String::new() }));
        let mut builder: MessageBuilder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(cut(&format!("[guard] {}", title(message)), 200))
            .date(self.tools.clock.now().into())
            .message_id(Some(own))
            .in_reply_to(thread.clone())
            .references(thread)
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        let mut text = vec![title(message)];
        let detail = detail(message);
        if !detail.is_empty() {
            text.push(detail);
        }
        text.push(facts(message).iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n"));
        builder.body(text.join("\n\n") + "\n")
    }
}

fn tls(settings: &EmailSettings) -> Result<TlsParameters, String> {
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = TlsParameters::builder(settings.server.clone());
    if let Some(path) = &settings.authority {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in authority(path)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| format!("TLS cannot be set up: {error}"))
}

fn authority(path: &Path) -> Result<Vec<Certificate>, String> {
    let shown = path.display();
    let pem = fs::read(path, Trust::Guarded, AUTHORITY_LIMIT)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("the certificate authority {shown} does not exist"))?;
    let text = String::from_utf8_lossy(&pem);
    let end = "-----END CERTIFICATE-----";
    let certificates: Vec<_> = text
        .split_inclusive(end)
        .filter(|part| part.ends_with(end))
        .map(|part| Certificate::from_pem(part.as_bytes()).map_err(|error| format!("{shown}: {error}")))
        .collect::<Result<_, _>>()?;
    if certificates.is_empty() { Err(format!("{shown} holds no certificate in PEM")) } else { Ok(certificates) }
}

/// Keeps out-of-office replies away. <https://www.rfc-editor.org/rfc/rfc3834#section-5>
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[async_trait]
impl Sender for Email {
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let mail = self
            .mail(message)
            .map_err(|error| NotifyError::Never(format!("the mail could not be written: {error}")))?;
        let later = |why: String| NotifyError::Later { why, after: None };
        let sent = tokio::time::timeout(self.tools.patience, self.transport.send(mail))
            .await
            .map_err(|_| later(format!("no answer within {} s", self.tools.patience.as_secs_f32())))?;
        match sent {
            Ok(answer) => {
                let words = answer.message().collect::<Vec<_>>().join(" ");
                Ok(Delivery { answer: printable(scrub(&format!("{} {words}", answer.code())).trim(), 100) })
            }
            Err(error) => {
                let why = printable(&scrub(&chain(&error)), 200);
                // Wrong address, wrong password, refused content: 5xx. Everything else may mend itself.
                if error.is_permanent() { Err(NotifyError::Never(why)) } else { Err(later(why)) }
            }
        }
    }
}

/// The error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}
