use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// An address that guard may talk to: https anywhere, plain http on this machine only. The query is not shown by `Debug` or
/// `Display`, nor is the path: addresses of webhooks are secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(reqwest::Url);

/// Why an address was refused. The address itself is not in the message; it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not a URL at all.
    #[error("this is not a URL ({0}); write for example `https://api.anthropic.com`")]
    Syntax(String),
    /// Plain http to another machine, or another scheme.
    #[error("only https is allowed, or http to this machine (127.0.0.0/8, ::1, localhost); this is {scheme} to {host}")]
    Insecure {
        /// The scheme found.
        scheme: String,
        /// The host found.
        host: String,
    },
    /// `user:password@`.
    #[error("a URL must not carry a user name or a password")]
    Credentials,
    /// `#…`.
    #[error("a URL that is sent must not have a fragment (`#…`)")]
    Fragment,
}

impl Url {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`InvalidUrl`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let url = reqwest::Url::parse(text.trim()).map_err(|error| InvalidUrl::Syntax(error.to_string()))?;
        match url.scheme() {
            "https" if url.has_host() => {}
            "http" if is_loopback(&url) => {}
            scheme => {
                return Err(InvalidUrl::Insecure {
                    scheme: scheme.to_owned(),
                    host: url.host_str().unwrap_or("no host").to_owned(),
                });
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidUrl::Fragment);
        }
        Ok(Self(url))
    }

    /// This address with `segments` appended to its path, each percent-encoded, and without a query.
    #[must_use]
    pub fn join<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Self {
        let mut url = self.0.clone();
        url.set_query(None);
        // Both schemes that `parse` lets through have a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Self(url)
    }

    /// This address with `pairs` appended to its query, form-encoded.
    #[must_use]
    pub fn query<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            self.0.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    /// Path and query, for a log of calls to an address that is no secret.
    pub fn path_and_query(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The socket behind a plain http address on this machine.
    pub fn loopback_address(&self) -> Option<SocketAddr> {
        let host = self.0.host_str().filter(|_| self.0.scheme() == "http" && self.is_loopback())?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let ip = bare.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Some(SocketAddr::new(ip, self.0.port_or_known_default()?))
    }

    pub(super) fn inner(&self) -> &reqwest::Url {
        &self.0
    }
}

/// 127.0.0.0/8, `::1`, or the name `localhost` (which the client resolves to these itself).
fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for Url {
    /// Scheme, host and port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self}/…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine() {
        for good in [
            "https://api.anthropic.com",
            "http://127.0.0.1:4010",
            "http://127.9.9.9/x",
            "http://[::1]:1",
            "http://LOCALHOST:2/",
        ] {
            assert!(Url::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.anthropic.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://0.0.0.0:1",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "unix:/run/x",
        ] {
            assert!(matches!(Url::parse(bad), Err(InvalidUrl::Insecure { .. })), "{bad}");
        }
        assert!(matches!(Url::parse("127.0.0.1"), Err(InvalidUrl::Syntax(_))));
        assert_eq!(Url::parse("https://u:p@host/"), Err(InvalidUrl::Credentials));
        assert_eq!(Url::parse("https://host/#x"), Err(InvalidUrl::Fragment));
    }

    #[test]
    fn segments_and_queries_are_encoded() {
        let base = Url::parse("https://host/base/").unwrap();
        let url = base.join(["v1", "a/b"]).query([("group_by[]", "model"), ("at", "2026-01-01T00:00:00Z")]);
        assert_eq!(url.path_and_query(), "/base/v1/a%2Fb?group_by%5B%5D=model&at=2026-01-01T00%3A00%3A00Z");
        assert_eq!(Url::parse("https://host").unwrap().join(["v1"]).path_and_query(), "/v1");
    }

    #[test]
    fn an_address_is_shown_without_its_path() {
        let url = Url::parse("https://hooks.example.com:8443/services/T0/SECRET?token=x").unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://hooks.example.com:8443 Url(https://hooks.example.com:8443/…)");
    }
}
