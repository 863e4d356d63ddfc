use chrono::TimeDelta;

use super::App;
use crate::domain::ids::{ConsumerName, KeyId, Principal};
use crate::domain::key::{KeyStatus, Probe};
use crate::domain::ledger::Workspace;
use crate::domain::rotation::{
    Custody, Drain, DrainQuestion, Effect, Fault, Finding, GateSeen, Holding, Outcome, ProbeSeen, Seen, SetStatus,
    judge_drain,
};
use crate::domain::secret::Secret;
use crate::domain::time::Minute;
use crate::ports::{Consumer, ConsumerError, GateState, ProviderError, Reading, SecretName, VaultError};

/// How far back the feed is read for a drain. Older use of the new key is known from the store.
const LOOK_BACK: TimeDelta = TimeDelta::hours(24);

/// How long a run without a recorded end counts as running. Its end is lost when the host goes down.
const LONGEST_RUN: TimeDelta = TimeDelta::hours(24);

/// Carries one effect out and says what it showed. Never decides anything.
pub(super) async fn perform(app: &App, workspace: &Workspace, custody: &Custody, effect: &Effect) -> Finding {
    match effect {
        Effect::ReadKey(key) => read_key(app, key).await,
        Effect::SetStatus(key, status) => Finding::Sent(set_status(app, key, *status).await),
        Effect::Probe(key) => probe(app, workspace, key).await,
        Effect::ReadConsumer(name) => match consumer(app, workspace, name) {
            Some(place) => read_consumer(app, custody, &*place).await,
            None => no_such_consumer(name),
        },
        Effect::Deliver(name, key) => match consumer(app, workspace, name) {
            Some(place) => deliver(app, &*place, key).await,
            None => no_such_consumer(name),
        },
        Effect::Reload(name, _) => match consumer(app, workspace, name) {
            Some(place) => reload(&*place).await,
            None => no_such_consumer(name),
        },
        Effect::ReadGate => Finding::Gate(match app.gate.read(&workspace.name) {
            GateState::Open { generation, key } => GateSeen::Open(generation, key),
            GateState::Closed { why } => GateSeen::Closed(why),
        }),
        Effect::CloseGate(why) => gate_set(app.gate.close(&workspace.name, why)),
        Effect::OpenGate { generation, key } => gate_set(app.gate.open(&workspace.name, *generation, key)),
        Effect::CheckDrain(question) => check_drain(app, workspace, question).await,
    }
}

fn failed(fault: Fault, why: impl ToString) -> Finding {
    Finding::Failed { fault, why: why.to_string(), after: None }
}

fn gate_set(result: Result<(), crate::ports::GateError>) -> Finding {
    result.map_or_else(|e| failed(Fault::Refused, e), |()| Finding::GateSet)
}

fn no_such_consumer(name: &ConsumerName) -> Finding {
    failed(Fault::Refused, format!("the ledger has no consumer `{name}`"))
}

fn consumer(app: &App, workspace: &Workspace, name: &ConsumerName) -> Option<Box<dyn Consumer>> {
    let settings = workspace.consumers.iter().find(|c| c.name == *name)?;
    Some((app.consumers)(&workspace.name, settings))
}

/// The fault and the pause that the provider asked for.
fn fault(error: &ProviderError) -> (Fault, Option<u32>) {
    match error {
        ProviderError::Refused { .. } => (Fault::Credential, None),
        ProviderError::RateLimited { retry_after } => {
            let seconds = retry_after.map(|d| u32::try_from(d.as_secs()).unwrap_or(u32::MAX));
            (Fault::Unreachable, seconds)
        }
        ProviderError::NotFound(_) | ProviderError::Rejected { .. } => (Fault::Refused, None),
        _ => (Fault::Unreachable, None),
    }
}

fn unread(error: &ProviderError) -> Finding {
    let (fault, after) = fault(error);
    Finding::Failed { fault, why: error.to_string(), after }
}

async fn read_key(app: &App, key: &KeyId) -> Finding {
    match app.keys.key(key).await {
        Ok(found) if found.id == *key => Finding::Key(Seen::from(&found.status)),
        Ok(_) => failed(Fault::Unreachable, "the provider answered with another key"),
        // A 404 alone is no proof: only a list that works and lacks the key is.
        Err(ProviderError::NotFound(_)) => match app.keys.keys().await {
            Ok(list) => match list.iter().find(|k| k.id == *key) {
                Some(found) => Finding::Key(Seen::from(&found.status)),
                None if list.is_empty() => failed(Fault::Unreachable, "the provider lists no keys at all"),
                None => Finding::Key(Seen::Gone),
            },
            Err(error) => unread(&error),
        },
        Err(error) => unread(&error),
    }
}

/// Sends one request and says what is known of it.
pub(super) async fn set_status(app: &App, key: &KeyId, status: SetStatus) -> Outcome {
    let wanted = match status {
        SetStatus::Active => KeyStatus::Active,
        SetStatus::Inactive => KeyStatus::Inactive,
        SetStatus::Archived => KeyStatus::Archived,
    };
    match app.keys.set_status(key, wanted.clone()).await {
        Ok(answer) if answer.id == *key && answer.status == wanted => Outcome::Done,
        Ok(answer) => {
            Outcome::Unknown { why: format!("the provider answered with a key that is {}", answer.status.as_str()) }
        }
        Err(error) if error.certain() => {
            let (fault, after) = fault(&error);
            Outcome::NotDone { fault, why: error.to_string(), after }
        }
        Err(error) => Outcome::Unknown { why: error.to_string() },
    }
}

fn secret(app: &App, key: &KeyId) -> Result<Option<Secret>, VaultError> {
    app.vault.get(&SecretName::Key(key.clone()))
}

async fn probe(app: &App, workspace: &Workspace, key: &KeyId) -> Finding {
    match secret(app, key) {
        Ok(None) => Finding::Probe(ProbeSeen::NoSecret),
        Ok(Some(secret)) => match app.probe.probe(&secret, Some(&workspace.id)).await {
            Probe::Accepted { workspace } => Finding::Probe(ProbeSeen::Accepted(workspace)),
            Probe::Refused => Finding::Probe(ProbeSeen::Refused),
            Probe::Undecided(why) => failed(Fault::Unreachable, format!("the probe is undecided: {why}")),
        },
        Err(error) => failed(Fault::Vault, error),
    }
}

async fn read_consumer(app: &App, custody: &Custody, place: &dyn Consumer) -> Finding {
    let held = match place.read().await {
        Ok(Reading::Holds(held)) => held,
        Ok(Reading::Empty) => return Finding::Consumer(Holding::Nothing),
        Ok(Reading::WriteOnly) => return Finding::Consumer(Holding::Sealed),
        Err(error) => return consumer_failed(&error),
    };
    for (key, record) in custody.keys() {
        // The hint spares the vault; a key without one is compared in full.
        if record.hint.as_deref().is_some_and(|hint| !held.fits(hint)) {
            continue;
        }
        match secret(app, key) {
            Ok(Some(sealed)) if sealed.same_as(&held) => return Finding::Consumer(Holding::Key(key.clone())),
            // Its secret is lost; head and tail are the best that is left, and calling it foreign could get it revoked in use.
            Ok(None) if record.hint.is_some() => return Finding::Consumer(Holding::Key(key.clone())),
            Ok(_) => {}
            Err(error) => return failed(Fault::Vault, error),
        }
    }
    Finding::Consumer(Holding::Foreign)
}

fn consumer_failed(error: &ConsumerError) -> Finding {
    match error {
        ConsumerError::Refused { .. } => failed(Fault::Refused, error),
        ConsumerError::Unreachable { .. } | ConsumerError::Unknown { .. } => failed(Fault::Unreachable, error),
    }
}

async fn deliver(app: &App, place: &dyn Consumer, key: &KeyId) -> Finding {
    let secret = match secret(app, key) {
        Ok(Some(secret)) => secret,
        Ok(None) => return failed(Fault::Vault, format!("the secret of {key} is not in the vault")),
        Err(error) => return failed(Fault::Vault, error),
    };
    match place.deliver(&secret).await {
        Ok(()) => Finding::Sent(Outcome::Done),
        Err(error @ ConsumerError::Unknown { .. }) => Finding::Sent(Outcome::Unknown { why: error.to_string() }),
        Err(error) => consumer_failed(&error),
    }
}

async fn reload(place: &dyn Consumer) -> Finding {
    let done = match place.reload().await {
        Ok(()) => place.verify().await,
        Err(error) => Err(error),
    };
    done.map_or_else(|error| consumer_failed(&error), |()| Finding::Reloaded)
}

async fn check_drain(app: &App, workspace: &Workspace, question: &DrainQuestion) -> Finding {
    let now = app.clock.now();
    let running = app.runs.runs(&workspace.name, now.checked_sub_signed(LONGEST_RUN).unwrap_or(now), now);
    match running.map(|runs| {
        runs.into_iter().find(|r| r.key == question.old && r.ended_at.is_none() && now - r.started_at < LONGEST_RUN)
    }) {
        Ok(Some(run)) => return Finding::Drain(Drain::JobRunning(run.id)),
        Ok(None) => {}
        Err(error) => return failed(Fault::Unreachable, error),
    }
    let needed = question.quiet.checked_add(&LOOK_BACK).unwrap_or(LOOK_BACK);
    let from = question.switched_at.max(now.checked_sub_signed(needed).unwrap_or(question.switched_at));
    let new_seen = match app.usage.last_used(&Principal::Key(question.new.clone())) {
        Ok(seen) => seen,
        Err(error) => return failed(Fault::Unreachable, error),
    };
    match app.feed.usage(Minute::containing(from), Minute::containing(now).plus(1)).await {
        Ok(window) => Finding::Drain(judge_drain(question, &window.rows, new_seen, now)),
        Err(error) => unread(&error),
    }
}
