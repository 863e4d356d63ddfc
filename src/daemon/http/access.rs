//! Who may ask what of the status server, judged before anything is read. Against pages that a person visits meanwhile
//! (DNS rebinding, requests across sites), and against other users of the machine.

use axum::http::{HeaderMap, Method, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::secret::Secret;

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// It would change something; nothing here does.
    Method,
    /// It was meant for another host.
    Host,
    /// A page of another site makes it.
    Origin,
    /// It does not name the token.
    Token,
}

impl Denied {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Token => StatusCode::UNAUTHORIZED,
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Method => "only GET and HEAD: this server changes nothing\n",
            Self::Host => "the Host header names another machine\n",
            Self::Origin => "pages of other sites may not ask\n",
            Self::Token => "the token is missing or wrong; it is in `status.token` below guard's state directory\n",
        }
    }
}

/// What a server asks of its callers.
#[derive(Debug)]
pub(super) struct Access {
    /// Required on loopback; a socket file has permissions instead.
    pub(super) token: Option<Secret>,
}

impl Access {
    /// `open`: the path says nothing that needs a token.
    pub(super) fn judge(&self, method: &Method, headers: &HeaderMap, open: bool) -> Result<(), Denied> {
        if method != Method::GET && method != Method::HEAD {
            return Err(Denied::Method);
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST).unwrap_or_default();
        if self.token.is_some() && !is_local(host) {
            return Err(Denied::Host);
        }
        if let Some(origin) = headers.get(header::ORIGIN) {
            let own = origin.to_str().ok().and_then(|o| o.strip_prefix("http://")).is_some_and(|o| o == host);
            if !own {
                return Err(Denied::Origin);
            }
        }
        match &self.token {
            Some(token) if !open => {
                let given = text(header::AUTHORIZATION).and_then(offered).ok_or(Denied::Token)?;
                if given.same_as(token) { Ok(()) } else { Err(Denied::Token) }
            }
            _ => Ok(()),
        }
    }
}

/// `127.0.0.1`, `[::1]` or `localhost`, with or without a port.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The token of `Bearer TOKEN`, for scrapers, or the password of `Basic …`, which a browser asks a person for.
fn offered(authorization: &str) -> Option<Secret> {
    let (scheme, rest) = authorization.split_once(' ')?;
    let token = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => rest.to_owned(),
        "basic" => {
            let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            pair.split_once(':')?.1.to_owned()
        }
        _ => return None,
    };
    Secret::new(token).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn judge(headers: &[(&str, &str)], open: bool) -> Result<(), Denied> {
        let access = Access { token: Some(Secret::new(TOKEN.to_owned()).unwrap()) };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(header::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        access.judge(&Method::GET, &map, open)
    }

    #[test]
    fn a_token_is_asked_for_where_something_is_told() {
        let bearer = format!("Bearer {TOKEN}");
        let basic = format!("Basic {}", STANDARD.encode(format!("me:{TOKEN}")));
        let host = ("host", "127.0.0.1:9464");
        assert_eq!(judge(&[host], true), Ok(()));
        assert_eq!(judge(&[host], false), Err(Denied::Token));
        assert_eq!(judge(&[host, ("authorization", &bearer)], false), Ok(()));
        assert_eq!(judge(&[host, ("authorization", &basic)], false), Ok(()));
        for wrong in ["Bearer 1123456789abcdef0123456789abcdef", "Bearer", "Basic !", "Digest x"] {
            assert_eq!(judge(&[host, ("authorization", wrong)], false), Err(Denied::Token), "{wrong}");
        }
    }

    #[test]
    fn rebound_names_and_foreign_pages_are_turned_away() {
        assert_eq!(judge(&[("host", "evil.example:9464")], true), Err(Denied::Host));
        assert_eq!(judge(&[], true), Err(Denied::Host));
        assert_eq!(judge(&[("host", "[::1]:9464")], true), Ok(()));
        let foreign = [("host", "localhost:9464"), ("origin", "https://evil.example")];
        assert_eq!(judge(&foreign, true), Err(Denied::Origin));
        assert_eq!(judge(&[("host", "localhost:9464"), ("origin", "http://localhost:9464")], true), Ok(()));
        assert_eq!(judge(&[("host", "localhost:9464"), ("origin", "null")], true), Err(Denied::Origin));
    }
}
