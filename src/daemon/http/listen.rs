use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the status server listens: on this machine only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A loopback address; who asks must know the token.
    Loopback(SocketAddr),
    /// A socket file of mode 0660; its directory decides who may ask.
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("`unix:` needs a path".to_owned()),
                path => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        let address: SocketAddr = text
            .parse()
            .map_err(|_| format!("`{text}` is neither IP:PORT (127.0.0.1:9464, [::1]:9464) nor unix:/path"))?;
        if address.ip().is_loopback() {
            Ok(Self::Loopback(address))
        } else {
            Err(format!("{address} can be reached from other machines; use a loopback address and a proxy before it"))
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_ask() {
        assert!(matches!("127.0.0.1:9464".parse(), Ok(Listen::Loopback(_))));
        assert!(matches!("[::1]:0".parse(), Ok(Listen::Loopback(_))));
        assert!(matches!("unix:/run/guard/status".parse(), Ok(Listen::Unix(_))));
        for wrong in ["0.0.0.0:9464", "192.168.1.2:80", "9464", "localhost:9464", "unix:"] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }
}
