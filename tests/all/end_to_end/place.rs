//! A machine with guard on it and a sandbox organization beside it.

use std::fs::Permissions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guard::adapters::clock::SystemClock;
use guard::domain::ids::KeyId;
use guard::domain::key::KeyStatus;
use guard::sandbox::clock::Pace;
use guard::sandbox::org::{Minted, NewKey};
use guard::sandbox::world::Behaviour;
use guard::sandbox::{Options, Sandbox};
use serde_json::Value;
use tempfile::TempDir;

use super::gateway::{Gateway, Look, Moment};
use crate::organization::noon;

/// The workspace that the tests work on.
pub const NAME: &str = "prod-publish";

/// Short times, so that a rotation is over after a few commands.
pub const ROTATION: &str = r#"rotation = { overlap = "1m", drain = "2m", settle = "1m", grace = "1d" }"#;

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Asserts the exit status.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Its one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// The sandbox and what the test looks at on every request.
pub struct Place {
    pub sandbox: Arc<Sandbox>,
    gateway: Gateway,
    look: Arc<Mutex<Option<Arc<Look>>>>,
    /// Moments at which the consumer held a key that the provider refused.
    refused: Arc<Mutex<Vec<String>>>,
    dir: TempDir,
    more_env: Mutex<Vec<(String, String)>>,
    fault: Mutex<Option<String>>,
}

impl Place {
    /// A sandbox at noon with one workspace and no key; guard knows nothing.
    pub fn new() -> Self {
        let behaviour = Behaviour { lag: Duration::from_secs(60), lag_jitter: Duration::ZERO, ..Behaviour::default() };
        let options = Options { pace: Pace::Virtual, start: Some(noon()), behaviour, ..Options::default() };
        let sandbox = Arc::new(Sandbox::start(&options, Arc::new(SystemClock)).unwrap());
        sandbox.shared().world().organization.add_workspace(NAME, noon());
        let dir = TempDir::new().unwrap();
        let look: Arc<Mutex<Option<Arc<Look>>>> = Arc::default();
        let refused: Arc<Mutex<Vec<String>>> = Arc::default();
        let witness = {
            let (sandbox, env, look, refused) =
                (Arc::clone(&sandbox), dir.path().join("app.env"), Arc::clone(&look), Arc::clone(&refused));
            move |moment: Moment, line: &str| {
                if let Some(what) = held_but_refused(&sandbox, &env) {
                    refused.lock().unwrap().push(format!("{moment:?} {line}: {what}"));
                }
                // One that waits must not hold up other requests.
                let look = look.lock().unwrap().clone();
                look.is_none_or(|look| look(moment, line))
            }
        };
        let gateway = Gateway::start(SocketAddr::from(([127, 0, 0, 1], sandbox.port())), Arc::new(witness));
        Self { sandbox, gateway, look, refused, dir, more_env: Mutex::default(), fault: Mutex::new(None) }
    }

    /// guard is set up, the job's key is in custody and in its file, and a standby waits.
    pub fn enrolled() -> (Self, KeyId, KeyId) {
        let place = Self::new();
        place.set_up("kill", ROTATION);
        let (old, new) = (place.mint(KeyStatus::Active), place.mint(KeyStatus::Inactive));
        for key in [&old, &new] {
            place.feed(&["key", "add", "-w", NAME], &key.secret).ends(0);
        }
        (place, old.id, new.id)
    }

    /// Seals the admin key and writes a ledger with one dotenv consumer.
    pub fn set_up(&self, mode: &str, more: &str) {
        std::fs::write(self.env_file(), "# The job's settings.\nPORT=8080\n").unwrap();
        // What holds a key is private; guard refuses to write one into a file that everybody reads.
        std::fs::set_permissions(self.env_file(), Permissions::from_mode(0o600)).unwrap();
        std::fs::create_dir(self.config_dir()).unwrap();
        self.write_ledger(mode, more);
        let admin = self.sandbox.admin_key().unwrap();
        self.feed(&["init", "--admin-key-file", "-"], admin.expose()).ends(0);
    }

    pub fn write_ledger(&self, mode: &str, more: &str) {
        let id = self.sandbox.shared().world().organization.workspaces[1].id.clone();
        let ledger = format!(
            "[provider]\nurl = \"{url}\"\nfeed_lag = \"1m\"\n\n[[workspace]]\nname = \"{NAME}\"\nid = \"{id}\"\n\
             environment = \"prod\"\nowner = \"ops@example.com\"\ntrip.mode = \"{mode}\"\n{more}\n\n\
             [[workspace.consumer]]\nname = \"app\"\nkind = \"dotenv\"\npath = \"{path}\"\n",
            url = self.gateway.url(),
            path = self.env_file().display(),
        );
        std::fs::write(self.config_dir().join("guard.toml"), ledger).unwrap();
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn config_dir(&self) -> PathBuf {
        self.dir().join("config")
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir().join("state")
    }

    pub fn env_file(&self) -> PathBuf {
        self.dir().join("app.env")
    }

    /// There while the gate is open.
    pub fn gate_file(&self) -> PathBuf {
        self.state_dir().join(format!("gate/{NAME}.open"))
    }

    /// What the job's file says its key is.
    pub fn held(&self) -> Option<String> {
        held(&self.env_file())
    }

    /// A person in the Console makes a key.
    pub fn mint(&self, status: KeyStatus) -> Minted {
        let new = NewKey { workspace: Some(NAME.to_owned()), name: "job".to_owned(), status, expires_at: None };
        let now = self.sandbox.shared().clock.now();
        self.sandbox.shared().world().organization.mint_key(&new, now).unwrap()
    }

    pub fn status(&self, key: &KeyId) -> KeyStatus {
        let now = self.sandbox.shared().clock.now();
        self.sandbox.shared().world().organization.key(key.as_str()).unwrap().status(now)
    }

    /// Whether the provider accepts the key now.
    pub fn works(&self, key: &KeyId) -> bool {
        let now = self.sandbox.shared().clock.now();
        self.sandbox.shared().world().organization.key(key.as_str()).unwrap().works(now)
    }

    /// Every command started from now on has this variable, too.
    pub fn also(&self, name: &str, value: &str) {
        self.more_env.lock().unwrap().push((name.to_owned(), value.to_owned()));
    }

    /// Every command started from now on dies at this place.
    pub fn arm(&self, point: &str) {
        *self.fault.lock().unwrap() = Some(point.to_owned());
    }

    pub fn disarm(&self) {
        *self.fault.lock().unwrap() = None;
    }

    /// Looks at every request from now on, beside the place's own witness.
    pub fn look(&self, look: Arc<Look>) {
        *self.look.lock().unwrap() = Some(look);
    }

    pub fn look_away(&self) {
        *self.look.lock().unwrap() = None;
    }

    #[allow(clippy::disallowed_methods, reason = "the test drives the real binary")]
    pub fn guard(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
        let programs = Path::new(env!("CARGO_BIN_EXE_guard")).parent().unwrap();
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("HOME", self.dir())
            .env("CONFIGURATION_DIRECTORY", self.config_dir())
            .env("STATE_DIRECTORY", self.state_dir())
            .env("GUARD_SANDBOX_CLOCK", self.gateway.url())
            .envs(self.more_env.lock().unwrap().iter().cloned())
            .current_dir(self.dir())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(point) = self.fault.lock().unwrap().as_ref() {
            command.env("GUARD_FAULT", point);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(self.guard(arguments).spawn().unwrap())
    }

    /// Runs a command that reads a secret from its standard input.
    pub fn feed(&self, arguments: &[&str], text: &str) -> Ran {
        let mut child = self.guard(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // One that dies before it reads is asserted by its status.
        let _ = child.stdin.take().unwrap().write_all(format!("{text}\n").as_bytes());
        self.finish(child)
    }

    /// Runs a command whose log says everything that it can say.
    pub fn log_loudly(&self, arguments: &[&str], stdin: Option<&str>) -> Ran {
        let mut child = self.guard(arguments).env("GUARD_LOG", "trace").stdin(Stdio::piped()).spawn().unwrap();
        if let Some(text) = stdin {
            child.stdin.as_ref().unwrap().write_all(format!("{text}\n").as_bytes()).unwrap();
        }
        drop(child.stdin.take());
        self.finish(child)
    }

    /// Waits for a command. One that was killed could not say goodbye to the clock.
    pub fn finish(&self, child: Child) -> Ran {
        let ran = Ran::from(child.wait_with_output().unwrap());
        if ran.signal.is_some() {
            self.forget_the_dead();
        }
        if let Some(what) = held_but_refused(&self.sandbox, &self.env_file()) {
            self.refused.lock().unwrap().push(format!("after a command: {what}"));
        }
        ran
    }

    /// Time goes on although a participant died awake. Only while no other guard runs.
    pub fn forget_the_dead(&self) {
        let clock = &self.sandbox.shared().clock;
        for participant in clock.participants() {
            clock.leave(participant.id);
        }
    }

    /// Lets time pass.
    pub fn pass(&self, duration: Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.sandbox.shared().clock.sleep(None, duration));
    }

    /// The job reads its key and sends a message; the provider's answer.
    pub fn job(&self) -> u16 {
        let key = self.held().unwrap_or_default();
        let body = r#"{"model":"claude-sonnet-4-6","max_tokens":50,"messages":[{"role":"user","content":"Write."}]}"#;
        let request = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: sandbox\r\nx-api-key: {key}\r\nanthropic-version: 2023-06-01\r\n\
             x-sandbox-actor: pipeline\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = self.ask(&request);
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    #[allow(clippy::disallowed_methods, reason = "the test plays the job")]
    fn ask(&self, request: &str) -> String {
        use std::io::Read;
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.sandbox.port())).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Between two commands of a timer: the job works, two minutes pass.
    pub fn meanwhile(&self) {
        let answer = self.job();
        if answer != 200 {
            self.refused.lock().unwrap().push(format!("the job's request was answered with {answer}"));
        }
        self.pass(Duration::from_secs(120));
    }

    /// `guard rotate` again and again, as a timer would, until it says that it is done.
    pub fn rotate_to_the_end(&self) {
        for _ in 0..40 {
            let ran = self.run(&["rotate", "-w", NAME]);
            match ran.code {
                Some(0) => return,
                Some(75) => self.meanwhile(),
                _ => panic!("{ran:#?}"),
            }
        }
        panic!("no end: {:#?}", self.run(&["status"]));
    }

    /// Asserts that the consumer held a working key at every request of guard's and after every command.
    #[track_caller]
    pub fn always_served(&self, at: &str) {
        let refused = self.refused.lock().unwrap();
        assert!(refused.is_empty(), "{at}: {refused:#?}");
    }

    /// Asserts the same, but for moments at which the consumer held `tripped` and the gate kept jobs from starting.
    #[track_caller]
    pub fn served_but_for(&self, tripped: &KeyId, at: &str) {
        let by_the_trip = |what: &&String| what.contains(&format!(": {tripped} at ")) && what.ends_with("gate closed");
        let refused = self.refused.lock().unwrap();
        let unexplained: Vec<&String> = refused.iter().filter(|what| !by_the_trip(what)).collect();
        assert!(unexplained.is_empty(), "{at}: {unexplained:#?}");
    }
}

fn held(env: &Path) -> Option<String> {
    let text = std::fs::read_to_string(env).ok()?;
    text.lines().find_map(|line| line.strip_prefix("ANTHROPIC_API_KEY=")).map(|v| v.trim_matches('"').to_owned())
}

/// The file holds a key that the provider refuses. A file that was replaced while the provider was asked says nothing.
fn held_but_refused(sandbox: &Sandbox, env: &Path) -> Option<String> {
    let before = held(env)?;
    let now = sandbox.shared().clock.now();
    let world = sandbox.shared().world();
    let key = world.organization.keys.iter().find(|k| k.secret == before);
    let wrong = match key {
        None => Some("a key that nobody made".to_owned()),
        Some(key) => (!key.works(now)).then(|| {
            let gate = env.with_file_name("state").join(format!("gate/{NAME}.open"));
            format!("{} at {now}, gate {}", key.id, if gate.exists() { "open" } else { "closed" })
        }),
    };
    drop(world);
    wrong.filter(|_| held(env).as_ref() == Some(&before))
}
