use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::SystemClock;
use crate::adapters::http::{Client, HttpError, InvalidUrl, Limits, Request, Url};
use crate::domain::time::Timestamp;
use crate::ports::Clock;

/// How a process relates to the sandbox's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// While it does not sleep, the time stands still. For what works and sleeps in turns: the watchdog, a pipeline.
    Participant,
    /// It never holds the time. For what waits for other processes: `guard exec` and its child.
    Observer,
}

/// Why there is no sandbox clock.
#[derive(Debug, thiserror::Error)]
pub enum SandboxClockError {
    /// The address.
    #[error("the sandbox clock's address is not usable: {0}")]
    Url(#[from] InvalidUrl),
    /// Only a sandbox on this machine may set the time.
    #[error("a sandbox clock must be on this machine, over plain http")]
    NotLocal,
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Nobody answers there, or not as a sandbox would.
    #[error("no sandbox answers at {0}: {1}")]
    NoSandbox(String, String),
}

/// The time of a sandbox that runs in another process.
///
/// In a virtual world a participant's `now` is what the last sleep or the joining said: the time stands still while it is
/// awake. Leaves when dropped, as well as it can; the sandbox gives up a process that just disappears.
pub struct SandboxClock {
    base: Url,
    address: SocketAddr,
    http: Client,
    name: String,
    presence: Presence,
    /// `None` in a virtual world, else how many times as fast the time passes.
    times: Option<u32>,
    state: Mutex<State>,
    /// A participant is awake or asleep as a whole: its sleeps come one after the other.
    bed: tokio::sync::Mutex<()>,
}

struct State {
    id: Option<u64>,
    now: Timestamp,
    /// When `now` was heard.
    heard: Instant,
}

#[derive(Deserialize)]
struct Told {
    now: DateTime<Utc>,
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    times: Option<u32>,
}

/// The longest a small question to the sandbox may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest a sleep may take outside; a world in which nothing happens for that long is broken.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

impl SandboxClock {
    /// Asks the sandbox at `url` for its time, and joins it as `name` when it is virtual and `presence` says so. Blocks for at
    /// most a few seconds.
    ///
    /// # Errors
    /// [`SandboxClockError`] when the address is not on this machine or no sandbox answers there.
    pub fn connect(url: &str, name: &str, presence: Presence) -> Result<Self, SandboxClockError> {
        let base = Url::parse(url)?;
        let address = base.loopback_address().ok_or(SandboxClockError::NotLocal)?;
        let limits = Limits { read: LONGEST_SLEEP, total: LONGEST_SLEEP, ..Limits::default() };
        let http = Client::new(limits)?;
        let told = ask(address, "GET", "/sandbox/clock", &Value::Null)
            .map_err(|why| SandboxClockError::NoSandbox(base.to_string(), why))?;
        let state = State { id: None, now: told.now, heard: Instant::now() };
        let clock = Self {
            base,
            address,
            http,
            name: name.to_owned(),
            presence,
            times: told.times,
            state: Mutex::new(state),
            bed: tokio::sync::Mutex::default(),
        };
        if clock.times.is_none() && presence == Presence::Participant {
            clock.join().map_err(|why| SandboxClockError::NoSandbox(clock.base.to_string(), why))?;
        }
        Ok(clock)
    }

    fn join(&self) -> Result<u64, String> {
        let told = ask(self.address, "POST", "/sandbox/clock/join", &json!({ "name": self.name }))?;
        let id = told.id.ok_or("it gave no number")?;
        let mut state = self.state();
        (state.id, state.now) = (Some(id), state.now.max(told.now));
        Ok(id)
    }

    /// One sleep in a virtual world. `Ok(false)`: the sandbox no longer knows this participant.
    async fn sleep_there(&self, id: Option<u64>, duration: Duration) -> Result<bool, String> {
        let url = self.base.join(["sandbox", "clock", "sleep"]);
        let request = Request::post_json(url, &json!({ "id": id, "seconds": duration.as_secs_f64() }))
            .map_err(|error| error.to_string())?;
        let response = self.http.send(request).await.map_err(|error| error.to_string())?;
        if response.status == 404 {
            return Ok(false);
        }
        let told: Told = response.json().map_err(|error| error.to_string())?;
        let mut state = self.state();
        state.now = state.now.max(told.now);
        Ok(true)
    }

    async fn sleep_virtually(&self, duration: Duration) -> Result<(), String> {
        let id = self.state().id;
        if self.sleep_there(id, duration).await? {
            return Ok(());
        }
        let id = self.join()?;
        if self.sleep_there(Some(id), duration).await? { Ok(()) } else { Err("it forgets who joined".to_owned()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Only plain assignments happen under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        match (self.times, self.presence) {
            (Some(times), _) => {
                let state = self.state();
                let passed = state.heard.elapsed().saturating_mul(times);
                state.now + TimeDelta::from_std(passed).unwrap_or_default()
            }
            (None, Presence::Participant) => self.state().now,
            (None, Presence::Observer) => {
                let told = ask(self.address, "GET", "/sandbox/clock", &Value::Null);
                let mut state = self.state();
                // An observer whose sandbox is gone is told the last time it heard.
                state.now = told.map_or(state.now, |told| told.now.max(state.now));
                state.now
            }
        }
    }

    async fn sleep(&self, duration: Duration) {
        if let Some(times) = self.times {
            return SystemClock.sleep(duration / times.max(1)).await;
        }
        let mut duration = duration;
        let _bed = if self.presence == Presence::Participant {
            let passing = TimeDelta::from_std(duration).ok();
            let until = passing.and_then(|d| self.state().now.checked_add_signed(d));
            let bed = self.bed.lock().await;
            // Another sleep of this process may have passed that time already.
            duration = until.map_or(duration, |until| (until - self.state().now).to_std().unwrap_or_default());
            Some(bed)
        } else {
            None
        };
        if let Err(error) = self.sleep_virtually(duration).await {
            tracing::warn!(%error, "the sandbox's clock does not answer; waiting by the system's");
            SystemClock.sleep(duration).await;
            self.state().now += TimeDelta::from_std(duration).unwrap_or_default();
        }
    }
}

impl Drop for SandboxClock {
    fn drop(&mut self) {
        if let Some(id) = self.state().id {
            // A sandbox that is gone needs no goodbye.
            let _ = ask(self.address, "POST", "/sandbox/clock/leave", &json!({ "id": id }));
        }
    }
}

/// A small question, asked without an async runtime: `now` is not async, and neither is dropping.
fn ask(address: SocketAddr, method: &str, path: &str, body: &Value) -> Result<Told, String> {
    let talk = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = talk().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer is not HTTP")?;
    match head.split(' ').nth(1) {
        Some("200") => serde_json::from_str(body).map_err(|error| error.to_string()),
        status => Err(format!("the answer was {}", status.unwrap_or("nothing"))),
    }
}
