use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::cmd;

/// Guardian for the API keys of unattended LLM pipelines.
///
/// guard keeps a ledger of workspaces and keys, replaces keys without downtime, watches what the provider says they spend,
/// and stops a compromised key, and that key alone.
#[derive(Debug, Parser)]
#[command(name = "guard", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// The ledger [default: ./guard.toml, then guard.toml in the configuration directory]
    #[arg(long, global = true, value_name = "FILE", env = "GUARD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where guard keeps its state [default: $STATE_DIRECTORY, /var/lib/guard for root, else $XDG_STATE_HOME/guard]
    #[arg(long, global = true, value_name = "DIR", env = "GUARD_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Print one JSON document, or JSON Lines, instead of text
    #[arg(long, global = true, env = "GUARD_JSON", value_parser = clap::builder::FalseyValueParser::new())]
    pub json: bool,
    /// Print nothing when there is no news
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more on standard error; twice for everything (secrets are never logged)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Never ask a question
    #[arg(long, global = true)]
    pub no_input: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
    /// How long to wait for another guard that holds a workspace's lock
    #[arg(long, global = true, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    pub lock_timeout: Duration,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a first ledger and check that guard can work here
    Init(cmd::init::Args),
    /// Check everything guard depends on and say how to mend what is wrong
    Doctor(cmd::doctor::Args),
    /// Show what guard knows, what it waits for, and what a person should do
    Status(cmd::status::Args),
    /// Read the ledger and compare it with the provider
    Ledger(cmd::ledger::Args),
    /// Seal keys in the vault, list them, hand one to a helper, forget one
    Key(cmd::key::Args),
    /// Replace a workspace's key without downtime; resumes an open rotation
    Rotate(cmd::rotate::Args),
    /// Watch usage and act on leaks, once or for ever
    Watch(cmd::watch::Args),
    /// Do everything that is due now, once, in order (for cron and timers)
    Tick(cmd::tick::Args),
    /// Run a job with the workspace's key and record the run
    Exec(cmd::exec::Args),
    /// Ask whether a workspace's gate is open, in the manner of a monitoring plugin
    Check(cmd::check::Args),
    /// Stop a key by hand: close the gate, deactivate it, prove it dead
    Trip(cmd::trip::Args),
    /// Open a workspace's gate again after an incident
    Rearm(cmd::rearm::Args),
    /// Verify or export the evidence chain
    Evidence(cmd::evidence::Args),
    /// Replay recorded usage and say what the watchdog would have done
    Backtest(cmd::backtest::Args),
    /// Play an attack against the real code paths and print how it went
    Drill(cmd::drill::Args),
    /// Start the embedded sandbox organization
    Sandbox(cmd::sandbox::Args),
    /// Print shell completions
    Completions(cmd::completions::Args),
    /// Print the manual page
    Man(cmd::man::Args),
}
