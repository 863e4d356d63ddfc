use super::decide::{Desk, Flow};
use super::event::Event;
use super::liveness::{Life, Wake};
use super::sight::{ProbeSeen, Seen};
use super::state::{Custody, Stage, Standing};
use super::waiting::Ask;
use crate::domain::ids::{ConsumerName, IncidentId, KeyId};

/// Why a gate is not released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is tripped.
    #[error("the gate is not latched; there is nothing to release")]
    NotLatched,
    /// Another incident is the newest one.
    #[error("incident {asked} is not the newest; incident {newest} keeps the gate closed")]
    NotNewest {
        /// What was asked for.
        asked: IncidentId,
        /// What must be seen first.
        newest: IncidentId,
    },
    /// A killed key may still work.
    #[error("{0} is not proven dead yet")]
    Alive(KeyId),
    /// There is nothing to open the gate with.
    #[error("there is no usable key")]
    NoKey,
    /// A consumer would use a wrong key.
    #[error("consumer `{0}` does not hold the new key yet")]
    NotConverged(ConsumerName),
}

impl Custody {
    /// Whether the gate may be released for somebody who has seen `incident`.
    ///
    /// # Errors
    /// The first of the conditions that does not hold.
    pub fn may_rearm(&self, incident: IncidentId, consumers: &[ConsumerName]) -> Result<(), Refusal> {
        let newest = self.latch().ok_or(Refusal::NotLatched)?;
        if incident != newest {
            return Err(Refusal::NotNewest { asked: incident, newest });
        }
        if let Some((key, _)) = self.keys.iter().find(|(_, r)| r.tripped && r.standing != Standing::Dead) {
            return Err(Refusal::Alive(key.clone()));
        }
        if !self.desired.as_ref().is_some_and(|k| self.usable(k)) {
            return Err(Refusal::NoKey);
        }
        match consumers.iter().find(|c| !self.converged(c)) {
            Some(consumer) => Err(Refusal::NotConverged(consumer.clone())),
            None => Ok(()),
        }
    }
}

/// Whether a replaced key may be doomed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Nobody holds it and the key in its place works.
    Clear,
    /// Not now.
    NotYet,
}

/// What keeps a working key in consumers' hands.
impl Desk<'_> {
    /// When the desired key does not work, another one takes its place: the other one of the rotation, else a standby.
    pub(super) fn keep_service(&mut self) -> Flow {
        let Some(desired) = self.custody.desired().cloned() else { return Flow::Continue(()) };
        let suspect = match self.sight.status(&desired, self.now) {
            _ if !self.custody.usable(&desired) => true,
            Some(seen) if *seen != Seen::Active => true,
            _ => self.sight.probe(&desired, self.now) == Some(&ProbeSeen::Refused),
        };
        let life = if suspect { self.life(&desired)? } else { Life::Live };
        match life {
            Life::Unknown => return Flow::Continue(()),
            Life::Live => {
                return match &self.custody.candidate {
                    Some(key) => self.record(Event::StandbyReleased { key: key.clone() }),
                    None => Flow::Continue(()),
                };
            }
            Life::Lost => {}
        }
        if let Some(turned) = self.turn_rotation()? {
            return self.record(turned);
        }
        if self.custody.rotation().is_some_and(|r| r.stage == Stage::Prepare) && self.custody.latch().is_none() {
            // The open rotation is about to replace the key anyway.
            return Flow::Continue(());
        }
        if !self.policy.promote {
            if let Some(incident) = self.custody.latch() {
                self.ask(Ask::Rearm(incident));
            }
            return Flow::Continue(());
        }
        self.promote()
    }

    /// Back to the old key, or forward to the new one, when the desired one of an open rotation is lost and the other works.
    fn turn_rotation(&mut self) -> Flow<Option<Event>> {
        let Some(rotation) = self.custody.rotation().filter(|_| self.custody.latch().is_none()) else {
            return Flow::Continue(None);
        };
        let Some(new) = rotation.new.clone() else { return Flow::Continue(None) };
        let why = "the key that was being switched to does not work".to_owned();
        let (other, event) = match rotation.stage {
            Stage::Prepare => return Flow::Continue(None),
            Stage::RollBack => (new, Event::TurnedForward { why }),
            _ => (rotation.old.clone(), Event::TurnedBack { why, unfit: true }),
        };
        if !self.custody.usable(&other) || self.custody.desired() == Some(&other) {
            return Flow::Continue(None);
        }
        let stopping = self.custody.key(&other).and_then(|r| r.stopping.open_until(self.policy.settle, self.now));
        let life = if stopping.is_some() { Life::Unknown } else { self.life(&other)? };
        Flow::Continue((life == Life::Live).then_some(event))
    }

    /// Wakes a standby and makes it the desired key, without drain.
    fn promote(&mut self) -> Flow {
        let chosen = self.custody.candidate.clone().filter(|k| self.custody.usable(k));
        let Some(key) = chosen else {
            let staged = self.custody.rotation().and_then(|r| r.new.clone());
            let staged = staged.filter(|k| self.custody.usable(k) && self.custody.desired() != Some(k));
            return match staged.or_else(|| self.first_standby()) {
                Some(key) => self.record(Event::StandbyTaken { key, promotion: true }),
                None => self.no_standby(),
            };
        };
        match self.wake(&key)? {
            Wake::Live => self.record(Event::Promoted { key }),
            Wake::Unfit(why) => self.record(Event::StandbyUnfit { key, why }),
            Wake::Pending => Flow::Continue(()),
        }
    }

    /// The standby that is taken next; one that expires before it could be used is passed over.
    pub(super) fn first_standby(&self) -> Option<KeyId> {
        let lasting = |key: &&KeyId| {
            let expires = self.custody.key(key).and_then(|r| r.expires_at);
            expires.is_none_or(|at| at > self.now)
        };
        self.custody.standbys().into_iter().find(lasting).cloned()
    }

    /// Nobody but a person can make a key.
    pub(super) fn no_standby(&mut self) -> Flow {
        if !self.custody.standby_missing() {
            return self.record(Event::StandbyMissing);
        }
        self.ask(Ask::MakeKey);
        Flow::Continue(())
    }

    /// Whether `key` may pass the point of no return: every consumer was read, none holds it, the gate does not hand it out,
    /// and the key in its place works at this moment.
    pub(super) fn may_doom(&mut self, key: &KeyId) -> Flow<Intent> {
        let handed_out = matches!(self.custody.gate(), super::state::GateRecord::Open(k) if k == key);
        if self.custody.held(key) || handed_out || !self.all_converged()? {
            return Flow::Continue(Intent::NotYet);
        }
        let Some(desired) = self.custody.desired().cloned() else { return Flow::Continue(Intent::NotYet) };
        Flow::Continue(match self.life(&desired)? {
            Life::Live => Intent::Clear,
            Life::Lost | Life::Unknown => Intent::NotYet,
        })
    }

    /// guard itself releases the gate when the policy says so and the incident is contained. An incident that killed nothing
    /// is a person's to judge.
    pub(super) fn reopen(&mut self) -> Flow {
        let Some(incident) = self.custody.latch() else { return Flow::Continue(()) };
        let killed = self.custody.incidents().last().is_some_and(|i| !i.keys.is_empty());
        let ready = self.custody.may_rearm(incident, &self.policy.consumers).is_ok();
        if self.policy.reopen && killed && ready && self.all_converged()? {
            let reason = "the killed keys are proven dead and every consumer holds a working key".to_owned();
            return self.record(Event::Rearmed { incident, by: "policy".to_owned(), reason, forced: false });
        }
        if !self.policy.reopen || !killed {
            self.ask(Ask::Rearm(incident));
        }
        Flow::Continue(())
    }
}
