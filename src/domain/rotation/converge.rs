use super::decide::{Desk, Flow};
use super::effect::Effect;
use super::event::Event;
use super::liveness::Life;
use super::retry::Task;
use super::sight::GateSeen;
use super::state::{GateRecord, Holding};
use super::waiting::Ask;
use crate::domain::ids::{ConsumerName, KeyId};

/// How often guard writes over somebody else's change at once; from then on it asks a person, and tries once an hour.
pub(super) const TUG_OF_WAR: u32 = 3;

/// Pause between two rounds of a tug of war.
const TUG_PAUSE: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// Consumers and the gate converge to the desired key. No list of "done" places is trusted: each is read again.
impl Desk<'_> {
    /// Places that the ledger no longer has cannot be seen any more; people are told what they held last.
    pub(super) fn forget_removed_consumers(&mut self) -> Flow {
        let known = self.custody.consumers().keys();
        match known.into_iter().find(|name| !self.policy.consumers.contains(name)) {
            Some(consumer) => self.record(Event::ConsumerRemoved { consumer: consumer.clone() }),
            None => Flow::Continue(()),
        }
    }

    /// Brings the desired key to every consumer; one that fails never holds up the others.
    pub(super) fn converge_consumers(&mut self) -> Flow {
        let Some(desired) = self.custody.desired().filter(|k| self.custody.usable(k)).cloned() else {
            return Flow::Continue(());
        };
        for consumer in &self.policy.consumers {
            self.converge(consumer, &desired)?;
        }
        Flow::Continue(())
    }

    fn converge(&mut self, consumer: &ConsumerName, desired: &KeyId) -> Flow {
        let Some(holds) = self.read_consumer(consumer)? else { return Flow::Continue(()) };
        let record = self.custody.consumers().get(consumer);
        let settled = record.is_some_and(|r| r.holds == holds && r.delivering.is_none());
        let write_only = |h: &Holding| matches!(h, Holding::Sealed | Holding::Written(_));
        // A place that showed itself empty before and write-only now is noted first: only then the next writer's word counts.
        let unsettled_writing =
            record.is_some_and(|r| r.delivering.is_some() && write_only(&r.holds)) && write_only(&holds);
        if !settled && !unsettled_writing {
            return self.record(Event::ConsumerSeen { consumer: consumer.clone(), holds });
        }
        if holds.key() == Some(desired) && !unsettled_writing {
            let reloaded = record.is_some_and(|r| r.reloaded.as_ref() == Some(desired));
            if !reloaded && self.may_try(&Task::Reload(consumer.clone())) {
                return self.read(Effect::Reload(consumer.clone(), desired.clone()));
            }
            return Flow::Continue(());
        }
        if record.is_some_and(|r| r.overwritten >= TUG_OF_WAR && self.now - r.since < TUG_PAUSE) {
            self.ask(Ask::StopOverwriting(consumer.clone()));
            return Flow::Continue(());
        }
        if self.life(desired)? == Life::Live && self.may_try(&Task::Deliver(consumer.clone())) {
            let intent = Event::DeliveryIntended { consumer: consumer.clone(), key: desired.clone() };
            return self.act(intent, Effect::Deliver(consumer.clone(), desired.clone()));
        }
        Flow::Continue(())
    }

    fn read_consumer(&mut self, consumer: &ConsumerName) -> Flow<Option<Holding>> {
        if let Some(holds) = self.sight.consumer(consumer, self.now) {
            return Flow::Continue(Some(holds.clone()));
        }
        if self.may_try(&Task::Read(consumer.clone())) {
            return self.read(Effect::ReadConsumer(consumer.clone()));
        }
        Flow::Continue(None)
    }

    /// Whether every consumer was read lately and has the desired key, reloaded and checked.
    pub(super) fn all_converged(&mut self) -> Flow<bool> {
        for consumer in &self.policy.consumers {
            let Some(holds) = self.read_consumer(consumer)? else { return Flow::Continue(false) };
            if holds.key() != self.custody.desired() || !self.custody.converged(consumer) {
                return Flow::Continue(false);
            }
        }
        Flow::Continue(true)
    }

    /// The gate hands out the desired key once every consumer has it and it works.
    pub(super) fn open_gate(&mut self) -> Flow {
        let Some(desired) = self.custody.desired().cloned() else { return Flow::Continue(()) };
        if self.custody.latch().is_some() || !self.custody.usable(&desired) {
            return Flow::Continue(());
        }
        let generation = self.custody.generation();
        match (self.custody.gate(), self.sight.gate(self.now)) {
            (_, None) => return Flow::Continue(()),
            (GateRecord::Open(key), Some(GateSeen::Open(seen, open)))
                if key == open && *key == desired && *seen == generation =>
            {
                return Flow::Continue(());
            }
            (GateRecord::Opening(key), Some(GateSeen::Open(seen, open))) if key == open && *seen == generation => {
                return self.record(Event::GateOpened { generation, key: key.clone() });
            }
            _ => {}
        }
        if self.all_converged()? && self.life(&desired)? == Life::Live && self.may_try(&Task::Gate) {
            let intent = Event::GateOpening { generation, key: desired.clone() };
            return self.act(intent, Effect::OpenGate { generation, key: desired });
        }
        Flow::Continue(())
    }

    /// Whether the gate hands out the desired key.
    pub(super) fn gate_has(&self, key: &KeyId) -> bool {
        *self.custody.gate() == GateRecord::Open(key.clone())
    }
}
