use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::{ColorChoice, Failure, Globals};
use crate::exit::Exit;

/// Where words go: data to standard output, everything else to standard error. A closed pipe is not an error.
#[derive(Debug, Clone)]
pub struct Output {
    /// Machine form.
    pub json: bool,
    /// No output without news.
    pub quiet: bool,
}

impl Output {
    /// From the global flags; sets the process-wide colour choice.
    pub fn new(globals: &Globals) -> Self {
        let choice = match globals.color {
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
            ColorChoice::Auto if globals.json => anstream::ColorChoice::Never,
            ColorChoice::Auto => anstream::ColorChoice::Auto,
        };
        choice.write_global();
        Self { json: globals.json, quiet: globals.quiet }
    }

    /// Data for people, one line. Nothing with `--json`.
    pub fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            let _ = writeln!(anstream::stdout(), "{}", text.as_ref());
        }
    }

    /// Data that has one form only, the same with and without `--json`.
    pub fn data(&self, text: impl AsRef<str>) {
        let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
    }

    /// Success without news: nothing with `--quiet` or `--json`.
    pub fn calm(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// Data for machines: one document on one line. Nothing without `--json`.
    pub fn document(&self, value: &impl Serialize) {
        if self.json {
            match serde_json::to_string(value) {
                Ok(text) => {
                    let _ = writeln!(std::io::stdout(), "{text}");
                }
                Err(error) => self.note(format!("internal: the JSON form could not be written: {error}")),
            }
        }
    }

    /// Anything that is not data: standard error.
    pub fn note(&self, text: impl AsRef<str>) {
        let _ = writeln!(anstream::stderr(), "{}", text.as_ref());
    }

    /// Prints a failure on standard error and returns its status. With `--json` the last line is an `exit_error` object.
    pub fn fail(&self, failure: &Failure) -> Exit {
        self.note(format!("guard: {}", failure.message));
        if let Some(hint) = &failure.hint {
            self.note(format!("  → {hint}"));
        }
        if self.json {
            let line = serde_json::json!({
                "type": "exit_error", "schema": 1, "code": failure.exit.code(), "message": failure.message, "hint": failure.hint,
            });
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        failure.exit
    }

    /// Whether a person can be asked.
    pub fn interactive(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}
