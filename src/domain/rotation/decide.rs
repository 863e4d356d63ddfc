use std::ops::ControlFlow;

use chrono::TimeDelta;

use super::effect::Effect;
use super::event::Event;
use super::policy::Policy;
use super::retry::{ALARM_AFTER, Task};
use super::sight::Sight;
use super::state::Custody;
use super::waiting::{Ask, Waiting, later};
use crate::domain::time::Timestamp;

/// How long a rotation that has moved something may be open before a person is told, beyond its overlap and drain.
const STALE: TimeDelta = TimeDelta::hours(24);

/// What to do next for a workspace's keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Write these facts down; they follow from what is known, and nothing is sent.
    Record(Vec<Event>),
    /// Write `intent` down (readings have none), then run `effect`.
    Do {
        /// What announces the effect.
        intent: Vec<Event>,
        /// What to do.
        effect: Effect,
    },
    /// Nothing can be done before `until`.
    Wait {
        /// When to decide again.
        until: Timestamp,
        /// What is waited for.
        why: Waiting,
    },
    /// Nothing can be done before a person acts.
    Ask(Ask),
    /// Nothing is owed.
    Finished,
}

/// Says what to do next: the first thing that can be done now, in the order of its urgency. Pure and repeatable; a decision
/// that is carried out changes the state or the sight, so that the next call says something else.
pub fn decide(custody: &Custody, sight: &Sight, policy: &Policy, now: Timestamp) -> Decision {
    let mut desk = Desk { custody, sight, policy, now, waits: Vec::new(), asks: Vec::new() };
    match desk.go_round() {
        ControlFlow::Break(decision) => decision,
        ControlFlow::Continue(()) => desk.rest(),
    }
}

/// `Break` carries the decision; `Continue` means that this duty has nothing to do now.
pub(super) type Flow<T = ()> = ControlFlow<Decision, T>;

/// One look at everything, with what turned out to be waiting on the way.
pub(super) struct Desk<'a> {
    pub(super) custody: &'a Custody,
    pub(super) sight: &'a Sight,
    pub(super) policy: &'a Policy,
    pub(super) now: Timestamp,
    waits: Vec<(Timestamp, Waiting)>,
    asks: Vec<Ask>,
}

impl Desk<'_> {
    /// Every duty in order: what protects money first, then what keeps the service up, then the rest.
    fn go_round(&mut self) -> Flow {
        self.keep_gate_closed()?;
        self.notice_drift()?;
        self.kill_doomed()?;
        self.alarm()?;
        self.keep_service()?;
        self.forget_removed_consumers()?;
        self.converge_consumers()?;
        self.open_gate()?;
        self.advance_rotation()?;
        self.reopen()?;
        self.tidy_keys()?;
        self.archive()
    }

    /// What remains when nothing can be done now. A grace time that has to pass is nothing to wait for while anything else is.
    fn rest(mut self) -> Decision {
        let grace = |why: &Waiting| matches!(why, Waiting::Grace(_));
        let next = self.waits.into_iter().min_by_key(|(until, why)| (grace(why), *until));
        match (next, self.asks.pop()) {
            (Some((_, why)), Some(ask)) if grace(&why) => Decision::Ask(ask),
            (Some((until, why)), _) => Decision::Wait { until, why },
            (None, Some(ask)) => Decision::Ask(ask),
            (None, None) => Decision::Finished,
        }
    }

    pub(super) fn wait(&mut self, until: Timestamp, why: Waiting) {
        // A wait that is over would be decided again at once, for ever.
        self.waits.push((until.max(later(self.now, TimeDelta::seconds(1))), why));
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        self.asks.push(ask);
    }

    /// Whether the task may be tried now; otherwise its pause is waited for.
    pub(super) fn may_try(&mut self, task: &Task) -> bool {
        let Some(retry) = self.custody.retries().get(task).filter(|r| r.next > self.now) else { return true };
        let why = Waiting::Retry { task: task.clone(), attempts: retry.attempts, why: retry.why.clone() };
        self.wait(retry.next, why);
        false
    }

    pub(super) fn record<T>(&self, event: Event) -> Flow<T> {
        Flow::Break(Decision::Record(vec![event]))
    }

    pub(super) fn read<T>(&self, effect: Effect) -> Flow<T> {
        Flow::Break(Decision::Do { intent: Vec::new(), effect })
    }

    pub(super) fn act<T>(&self, intent: Event, effect: Effect) -> Flow<T> {
        Flow::Break(Decision::Do { intent: vec![intent], effect })
    }

    /// Tells people about what fails again and again, once each.
    fn alarm(&mut self) -> Flow {
        for (task, retry) in self.custody.retries() {
            if retry.attempts >= ALARM_AFTER && !retry.alarmed {
                return self.record(Event::Blocked { task: task.clone(), why: retry.why.clone() });
            }
        }
        let Some(rotation) = self.custody.rotation() else { return Flow::Continue(()) };
        let allowed = [self.policy.overlap, self.policy.drain]
            .into_iter()
            .fold(STALE, |sum, d| sum.checked_add(&d).unwrap_or(TimeDelta::MAX));
        let stale = self.now - rotation.started_at > allowed;
        let told = self.custody.retries().get(&Task::Rotation).is_some_and(|r| r.alarmed);
        if stale && !told {
            let why = format!("it is open for more than {}", crate::domain::time::humane(allowed));
            return self.record(Event::Blocked { task: Task::Rotation, why });
        }
        Flow::Continue(())
    }
}
