use std::time::Duration;

use super::policy;
use crate::domain::ids::{WorkspaceId, WorkspaceName};
use crate::domain::ledger::field::{Date, Flag, List, Text, absolute_path, duration_text, free_text, id, money, slug};
use crate::domain::ledger::section::Section;
use crate::domain::ledger::{
    FailoverPolicy, OrganizationPolicy, ProviderSettings, ReopenPolicy, RotationPolicy, TripMode, WatchPolicy,
    Workspace, consumer,
};

pub(super) fn workspace(
    section: &mut Section<'_, '_, '_>,
    provider: &ProviderSettings,
    organization: &OrganizationPolicy,
) -> Option<Workspace> {
    let name =
        section.required("name", "What people and commands call the workspace.", slug::<WorkspaceName>("prod-publish"));
    let provider_id = section.required(
        "id",
        "What the provider calls it. The default workspace has such an id, too.",
        id::<WorkspaceId>("wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ", "^wrkspc_[A-Za-z0-9_-]{1,121}$"),
    );
    let environment = section.required(
        "environment",
        "`prod`, `staging`, `dev`, …: workspaces of one environment may share routes and limits.",
        environment_name(),
    );
    let is_default = section.with_default(
        "is_default",
        "It is the organization's default workspace, which the usage report leaves without an id.",
        Flag,
        false,
    );
    let purpose = section.optional("purpose", "What the keys are for.", free_text("Nightly article summaries"));
    let owner = section.optional("owner", "Who answers for it.", free_text("data-team@example.com"));
    let owner_confirmed = section.optional("owner_confirmed", "The day on which the owner last said so.", Date);
    let budget_owner = section.optional("budget_owner", "Who pays.", free_text("finance@example.com"));
    let escalation = section.with_default(
        "escalation",
        "Whom to call, in this order.",
        List(free_text("+49 30 901820")),
        Vec::new(),
    );
    let monthly_limit = section.optional("monthly_limit", "The most a calendar month (UTC) may cost.", money());
    let acceptable_loss = section.optional(
        "acceptable_loss",
        "The loss at which the owner wants the key stopped, whatever the other rules say.",
        money(),
    );
    let hooks = section.optional(
        "hooks",
        "Reserved for programs that run at the steps of a rotation. guard does not run them yet.",
        absolute_path("/etc/guard/hooks"),
    );
    let models = section.table("models", "Which models may be used.", policy::models);
    let ceilings = section.table("ceilings", "Absolute caps on usage, whatever the history says.", policy::ceilings);
    let jobs = section.tables("job", "Jobs and when they run: the alibi of usage.", policy::job);
    let rotation = section.table("rotation", "How keys are replaced.", policy::rotation);
    let trip = section.table("trip", "What guard may do when a rule says `trip`.", policy::trip);
    let failover = section.table("failover", "What happens to consumers after a kill.", policy::failover);
    let exec = section.table("exec", "How `guard exec` starts jobs.", policy::exec);
    let watch = section.table("watch", "How usage is judged.", policy::watch);
    let consumers = section.tables("consumer", "Where workloads read the key from.", consumer::read);
    section.unique("consumer", "name", "give each consumer of a workspace its own name");
    section.unique("job", "name", "give each job of a workspace its own name");
    check_against_feed(section, &rotation, &watch, provider.feed_lag, organization.poll_interval);

    if trip.mode == TripMode::Kill && failover == FailoverPolicy::Standby && rotation.standbys == 0 {
        section
            .error_at(
                &["rotation", "standbys"],
                "after a kill a standby takes over, but none is kept",
                "keep at least one standby, or say that there is none with `[workspace.failover] mode = \"off\"`",
            )
            .allowed("1 or more while `trip.mode` is `kill` and `failover.mode` is `standby`");
    }
    if trip.mode == TripMode::Kill && failover == FailoverPolicy::Off {
        section.warn_at(
            &["failover", "mode"],
            "after a kill the jobs stand still until a person brings a new key",
            "set `failover.mode = \"standby\"` and keep a standby if they must go on",
        );
    }
    if trip.reopen == ReopenPolicy::Auto && failover == FailoverPolicy::Off {
        section.error_at(
            &["trip", "reopen"],
            "guard opens the gate by itself only when a standby has taken over, but failover is off",
            "write `reopen = \"person\"`, or `mode = \"standby\"` in `[workspace.failover]`",
        );
    }
    Some(Workspace {
        name: name?,
        id: provider_id?,
        is_default,
        environment: environment?,
        purpose,
        owner,
        owner_confirmed,
        budget_owner,
        escalation,
        monthly_limit,
        acceptable_loss,
        models,
        ceilings,
        jobs,
        rotation,
        trip,
        failover,
        exec,
        watch,
        consumers,
        hooks,
    })
}

/// As strict as a workspace's name: it becomes a metric label.
fn environment_name() -> Text<String> {
    let name = slug::<WorkspaceName>("prod");
    Text {
        parse: |typed| match WorkspaceName::new(typed) {
            Ok(name) => Ok(name.into()),
            Err(error) => Err(format!("`{}` is not the name of an environment: {}", error.shown, error.why)),
        },
        show: String::clone,
        allowed: name.allowed,
        example: name.example,
        pattern: name.pattern,
    }
}

/// Times that only make sense beyond the feed's lag.
fn check_against_feed(
    section: &mut Section<'_, '_, '_>,
    rotation: &RotationPolicy,
    watch: &WatchPolicy,
    lag: Duration,
    poll: Duration,
) {
    if rotation.drain < lag {
        let (drain, lag) = (duration_text(rotation.drain), duration_text(lag));
        section
            .error_at(
                &["rotation", "drain"],
                format!("a drain of {drain} is shorter than the feed's lag of {lag}: silence would prove nothing"),
                format!("write `drain = \"{lag}\"` or more"),
            )
            .allowed(format!("{lag} (`provider.feed_lag`) or more"));
    }
    if watch.blind_after < lag + poll {
        let least = duration_text(lag + poll);
        section
            .error_at(
                &["watch", "blind_after"],
                format!(
                    "guard would call itself blind all the time: data is up to {} old and read every {}",
                    duration_text(lag),
                    duration_text(poll)
                ),
                format!("write `blind_after = \"{least}\"` or more"),
            )
            .allowed(format!("{least} (`provider.feed_lag` and `organization.poll_interval`) or more"));
    }
}
