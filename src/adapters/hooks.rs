//! Hooks in directories, as certbot has them (<https://eff-certbot.readthedocs.io/en/stable/using.html#renewing-certificates>).

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::process::Call;
use crate::domain::ledger::Program;
use crate::ports::{HookFacts, HookFailed, HookStage, Hooks};

/// What one hook gets before it and everything that it started is stopped.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the executables of `<directory>/<stage>.d`. One that others could have written is refused; so is what is no program, unless its
/// name begins with a dot or ends with `~`.
#[derive(Debug, Clone, Copy)]
pub struct HookDirectory;

#[async_trait]
impl Hooks for HookDirectory {
    async fn run(&self, directory: &Path, stage: HookStage, facts: &HookFacts) -> Result<Vec<String>, HookFailed> {
        let folder = directory.join(format!("{}.d", stage.as_str()));
        let mut done = Vec::new();
        for path in programs(&folder)? {
            let hook = format!("{}.d/{}", stage.as_str(), path.file_name().unwrap_or_default().to_string_lossy());
            let Some(text) = path.to_str() else {
                return Err(HookFailed { hook, why: "its name is no UTF-8".to_owned() });
            };
            let program = Program { path: text.to_owned(), args: Vec::new(), timeout: LIMIT };
            let call = facts.environment.iter().fold(Call::new(&program), |call, (name, value)| call.env(name, value));
            match call.input(&facts.document).run().await {
                Ok(_) => done.push(hook),
                Err(error) => return Err(HookFailed { hook, why: error.to_string() }),
            }
        }
        Ok(done)
    }
}

fn programs(folder: &Path) -> Result<Vec<PathBuf>, HookFailed> {
    let failed = |error: std::io::Error| HookFailed { hook: folder.display().to_string(), why: error.to_string() };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with('.') && !name.ends_with('~') {
            paths.push(path);
        }
    }
    paths.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(paths)
}
