use std::io::Write;

use clap::CommandFactory;

use crate::cli::{Cli, Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command, and its subcommand, whose page is wanted [default: guard's own page]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Prints the page in the format of man(7).
pub async fn run(args: Args, _session: &Session) -> Result<Exit, Failure> {
    let mut root = Cli::command();
    root.build();
    let mut command = &root;
    for name in &args.command {
        command = command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Failure::new(Exit::Usage, format!("`{}` has no subcommand `{name}`", command.get_name()))
                .hint(format!("there is: {there}"))
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .source(concat!("guard ", env!("CARGO_PKG_VERSION")))
        .manual("guard manual")
        .render(&mut page)
        .map_err(|error| Failure::new(Exit::Internal, format!("the page could not be written: {error}")))?;
    // A closed pipe is not an error.
    let _ = std::io::stdout().write_all(&page);
    Ok(Exit::Done)
}
