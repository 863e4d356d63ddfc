use std::error::Error as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{Request, Response};

/// How long a call may take and how much it may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// Between two pieces of the answer.
    pub read: Duration,
    /// From the first byte sent to the last byte read.
    pub total: Duration,
    /// Bytes of the body after decompression.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(20),
            total: Duration::from_secs(30),
            body: 8 * 1024 * 1024,
        }
    }
}

/// Why there is no answer. Texts carry neither the address nor header values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The client itself could not be built (no usable root certificates).
    #[error("the HTTP client could not be built: {0}")]
    Setup(String),
    /// No connection: refused, unknown host, TLS failure. Nothing was sent.
    #[error("no connection: {0}")]
    Connect(String),
    /// A limit of time was reached. The request may have taken effect.
    #[error("no complete answer in time")]
    Timeout,
    /// The answer broke off or was no HTTP. The request may have taken effect.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// The body is larger than allowed; the rest was not read. The request may have taken effect.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit that it broke.
        limit: usize,
    },
}

/// Sends requests. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    inner: reqwest::Client,
    limits: Limits,
}

/// The most headers an answer may have.
const MAX_HEADERS: usize = 100;
/// The most bytes of headers an HTTP/2 answer may have; HTTP/1 is bounded by the connection's read buffer.
const MAX_HEADER_BYTES: u32 = 64 * 1024;

impl Client {
    /// A client with these limits.
    ///
    /// # Errors
    /// [`HttpError::Setup`] when TLS cannot be set up.
    pub fn new(limits: Limits) -> Result<Self, HttpError> {
        Self::build(limits, Ok)
    }

    /// A client that believes servers only when the certificates in `authority` (PEM) vouch for them: a cluster's or a company's
    /// own authority, beside which the public ones have no say.
    ///
    /// # Errors
    /// [`HttpError::Setup`] when `authority` holds no certificate or TLS cannot be set up.
    pub fn trusting_only(limits: Limits, authority: &[u8]) -> Result<Self, HttpError> {
        Self::build(limits, |builder| match reqwest::Certificate::from_pem_bundle(authority) {
            Ok(certificates) if !certificates.is_empty() => Ok(builder.tls_certs_only(certificates)),
            _ => Err(HttpError::Setup("the file of the certificate authority holds no certificate in PEM".to_owned())),
        })
    }

    fn build(
        limits: Limits,
        trust: impl FnOnce(reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, HttpError>,
    ) -> Result<Self, HttpError> {
        // Fails only when a provider is installed already, which is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The provider asks integrations to say who they are.
        let user_agent = match env!("CARGO_PKG_REPOSITORY") {
            "" => concat!("guard/", env!("CARGO_PKG_VERSION")).to_owned(),
            page => format!(concat!("guard/", env!("CARGO_PKG_VERSION"), " ({})"), page),
        };
        let builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // The library's own retries of refused streams would hide attempts from whoever counts them.
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(limits.connect)
            .read_timeout(limits.read)
            .timeout(limits.total)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEADER_BYTES)
            // `localhost` is allowed in plain text, so that it must never be looked up anywhere.
            .resolve_to_addrs(
                "localhost",
                &[SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))],
            );
        let inner = trust(builder)?.build().map_err(|error| HttpError::Setup(chain(&error)))?;
        Ok(Self { inner, limits })
    }

    /// The limits it was built with.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Sends `request` once and reads the answer to its end.
    ///
    /// # Errors
    /// [`HttpError`]; an answer with an error status is an answer.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        self.send_within(request, self.limits.total).await
    }

    /// Like [`Client::send`], in at most `time` (and never longer than the client's own limit).
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_within(&self, request: Request, time: Duration) -> Result<Response, HttpError> {
        let Request { method, url, headers, body } = request;
        let mut builder =
            self.inner.request(method, url.inner().clone()).headers(headers).timeout(time.min(self.limits.total));
        if let Some(body) = body {
            builder = builder.body(body);
        }
        let mut answer = builder.send().await.map_err(classify)?;
        let limit = self.limits.body;
        if answer.content_length().is_some_and(|length| length > limit as u64) {
            return Err(HttpError::TooLarge { limit });
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(classify)? {
            if body.len() + piece.len() > limit {
                return Err(HttpError::TooLarge { limit });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Response { status: answer.status().as_u16(), headers: std::mem::take(answer.headers_mut()), body })
    }
}

fn classify(error: reqwest::Error) -> HttpError {
    // Addresses of webhooks are secrets.
    let error = error.without_url();
    if error.is_timeout() {
        HttpError::Timeout
    } else if error.is_connect() || error.is_builder() {
        HttpError::Connect(chain(&error))
    } else {
        HttpError::Broken(chain(&error))
    }
}

/// The innermost cause, which is the one that says something, behind the outermost text.
fn chain(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    match cause {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
