//! What `guard doctor` looks at on this host. Values of variables and settings are not kept, only whether they are there.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The mode of a directory, and whether it belongs to the user that guard runs as.
///
/// # Errors
/// The operating system's words, or that it is no directory.
pub fn directory(path: &Path) -> Result<(u32, bool), String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_dir() {
        return Err("it is not a directory".to_owned());
    }
    Ok((meta.mode() & 0o7777, meta.uid() == rustix::process::geteuid().as_raw()))
}

/// Whether a variable is set to something.
pub fn variable_is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// What a settings file of Claude Code says about keys: `apiKeyHelper`, and which variables its `env` sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFile {
    /// Which file.
    pub path: PathBuf,
    /// It has an `apiKeyHelper`.
    pub helper: bool,
    /// Names of the variables in its `env`.
    pub variables: Vec<String>,
}

/// A settings file that is larger than this is not one.
const LARGEST: u64 = 1024 * 1024;

/// The settings files of Claude Code that a program started in `here` by the person with this `home` would obey.
/// <https://code.claude.com/docs/en/settings>
pub fn claude_settings(home: Option<&Path>, here: &Path) -> Vec<SettingsFile> {
    let mut places = vec![PathBuf::from("/etc/claude-code/managed-settings.json")];
    places.extend(home.map(|home| home.join(".claude/settings.json")));
    places.extend(["settings.json", "settings.local.json"].map(|name| here.join(".claude").join(name)));
    places.dedup();
    places.into_iter().filter_map(|path| read(path.as_path())).collect()
}

/// A file that is missing or makes no sense says nothing.
fn read(path: &Path) -> Option<SettingsFile> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
    let settings: Value = serde_json::from_slice(&bytes).ok()?;
    let variables = settings.get("env").and_then(Value::as_object);
    Some(SettingsFile {
        path: path.to_owned(),
        helper: settings.get("apiKeyHelper").and_then(Value::as_str).is_some_and(|helper| !helper.trim().is_empty()),
        variables: variables.map(|v| v.keys().cloned().collect()).unwrap_or_default(),
    })
}
