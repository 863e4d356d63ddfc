//! What a person goes through before a gate is opened again.

use serde::Serialize;

use crate::domain::ids::{ConsumerName, IncidentId, KeyId, RunId};
use crate::domain::rotation::{Custody, Incident, Standing};
use crate::domain::time::{Minute, rfc3339};

/// How an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Done,
    /// It keeps the gate closed.
    Open,
    /// A person should know of it; it keeps nothing closed.
    Mind,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name; stable.
    pub item: &'static str,
    /// How it stands.
    pub state: CheckState,
    /// What was found.
    pub text: String,
}

/// What guard's records say beside the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The newest minute that is known to be complete.
    pub seen_until: Option<Minute>,
    /// The newest usage of each killed key.
    pub last_used: Vec<(KeyId, Minute)>,
    /// Jobs that still run with a killed key, and their programs.
    pub running: Vec<(RunId, String)>,
}

/// The list for `incident` as things stand, in the order in which a person would go through it. What is [`CheckState::Open`] are the
/// conditions of [`Custody::may_rearm`], and the cause.
pub fn checklist(
    custody: &Custody,
    incident: IncidentId,
    consumers: &[ConsumerName],
    surroundings: &Surroundings,
) -> Vec<Check> {
    let Some(known) = custody.incidents().iter().find(|i| i.id == incident) else {
        return vec![open("incident", format!("there is no incident {incident}"))];
    };
    let mut list = vec![newest(custody, incident)];
    list.extend(dead(custody, known));
    list.push(match &known.cause {
        Some(cause) => done("cause", format!("the cause is known: {cause}")),
        None => open("cause", "nobody has said what caused it".to_owned()),
    });
    list.push(match custody.desired().filter(|key| custody.usable(key)) {
        Some(key) => done("key", format!("{key} takes its place")),
        None => open("key", "no working key is left for the consumers".to_owned()),
    });
    list.push(held(custody, consumers));
    list.push(silent(custody, known, surroundings));
    for (run, program) in &surroundings.running {
        list.push(mind("jobs", format!("run {run} ({program}) still has the old key; it cannot use it")));
    }
    list.push(match custody.standbys().len() {
        0 => mind("standby", "no standby is left: the next trip ends in an outage".to_owned()),
        left => done("standby", format!("{left} left for the next time")),
    });
    list
}

fn newest(custody: &Custody, incident: IncidentId) -> Check {
    match custody.latch() {
        Some(newest) if newest == incident => {
            done("newest", format!("incident {incident} is the newest, and keeps the gate closed"))
        }
        Some(newest) => open("newest", format!("incident {newest} is newer")),
        None => open("newest", "no incident keeps the gate closed".to_owned()),
    }
}

fn dead(custody: &Custody, incident: &Incident) -> Vec<Check> {
    let alive = custody.keys().iter().filter(|(_, r)| r.tripped && r.standing != Standing::Dead);
    let mut list: Vec<Check> = alive.map(|(key, _)| open("dead", format!("{key} is not proven dead"))).collect();
    if incident.keys.is_empty() {
        let text = "the gate was closed and no key was stopped: whoever has the key can go on using it";
        list.push(mind("dead", text.to_owned()));
    }
    for (key, record) in incident.keys.iter().filter_map(|key| Some((key, custody.key(key)?))) {
        let (Some(at), Standing::Dead) = (record.dead_at, record.standing) else { continue };
        let refused = record.death.as_ref().map_or(0, |proof| proof.refusals);
        let proof = match refused {
            0 => "by the provider's word alone".to_owned(),
            times => format!("refused {times} times"),
        };
        list.push(done("dead", format!("{key} is dead since {}, {proof}", rfc3339(at))));
    }
    list
}

fn held(custody: &Custody, consumers: &[ConsumerName]) -> Check {
    if !custody.desired().is_some_and(|key| custody.usable(key)) {
        return open("consumers", "the consumers wait for a working key".to_owned());
    }
    match consumers.iter().find(|consumer| !custody.converged(consumer)) {
        Some(consumer) => open("consumers", format!("consumer {consumer} does not hold the key that it should")),
        None => done("consumers", "every consumer holds it".to_owned()),
    }
}

/// What the feed shows of the killed keys after their death.
fn silent(custody: &Custody, incident: &Incident, surroundings: &Surroundings) -> Check {
    const ITEM: &str = "silence";
    let died = |key: &KeyId| custody.key(key).and_then(|record| record.dead_at);
    for (key, used) in &surroundings.last_used {
        if died(key).is_some_and(|at| used.start() > at) {
            return mind(
                ITEM,
                format!("{key} shows usage at {used}, after its death: look at it before anything else"),
            );
        }
    }
    let last = incident.keys.iter().filter_map(died).max();
    match (last, surroundings.seen_until) {
        (None, _) => mind(ITEM, "usage goes on as long as the key lives".to_owned()),
        (Some(at), Some(seen)) if seen.start() > at => done(ITEM, format!("no usage since, seen up to {seen}")),
        (Some(_), _) => mind(ITEM, "the usage report does not reach beyond the kill yet".to_owned()),
    }
}

fn done(item: &'static str, text: String) -> Check {
    Check { item, state: CheckState::Done, text }
}

fn open(item: &'static str, text: String) -> Check {
    Check { item, state: CheckState::Open, text }
}

fn mind(item: &'static str, text: String) -> Check {
    Check { item, state: CheckState::Mind, text }
}
