use super::decide::{Desk, Flow};
use super::drain::{Drain, DrainQuestion};
use super::effect::Effect;
use super::event::{Ending, Event};
use super::liveness::{Life, Wake};
use super::retry::Task;
use super::service::Intent;
use super::state::{Rotation, Stage, Standing};
use super::waiting::{Waiting, later};
use crate::domain::ids::KeyId;

/// Pause between two questions to the feed: the provider's documented sustained rate.
const FEED_PAUSE: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// The phases of the open rotation, one step at a time.
impl Desk<'_> {
    /// Takes the rotation on. Frozen while the gate is latched: silence behind a closed gate is no drain.
    pub(super) fn advance_rotation(&mut self) -> Flow {
        let Some(rotation) = self.custody.rotation() else { return Flow::Continue(()) };
        if let Some(incident) = self.custody.latch() {
            let doomed = self.custody.key(&rotation.old).is_some_and(|r| r.standing != Standing::Usable);
            if !doomed {
                self.wait(later(self.now, FEED_PAUSE), Waiting::Latched(incident));
            }
            return Flow::Continue(());
        }
        match (rotation.stage, &rotation.new) {
            (Stage::Prepare, None) => match self.first_standby() {
                Some(key) => self.record(Event::StandbyTaken { key, promotion: false }),
                None => self.no_standby(),
            },
            (Stage::Prepare, Some(new)) => match self.wake(new)? {
                Wake::Live => self.record(Event::OverlapProven { key: new.clone() }),
                Wake::Unfit(why) => self.record(Event::StandbyUnfit { key: new.clone(), why }),
                Wake::Pending => Flow::Continue(()),
            },
            (Stage::Switch, Some(new)) => {
                if self.all_converged()? && self.gate_has(new) && self.life(new)? == Life::Live {
                    return self.record(Event::Switched);
                }
                Flow::Continue(())
            }
            (Stage::Drain, Some(new)) => self.drain(rotation, new),
            (Stage::Revoke, Some(_)) => self.revoke(&rotation.old),
            (Stage::RollBack, _) => {
                if self.all_converged()? && self.gate_has(&rotation.old) {
                    return self.record(Event::RotationEnded { ending: Ending::RolledBack });
                }
                Flow::Continue(())
            }
            // `apply` lets no rotation leave `Prepare` without a new key.
            (Stage::Switch | Stage::Drain | Stage::Revoke, None) => Flow::Continue(()),
        }
    }

    fn drain(&mut self, rotation: &Rotation, new: &KeyId) -> Flow {
        if !self.all_converged()? || self.life(new)? != Life::Live {
            return Flow::Continue(());
        }
        if rotation.forced.is_some() {
            return self.record(Event::Drained { proof: None });
        }
        let switched_at = rotation.switched_at.unwrap_or(rotation.stage_since);
        if self.now - switched_at < self.policy.overlap {
            let until = later(switched_at, self.policy.overlap);
            self.wait(until, Waiting::Overlap(until));
            return Flow::Continue(());
        }
        let question =
            DrainQuestion { old: rotation.old.clone(), new: new.clone(), switched_at, quiet: self.policy.drain };
        match self.sight.drain(self.now).cloned() {
            Some(Drain::Proven(proof)) => self.record(Event::Drained { proof: Some(proof) }),
            Some(not_yet) => {
                let again = later(self.sight.drain_at().unwrap_or(self.now), FEED_PAUSE);
                if again <= self.now && self.may_try(&Task::Feed) {
                    return self.read(Effect::CheckDrain(question));
                }
                self.wait(again, Waiting::Drain { old: rotation.old.clone(), what: Some(not_yet.to_string()) });
                Flow::Continue(())
            }
            None if self.may_try(&Task::Feed) => self.read(Effect::CheckDrain(question)),
            None => Flow::Continue(()),
        }
    }

    fn revoke(&mut self, old: &KeyId) -> Flow {
        match self.custody.key(old).map(|r| r.standing) {
            Some(Standing::Usable) => match self.may_doom(old)? {
                Intent::Clear => self.record(Event::Doomed { key: old.clone() }),
                Intent::NotYet => Flow::Continue(()),
            },
            // The key's death is every doomed key's business.
            Some(Standing::Doomed) => Flow::Continue(()),
            Some(Standing::Dead) | None => self.record(Event::RotationEnded { ending: Ending::Completed }),
        }
    }
}
