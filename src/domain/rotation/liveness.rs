use chrono::TimeDelta;

use super::decide::{Desk, Flow};
use super::effect::{Effect, Fault, SetStatus};
use super::event::Event;
use super::retry::{ALARM_AFTER, Task};
use super::sight::{ProbeSeen, Seen};
use super::waiting::{Ask, Waiting, later};
use crate::domain::ids::KeyId;

/// Pause before a probe that contradicts the provider's word is repeated.
pub(super) const RECHECK: TimeDelta = TimeDelta::seconds(5);

/// Whether a key serves, on fresh evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Usable by record, active by the provider's word, and it works from here.
    Live,
    /// It certainly does not serve.
    Lost,
    /// It cannot be said now; what is missing is being waited for.
    Unknown,
}

/// How far a standby is on its way to serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wake {
    /// It serves.
    Live,
    /// It is on its way.
    Pending,
    /// It can never serve.
    Unfit(String),
}

impl Desk<'_> {
    /// The key's state, read lately; `None` while reading fails.
    pub(super) fn look(&mut self, key: &KeyId) -> Flow<Option<Seen>> {
        if let Some(seen) = self.sight.status(key, self.now) {
            return Flow::Continue(Some(seen.clone()));
        }
        if self.may_try(&Task::Look(key.clone())) {
            return self.read(Effect::ReadKey(key.clone()));
        }
        Flow::Continue(None)
    }

    /// What using the key shows, lately; `None` while no clear answer comes.
    pub(super) fn probe(&mut self, key: &KeyId) -> Flow<Option<ProbeSeen>> {
        if let Some(seen) = self.sight.probe(key, self.now) {
            return Flow::Continue(Some(seen.clone()));
        }
        self.probe_again(key).map_continue(|()| None)
    }

    /// Probes, unless it must pause.
    pub(super) fn probe_again(&mut self, key: &KeyId) -> Flow {
        if self.may_try(&Task::Prove(key.clone())) {
            return self.read(Effect::Probe(key.clone()));
        }
        Flow::Continue(())
    }

    /// Whether the key serves. One odd answer decides nothing: the provider's word and the probe must agree.
    pub(super) fn life(&mut self, key: &KeyId) -> Flow<Life> {
        if !self.custody.usable(key) {
            return Flow::Continue(Life::Lost);
        }
        let Some(seen) = self.look(key)? else { return Flow::Continue(Life::Unknown) };
        let Some(probe) = self.probe(key)? else { return Flow::Continue(Life::Unknown) };
        Flow::Continue(match (seen, probe) {
            (Seen::Active, ProbeSeen::Accepted(workspace)) => match workspace {
                Some(workspace) if workspace != self.policy.workspace => Life::Lost,
                _ => Life::Live,
            },
            (Seen::Active, ProbeSeen::Refused) if self.sight.refusals(key) < self.policy.proofs => {
                self.probe_again(key)?;
                Life::Unknown
            }
            (Seen::Active | Seen::Inactive | Seen::Final(_) | Seen::Gone, ProbeSeen::Refused) => Life::Lost,
            (_, ProbeSeen::NoSecret) => {
                self.ask(Ask::RestoreSecret(key.clone()));
                Life::Unknown
            }
            (_, ProbeSeen::Accepted(_)) | (Seen::Odd(_), _) => {
                self.recheck(key)?;
                Life::Unknown
            }
        })
    }

    /// The provider's word and the probe contradict each other: look again after a pause.
    fn recheck(&mut self, key: &KeyId) -> Flow {
        let why = "the provider's word and the probe contradict each other".to_owned();
        self.record(Event::Failed { task: Task::Prove(key.clone()), fault: Fault::Unreachable, why, after: None })
    }

    /// Brings a key of the pool, or one that is active anyway, to serve.
    pub(super) fn wake(&mut self, key: &KeyId) -> Flow<Wake> {
        let Some(record) = self.custody.key(key).filter(|r| r.usable()) else {
            return Flow::Continue(Wake::Unfit("it is not usable any more".to_owned()));
        };
        // A deactivation that is still travelling would kill the pipeline seconds after the switch.
        if let Some(until) = record.stopping.open_until(self.policy.settle, self.now) {
            self.wait(until, Waiting::Settle(key.clone()));
            return Flow::Continue(Wake::Pending);
        }
        let Some(seen) = self.look(key)? else { return Flow::Continue(Wake::Pending) };
        match seen {
            Seen::Active => self.prove_awake(key),
            Seen::Inactive => {
                if self.may_try(&Task::Wake(key.clone())) {
                    let effect = Effect::SetStatus(key.clone(), SetStatus::Active);
                    return self.act(Event::WakeIntended { key: key.clone() }, effect);
                }
                Flow::Continue(Wake::Pending)
            }
            Seen::Final(word) => Flow::Continue(Wake::Unfit(format!("the provider says that it is {word}"))),
            Seen::Gone => Flow::Continue(Wake::Unfit("the provider does not know it any more".to_owned())),
            Seen::Odd(_) => self.recheck(key).map_continue(|()| Wake::Pending),
        }
    }

    fn prove_awake(&mut self, key: &KeyId) -> Flow<Wake> {
        Flow::Continue(match self.probe(key)? {
            None => Wake::Pending,
            Some(ProbeSeen::Accepted(Some(workspace))) if workspace != self.policy.workspace => {
                Wake::Unfit(format!("it belongs to {workspace}, not to {}", self.policy.workspace))
            }
            Some(ProbeSeen::Accepted(_)) => Wake::Live,
            Some(ProbeSeen::NoSecret) => Wake::Unfit("its secret is not in the vault".to_owned()),
            Some(ProbeSeen::Refused) => {
                let task = Task::Prove(key.clone());
                let attempts = self.custody.retries().get(&task).map_or(0, |r| r.attempts);
                // An activation takes time to act, and a provider that refuses everything says nothing about this key: only
                // lasting refusal while the desired key works is the key's own fault.
                if attempts >= ALARM_AFTER
                    && let Some(desired) = self.custody.desired().cloned()
                    && self.life(&desired)? == Life::Live
                {
                    return Flow::Continue(Wake::Unfit("it is active and refused all the same".to_owned()));
                }
                let why = "it is active and refused".to_owned();
                return self.record(Event::Failed { task, fault: Fault::Unreachable, why, after: None });
            }
        })
    }

    /// Makes a key inactive and proves it; `true` once that is done. Asked again at every pass until then, because a request
    /// that got no answer may still be travelling, in either direction.
    pub(super) fn put_off(&mut self, key: &KeyId) -> Flow<bool> {
        let Some(record) = self.custody.key(key) else { return Flow::Continue(true) };
        let Some(seen) = self.look(key)? else { return Flow::Continue(false) };
        if !seen.is_off() {
            return self.send_off(key);
        }
        if let Some(until) = record.waking.open_until(self.policy.settle, self.now) {
            self.wait(until.min(later(self.now, TimeDelta::seconds(30))), Waiting::Settle(key.clone()));
            return Flow::Continue(false);
        }
        let Some(probe) = self.probe(key)? else { return Flow::Continue(false) };
        match probe {
            ProbeSeen::NoSecret => Flow::Continue(true),
            ProbeSeen::Refused if self.sight.refusals(key) >= self.policy.proofs => Flow::Continue(true),
            ProbeSeen::Refused => self.probe_again(key).map_continue(|()| false),
            ProbeSeen::Accepted(_) => {
                // The change has not taken effect yet, or the provider's word is stale.
                let again = later(self.sight.probed_at(key).unwrap_or(self.now), RECHECK);
                if again <= self.now {
                    self.probe_again(key)?;
                }
                let late = self.custody.retries().get(&Task::Off(key.clone())).is_none_or(|r| r.next <= self.now);
                if late {
                    return self.send_off(key);
                }
                self.wait(again, Waiting::Death(key.clone()));
                Flow::Continue(false)
            }
        }
    }

    fn send_off(&mut self, key: &KeyId) -> Flow<bool> {
        if self.may_try(&Task::Off(key.clone())) {
            let effect = Effect::SetStatus(key.clone(), SetStatus::Inactive);
            return self.act(Event::OffIntended { key: key.clone() }, effect);
        }
        Flow::Continue(false)
    }
}
