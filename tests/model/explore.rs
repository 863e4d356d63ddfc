use std::sync::Arc;

use guard::domain::rotation::{Custody, Enrolment, Event, Holding, Lapse, SetStatus, Sight};
use stateright::{Model, Property};

use super::machine::{Action, At, Guard, NOW, Post, State};
use super::world::{K, KEYS, World, key, sink};

/// The rules that are explored, by the names that a broken one is reported under.
pub const RULES: [&str; 20] = [
    "S1",
    "S2",
    "S3",
    "S4",
    "S5",
    "S6",
    "S7",
    "S8",
    "S9",
    "S10",
    "S11",
    "S12",
    "S13",
    "S14",
    "S15",
    "S16",
    "promise 1",
    "promise 3",
    "apply refuses",
    "spent keys stay spent",
];

macro_rules! rules {
    ($($index:literal)*) => {
        vec![$(Property::<Guard>::always(RULES[$index], |_, s| s.broken != Some(RULES[$index]))),*]
    };
}

impl Model for Guard {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut custody = Custody::default();
        let enrolled =
            |k: K, role| Event::Enrolled { key: key(k).clone(), hint: None, created_at: NOW, expires_at: None, role };
        let mut events = vec![enrolled(0, Enrolment::Active)];
        for k in 1..KEYS as K {
            events.extend([enrolled(k, Enrolment::Standby), Event::Cooled { key: key(k).clone() }]);
        }
        for i in 0..self.sinks {
            let (consumer, key) = (sink(i).clone(), key(0).clone());
            events.push(Event::ConsumerSeen { consumer: consumer.clone(), holds: Holding::Key(key.clone()) });
            events.push(Event::Reloaded { consumer, key });
        }
        let (generation, key) = (0, key(0).clone());
        events.push(Event::GateOpening { generation, key: key.clone() });
        events.push(Event::GateOpened { generation, key });
        for event in &events {
            custody = custody.apply(event, NOW).expect("a legal beginning");
        }
        vec![State {
            custody: Arc::new(custody.abstracted(NOW, Lapse::None)),
            durable: None,
            sight: Sight::default(),
            at: At::Deciding,
            trip: None,
            world: World::new(self.broken, self.sinks),
            left: self.budget,
            broken: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some() {
            return;
        }
        let all = 0..KEYS as K;
        if state.at == At::Deciding {
            actions.extend([Action::Drive(true), Action::Drive(false), Action::Tick]);
            actions.extend([Action::Rotate, Action::Force, Action::Back]);
            actions.extend([Action::Rearm { newest: true }, Action::Rearm { newest: false }]);
            if state.trip.is_none() {
                actions.push(Action::Settle);
            }
        } else {
            let posts = [Post::Answered, Post::Late, Post::Twice, Post::Refused];
            actions.extend(posts.into_iter().flat_map(|p| [Action::Send(p), Action::SendAndDie(p)]));
        }
        actions.push(Action::Die);
        let wires = [SetStatus::Active, SetStatus::Inactive];
        for k in all.clone() {
            actions
                .extend(wires.into_iter().filter(|s| *state.world.clone().wire(k, *s) > 0).map(|s| Action::Land(k, s)));
        }
        if state.world.consumers.iter().any(|c| c.memory != c.place) {
            actions.extend((0..self.sinks).map(Action::Restart));
        }
        match &state.trip {
            Some(run) if run.sent.is_none() => {
                let posts = [Post::Answered, Post::Late, Post::Twice, Post::Refused];
                actions.extend(posts.map(Action::TripSends));
                actions.push(Action::TripDies);
            }
            Some(_) => actions.extend([Action::TripWrites, Action::TripDies]),
            None if state.left.trips > 0 => {
                actions.extend(all.clone().map(|k| Action::Trip(Some(k))));
                actions.push(Action::Trip(None));
            }
            None => {}
        }
        if state.world.job.is_some() {
            actions.push(Action::JobEnds);
        } else if state.left.jobs > 0 {
            actions.push(Action::JobStarts);
        }
        if state.left.edits > 0 {
            let edits = [SetStatus::Active, SetStatus::Inactive, SetStatus::Archived];
            actions.extend(all.clone().flat_map(|k| edits.map(|s| Action::Edit(k, s))));
        }
        if state.left.overwrites > 0 {
            let secrets = all.map(Some).chain([None]);
            actions.extend(secrets.map(|k| Action::Overwrite(0, k)));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        self.step(last, &action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rules!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19)
    }
}
