use guard::domain::rotation::Stage;

use super::machine::{Guard, State};
use super::world::{K, KEYS, Status, index, key, keys};

/// What every fair run comes to.
impl Guard {
    /// L1: no rotation is open; one that waits for a person to make a key is as far as it can be.
    pub fn rotation_settled(&self, state: &State) -> bool {
        state.custody.rotation().is_none_or(|r| r.stage == Stage::Prepare && state.custody.standby_missing())
    }

    /// L2, promise 3: every doomed key is proven dead, and no trip is left in the gate's note alone.
    pub fn debts_paid(&self, state: &State) -> bool {
        let announced = keys(state.world.announced).iter().all(|k| state.custody.tripped().any(|t| t == k));
        state.custody.doomed().next().is_none() && announced && state.trip.is_none()
    }

    /// L3: consumers work with the gate open, or no usable key is left.
    pub fn in_service(&self, state: &State) -> bool {
        let works = |k: Option<K>| k.is_some_and(|k| state.world.accepts(k));
        works(state.world.gate.key()) && state.world.consumers.iter().all(|c| works(c.place) && works(c.memory))
            || self.exhausted(state)
    }

    /// L4: every place has the desired key, or no usable key is left.
    pub fn converged(&self, state: &State) -> bool {
        let desired = state.custody.desired().map(index);
        state.world.consumers.iter().all(|c| c.place == desired) || self.exhausted(state)
    }

    /// L5: no key is active that nobody uses.
    pub fn tidy(&self, state: &State) -> bool {
        let used = |k: K| {
            let id = Some(key(k));
            let rotation = state.custody.rotation();
            state.custody.desired() == id || rotation.is_some_and(|r| Some(&r.old) == id || r.new.as_ref() == id)
        };
        (0..KEYS as K).all(|k| state.world.status[k as usize] != Status::Active || used(k))
    }

    /// A person has been asked for a key: none is left.
    fn exhausted(&self, state: &State) -> bool {
        state.custody.standby_missing()
    }
}
