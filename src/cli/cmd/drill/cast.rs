//! The programs of the drill: this very binary, started as a person or a timer would start it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::stage::Stage;
use crate::adapters::clock::SystemClock;
use crate::cli::Failure;
use crate::exit::Exit;
use crate::ports::Clock;
use crate::sandbox::clock::LocalParticipant;

/// How many milliseconds (outside) a program may take to appear in the sandbox's time, and to end after it has left it.
const PATIENCE: u32 = 20_000;

/// A program on stage.
pub struct Actor {
    what: String,
    child: Child,
    /// The name under which it takes part in the sandbox's time.
    part: Option<String>,
}

fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("{what}: {error}"))
}

/// Starts `guard` with these arguments and, on its standard input, this text. What it prints goes to a log in the drill's directory.
pub async fn start(stage: &Stage, args: &[&str], input: Option<&str>) -> Result<Actor, Failure> {
    let what = format!("guard {}", args.join(" "));
    let log = std::fs::OpenOptions::new().append(true).create(true).open(stage.dir.join("guard.log"));
    let log = log.map_err(|error| failed("guard.log", error))?;
    let log_too = log.try_clone().map_err(|error| failed("guard.log", error))?;
    let program = std::env::current_exe().map_err(|error| failed("this program cannot find itself", error))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a drill starts guard itself, with nothing but the drill's environment"
    )]
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", &stage.dir)
        .env("GUARD_CONFIG", stage.dir.join("guard.toml"))
        .env("CONFIGURATION_DIRECTORY", &stage.dir)
        .env("GUARD_STATE_DIR", stage.dir.join("state"))
        .env("GUARD_ADMIN_KEY_FILE", stage.dir.join("admin.key"))
        .env("GUARD_SANDBOX_CLOCK", stage.sandbox.url())
        .env("ANTHROPIC_BASE_URL", stage.sandbox.url())
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(log)
        .stderr(log_too)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(&what, error))?;
    if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(text.as_bytes()).await.map_err(|error| failed(&what, error))?;
    }
    Ok(Actor { what, child, part: None })
}

impl Actor {
    /// Waits until a participant of this name has joined the sandbox's time, or the program is over. Until then the director
    /// holds the time, so that nothing happens behind the program's back.
    pub async fn enters(&mut self, stage: &Stage, name: &str) -> Result<(), Failure> {
        for _ in 0..PATIENCE {
            if takes_part(stage, name) || self.over()?.is_some() {
                self.part = Some(name.to_owned());
                return Ok(());
            }
            SystemClock.sleep(Duration::from_millis(1)).await;
        }
        Err(Failure::new(Exit::Failed, format!("`{}` did not begin", self.what)))
    }

    /// Its status, once it is over.
    pub fn over(&mut self) -> Result<Option<ExitStatus>, Failure> {
        self.child.try_wait().map_err(|error| failed(&self.what, error))
    }

    /// Lets time pass while it takes part, for at most `limit`, and holds the time again while it leaves the stage.
    pub async fn ends(mut self, stage: &Stage, director: &LocalParticipant, limit: Duration) -> Result<u8, Failure> {
        let until = director.now() + limit;
        let part = self.part.take();
        while part.as_deref().is_some_and(|part| takes_part(stage, part)) && director.now() < until {
            director.sleep(Duration::from_secs(1)).await;
        }
        for _ in 0..PATIENCE {
            if let Some(status) = self.over()? {
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                return code.ok_or_else(|| Failure::new(Exit::Failed, format!("`{}` was killed", self.what)));
            }
            SystemClock.sleep(Duration::from_millis(1)).await;
        }
        Err(Failure::new(Exit::Failed, format!("`{}` did not end", self.what)))
    }
}

fn takes_part(stage: &Stage, name: &str) -> bool {
    stage.sandbox.shared().clock.participants().iter().any(|p| p.name == name)
}

/// Runs a command of guard that ends by itself.
pub async fn run(
    stage: &Stage,
    director: &LocalParticipant,
    args: &[&str],
    input: Option<&str>,
) -> Result<u8, Failure> {
    let name = format!("guard {}", if args[0] == "key" { args[..2].join(" ") } else { args[0].to_owned() });
    let mut actor = start(stage, args, input).await?;
    actor.enters(stage, &name).await?;
    actor.ends(stage, director, Duration::from_secs(3600)).await
}
