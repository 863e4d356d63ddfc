//! What may never happen, as functions: for tests, for walks through adversarial worlds, and for a model checker. They are
//! written from the safety rules S1 to S17, not from the machine, so that a mistake in one shows in the other.
//!
//! S9 and S11 at the send are [`Custody::backs`]. S16 (one writer) is the journal's expected sequence number; S17 is the evidence
//! chain's. Both have their tests at their adapters.

use std::collections::{BTreeMap, BTreeSet};

use super::effect::{Effect, SetStatus};
use super::event::Event;
use super::state::{Custody, GateRecord, Stage, Standing};
use crate::domain::ids::{ConsumerName, KeyId};

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule} is broken: {what}")]
pub struct Violation {
    /// `S1` to `S17`.
    pub rule: &'static str,
    /// With which key or consumer.
    pub what: String,
}

fn check(holds: bool, rule: &'static str, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { rule, what: what() }) }
}

/// The world as somebody sees it who sees everything at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct World {
    /// Keys that the provider accepts.
    pub accepted: BTreeSet<KeyId>,
    /// What each consumer holds, in terms of managed keys.
    pub holders: BTreeMap<ConsumerName, KeyId>,
    /// The key that an open gate hands out.
    pub gate: Option<KeyId>,
    /// Keys with an activation that may still land.
    pub activating: BTreeSet<KeyId>,
    /// Keys with a deactivation that may still land.
    pub deactivating: BTreeSet<KeyId>,
    /// Keys whose state a person changed behind guard's back. What guard promises of them, it promises again once it has seen it.
    pub edited: BTreeSet<KeyId>,
}

/// Rules about one state.
///
/// # Errors
/// The first broken one.
pub fn state(custody: &Custody) -> Result<(), Violation> {
    for (key, record) in &custody.keys {
        let owed = record.tripped && record.standing != Standing::Dead;
        check(!owed || custody.latched, "S8", || format!("{key} is tripped and alive behind an open gate"))?;
        check(!record.tripped || record.standing != Standing::Usable, "S4", || format!("{key} is tripped and usable"))?;
        check(!record.cold || record.standing == Standing::Usable, "S10", || format!("{key} is cold and doomed"))?;
    }
    let back = custody.rotation.as_ref().filter(|r| r.stage == Stage::RollBack);
    let lost = back.filter(|r| custody.keys.get(&r.old).is_none_or(|k| k.doomed_at.is_some() && !k.usable()));
    // A key that a trip stopped ends the rotation, so that no roll-back can have a doomed goal.
    check(lost.is_none(), "S3", || "a roll-back to a key past the point of no return".to_owned())?;
    let open = matches!(custody.gate, GateRecord::Open(_) | GateRecord::Opening(_));
    check(!custody.latched || !open, "S12", || "the gate is open by record while latched".to_owned())
}

/// Rules about one step.
///
/// # Errors
/// The first broken one.
pub fn step(before: &Custody, event: &Event, after: &Custody) -> Result<(), Violation> {
    check(after.seq == before.seq + 1, "S16", || format!("{} follows {}", after.seq, before.seq))?;
    for (key, record) in before.keys.iter().filter(|(_, r)| r.tripped) {
        let kept = after.keys.get(key).is_some_and(|r| r.tripped) || after.buried.contains(key);
        check(kept, "S5", || format!("{key} is not tripped any more, from {:?}", record.standing))?;
    }
    let released = before.latched && !after.latched;
    check(!released || matches!(event, Event::Rearmed { .. }), "S12", || format!("released by {event:?}"))?;
    check(after.generation >= before.generation, "S6", || "the generation went back".to_owned())?;
    match event {
        Event::Rearmed { incident, .. } => {
            check(incident.0 == before.generation, "S6", || format!("incident {incident} is not the newest"))?;
            let alive = before.keys.iter().find(|(_, r)| r.tripped && r.standing != Standing::Dead);
            check(alive.is_none(), "S7", || format!("{:?} is tripped and not proven dead", alive.map(|(k, _)| k)))
        }
        Event::Doomed { key } => {
            let holder = before.consumers.iter().find(|(_, c)| c.holds.key() == Some(key));
            check(holder.is_none(), "S2", || format!("{:?} holds {key}", holder.map(|(c, _)| c)))?;
            check(before.desired.as_ref() != Some(key), "S15", || format!("{key} is the desired key"))
        }
        Event::TurnedBack { .. } => {
            let old = before.rotation.as_ref().map(|r| &r.old);
            check(old.is_some_and(|k| before.usable(k)), "S3", || format!("roll-back to {old:?}"))
        }
        Event::DeliveryIntended { key, .. } | Event::GateOpening { key, .. } => {
            check(before.usable(key), "S4", || format!("{key} is delivered"))
        }
        Event::WakeIntended { key } => {
            let record = before.keys.get(key);
            check(record.is_some_and(|r| r.usable() && !r.tripped), "S14", || format!("{key} is woken"))
        }
        Event::OffIntended { key } | Event::ArchiveIntended { key } => {
            check(before.keys.contains_key(key), "S14", || format!("{key} is not managed"))
        }
        Event::Tripped(trip) => {
            let open = before
                .rotation
                .as_ref()
                .filter(|r| trip.keys.contains(&r.old) || r.new.as_ref().is_some_and(|k| trip.keys.contains(k)));
            let stopped = |k: &KeyId| before.keys.get(k).is_none_or(|r| r.tripped);
            let spared = open.and_then(|r| r.exposed.iter().find(|k| !trip.keys.contains(*k) && !stopped(k)));
            let again = trip.rule == "reactivated";
            check(spared.is_none() || again, "S13", || format!("{spared:?} was exposed in the same overlap"))
        }
        _ => Ok(()),
    }
}

/// Rules about the moment at which an intent becomes durable, seen from outside.
///
/// # Errors
/// The first broken one.
pub fn moment(before: &Custody, event: &Event, world: &World) -> Result<(), Violation> {
    let Event::Doomed { key } = event else { return Ok(()) };
    let holder = world.holders.iter().find(|(_, k)| *k == key);
    check(holder.is_none(), "S2", || format!("{:?} holds {key}", holder.map(|(c, _)| c)))?;
    let desired = before.desired.as_ref();
    let lives = desired.is_some_and(|k| world.accepted.contains(k) || world.edited.contains(k));
    check(lives, "S15", || format!("{key} is revoked while {desired:?} does not work"))
}

/// Rules that tie the state to the world. Nothing is promised of a key that a person has edited in between.
///
/// # Errors
/// The first broken one.
pub fn world(custody: &Custody, world: &World) -> Result<(), Violation> {
    let lost = |k: &KeyId| !world.accepted.contains(k) && !world.edited.contains(k);
    if let Some(handed_out) = &world.gate {
        check(!lost(handed_out), "S1", || format!("the gate hands out {handed_out}, which does not work"))?;
        for (consumer, key) in &world.holders {
            check(!lost(key), "S1", || format!("`{consumer}` holds {key}, which does not work"))?;
        }
    }
    for (key, record) in &custody.keys {
        if record.standing == Standing::Dead {
            let alive = world.accepted.contains(key) && !world.edited.contains(key);
            check(!alive, "S10", || format!("{key} is called dead and works"))?;
            let reviving = world.activating.contains(key);
            check(!reviving, "S10", || format!("{key} is called dead and an activation may still land"))?;
        }
    }
    let unbacked_on = world.activating.iter().find(|k| custody.keys.get(*k).is_none_or(|r| r.waking.last().is_none()));
    check(unbacked_on.is_none(), "S11", || format!("an activation of {unbacked_on:?} is not on record"))?;
    let unbacked_off =
        world.deactivating.iter().find(|k| custody.keys.get(*k).is_none_or(|r| r.stopping.last().is_none()));
    check(unbacked_off.is_none(), "S11", || format!("a deactivation of {unbacked_off:?} is not on record"))
}

/// Rules about what is sent, at the send.
///
/// # Errors
/// The first broken one.
pub fn send(custody: &Custody, effect: &Effect) -> Result<(), Violation> {
    check(custody.backs(effect), "S9", || format!("{effect:?} without a durable intent"))?;
    match effect {
        Effect::SetStatus(key, SetStatus::Active) => {
            check(custody.usable(key), "S14", || format!("{key} is activated"))
        }
        Effect::Deliver(_, key) => check(custody.usable(key), "S4", || format!("{key} is delivered")),
        _ => Ok(()),
    }
}

/// Nothing is owed: no rotation is open and every doomed key is dead. What every fair run comes to (L1, L2), unless a person
/// is asked for something.
pub fn settled(custody: &Custody) -> bool {
    custody.rotation.is_none() && custody.doomed().next().is_none()
}
