use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use guard::domain::ids::{ConsumerName, KeyId, WorkspaceName};
use guard::domain::ledger::Program;
use guard::domain::secret::Secret;
use guard::domain::time::Timestamp;
use guard::ports::{
    Clock, Consumer, ConsumerError, FaultPoint, Faults, Gate, GateError, GateState, HookFacts, HookFailed, HookStage,
    Hooks, Programs, Reading, SecretName, Vault, VaultError,
};

use super::world::{Crash, World};

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    async fn sleep(&self, duration: Duration) {
        self.use_keys();
        self.pass(TimeDelta::from_std(duration).unwrap());
    }
}

#[async_trait]
impl Hooks for World {
    async fn run(&self, _: &Path, stage: HookStage, facts: &HookFacts) -> Result<Vec<String>, HookFailed> {
        let mut state = self.lock();
        let told = |name: &str| facts.environment.iter().find(|(n, _)| *n == name).unwrap().1.clone();
        let (old, new, status) = (told("GUARD_OLD_KEY_ID"), told("GUARD_NEW_KEY_ID"), told("GUARD_STATUS"));
        state.hooks.push((stage.as_str(), old, new, status));
        if state.dies_in_hook.take_if(|dies| *dies == stage.as_str()).is_some() {
            drop(state);
            std::panic::resume_unwind(Box::new(Crash));
        }
        match state.hooks_fail.get_mut(stage.as_str()).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                Err(HookFailed { hook: format!("{}.d/10", stage.as_str()), why: "status 1".to_owned() })
            }
            None => Ok(vec![format!("{}.d/10", stage.as_str())]),
        }
    }
}

#[async_trait]
impl Programs for World {
    async fn run(&self, program: &Program, environment: &[(&'static str, String)]) -> Result<(), String> {
        let mut state = self.lock();
        state.check("program");
        let incident = environment.iter().find(|(name, _)| *name == "GUARD_INCIDENT").map(|(_, value)| value.clone());
        state.programs.push((program.path.clone(), incident.unwrap_or_default()));
        if state.programs_fail > 0 {
            state.programs_fail -= 1;
            return Err(format!("`{}` ended with status 5", program.path));
        }
        Ok(())
    }
}

impl Faults for World {
    fn reach(&self, point: FaultPoint) {
        let mut state = self.lock();
        state.check(point.0);
        *state.reached.entry(point.0).or_default() += 1;
        if let Some((_, time)) = state.stalled.take_if(|(at, _)| *at == point) {
            state.now += time;
            state.land();
        }
        if let Some((_, barrier)) = state.held_up.take_if(|(at, _)| *at == point) {
            drop(state);
            barrier.wait();
            barrier.wait();
            state = self.lock();
        }
        if let Some((armed, left)) = &mut state.armed
            && *armed == point
        {
            *left -= 1;
            if *left == 0 {
                state.armed = None;
                drop(state);
                // Unlike a panic this prints nothing.
                std::panic::resume_unwind(Box::new(Crash));
            }
        }
    }
}

impl Vault for World {
    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn get(&self, name: &SecretName) -> Result<Option<Secret>, VaultError> {
        Ok(self.lock().vault.get(&name.to_string()).map(|text| Secret::new(text.clone()).unwrap()))
    }

    fn put(&self, name: &SecretName, secret: &Secret) -> Result<(), VaultError> {
        self.lock().vault.insert(name.to_string(), secret.expose().to_owned());
        Ok(())
    }

    fn remove(&self, name: &SecretName) -> Result<(), VaultError> {
        self.lock().vault.remove(&name.to_string());
        Ok(())
    }

    fn keys(&self) -> Result<Vec<KeyId>, VaultError> {
        Ok(self.lock().vault.keys().filter_map(|n| KeyId::new(n.strip_prefix("key.")?).ok()).collect())
    }
}

impl Gate for World {
    fn read(&self, workspace: &WorkspaceName) -> GateState {
        let closed = || GateState::Closed { why: "never opened".to_owned() };
        self.lock().gates.get(workspace).cloned().unwrap_or_else(closed)
    }

    fn close(&self, workspace: &WorkspaceName, why: &str) -> Result<(), GateError> {
        self.lock().gates.insert(workspace.clone(), GateState::Closed { why: why.to_owned() });
        Ok(())
    }

    fn open(&self, workspace: &WorkspaceName, generation: u64, key: &KeyId) -> Result<(), GateError> {
        self.lock().gates.insert(workspace.clone(), GateState::Open { generation, key: key.clone() });
        Ok(())
    }
}

/// A place in memory.
pub struct Place {
    pub world: World,
    pub name: ConsumerName,
}

impl Place {
    fn reachable(&self) -> Result<(), ConsumerError> {
        if self.world.lock().unreachable.contains(&self.name) {
            return Err(ConsumerError::Unreachable { target: self.name.to_string(), why: "gone".to_owned() });
        }
        Ok(())
    }
}

#[async_trait]
impl Consumer for Place {
    fn describe(&self) -> String {
        self.name.to_string()
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        self.reachable()?;
        let state = self.world.lock();
        let held = state.held.get(&self.name).cloned();
        if held.is_some() && state.write_only.contains(&self.name) {
            return Ok(Reading::WriteOnly);
        }
        Ok(held.map_or(Reading::Empty, |text| Reading::Holds(Secret::new(text).unwrap())))
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        self.reachable()?;
        self.world.lock().held.insert(self.name.clone(), secret.expose().to_owned());
        Ok(())
    }

    async fn reload(&self) -> Result<(), ConsumerError> {
        if self.world.lock().hanging.contains(&self.name) {
            std::future::pending::<()>().await;
        }
        self.reachable()
    }

    async fn verify(&self) -> Result<(), ConsumerError> {
        Ok(())
    }

    fn pickup(&self) -> &'static str {
        "at once"
    }
}
