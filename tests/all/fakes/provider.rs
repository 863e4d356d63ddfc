use async_trait::async_trait;
use chrono::TimeDelta;
use guard::domain::ids::{KeyId, WorkspaceId};
use guard::domain::key::{ApiKey, KeyOwner, KeyScope, KeyStatus, Organization, Probe, ProviderWorkspace};
use guard::domain::ledger::RotationPolicy;
use guard::domain::rotation::{Effect, SetStatus, invariants};
use guard::domain::secret::Secret;
use guard::domain::time::Minute;
use guard::domain::usage::UsageWindow;
use guard::ports::{Capabilities, GateState, KeyAdmin, KeyProbe, ProviderError, UsageFeed};

use super::app::name;
use super::world::{ProviderKey, Request, State, World};

fn shown(id: &KeyId, key: &ProviderKey) -> ApiKey {
    let (head, tail) = (&key.secret[..17], &key.secret[key.secret.len() - 4..]);
    ApiKey {
        id: id.clone(),
        name: "key".to_owned(),
        status: key.status.clone(),
        created_at: key.created_at,
        created_by: None,
        expires_at: None,
        partial_key_hint: Some(format!("{head}...{tail}")),
        owner: KeyOwner::Workspace,
        scope: KeyScope::Workspace(key.workspace.clone()),
    }
}

fn up(state: &State) -> Result<(), ProviderError> {
    if state.down { Err(ProviderError::Unreachable("no route".to_owned())) } else { Ok(()) }
}

#[async_trait]
impl KeyAdmin for World {
    fn capabilities(&self) -> Capabilities {
        Capabilities { mint: false, enable: true, archive: true }
    }

    async fn organization(&self) -> Result<Organization, ProviderError> {
        Ok(Organization { id: "org".to_owned(), name: "org".to_owned() })
    }

    async fn workspaces(&self) -> Result<Vec<ProviderWorkspace>, ProviderError> {
        Ok(Vec::new())
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, ProviderError> {
        let state = self.lock();
        up(&state)?;
        Ok(state.keys.iter().map(|(id, key)| shown(id, key)).collect())
    }

    async fn key(&self, id: &KeyId) -> Result<ApiKey, ProviderError> {
        let state = self.lock();
        up(&state)?;
        state.keys.get(id).map(|key| shown(id, key)).ok_or_else(|| ProviderError::NotFound(id.to_string()))
    }

    async fn set_status(&self, id: &KeyId, status: KeyStatus) -> Result<ApiKey, ProviderError> {
        let mut state = self.lock();
        let asked = match status {
            KeyStatus::Active => SetStatus::Active,
            KeyStatus::Inactive => SetStatus::Inactive,
            _ => SetStatus::Archived,
        };
        // A trip sends before it writes; the closed gate backs it.
        let gate_closed = !matches!(state.gates.get(&name()), Some(GateState::Open { .. }));
        if !(asked == SetStatus::Inactive && gate_closed) {
            let custody = state.custody(&name());
            let effect = Effect::SetStatus(id.clone(), asked);
            if let Err(violation) = invariants::send(&custody, &effect) {
                state.broken.push(violation.to_string());
            }
            // Once the settle time is over guard trusts that nothing is travelling any more.
            let settle = TimeDelta::from_std(RotationPolicy::default().settle).unwrap();
            if custody.announced(&effect).is_some_and(|announced| state.now - announced >= settle) {
                state.broken.push(format!("{effect:?} is sent later than its settle time allows"));
            }
        }
        up(&state)?;
        state.sent.push((id.clone(), status.clone()));
        let lost = || Err(ProviderError::Unreachable("timed out".to_owned()));
        let now = state.now;
        match state.requests.pop_front().unwrap_or(Request::Answered) {
            Request::Answered => {}
            Request::Lost => return lost(),
            Request::AnswerLost => {
                state.set(id, status);
                return lost();
            }
            Request::Late(by) => {
                state.in_flight.push((now + by, id.clone(), status));
                return lost();
            }
            Request::Repeated(by) => {
                state.in_flight.push((now + by, id.clone(), status.clone()));
                state.set(id, status);
                return lost();
            }
            Request::Refused => return Err(ProviderError::RateLimited { retry_after: None }),
        }
        state.set(id, status);
        state.keys.get(id).map(|key| shown(id, key)).ok_or_else(|| ProviderError::NotFound(id.to_string()))
    }
}

#[async_trait]
impl KeyProbe for World {
    async fn probe(&self, secret: &Secret, _workspace: Option<&WorkspaceId>) -> Probe {
        let state = self.lock();
        if state.down {
            return Probe::Undecided("no route".to_owned());
        }
        match state.keys.iter().find(|(_, k)| k.secret == secret.expose()) {
            Some((id, key)) if state.works(id) => Probe::Accepted { workspace: Some(key.workspace.clone()) },
            _ => Probe::Refused,
        }
    }
}

#[async_trait]
impl UsageFeed for World {
    async fn usage(&self, from: Minute, until: Minute) -> Result<UsageWindow, ProviderError> {
        let state = self.lock();
        up(&state)?;
        // The feed lags five minutes behind.
        let visible = Minute::containing(state.now - TimeDelta::minutes(5));
        let rows = state.usage.iter().filter(|r| r.minute >= from && r.minute < until && r.minute <= visible);
        Ok(UsageWindow { from: Some(from), until: Some(until), rows: rows.cloned().collect() })
    }
}
