//! A way to the sandbox on which every request can be looked at, and left unanswered.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// When a request is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The sandbox has not seen it.
    Before,
    /// The sandbox has done it; guard has no answer yet.
    After,
}

/// Looks at a request by its first line. `false` leaves it unanswered.
pub type Look = dyn Fn(Moment, &str) -> bool + Send + Sync;

/// Listens until the tests end: its thread is left behind, and costs nothing.
pub struct Gateway {
    address: SocketAddr,
}

impl Gateway {
    pub fn start(sandbox: SocketAddr, look: Arc<Look>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), look) = (stream, Arc::clone(&look)) else { continue };
                // A broken connection is the caller's to notice.
                std::thread::spawn(move || pass_on(stream, sandbox, &*look));
            }
        });
        Self { address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// One request, one connection.
#[allow(clippy::disallowed_methods, reason = "the test stands between guard and the sandbox")]
fn pass_on(mut near: TcpStream, sandbox: SocketAddr, look: &Look) -> io::Result<()> {
    let (head, body) = read_request(&mut near)?;
    let first = head.lines().next().unwrap_or_default().to_owned();
    if !look(Moment::Before, &first) {
        return Ok(());
    }
    let mut far = TcpStream::connect(sandbox)?;
    let once = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let mut request = once.collect::<Vec<_>>().join("\r\n").trim_end().to_owned();
    request.push_str("\r\nconnection: close\r\n\r\n");
    far.write_all(request.as_bytes())?;
    far.write_all(&body)?;
    let mut answer = Vec::new();
    far.read_to_end(&mut answer)?;
    if !look(Moment::After, &first) {
        return Ok(());
    }
    near.write_all(&answer)
}

fn read_request(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut got = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        if let Some(at) = got.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => got.extend_from_slice(&chunk[..n]),
        }
    };
    let head = String::from_utf8_lossy(&got[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = got.split_off(end + 4);
    while body.len() < length.unwrap_or(0) {
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => body.extend_from_slice(&chunk[..n]),
        }
    }
    Ok((head, body))
}
