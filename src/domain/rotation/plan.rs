use serde::Serialize;

use super::policy::Policy;
use super::state::{Custody, Stage, Standing};
use super::waiting::Ask;
use crate::domain::time::humane;

/// What a rotation would do, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The steps that are left, in order.
    pub steps: Vec<PlannedStep>,
    /// What a person must do first, in words.
    pub needs: Option<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// The phase, in the design's words.
    pub phase: &'static str,
    /// What happens.
    pub what: String,
    /// After this step the rotation cannot be rolled back.
    pub point_of_no_return: bool,
}

/// The steps that are left of the open rotation, or of one that would begin now.
pub fn plan(custody: &Custody, policy: &Policy) -> Plan {
    let rotation = custody.rotation();
    let stage = rotation.map_or(Stage::Prepare, |r| r.stage);
    let old = rotation.map(|r| &r.old).or(custody.desired());
    let new = rotation.and_then(|r| r.new.clone()).or_else(|| custody.standbys().first().map(|k| (*k).clone()));
    let name =
        |key: Option<&crate::domain::ids::KeyId>| key.map_or_else(|| "a new key".to_owned(), ToString::to_string);
    let (old_name, new_name) = (name(old), name(new.as_ref()));

    let mut steps = Vec::new();
    let mut step = |phase, what: String| steps.push(PlannedStep { phase, what, point_of_no_return: false });
    if stage == Stage::RollBack {
        for consumer in policy.consumers.iter().filter(|c| !custody.converged(c)) {
            step("roll_back", format!("deliver {old_name} to `{consumer}` again, read it back, reload and verify"));
        }
        step("roll_back", format!("put {new_name} back to inactive"));
        return Plan { steps, needs: None };
    }
    if stage <= Stage::Prepare {
        step("overlap", format!("activate {new_name}, read it back and probe it until it works from here"));
    }
    if stage <= Stage::Switch {
        for consumer in policy.consumers.iter().filter(|c| stage < Stage::Switch || !custody.converged(c)) {
            step("switch", format!("deliver {new_name} to `{consumer}`, read it back, reload and verify"));
        }
        step("switch", format!("let the gate hand out {new_name}"));
    }
    if stage <= Stage::Drain {
        let (overlap, quiet) = (humane(policy.overlap), humane(policy.drain));
        step(
            "drain",
            format!("wait {overlap}, then until the feed shows {new_name} in use and {old_name} silent for {quiet}"),
        );
    }
    if stage <= Stage::Revoke {
        let doomed = old.and_then(|k| custody.key(k)).is_some_and(|r| r.standing != Standing::Usable);
        if !doomed {
            let what =
                format!("read every consumer again; none may hold {old_name}, and {new_name} must work at that moment");
            steps.push(PlannedStep { phase: "revoke", what, point_of_no_return: true });
        }
        let mut step = |phase, what: String| steps.push(PlannedStep { phase, what, point_of_no_return: false });
        step(
            "revoke",
            format!("deactivate {old_name} and probe it until it is refused {} times in a row", policy.proofs),
        );
        if policy.archive {
            step("grace", format!("keep {old_name} recoverable for {}, then archive it", humane(policy.grace)));
        }
    }
    let needs = (new.is_none()).then(|| Ask::MakeKey.to_string());
    Plan { steps, needs }
}
