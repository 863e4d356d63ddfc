use guard::domain::ids::KeyId;
use guard::domain::incident::TripRecord;
use guard::domain::ledger::TripMode;
use guard::domain::rotation::{Custody, Event, Outcome, SetStatus, Sight};

use super::machine::{At, Guard, Post, State, spend};
use super::mutant::Mutant;
use super::world::{K, bits, index, key, keys};

/// A trip under way, as `app::trip` does it: without the lock, beside whatever the driver is at. First it closes the gate, then
/// it sends, then it writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TripRun {
    /// The key that was named.
    pub key: Option<K>,
    /// The keys that are killed, as of the beginning.
    pub targets: u8,
    /// What an earlier trip, whose process died, left in the gate's note alone.
    pub unwritten: u8,
    /// What is known of the requests.
    pub sent: Option<Outcome>,
}

impl TripRun {
    pub fn begin(guard: &Guard, state: &mut State, named: Option<K>) -> Option<()> {
        spend(&mut state.left.trips)?;
        let targets = targets(guard, &state.custody, named);
        if targets == 0 {
            return None;
        }
        let mut unwritten = 0;
        if !guard.is(Mutant::SendsBeforeClosing) {
            let incident = state.custody.generation() + 1;
            let (noted, left) = state.world.gate.note;
            unwritten = if state.world.gate.key().is_none() && noted >= incident { left & !targets } else { 0 };
            state.world.gate.close(incident, targets | unwritten);
            state.world.announced |= targets;
        }
        state.trip = Some(Self { key: named, targets, unwritten, sent: None });
        Some(())
    }

    pub fn send(guard: &Guard, state: &mut State, post: Post) -> Option<()> {
        let run = state.trip.clone()?;
        let mut outcome = None;
        for id in keys(run.targets) {
            let left = state.left;
            outcome = guard.post(state, index(&id), SetStatus::Inactive, post);
            outcome.as_ref()?;
            // One fault meets all requests of a trip.
            if id != *keys(run.targets).last()? {
                state.left = left;
            }
        }
        state.trip = Some(Self { sent: outcome, ..run });
        Some(())
    }

    pub fn write_down(guard: &Guard, state: &mut State) -> Option<()> {
        let run = state.trip.take()?;
        let custody = state.custody.clone();
        let fresh = targets(guard, &custody, run.key);
        let trip = TripRecord {
            incident: custody.next_incident(),
            keys: keys(run.targets | run.unwritten | fresh),
            rule: "person".to_owned(),
            sentence: String::new(),
            figures: serde_json::Value::Null,
            by_person: true,
            mode: TripMode::Kill,
        };
        let mut events = vec![Event::Tripped(trip)];
        for key in keys(run.targets) {
            if custody.key(&key).is_some_and(|r| r.archived) {
                continue;
            }
            events.push(Event::OffIntended { key: key.clone() });
            events.push(Event::OffAnswered { key, outcome: run.sent.clone()? });
        }
        match &mut state.at {
            At::Sending { stale, .. } => *stale = true,
            // Its next commit conflicts, and it reads everything again.
            At::Deciding => state.sight = Sight::default(),
        }
        let sight = std::mem::take(&mut state.sight);
        guard.commit(state, &events);
        state.sight = if state.at == At::Deciding { Sight::default() } else { sight };
        Some(())
    }
}

fn targets(guard: &Guard, custody: &Custody, named: Option<K>) -> u8 {
    let named: Option<&KeyId> = named.map(key);
    if let (Some(only), true) = (named, guard.is(Mutant::SparesTheOverlap)) {
        return bits([only]);
    }
    bits(&custody.trip_targets(named))
}
