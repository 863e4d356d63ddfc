//! `guard incident`: what happened, how far it is, what a person found out.

mod ack;
mod close;
mod export;
mod list;
mod show;

use serde_json::{Value, json};

use crate::cli::{Failure, Session};
use crate::domain::ids::{IncidentId, WorkspaceName};
use crate::domain::incident::{Life, LifeState};
use crate::exit::Exit;

/// Arguments of `guard incident`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List incidents with their states, the newest first
    List(list::Args),
    /// Show one incident: what happened, when, what it cost, what is open
    Show(Which),
    /// Write an incident's bundle as it stands now
    Export(export::Args),
    /// Take note of an incident: you look after it
    Ack(Which),
    /// Say what caused an incident and what was learnt
    Close(close::Args),
}

/// One incident.
#[derive(Debug, clap::Args)]
struct Which {
    /// Its number
    #[arg(value_name = "N")]
    number: u64,
    /// Whose; needed when several workspaces have an incident of that number
    #[arg(short, long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
}

impl Which {
    const fn id(&self) -> IncidentId {
        IncidentId(self.number)
    }
}

/// Runs `guard incident`.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    match args.action {
        Action::List(args) => list::run(&args, session),
        Action::Show(which) => show::run(&which, session),
        Action::Export(args) => export::run(&args, session),
        Action::Ack(which) => ack::run(&which, session),
        Action::Close(args) => close::run(args, session),
    }
}

/// An incident for machines.
fn document(name: &WorkspaceName, life: &Life) -> Value {
    json!({
        "workspace": name,
        "incident": life.trip.incident,
        "state": life.state(),
        "at": life.moments.detected,
        "rule": life.trip.rule,
        "by_person": life.trip.by_person,
        "mode": life.trip.mode,
        "sentence": life.trip.sentence,
        "keys": life.trip.keys,
        "alive": life.alive,
        "promoted": life.promoted,
        "moments": life.moments,
        "seconds_to_dead": life.to_dead().map(|d| d.num_milliseconds() as f64 / 1000.0),
        "acknowledged": life.acknowledged.as_ref().map(|(at, by)| json!({ "at": at, "by": by })),
        "rearmed": life.rearmed.as_ref().map(|(at, by, reason)| json!({ "at": at, "by": by, "reason": reason })),
        "closing": life.closing,
    })
}

/// What a person should do next about it, if anything.
fn next_step(name: &WorkspaceName, life: &Life) -> Option<String> {
    let number = life.trip.incident;
    match life.state() {
        LifeState::Confirmed | LifeState::Killing => Some(format!("`guard tick -w {name}` tries the kill again now")),
        LifeState::GateClosed | LifeState::ProvenDead | LifeState::FailedOver => Some(format!(
            "`guard rearm -w {name} --incident {number} --cause TEXT --reason TEXT` opens the gate when the cause is known"
        )),
        LifeState::Contained => {
            Some(format!("`guard incident close {number} -w {name} --cause TEXT --lesson TEXT` ends it"))
        }
        LifeState::Simulated | LifeState::Suspected | LifeState::Resolved => None,
    }
}
