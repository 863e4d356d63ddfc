// Address arithmetic only; `core` has no sockets.
use core::net::{IpAddr, Ipv6Addr};

use super::Text;
use crate::domain::ledger::words::shown;

/// An address that keys or notices are sent to: https, or http to a loopback address; no user, no fragment.
pub(in crate::domain::ledger) fn web_address(example: &'static str) -> Text<String> {
    Text {
        parse: |typed| match host(typed) {
            Ok((scheme, host)) if scheme == "http" && !loopback(host) => {
                Err(format!("`{}` sends without encryption to another machine", shown(typed)))
            }
            Ok(_) => Ok(typed.trim_end_matches('/').to_owned()),
            Err(why) => Err(format!("`{}` is not a web address: {why}", shown(typed))),
        },
        show: String::clone,
        allowed: "an address with `https://`, or with `http://` to this machine (127.0.0.1, ::1, localhost)",
        example,
        pattern: r"^https?://[^\s@#]+$",
    }
}

/// Whether a checked address leads to this machine.
pub(in crate::domain::ledger) fn is_loopback(url: &str) -> bool {
    host(url).is_ok_and(|(_, host)| loopback(host))
}

fn loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Scheme and host.
fn host(url: &str) -> Result<(&str, &str), &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("it has no `https://`")?;
    if !matches!(scheme, "http" | "https") {
        return Err("its scheme is neither `https` nor `http`");
    }
    if url.len() > 2_000 || !url.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it has a character that addresses do not have, or is longer than 2000");
    }
    if url.contains(['@', '#', '\\']) {
        return Err("it has a user, a fragment or a backslash");
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = match authority.rfind(']') {
        Some(end) => authority.split_at(end + 1),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port_fine = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok());
    let host_fine = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')),
    };
    match (host_fine, port_fine) {
        (true, true) => Ok((scheme, host)),
        (false, _) => Err("its host is not a name or an address"),
        (_, false) => Err("its port is not a number up to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        let parse = web_address("https://api.anthropic.com").parse;
        for good in ["https://api.anthropic.com/", "http://127.0.0.1:8080", "http://[::1]:1/x?y=1", "http://localhost"]
        {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "api.anthropic.com",
            "ftp://x",
            "https://",
            "https://a b",
            "https://u:p@host",
            "http://127.0.0.1@evil.example",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "https://h:99999",
            "http://[::1",
            "https://h/#x",
            "http://evil.example\\@127.0.0.1/",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("https://api.anthropic.com/").unwrap(), "https://api.anthropic.com");
    }
}
