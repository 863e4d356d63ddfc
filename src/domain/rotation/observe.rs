use super::effect::{Effect, Fault, Finding, Outcome, SetStatus};
use super::event::Event;
use super::retry::Task;
use super::sight::Sight;
use super::state::{Custody, GateRecord, Holding};
use crate::domain::time::Timestamp;

/// What an effect showed: readings go into `sight`, facts come back to be written down.
pub fn observe(custody: &Custody, sight: &mut Sight, effect: &Effect, finding: Finding, now: Timestamp) -> Vec<Event> {
    let mut facts = Vec::new();
    let task = effect.task();
    match (effect, finding) {
        (Effect::ReadKey(key), Finding::Key(seen)) => sight.saw_key(key, seen, now),
        (Effect::Probe(key), Finding::Probe(seen)) => sight.saw_probe(key, seen, now),
        (Effect::ReadConsumer(consumer), Finding::Consumer(holds)) => {
            // A place that cannot be read is known by what was written to it.
            let known = custody.consumers().get(consumer).map(|c| &c.holds);
            let holds = match (holds, known) {
                (Holding::Sealed, Some(written @ Holding::Written(_))) => written.clone(),
                (holds, _) => holds,
            };
            sight.saw_consumer(consumer, holds, now);
        }
        (Effect::ReadGate, Finding::Gate(seen)) => sight.saw_gate(seen, now),
        (Effect::CheckDrain(_), Finding::Drain(drain)) => sight.saw_drain(drain, now),
        (Effect::SetStatus(key, SetStatus::Active), Finding::Sent(outcome)) => {
            facts.push(Event::WakeAnswered { key: key.clone(), outcome });
        }
        (Effect::SetStatus(key, SetStatus::Inactive), Finding::Sent(outcome)) => {
            facts.push(Event::OffAnswered { key: key.clone(), outcome });
        }
        (Effect::Deliver(consumer, key), Finding::Sent(Outcome::Done)) => {
            sight.forget_consumer(consumer);
            let sealed = |h: &Holding| matches!(h, Holding::Sealed | Holding::Written(_));
            if custody.consumers().get(consumer).is_some_and(|c| sealed(&c.holds)) {
                facts.push(Event::ConsumerSeen { consumer: consumer.clone(), holds: Holding::Written(key.clone()) });
            }
        }
        (_, Finding::Sent(Outcome::Done)) => {}
        (_, Finding::Sent(Outcome::NotDone { fault, why, after })) => {
            facts.push(Event::Failed { task: task.clone(), fault, why, after });
        }
        (_, Finding::Sent(Outcome::Unknown { why })) => {
            facts.push(Event::Failed { task: task.clone(), fault: Fault::Unreachable, why, after: None });
        }
        (Effect::Reload(consumer, key), Finding::Reloaded) => {
            facts.push(Event::Reloaded { consumer: consumer.clone(), key: key.clone() });
        }
        (Effect::CloseGate(_), Finding::GateSet) => sight.forget_gate(),
        (Effect::OpenGate { generation, key }, Finding::GateSet) => {
            sight.forget_gate();
            if *custody.gate() == GateRecord::Opening(key.clone()) && custody.latch().is_none() {
                facts.push(Event::GateOpened { generation: *generation, key: key.clone() });
            }
        }
        (_, Finding::Failed { fault, why, after }) => {
            facts.push(Event::Failed { task: task.clone(), fault, why, after });
        }
        // The executor answered another question than was asked; nothing is concluded and the task is tried again.
        (effect, finding) => {
            let why = format!("{} was answered with {finding:?}", effect.name());
            facts.push(Event::Failed { task: task.clone(), fault: Fault::Refused, why, after: None });
        }
    }
    let reading = matches!(task, Task::Look(_) | Task::Prove(_) | Task::Read(_) | Task::Feed);
    if facts.is_empty() && reading && custody.retries().contains_key(&task) {
        facts.push(Event::Recovered { task });
    }
    facts
}

impl Effect {
    /// The task that the effect serves.
    pub fn task(&self) -> Task {
        match self {
            Self::ReadKey(key) => Task::Look(key.clone()),
            Self::Probe(key) => Task::Prove(key.clone()),
            Self::SetStatus(key, SetStatus::Active) => Task::Wake(key.clone()),
            Self::SetStatus(key, SetStatus::Inactive) => Task::Off(key.clone()),
            Self::SetStatus(key, SetStatus::Archived) => Task::Archive(key.clone()),
            Self::ReadConsumer(consumer) => Task::Read(consumer.clone()),
            Self::Deliver(consumer, _) => Task::Deliver(consumer.clone()),
            Self::Reload(consumer, _) => Task::Reload(consumer.clone()),
            Self::ReadGate | Self::CloseGate(_) | Self::OpenGate { .. } => Task::Gate,
            Self::CheckDrain(_) => Task::Feed,
        }
    }
}
