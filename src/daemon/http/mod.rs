//! The status server of `guard watch`: `/healthz`, `/readyz`, `/metrics` and the status page. Off unless asked for, on this
//! machine only, and it changes nothing.

mod access;
mod listen;

pub use listen::Listen;

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use tokio::net::{TcpListener, UnixListener};

use self::access::{Access, Denied};
use super::Board;
use crate::domain::secret::Secret;
use crate::report::metrics::{classic, open_metrics};
use crate::report::status::{FeedState, STYLE, STYLE_PATH, html};

/// What pages may do: look as their style says, nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Clone)]
struct Desk {
    board: Arc<Board>,
    access: Arc<Access>,
}

/// A server that ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens, with the port that was found for port 0.
    pub address: Listen,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        if let Listen::Unix(path) = &self.address {
            // A file that is left behind is replaced at the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Listens and answers in the background.
///
/// # Errors
/// The address is taken, or the socket file cannot be made.
pub async fn serve(listen: &Listen, board: Arc<Board>, token: Secret) -> io::Result<Server> {
    let routes = |token| {
        let desk = Desk { board, access: Arc::new(Access { token }) };
        Router::new().fallback(answer).with_state(desk)
    };
    match listen {
        Listen::Loopback(address) => {
            let listener = TcpListener::bind(address).await?;
            let address = Listen::Loopback(listener.local_addr()?);
            let service = axum::serve(listener, routes(Some(token)));
            Ok(Server { address, task: tokio::spawn(async move { gone(service.await) }) })
        }
        Listen::Unix(path) => {
            let listener = bind(path)?;
            let service = axum::serve(listener, routes(None));
            Ok(Server { address: listen.clone(), task: tokio::spawn(async move { gone(service.await) }) })
        }
    }
}

fn gone(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "the status server ended; the watchdog goes on");
    }
}

/// A socket that an earlier guard left behind is replaced; anything else in its place is not touched.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers there"));
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

async fn answer(State(desk): State<Desk>, request: Request) -> Response<Body> {
    let path = request.uri().path();
    let open = matches!(path, "/healthz" | "/readyz" | STYLE_PATH);
    if let Err(denied) = desk.access.judge(request.method(), request.headers(), open) {
        return refuse(denied);
    }
    let board = desk.board.clone();
    match path {
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" => read(move || ready(&board)).await,
        "/metrics" => {
            let newer = wants_open_metrics(request.headers());
            read(move || numbers(&board, newer)).await
        }
        "/" => read(move || page(&board)).await,
        STYLE_PATH => respond(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned()),
        _ => text(StatusCode::NOT_FOUND, "there is /, /metrics, /healthz and /readyz\n"),
    }
}

/// Reading the records blocks its thread.
async fn read(work: impl FnOnce() -> Response<Body> + Send + 'static) -> Response<Body> {
    match tokio::task::spawn_blocking(work).await {
        Ok(response) => response,
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the answer broke off\n"),
    }
}

fn ready(board: &Board) -> Response<Body> {
    match board.status() {
        Ok(status) if status.feed.state != FeedState::Blind => text(StatusCode::OK, "usage is seen\n"),
        Ok(status) => {
            let why = status.feed.why.unwrap_or_else(|| "no usage data".to_owned());
            respond(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("guard is blind: {why}\n"))
        }
        Err(error) => unreadable(&error),
    }
}

fn numbers(board: &Board, newer: bool) -> Response<Body> {
    match board.metrics() {
        Ok(view) if newer => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            respond(StatusCode::OK, kind, open_metrics(&view))
        }
        Ok(view) => respond(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", classic(&open_metrics(&view))),
        Err(error) => unreadable(&error),
    }
}

fn page(board: &Board) -> Response<Body> {
    match board.status() {
        Ok(status) => respond(StatusCode::OK, "text/html; charset=utf-8", html(&status)),
        Err(error) => unreadable(&error),
    }
}

fn unreadable(error: &crate::app::AppError) -> Response<Body> {
    respond(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("the records cannot be read: {error}\n"))
}

fn wants_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.contains("application/openmetrics-text")
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn text(status: StatusCode, words: &'static str) -> Response<Body> {
    respond(status, PLAIN, words.to_owned())
}

fn refuse(denied: Denied) -> Response<Body> {
    let mut response = text(denied.status(), denied.words());
    let more = match denied {
        Denied::Token => Some((header::WWW_AUTHENTICATE, "Basic realm=\"guard\", Bearer")),
        Denied::Method => Some((header::ALLOW, "GET, HEAD")),
        Denied::Host | Denied::Origin => None,
    };
    response.headers_mut().extend(more.map(|(name, value)| (name, header::HeaderValue::from_static(value))));
    response
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (name, header::HeaderValue::from_static(value))));
    response
}
