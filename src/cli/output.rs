use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::{ColorChoice, Failure, Globals};
use crate::domain::redact::{printable_lines, scrub};
use crate::exit::Exit;
use crate::report::terminal_plot::Charset;

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
            let _ = writeln!(anstream::stdout(), "{}", scrub(text.as_ref()));
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
                    let _ = writeln!(std::io::stdout(), "{}", scrub(&text));
                }
                Err(error) => self.note(format!("internal: the JSON form could not be written: {error}")),
            }
        }
    }

    /// Anything that is not data: standard error. Key texts are blanked and control characters shown.
    pub fn note(&self, text: impl AsRef<str>) {
        let _ = writeln!(std::io::stderr(), "{}", scrub(&printable_lines(text.as_ref())));
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
            let _ = writeln!(std::io::stderr(), "{}", scrub(&line.to_string()));
        }
        failure.exit
    }

    /// A panic is a bug of guard's: one line says so and the process ends with [`Exit::Internal`]. Nothing unwinds, so that no
    /// work goes on half-done; whatever was owed is in the journal and is resumed by the next guard.
    pub fn end_process_on_panic(&self) {
        let out = self.clone();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
            let what = info.payload_as_str().unwrap_or("no message");
            let failure = Failure::new(Exit::Internal, format!("internal error{place}: {what}"))
                .hint("this is a bug; please report it with this line and the output of `guard --version`");
            std::process::exit(out.fail(&failure).code().into());
        }));
    }

    /// What plots are drawn with: ASCII unless the locale says UTF-8.
    pub fn charset(&self) -> Charset {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")) {
            Some(locale) if locale.to_ascii_lowercase().replace('-', "").contains("utf8") => Charset::Blocks,
            _ => Charset::Ascii,
        }
    }

    /// Whether a person can be asked.
    pub fn interactive(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}

/// Prints help, the version, or what is wrong with the arguments. A key that was typed as an argument is not repeated.
/// A closed pipe is not an error.
pub fn print_usage(error: &clap::Error) {
    let mut text = error.render().ansi().to_string();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if error.use_stderr() {
        let _ = write!(anstream::stderr(), "{}", scrub(&text));
    } else {
        let _ = write!(anstream::stdout(), "{text}");
    }
}
