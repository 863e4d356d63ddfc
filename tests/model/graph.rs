use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::{BuildHasher, RandomState};

use stateright::Model;

use super::machine::{Action, Guard, State};

/// Every reachable state and the fair steps between them.
pub struct Graph {
    /// For each state, the states from which a fair step leads to it.
    before: Vec<Vec<u32>>,
    /// From where and by which action each state was found first.
    found: Vec<Option<(u32, Action)>>,
    /// For each goal, whether each state is one.
    goals: Vec<[bool; GOALS.len()]>,
}

type Goal = (&'static str, fn(&Guard, &State) -> bool);

/// What must stay within reach, whatever has happened.
pub const GOALS: [Goal; 5] = [
    ("L1 a rotation settles", Guard::rotation_settled),
    ("L2 every doomed key is proven dead", Guard::debts_paid),
    ("L3 service comes back", Guard::in_service),
    ("L4 consumers converge", Guard::converged),
    ("L5 no idle key stays active", Guard::tidy),
];

impl Graph {
    /// Explores everything.
    pub fn of(guard: &Guard) -> Self {
        // Two independent hashes make a collision as good as impossible, and spare keeping the states.
        let hashers = (RandomState::new(), RandomState::new());
        let print = |s: &State| (u128::from(hashers.0.hash_one(s)) << 64) | u128::from(hashers.1.hash_one(s));
        let mut ids: HashMap<u128, u32> = HashMap::new();
        let mut graph = Self { before: Vec::new(), found: Vec::new(), goals: Vec::new() };
        let mut queue = VecDeque::new();
        for state in guard.init_states() {
            ids.insert(print(&state), graph.add(guard, &state, None));
            queue.push_back((0, state));
        }
        let mut actions = Vec::new();
        while let Some((id, state)) = queue.pop_front() {
            guard.actions(&state, &mut actions);
            for action in actions.drain(..) {
                let Some(next) = guard.next_state(&state, action.clone()) else { continue };
                let to = match ids.entry(print(&next)) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => {
                        let to = *new.insert(graph.add(guard, &next, Some((id, action.clone()))));
                        queue.push_back((to, next));
                        to
                    }
                };
                if action.fair() {
                    graph.before[to as usize].push(id);
                }
            }
        }
        graph
    }

    fn add(&mut self, guard: &Guard, state: &State, found: Option<(u32, Action)>) -> u32 {
        self.before.push(Vec::new());
        self.found.push(found);
        self.goals.push(GOALS.map(|(_, reached)| reached(guard, state)));
        u32::try_from(self.before.len() - 1).expect("fewer states than that")
    }

    pub fn states(&self) -> usize {
        self.before.len()
    }

    /// States from which the goal cannot be reached by fair steps any more, with the way to the first of them.
    pub fn traps(&self, goal: usize) -> (usize, Vec<Action>) {
        let mut reaches: Vec<bool> = self.goals.iter().map(|g| g[goal]).collect();
        let mut open: Vec<u32> = (0..self.states() as u32).filter(|id| reaches[*id as usize]).collect();
        while let Some(id) = open.pop() {
            for from in &self.before[id as usize] {
                if !std::mem::replace(&mut reaches[*from as usize], true) {
                    open.push(*from);
                }
            }
        }
        let first = reaches.iter().position(|reached| !reached);
        let way = first.map_or_else(Vec::new, |id| self.way(id));
        (reaches.iter().filter(|reached| !**reached).count(), way)
    }

    fn way(&self, mut id: usize) -> Vec<Action> {
        let mut way = Vec::new();
        while let Some((from, action)) = &self.found[id] {
            way.push(action.clone());
            id = *from as usize;
        }
        way.reverse();
        way
    }
}
