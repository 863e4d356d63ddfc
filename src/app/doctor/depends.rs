use chrono::TimeDelta;

use super::Finding;
use crate::app::heartbeat::pulse;
use crate::app::sight::{Sight, sight};
use crate::app::{App, checkpoint, hold};
use crate::domain::key::ProviderWorkspace;
use crate::domain::ledger::{ConsumerSettings, Workspace};
use crate::domain::redact::printable;
use crate::domain::secret::Secret;
use crate::domain::time::humane;
use crate::ports::{ConsumerError, GateState, ProviderError, Reading, SecretName};

/// A notice that waits for longer than this is worth a remark.
const LONG_WAIT: TimeDelta = TimeDelta::hours(1);

/// The checks of what the ledger names: vault, provider, workspaces, keys, consumers, feed, channels. Nothing is changed.
pub async fn examine(app: &App) -> Vec<Finding> {
    let mut findings = vec![vault(app)];
    let (credential, reachable) = admin_key(app).await;
    findings.push(credential);
    if reachable {
        findings.extend(workspaces(app).await);
    }
    for workspace in &app.ledger.workspaces {
        findings.extend(custody(app, workspace).await);
    }
    findings.extend(held(app));
    findings.push(feed(app));
    findings.push(channels(app));
    findings.push(heartbeat(app));
    findings.push(outbox(app));
    findings.push(evidence(app));
    findings
}

fn vault(app: &App) -> Finding {
    const CHECK: &str = "vault";
    let place = app.vault.describe();
    match app.vault.keys() {
        Ok(keys) => Finding::ok(CHECK, format!("{place}, {} keys", keys.len())),
        Err(error) => Finding::fail(
            CHECK,
            format!("{place}: {error}"),
            "unlock the keyring, or give guard the vault's own key; without it no key can be handed out or replaced",
        ),
    }
}

/// The finding, and whether the provider answers this credential.
async fn admin_key(app: &App) -> (Finding, bool) {
    const CHECK: &str = "admin key";
    match app.keys.organization().await {
        Ok(organization) => {
            (Finding::ok(CHECK, format!("accepted by organization {}", printable(&organization.name, 60))), true)
        }
        Err(error @ ProviderError::Refused { .. }) => (
            Finding::fail(
                CHECK,
                error.to_string(),
                "guard finds its admin key in GUARD_ADMIN_KEY_FILE, where the ledger's provider.admin_key says, in the \
                 vault, or as the systemd credential admin-key; one that is refused must be made anew in the Console",
            ),
            false,
        ),
        Err(error) => (
            Finding::fail(
                CHECK,
                error.to_string(),
                "check the network, the proxy and the provider's address in the ledger",
            ),
            false,
        ),
    }
}

async fn workspaces(app: &App) -> Vec<Finding> {
    const CHECK: &str = "workspace";
    let listed = match app.keys.workspaces().await {
        Ok(listed) => listed,
        Err(error) => return vec![Finding::fail(CHECK, error.to_string(), "run `guard doctor` again")],
    };
    app.ledger.workspaces.iter().map(|workspace| at_provider(workspace, &listed)).collect()
}

fn at_provider(workspace: &Workspace, listed: &[ProviderWorkspace]) -> Finding {
    const CHECK: &str = "workspace";
    let Workspace { name, id, .. } = workspace;
    match listed.iter().find(|w| &w.id == id) {
        // The provider may leave the default workspace out of its list.
        None if workspace.is_default => Finding::ok(CHECK, format!("{name}: the default workspace")),
        None => Finding::fail(
            CHECK,
            format!("{name}: the provider has no workspace {id}"),
            "correct its id in the ledger; `guard ledger diff` lists what the provider has",
        ),
        Some(ProviderWorkspace { archived_at: Some(_), .. }) => Finding::fail(
            CHECK,
            format!("{name}: {id} is archived, all its keys are dead"),
            "remove it from the ledger, or name another workspace",
        ),
        Some(found) => Finding::ok(CHECK, format!("{name}: {id} ({})", printable(&found.name, 60))),
    }
}

/// Gate, secret and consumers of one workspace.
async fn custody(app: &App, workspace: &Workspace) -> Vec<Finding> {
    const CHECK: &str = "key";
    let name = &workspace.name;
    let key = match app.gate.read(name) {
        GateState::Open { key, .. } => key,
        GateState::Closed { why } => {
            return vec![Finding::warn(
                CHECK,
                format!("{name}: the gate is closed: {why}"),
                format!("`guard status` says what happened; a workspace without a key needs `guard key add -w {name}`"),
            )];
        }
    };
    let secret = match app.vault.get(&SecretName::Key(key.clone())) {
        Ok(Some(secret)) => secret,
        Ok(None) => {
            return vec![Finding::fail(
                CHECK,
                format!("{name}: the vault does not hold {key}"),
                format!("seal it again with `guard key add -w {name}`"),
            )];
        }
        // The vault has a finding of its own.
        Err(error) => return vec![Finding::fail(CHECK, format!("{name}: {error}"), "mend the vault first")],
    };
    let mut findings = vec![Finding::ok(CHECK, format!("{name}: gate open with {key} ({})", secret.hint()))];
    for settings in &workspace.consumers {
        findings.push(consumer(app, workspace, settings, &secret).await);
    }
    findings
}

async fn consumer(app: &App, workspace: &Workspace, settings: &ConsumerSettings, desired: &Secret) -> Finding {
    const CHECK: &str = "consumer";
    let consumer = (app.consumers)(&workspace.name, settings);
    let what = format!("{}/{}: {}", workspace.name, settings.name, consumer.describe());
    let deliver = || format!("`guard tick` delivers the key; `guard status` shows what is open in {}", workspace.name);
    match consumer.read().await {
        Ok(Reading::Holds(held)) if held.same_as(desired) => Finding::ok(CHECK, format!("{what} holds the key")),
        Ok(Reading::Holds(held)) => {
            Finding::fail(CHECK, format!("{what} holds another key ({})", held.hint()), deliver())
        }
        Ok(Reading::Empty) => Finding::fail(CHECK, format!("{what} holds no key"), deliver()),
        Ok(Reading::WriteOnly) => Finding::warn(
            CHECK,
            format!("{what} cannot be read back"),
            "give it a `read` program if the store allows one; until then the feed alone shows which key is in use",
        ),
        Err(
            ConsumerError::Unreachable { why, .. }
            | ConsumerError::Refused { why, .. }
            | ConsumerError::Unknown { why, .. },
        ) => Finding::fail(
            CHECK,
            format!("{what}: {}", printable(&why, 300)),
            "mend it before the next rotation; one consumer that fails blocks the revoking",
        ),
    }
}

fn feed(app: &App) -> Finding {
    const CHECK: &str = "feed";
    // The strictest workspace decides.
    let limit = app.ledger.workspaces.iter().map(|w| w.watch.blind_after).min().unwrap_or_default();
    let sight = sight(app.watch_state.as_ref(), app.clock.now(), limit);
    match &sight {
        Sight::Clear { .. } => Finding::ok(CHECK, sight.to_string()),
        Sight::NeverPolled => Finding::warn(
            CHECK,
            sight.to_string(),
            "start `guard watch` under systemd, or `guard tick` from a timer or cron, every minute",
        ),
        Sight::Blind { .. } | Sight::Unknown { .. } => Finding::fail(
            CHECK,
            sight.to_string(),
            "check that `guard watch` or the timer runs (`systemctl status guard`, `systemctl list-timers`), and its log",
        ),
    }
}

fn channels(app: &App) -> Finding {
    const CHECK: &str = "notifiers";
    let names: Vec<&str> = app.notifiers.iter().map(|n| n.name().as_str()).collect();
    match names.as_slice() {
        [] => Finding::fail(CHECK, "nobody is told when a key is stopped", "add a [[notifier]] to the ledger"),
        [only] => Finding::warn(
            CHECK,
            format!("only `{only}`"),
            "add a second one: a broken channel is reported on the others",
        ),
        _ => Finding::ok(CHECK, names.join(", ")),
    }
}

/// Without one, nobody notices that guard is down.
fn heartbeat(app: &App) -> Finding {
    const CHECK: &str = "heartbeat";
    let Some(settings) = &app.ledger.heartbeat else {
        return Finding::warn(
            CHECK,
            "nobody notices when guard itself stands still",
            "add a [heartbeat] to the ledger (docs/notifiers.md), or watch guard's metrics (docs/monitoring.md)",
        );
    };
    // Two signs may be lost on the way before somebody should look.
    let patience = TimeDelta::from_std(settings.interval).unwrap_or(TimeDelta::MAX).checked_mul(3);
    match pulse(app) {
        Err(error) => {
            Finding::fail(CHECK, error.to_string(), "check the state directory and the free space of its disk")
        }
        Ok(pulse) => match (&pulse.failing, &pulse.last_good) {
            (Some(why), _) => Finding::fail(
                CHECK,
                format!("the last sign of life did not arrive: {}", printable(why, 120)),
                "check the address; `guard notify secret --heartbeat` seals another one",
            ),
            (None, None) => Finding::warn(
                CHECK,
                "no sign of life was sent yet; each follows a look at usage that succeeded",
                "start `guard watch`, or `guard tick` from a timer",
            ),
            (None, Some((at, _))) if patience.is_some_and(|most| app.clock.now() - *at > most) => Finding::fail(
                CHECK,
                format!("the last sign of life was {} ago", humane(app.clock.now() - *at)),
                "check that `guard watch` or the timer runs, and what it says",
            ),
            (None, Some((at, _))) => {
                Finding::ok(CHECK, format!("the last sign of life arrived {} ago", humane(app.clock.now() - *at)))
            }
        },
    }
}

/// Unsigned evidence can be rewritten as a whole by whoever is root on this host.
fn evidence(app: &App) -> Finding {
    const CHECK: &str = "evidence";
    match checkpoint::signing_key(app) {
        Ok(Some(key)) => match checkpoint::last(app) {
            Ok(Some((at, seq))) => Finding::ok(
                CHECK,
                format!(
                    "signed up to record {} {} ago, by key {}",
                    seq.saturating_sub(1),
                    humane(app.clock.now() - at),
                    key.public().fingerprint()
                ),
            ),
            Ok(None) => Finding::ok(CHECK, "nothing is signed yet; `guard watch` and `guard tick` sign once a day"),
            Err(error) => {
                Finding::fail(CHECK, error.to_string(), "check the state directory and the free space of its disk")
            }
        },
        Ok(None) => Finding::warn(CHECK, "its checkpoints are not signed", "`guard evidence key` makes a key"),
        Err(error) => Finding::fail(CHECK, error.to_string(), "check the vault"),
    }
}

fn held(app: &App) -> Option<Finding> {
    let hold = hold::current(app)?;
    Some(Finding::warn("hold", format!("guard does not act by itself: {hold}"), "`guard hold --release` ends it"))
}

fn outbox(app: &App) -> Finding {
    const CHECK: &str = "outbox";
    match app.outbox.backlog() {
        Err(error) => {
            Finding::fail(CHECK, error.to_string(), "check the state directory and the free space of its disk")
        }
        Ok((0, _)) => Finding::ok(CHECK, "empty"),
        Ok((count, oldest)) => {
            let age = oldest.map_or(TimeDelta::zero(), |at| app.clock.now() - at);
            let text = format!("{count} notices wait, the oldest for {}", humane(age));
            if age > LONG_WAIT {
                Finding::warn(
                    CHECK,
                    text,
                    "a channel does not answer, or nothing delivers: `guard watch` and `guard tick` do",
                )
            } else {
                Finding::ok(CHECK, text)
            }
        }
    }
}
