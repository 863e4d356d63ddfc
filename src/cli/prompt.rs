use std::io::{IsTerminal, Read, Write};

use zeroize::Zeroize;

use super::{Failure, Output};
use crate::domain::secret::Secret;
use crate::exit::Exit;

/// More than any key; less than what a wrong file would need to hurt.
const MOST: u64 = 64 * 1024;

/// Reads a secret: from standard input when `from_stdin` or when it is not a terminal, else by a prompt that shows
/// nothing. Never from an option, which every process of the machine could read.
///
/// # Errors
/// [`Exit::Usage`] when there is nobody to ask, or when the text is no key.
pub fn secret(out: &Output, question: &str, from_stdin: bool, no_input: bool) -> Result<Secret, Failure> {
    let text = if from_stdin || !std::io::stdin().is_terminal() {
        read_all(std::io::stdin().lock())
    } else if no_input {
        return Err(Failure::new(
            Exit::Usage,
            "the key must be given on standard input, because --no-input forbids to ask",
        )
        .hint("for example: guard key add -w NAME - < FILE"));
    } else {
        out.note(format!("{question} (nothing is shown while you paste; Enter ends)"));
        rpassword::read_password()
    };
    let text = text.map_err(|error| Failure::new(Exit::Usage, format!("the key could not be read: {error}")))?;
    Secret::new(text).map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

fn read_all(source: impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    source.take(MOST).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        error.into_bytes().zeroize();
        std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not text")
    })
}

/// Asks a person to confirm; `yes` answers for them.
///
/// # Errors
/// [`Exit::Usage`] when nobody can be asked, [`Exit::Refused`] when the answer is not yes.
pub fn confirm(out: &Output, question: &str, yes: bool, no_input: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if no_input || !out.interactive() {
        return Err(
            Failure::new(Exit::Usage, format!("{question} There is nobody to ask.")).hint("add --yes to confirm")
        );
    }
    let _ = write!(std::io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    // What cannot be read is no yes.
    let _ = std::io::stdin().read_line(&mut answer);
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Refused, "not confirmed; nothing was changed")),
    }
}
