use std::path::PathBuf;

use super::Finding;

/// What was seen of the host, without interpretation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The state directory.
    pub state_dir: StateDir,
    /// `ANTHROPIC_API_KEY` is in guard's environment, and so in that of what is started beside it.
    pub api_key_in_environment: bool,
    /// `ANTHROPIC_AUTH_TOKEN` is in guard's environment.
    pub auth_token_in_environment: bool,
    /// Settings files of Claude Code that were found.
    pub claude_settings: Vec<ClaudeSettings>,
}

/// The state directory as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateDir {
    /// It is there.
    Present {
        /// Where.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
        /// It belongs to the user that guard runs as.
        own: bool,
    },
    /// It cannot be looked at; missing before the first use.
    Absent {
        /// Where it was looked for.
        path: PathBuf,
        /// The operating system's words.
        why: String,
    },
}

/// What a settings file of Claude Code says about keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaudeSettings {
    /// Which file.
    pub path: PathBuf,
    /// It has an `apiKeyHelper`.
    pub helper: bool,
    /// Its `env` sets `ANTHROPIC_API_KEY`.
    pub api_key: bool,
    /// Its `env` sets `ANTHROPIC_AUTH_TOKEN`.
    pub auth_token: bool,
}

/// The checks that need no ledger.
pub fn look_around(seen: &Surroundings) -> Vec<Finding> {
    let mut findings = vec![state_dir(&seen.state_dir)];
    findings.extend(one_key_source(seen));
    findings
}

fn state_dir(state_dir: &StateDir) -> Finding {
    const CHECK: &str = "state directory";
    match state_dir {
        StateDir::Absent { path, why } => Finding::fail(
            CHECK,
            format!("{} cannot be read: {why}", path.display()),
            "`guard init` makes it; --state-dir names another place",
        ),
        StateDir::Present { path, own: false, .. } => Finding::fail(
            CHECK,
            format!("{} belongs to another user", path.display()),
            "run guard as the user that owns it, or name another place with --state-dir",
        ),
        StateDir::Present { path, mode, .. } if mode & 0o077 != 0 => Finding::fail(
            CHECK,
            format!("{} is open to others (mode {:04o})", path.display(), mode & 0o7777),
            format!("chmod 700 {}", path.display()),
        ),
        StateDir::Present { path, .. } => Finding::ok(CHECK, path.display().to_string()),
    }
}

/// Clients that find several keys use one of them, not always the one that guard replaces.
/// <https://code.claude.com/docs/en/authentication>
fn one_key_source(seen: &Surroundings) -> Vec<Finding> {
    const CHECK: &str = "one key source";
    let mut findings = Vec::new();
    let inside = |f: fn(&ClaudeSettings) -> bool| seen.claude_settings.iter().find(|s| f(s)).map(|s| s.path.display());
    let key = match inside(|s| s.api_key) {
        Some(path) => Some(format!("the `env` of {path}")),
        None => seen.api_key_in_environment.then(|| "the environment".to_owned()),
    };
    if let (Some(helper), Some(key)) = (inside(|s| s.helper), key) {
        findings.push(Finding::fail(
            CHECK,
            format!("ANTHROPIC_API_KEY is set by {key}, and {helper} has an apiKeyHelper: requests carry both keys"),
            "unset ANTHROPIC_API_KEY where Claude Code is started; the helper alone follows a rotation",
        ));
    }
    let token = match inside(|s| s.auth_token) {
        Some(path) => Some(format!("the `env` of {path}")),
        None => seen.auth_token_in_environment.then(|| "the environment".to_owned()),
    };
    if let Some(token) = token {
        findings.push(Finding::warn(
            CHECK,
            format!("ANTHROPIC_AUTH_TOKEN is set by {token}; Claude Code prefers it to any key"),
            "unset it where jobs are started, or their usage is not that of the key that guard gives them",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "no client here finds more than one key"));
    }
    findings
}
