//! Consumers behind HTTP against servers that hold them to the documented contracts: conflicts, lost answers, silence.

pub mod aws;
pub mod github;
pub mod kubernetes;
pub mod vault;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use guard::adapters::consumer::{LIMITS, Means, build};
use guard::adapters::http::Limits;
use guard::domain::ids::WorkspaceName;
use guard::domain::ledger::{ConsumerKind, SecretSource};
use guard::domain::secret::Secret;
use guard::ports::{Consumer, ConsumerError, Reading, SecretName};

use crate::consumers::{means, settings};

pub const FIRST: &str = "sk-ant-api03-first-key-AAAAAAAAAAAAAAAA";
pub const SECOND: &str = "sk-ant-api03-second-key-'\"\\-BBBBBBBBBB";
/// guard's credential at the stores.
pub const TOKEN: &str = "named.consumer.prod.app.token";

/// What a server does with the next request that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is done, but the answer is an error of the server.
    AnswerLost,
    /// It is not done: too busy.
    Busy,
    /// Somebody else writes first.
    Outrun,
    /// No answer at all, ever.
    Silent,
}

/// A server's memory and its moods.
pub struct Server<T> {
    state: Arc<Mutex<(T, VecDeque<Trouble>)>>,
}

impl<T> Clone for Server<T> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<T> Server<T> {
    pub fn new(state: T) -> Self {
        Self { state: Arc::new(Mutex::new((state, VecDeque::new()))) }
    }

    pub fn state(&self) -> MutexGuard<'_, (T, VecDeque<Trouble>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.state().0)
    }

    pub fn trouble(&self, trouble: &[Trouble]) {
        self.state().1.extend(trouble);
    }

    /// The mood for a request that writes.
    pub async fn mood(&self) -> Option<Trouble> {
        let mood = self.state().1.pop_front();
        if mood == Some(Trouble::Silent) {
            std::future::pending::<()>().await;
        }
        mood
    }
}

/// Serves on a free port of this machine; the address.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

/// The consumer with guard's credentials as they should be.
pub fn consumer(kind: ConsumerKind, limits: Limits) -> Box<dyn Consumer> {
    build(&WorkspaceName::new("prod").unwrap(), &settings(kind), &means(limits))
}

/// The consumer with `find` for guard's credentials.
pub fn with_credential(kind: ConsumerKind, find: Result<&'static str, &'static str>) -> Box<dyn Consumer> {
    let find_secret = move |_: &SecretSource, _: &SecretName| find.map(secret).map_err(str::to_owned);
    let means = Means { find_secret: Arc::new(find_secret), ..means(LIMITS) };
    build(&WorkspaceName::new("prod").unwrap(), &settings(kind), &means)
}

/// `Some` of the key, or of nothing where the store only takes; `None` when there is no key.
pub async fn held(consumer: &dyn Consumer) -> Option<String> {
    match consumer.read().await.unwrap() {
        Reading::Holds(secret) => Some(secret.expose().to_owned()),
        Reading::Empty => None,
        Reading::WriteOnly => Some(String::new()),
    }
}

fn assert_silent(texts: &[String]) {
    for text in texts {
        for secret in [FIRST, SECOND, TOKEN] {
            assert!(!text.contains(secret) && !text.contains(&secret[..20]), "{text}");
        }
    }
}

/// What every store must do, starting without a key. `stored` is what the server itself has; `writes` counts its versions.
pub async fn contract<T>(
    kind: ConsumerKind,
    server: &Server<T>,
    stored: impl Fn(&mut T) -> Option<String>,
    writes: impl Fn(&mut T) -> u64,
) {
    let (hasty, consumer) = (consumer(kind.clone(), HASTY), consumer(kind, LIMITS));
    let consumer = &*consumer;
    let write_only = |text: Option<String>, back: Option<String>| match back.as_deref() {
        Some("") => assert!(text.is_some()),
        _ => assert_eq!(back, text),
    };
    let mut said = vec![consumer.describe(), consumer.pickup().to_owned()];
    let readable = !consumer.describe().contains("GitHub");

    assert_eq!(held(consumer).await, None);
    for key in [FIRST, SECOND, FIRST] {
        consumer.deliver(&secret(key)).await.unwrap();
        let count = server.with(&writes);
        consumer.deliver(&secret(key)).await.unwrap();
        assert!(!readable || server.with(&writes) == count, "a delivery of what is there already writes nothing");
        assert_eq!(server.with(&stored).as_deref(), Some(key));
        write_only(server.with(&stored), held(consumer).await);
    }

    // An answer that got lost: the outcome is unknown, reading settles it, and doing it again is harmless.
    server.trouble(&[Trouble::AnswerLost]);
    let error = consumer.deliver(&secret(SECOND)).await.unwrap_err();
    assert!(matches!(error, ConsumerError::Unknown { .. }), "{error}");
    said.push(error.to_string());
    consumer.deliver(&secret(SECOND)).await.unwrap();
    assert_eq!(server.with(&stored).as_deref(), Some(SECOND));

    server.trouble(&[Trouble::Busy]);
    let error = consumer.deliver(&secret(FIRST)).await.unwrap_err();
    assert!(matches!(error, ConsumerError::Unreachable { .. }), "{error}");
    said.push(error.to_string());
    assert_eq!(server.with(&stored).as_deref(), Some(SECOND));

    server.trouble(&[Trouble::Outrun; 2]);
    consumer.deliver(&secret(FIRST)).await.unwrap();
    assert_eq!(server.with(&stored).as_deref(), Some(FIRST));
    server.trouble(&[Trouble::Outrun; 9]);
    let error = consumer.deliver(&secret(SECOND)).await.unwrap_err();
    said.push(error.to_string());
    server.state().1.clear();

    // A silent server is given up.
    server.trouble(&[Trouble::Silent]);
    let error = hasty.deliver(&secret(SECOND)).await.unwrap_err();
    assert!(matches!(error, ConsumerError::Unknown { .. } | ConsumerError::Unreachable { .. }), "{error}");
    said.push(error.to_string());
    server.state().1.clear();
    consumer.deliver(&secret(SECOND)).await.unwrap();
    assert_eq!(server.with(&stored).as_deref(), Some(SECOND));

    consumer.reload().await.unwrap();
    consumer.verify().await.unwrap();
    assert_silent(&said);
}

/// Long enough for a server that answers, short enough to wait for one that does not.
pub const HASTY: Limits = Limits {
    connect: Duration::from_millis(300),
    read: Duration::from_millis(300),
    total: Duration::from_millis(300),
    body: 65_536,
};

/// A refusal whose text has `part` and no secret.
pub async fn refused(consumer: &dyn Consumer, part: &str) {
    let error = consumer.deliver(&secret(FIRST)).await.unwrap_err();
    assert!(matches!(error, ConsumerError::Refused { .. }), "{error}");
    assert!(error.to_string().contains(part), "{error}");
    assert_silent(&[error.to_string()]);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for kind in [vault::kind(&url), github::kind(&url, None), kubernetes::kind(&url), aws::kind(&url, "s", None)] {
        let consumer = consumer(kind, LIMITS);
        let error = consumer.deliver(&secret(FIRST)).await.unwrap_err();
        assert!(matches!(error, ConsumerError::Unreachable { .. }), "{error}");
        assert_silent(&[error.to_string()]);
    }
}

#[tokio::test]
async fn a_credential_that_cannot_be_read_stops_before_anything_is_sent() {
    let consumer = with_credential(vault::kind("http://127.0.0.1:9"), Err("the file /run/token does not exist"));
    let error = consumer.read().await.err().unwrap().to_string();
    assert!(error.contains("/run/token"), "{error}");
}
