use std::path::PathBuf;

use super::Paths;
use crate::adapters::surroundings;
use crate::app::doctor::{ClaudeSettings, StateDir, Surroundings};

const API_KEY: &str = "ANTHROPIC_API_KEY";
const AUTH_TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";

/// What `guard doctor` judges about this host.
pub fn surroundings(paths: &Paths) -> Surroundings {
    let path = paths.state_dir.clone();
    let state_dir = match surroundings::directory(&path) {
        Ok((mode, own)) => StateDir::Present { path, mode, own },
        Err(why) => StateDir::Absent { path, why },
    };
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let files = surroundings::claude_settings(home.as_deref(), &std::env::current_dir().unwrap_or_default());
    let sets = |file: &surroundings::SettingsFile, name: &str| file.variables.iter().any(|variable| variable == name);
    Surroundings {
        state_dir,
        api_key_in_environment: surroundings::variable_is_set(API_KEY),
        auth_token_in_environment: surroundings::variable_is_set(AUTH_TOKEN),
        claude_settings: files
            .into_iter()
            .map(|file| ClaudeSettings {
                helper: file.helper,
                api_key: sets(&file, API_KEY),
                auth_token: sets(&file, AUTH_TOKEN),
                path: file.path,
            })
            .collect(),
    }
}
