//! The metrics of `guard watch` for Prometheus. Names, units and labels are an interface: they are only added to
//! (<https://prometheus.io/docs/practices/naming/>). No label holds a name of a person, an address, or text of a key.

use std::collections::BTreeMap;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tokens;

/// What a workspace contributes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkspaceMetrics {
    /// Its name.
    pub name: String,
    /// A trip may do more than say so.
    pub armed: bool,
    /// Jobs may start.
    pub gate_open: bool,
    /// Keys by role.
    pub keys: BTreeMap<&'static str, i64>,
    /// Standbys that are ready.
    pub standbys: i64,
    /// Keys that are not dead: when they were made and when they stop by themselves.
    pub lives: Vec<(KeyId, Timestamp, Option<Timestamp>)>,
    /// Tokens of the newest complete minute.
    pub usage: BTreeMap<KeyId, Tokens>,
    /// Incidents by rule.
    pub incidents: BTreeMap<String, u64>,
    /// Kills by what came of them: `confirmed`, `pending`.
    pub kills: BTreeMap<&'static str, u64>,
    /// Rotations by how they ended.
    pub rotations: BTreeMap<&'static str, u64>,
    /// The phase of the open rotation.
    pub stage: Option<&'static str>,
    /// Its start.
    pub rotating_since: Option<Timestamp>,
    /// How long each finished rotation took, in seconds.
    pub rotation_seconds: Vec<u64>,
    /// Things that somebody must still do.
    pub owed: i64,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricsView {
    /// guard's version.
    pub version: String,
    /// The end of the newest minute that is known to be complete.
    pub usage_data: Option<Timestamp>,
    /// The last poll that was answered and understood.
    pub last_poll: Option<Timestamp>,
    /// Polls that failed since this process began, by reason.
    pub poll_errors: BTreeMap<&'static str, u64>,
    /// Deliveries to people since this process began, by result.
    pub notifications: BTreeMap<&'static str, u64>,
    /// Notices that wait to be delivered.
    pub waiting: u64,
    /// A person keeps guard from acting by itself.
    pub on_hold: bool,
    /// The workspaces.
    pub workspaces: Vec<WorkspaceMetrics>,
}

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge>;
type Counters = Family<Labels, Counter>;

/// Bounds of the rotation histogram, in seconds: from a minute to a week.
const ROTATION_BOUNDS: [f64; 9] = [60.0, 600.0, 1800.0, 3600.0, 7200.0, 21_600.0, 86_400.0, 259_200.0, 604_800.0];

/// The metrics in the OpenMetrics text format 1.0 (<https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>).
pub fn open_metrics(view: &MetricsView) -> String {
    let mut registry = Registry::with_prefix("guard");
    registry.register("build", "The guard that answers", Info::new(vec![("version", view.version.clone())]));
    add_feed(&mut registry, view);
    add_keys(&mut registry, view);
    add_story(&mut registry, view);
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = encode(&mut text, &registry);
    text
}

/// The same in the older text format 0.0.4, which scrapers get that do not ask for the newer one: counters and infos carry
/// their suffix in `# TYPE` and `# HELP`, and there is no end mark.
pub fn classic(open_metrics: &str) -> String {
    let mut suffixes: BTreeMap<&str, &str> = BTreeMap::new();
    for line in open_metrics.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            match kind {
                "counter" => suffixes.insert(name, "_total"),
                "info" => suffixes.insert(name, "_info"),
                _ => None,
            };
        }
    }
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        let head = ["# TYPE ", "# HELP "].into_iter().find(|head| line.starts_with(head));
        match head.and_then(|head| Some((head, line.strip_prefix(head)?.split_once(' ')?))) {
            Some((head, (name, rest))) => {
                let suffix = suffixes.get(name).copied().unwrap_or_default();
                let rest = if rest == "info" { "gauge" } else { rest };
                text.push_str(&format!("{head}{name}{suffix} {rest}"));
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

fn labels<const N: usize>(workspace: &WorkspaceMetrics, more: [(&'static str, &str); N]) -> Labels {
    let mut labels = vec![("workspace", workspace.name.clone())];
    labels.extend(more.map(|(name, value)| (name, value.to_owned())));
    labels
}

fn family<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn add_feed(registry: &mut Registry, view: &MetricsView) {
    let times = [
        ("usage_data_timestamp_seconds", "End of the newest complete minute of usage data", view.usage_data),
        ("last_poll_timestamp_seconds", "Last poll that was answered and understood", view.last_poll),
    ];
    for (name, help, at) in times {
        // Nothing is better than a zero, which would be read as 1970.
        if let Some(at) = at {
            family(registry, name, help, Gauge::<i64>::default()).set(at.timestamp());
        }
    }
    let errors = family(registry, "poll_errors", "Polls that failed since this process began", Counters::default());
    for (reason, count) in &view.poll_errors {
        errors.get_or_create(&vec![("reason", (*reason).to_owned())]).inc_by(*count);
    }
    let help = "Deliveries to people since this process began";
    let notifications = family(registry, "notifications", help, Counters::default());
    for (result, count) in &view.notifications {
        notifications.get_or_create(&vec![("result", (*result).to_owned())]).inc_by(*count);
    }
    let waiting = family(registry, "notices_waiting", "Notices that nobody has taken yet", Gauge::<i64>::default());
    waiting.set(i64::try_from(view.waiting).unwrap_or(i64::MAX));
    let help = "A person keeps guard from acting by itself";
    family(registry, "on_hold", help, Gauge::<i64>::default()).set(i64::from(view.on_hold));
}

fn add_keys(registry: &mut Registry, view: &MetricsView) {
    let armed = family(registry, "armed", "A trip may stop the workspace's jobs or key", Gauges::default());
    let gate = family(registry, "gate_open", "Jobs of the workspace may start", Gauges::default());
    let owed = family(registry, "owed", "Things that guard or a person must still do", Gauges::default());
    let keys = family(registry, "keys", "Keys in guard's custody by role", Gauges::default());
    let standbys = family(registry, "standby_keys", "Standby keys that are ready", Gauges::default());
    let created = family(registry, "key_created_timestamp_seconds", "When the key was made", Gauges::default());
    let expiry = family(registry, "key_expiry_timestamp_seconds", "When the key stops by itself", Gauges::default());
    let help = "Tokens of the newest complete minute by kind";
    let usage = family(registry, "usage_tokens", help, Gauges::default());
    for workspace in &view.workspaces {
        armed.get_or_create(&labels(workspace, [])).set(i64::from(workspace.armed));
        gate.get_or_create(&labels(workspace, [])).set(i64::from(workspace.gate_open));
        owed.get_or_create(&labels(workspace, [])).set(workspace.owed);
        standbys.get_or_create(&labels(workspace, [])).set(workspace.standbys);
        for (status, count) in &workspace.keys {
            keys.get_or_create(&labels(workspace, [("status", status)])).set(*count);
        }
        for (key, made, expires) in &workspace.lives {
            let of = labels(workspace, [("api_key_id", key.as_str())]);
            created.get_or_create(&of).set(made.timestamp());
            if let Some(at) = expires {
                expiry.get_or_create(&of).set(at.timestamp());
            }
        }
        for (key, tokens) in &workspace.usage {
            let written = tokens.cache_write_5m.saturating_add(tokens.cache_write_1h);
            let kinds = [
                ("uncached_input", tokens.uncached_input),
                ("cache_read", tokens.cache_read),
                ("cache_write", written),
                ("output", tokens.output),
            ];
            for (kind, count) in kinds {
                let of = labels(workspace, [("api_key_id", key.as_str()), ("kind", kind)]);
                usage.get_or_create(&of).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }
}

fn add_story(registry: &mut Registry, view: &MetricsView) {
    let incidents = family(registry, "incidents", "Incidents by the rule that tripped", Counters::default());
    let kills =
        family(registry, "kill_actions", "Keys that trips had to kill, by what came of it", Counters::default());
    let rotations = family(registry, "rotations", "Finished rotations by how they ended", Counters::default());
    let stage = family(registry, "rotation_stage", "The phase of the open rotation", Gauges::default());
    let help = "Start of the open rotation";
    let since = family(registry, "rotation_started_timestamp_seconds", help, Gauges::default());
    let duration = Histogram::new(ROTATION_BOUNDS);
    registry.register("rotation_duration_seconds", "From the request of a rotation to its end", duration.clone());
    for workspace in &view.workspaces {
        for (rule, count) in &workspace.incidents {
            incidents.get_or_create(&labels(workspace, [("rule", rule)])).inc_by(*count);
        }
        for (result, count) in &workspace.kills {
            kills.get_or_create(&labels(workspace, [("result", result)])).inc_by(*count);
        }
        for (result, count) in &workspace.rotations {
            rotations.get_or_create(&labels(workspace, [("result", result)])).inc_by(*count);
        }
        if let Some(phase) = workspace.stage {
            stage.get_or_create(&labels(workspace, [("stage", phase)])).set(1);
        }
        if let Some(at) = workspace.rotating_since {
            since.get_or_create(&labels(workspace, [])).set(at.timestamp());
        }
        for seconds in &workspace.rotation_seconds {
            duration.observe(*seconds as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> MetricsView {
        let workspace = WorkspaceMetrics {
            name: "prod".to_owned(),
            armed: true,
            incidents: BTreeMap::from([("spike".to_owned(), 2)]),
            rotation_seconds: vec![1500],
            ..WorkspaceMetrics::default()
        };
        MetricsView { version: "0.1.0".to_owned(), workspaces: vec![workspace], ..MetricsView::default() }
    }

    #[test]
    fn both_formats_say_the_same_in_their_own_way() {
        let open = open_metrics(&view());
        assert!(open.contains("# TYPE guard_incidents counter"), "{open}");
        assert!(open.contains("guard_incidents_total{workspace=\"prod\",rule=\"spike\"} 2\n"), "{open}");
        assert!(open.contains("guard_rotation_duration_seconds_bucket{le=\"1800.0\"} 1\n"), "{open}");
        assert!(open.ends_with("# EOF\n"));
        let classic = classic(&open);
        assert!(classic.contains("# TYPE guard_incidents_total counter"), "{classic}");
        assert!(classic.contains("# TYPE guard_build_info gauge"), "{classic}");
        assert!(classic.contains("guard_incidents_total{workspace=\"prod\",rule=\"spike\"} 2\n"), "{classic}");
        assert!(!classic.contains("# EOF"));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let open = open_metrics(&view());
        assert!(!open.contains("guard_last_poll_timestamp_seconds"), "{open}");
    }
}
