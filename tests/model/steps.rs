use std::sync::Arc;

use guard::domain::ids::{IncidentId, KeyId};
use guard::domain::rotation::{Custody, Event, KeyRecord, Lapse, Sight, Stage, Standing};

use super::machine::{Action, At, Guard, NOW, State, spend};
use super::mutant::Mutant;
use super::trip::TripRun;
use super::world::KEYS;

/// Everything that can happen, one step at a time.
impl Guard {
    fn person(&self, state: &mut State, action: &Action) -> Option<()> {
        // These take the workspace's lock: no driver is between an intent and its effect.
        if state.at != At::Deciding {
            return None;
        }
        let custody = state.custody.clone();
        let event = match action {
            Action::Rotate => {
                let free = custody.rotation().is_none() && custody.latch().is_none();
                if !free || !custody.desired().is_some_and(|k| custody.usable(k)) {
                    return None;
                }
                spend(&mut state.left.rotations)?;
                requested(&custody, None)
            }
            Action::Force => {
                custody.rotation().filter(|r| r.forced.is_none() && r.stage != Stage::RollBack)?;
                spend(&mut state.left.orders)?;
                Event::DrainForced { reason: String::new(), by: String::new() }
            }
            Action::Back => {
                spend(&mut state.left.orders)?;
                match custody.rotation() {
                    Some(rotation) if rotation.stage == Stage::RollBack => return None,
                    Some(r) if custody.usable(&r.old) || self.is(Mutant::RollsBackAfterIntent) => {
                        Event::TurnedBack { why: String::new(), unfit: false }
                    }
                    Some(_) => return None,
                    None if custody.latch().is_some() => return None,
                    None => {
                        let retired = |r: &KeyRecord| {
                            r.standing == Standing::Dead && !r.tripped && !r.archived && r.deployed_at.is_some()
                        };
                        let last = custody.keys().iter().find(|(_, r)| retired(r)).map(|(id, _)| id.clone())?;
                        if !custody.desired().is_some_and(|k| custody.usable(k)) {
                            return None;
                        }
                        requested(&custody, Some(last))
                    }
                }
            }
            // A trip under way takes seconds; a person who judges it takes longer.
            Action::Rearm { .. } if state.trip.is_some() => return None,
            Action::Rearm { newest } => {
                let seen = IncidentId(custody.generation().checked_sub(u64::from(!newest))?);
                let lax = self.is(Mutant::RearmsOlder) || self.is(Mutant::RearmsAlive);
                if custody.may_rearm(seen, &self.policy().consumers).is_err() && !(lax && custody.latch().is_some()) {
                    return None;
                }
                Event::Rearmed { incident: seen, by: String::new(), reason: String::new(), forced: false }
            }
            _ => return None,
        };
        state.sight = Sight::default();
        self.commit(state, &[event]);
        Some(())
    }

    /// The state after the action; `None` when it cannot happen.
    pub fn step(&self, last: &State, action: &Action) -> Option<State> {
        let mut next = last.clone();
        let state = &mut next;
        match action {
            Action::Drive(lucky) => self.drive(state, *lucky)?,
            Action::Send(post) => self.send(state, *post, false)?,
            Action::SendAndDie(post) => self.send(state, *post, true)?,
            Action::Die => state.die(),
            Action::Tick => {
                state.custody = Arc::new((*state.custody).clone().abstracted(NOW, Lapse::Pauses));
                state.sight = Sight::default();
            }
            Action::Settle => {
                state.custody = Arc::new((*state.custody).clone().abstracted(NOW, Lapse::Settle));
                (state.world.on, state.world.off) = ([0; KEYS], [0; KEYS]);
                state.sight = Sight::default();
            }
            Action::Land(k, status) => {
                *state.world.wire(*k, *status) -= 1;
                state.world.land(*k, *status);
            }
            Action::Restart(i) => state.world.consumers[*i].memory = state.world.consumers[*i].place,
            Action::JobStarts => {
                spend(&mut state.left.jobs)?;
                state.world.job = Some(state.world.gate.key()?);
            }
            Action::JobEnds => state.world.job = None,
            Action::Edit(k, status) => {
                spend(&mut state.left.edits)?;
                state.world.land(*k, *status);
                state.world.edited |= 1 << k;
            }
            Action::Overwrite(i, k) => {
                spend(&mut state.left.overwrites)?;
                let consumer = &mut state.world.consumers[*i];
                (consumer.place, consumer.edited) = (*k, true);
            }
            Action::Trip(k) => TripRun::begin(self, state, *k)?,
            Action::TripSends(post) => TripRun::send(self, state, *post)?,
            Action::TripWrites => TripRun::write_down(self, state)?,
            Action::TripDies => state.trip = None,
            Action::Rotate | Action::Force | Action::Back | Action::Rearm { .. } => self.person(state, action)?,
        }
        if state.broken.is_none() {
            if state.trip.is_none() && state.world.lost_trip(&state.custody) {
                state.blame("promise 3");
            }
            let forced = state.custody.rotation().is_some_and(|r| r.forced.is_some());
            let forced = forced || last.left.orders != self.budget.orders;
            if let Err(rule) = state.world.check(&state.custody, forced) {
                state.blame(rule);
            }
        }
        (next != *last).then_some(next)
    }
}

fn requested(custody: &Custody, recall: Option<KeyId>) -> Event {
    Event::RotationRequested {
        rotation: custody.next_rotation(),
        reason: String::new(),
        by: String::new(),
        consumers: custody.consumers().keys().cloned().collect(),
        recall,
    }
}
