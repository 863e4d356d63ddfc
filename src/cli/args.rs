use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::cmd;

/// Exit statuses and environment, for `guard --help` and the manual page.
const LONG_FOOTER: &str = "\
Exit status:
    0  done, or nothing to do
    1  failed; details on standard error
    2  wrong usage
   10  refused: a precondition does not hold (no standby, key dead, wrong workspace, guard is blind)
   11  rolled back: the old key is in use again
   12  the gate is closed
   69  provider or consumer unreachable
   70  internal error
   75  not now: lock held, drain unfinished, provider busy; run again later
   77  the provider refused guard's credential
   78  the ledger, a setting or a file's permissions are wrong
  126  exec: the job cannot be run
  127  exec: there is no such job; otherwise exec returns the job's own status, or 128 + its signal
  check only: 0 OK, 1 warning, 2 critical, 3 unknown
New statuses may be added; treat an unknown non-zero status as failure. Every non-zero exit prints at least one line on
standard error; with --json the last line there is {\"type\":\"exit_error\",\"code\":…,\"message\":…}.

Environment:
  GUARD_CONFIG, GUARD_STATE_DIR, GUARD_JSON   as the options of that name
  GUARD_PROVIDER_URL                          another provider address than the ledger's
  GUARD_ADMIN_KEY_FILE                        where guard's own credential is
  GUARD_LOG                                   what is logged, for example info or guard=debug
  NO_COLOR                                    no colours";

/// Guardian for the API keys of unattended LLM pipelines.
///
/// guard keeps a ledger of workspaces and keys, replaces keys without downtime, watches what the provider says they spend,
/// and stops a compromised key, and that key alone.
#[derive(Debug, Parser)]
#[command(
    name = "guard",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "guard help COMMAND explains one command; guard drill shows everything at work.",
    after_long_help = LONG_FOOTER
)]
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
#[command(next_help_heading = "Global options")]
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
    #[command(after_help = "Exit status: 0 when no check fails (warnings count as passed), else 1.")]
    Doctor(cmd::doctor::Args),
    /// Show what guard knows, what it waits for, and what a person should do
    Status(cmd::status::Args),
    /// Read the ledger and compare it with the provider
    Ledger(cmd::ledger::Args),
    /// Seal keys in the vault, list them, hand one to a helper, forget one
    Key(cmd::key::Args),
    /// Replace a workspace's key without downtime; resumes an open rotation
    #[command(after_help = "Examples:
  guard rotate -w prod --dry-run     what would happen, with the point of no return
  guard rotate -w prod               start, or go on with what is open; 75 means \"call again later\"
  guard rotate --all --due           for a timer")]
    Rotate(cmd::rotate::Args),
    /// Show how rotations, revocations and trips went so far
    #[command(after_help = "Examples:
  guard report                   every workspace, all that is on record
  guard report -w prod --days 90")]
    Report(cmd::report::Args),
    /// Watch usage and act on leaks, once or for ever
    #[command(after_help = "Examples:
  guard watch             for ever, under systemd
  guard watch --once      one poll, for a first look")]
    Watch(cmd::watch::Args),
    /// Do everything that is due now, once, in order (for cron and timers)
    Tick(cmd::tick::Args),
    /// Run a job with the workspace's key and record the run
    #[command(after_help = "Examples:
  guard exec -w prod -- python3 publish.py
  17 3 * * *  guard exec -w nightly -- /opt/jobs/digest        (crontab)
  guard exec -w prod --env MY_KEY -- ./job                     (another variable for the key)

The job finds the key in ANTHROPIC_API_KEY, its workspace in GUARD_ACTIVE, the number of its run in GUARD_RUN_ID, and
the ledger's models in GUARD_MODELS, the preferred one in GUARD_MODEL. Signals are passed on to it.

Exit status: the job's own, or 128 + the signal that killed it; 12 when the gate is closed, 10 when guard is blind and the
ledger says fail_closed, 126 and 127 when the job cannot be started.")]
    Exec(cmd::exec::Args),
    /// Ask whether a workspace's gate is open, in the manner of a monitoring plugin
    #[command(after_help = "Examples:
  guard check -q -w prod && ./job           in a script
  command[guard_prod]=guard check -w prod   for a monitoring daemon

Exit status: 0 OK, 1 warning, 2 critical, 3 unknown.")]
    Check(cmd::check::Args),
    /// Stop a key by hand: close the gate, deactivate it, prove it dead
    Trip(cmd::trip::Args),
    /// Open a workspace's gate again after an incident
    Rearm(cmd::rearm::Args),
    /// Keep guard from acting by itself for a while, for a reason; everybody is told
    #[command(after_help = "Examples:
  guard hold                                            is guard on hold?
  guard hold --for 2h --reason \"the provider's report is wrong\"
  guard hold --release

On hold no rule stops a key and no rotation begins or goes on; verdicts are told all the same. What a trip owes is done, and
`guard trip` works. A hold ends by itself; it is on record as evidence and in `guard status`.")]
    Hold(cmd::hold::Args),
    /// Explain an incident: what was seen, against what, and what guard did
    #[command(after_help = "Examples:
  guard why               the newest incident
  guard why 3 -w prod     incident 3 of workspace prod")]
    Why(cmd::why::Args),
    /// List and test the channels to people, silence them for a while
    Notify(cmd::notify::Args),
    /// List, show, export, take note of and close incidents
    #[command(after_help = "Examples:
  guard incident list                    every incident and how far it has come
  guard incident list --simulated        what would have been one, had guard been allowed to act
  guard incident show 3 -w prod          one of them in words and figures
  guard incident export 3 -w prod        its bundle: page, figures, evidence, checksums
  guard incident ack 3                   \"I look after it\"; nobody is called again
  guard incident close 3 --cause 'key in a public notebook' --lesson 'scan notebooks before they are shared'")]
    Incident(cmd::incident::Args),
    /// Verify or export the evidence chain
    Evidence(cmd::evidence::Args),
    /// Replay usage and say what the watchdog would have done
    #[command(after_help = "Examples:
  guard backtest -w prod --days 31 --suggest    your own past, thefts at random minutes of it, and settings that fit
  guard backtest -w prod --suggest | sed -n '/^---/,$p' | patch guard.toml
  guard backtest --data DIR --runs derived      recorded usage, in the layout of docs/backtest.md")]
    Backtest(cmd::backtest::Args),
    /// Show what is usual for a workspace's keys, or accept what was unusual
    Baseline(cmd::baseline::Args),
    /// Play an attack against the real code paths and print how it went
    Drill(cmd::drill::Args),
    /// Start the embedded sandbox organization
    Sandbox(Box<cmd::sandbox::Args>),
    /// Print shell completions
    #[command(after_help = "Examples:
  guard completions bash > ~/.local/share/bash-completion/completions/guard
  guard completions zsh  > ~/.zfunc/_guard
  guard completions fish > ~/.config/fish/completions/guard.fish")]
    Completions(cmd::completions::Args),
    /// Print the manual page
    #[command(after_help = "Examples:
  guard man | man -l -
  guard man exec > guard-exec.1")]
    Man(cmd::man::Args),
}
