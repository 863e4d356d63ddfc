use std::collections::BTreeMap;

use serde::Serialize;

use super::score::Row;

/// Unchanged series of one profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileSummary {
    /// The profile.
    pub profile: String,
    /// How many keys.
    pub keys: usize,
    /// How long they were observed together, in months of 30 days.
    pub key_months: f64,
    /// Trips: all of them false.
    pub false_trips: u32,
    /// Trips per key-month.
    pub false_trips_per_key_month: f64,
    /// Warnings per key-month.
    pub warns_per_key_month: f64,
}

/// Harmless changes of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenignSummary {
    /// The kind; `all` for all of them.
    pub kind: String,
    /// How many.
    pub cases: usize,
    /// How many tripped.
    pub tripped: usize,
    /// Their share.
    pub trip_share: f64,
    /// The share that was warned of (or tripped).
    pub warn_share: f64,
}

/// Attacks of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttackSummary {
    /// The kind; `all` for all of them.
    pub kind: String,
    /// The file that the keys are from; none for all files.
    pub file: Option<String>,
    /// How many.
    pub cases: usize,
    /// The share that tripped.
    pub detection_rate: f64,
    /// The share that was warned of (or tripped).
    pub warn_rate: f64,
    /// Minutes from the first stolen minute to the trip, of those that tripped: median.
    pub delay_minutes_median: Option<f64>,
    /// The same: 95th percentile.
    pub delay_minutes_p95: Option<f64>,
    /// Minutes to the first warning: median.
    pub warn_delay_minutes_median: Option<f64>,
    /// Loss in normal days of the key, undetected attacks included: median. None where the key has no normal day.
    pub loss_days_median: Option<f64>,
    /// The same: 95th percentile.
    pub loss_days_p95: Option<f64>,
    /// What the feed's delay alone costs, in normal days: 95th percentile.
    pub floor_days_p95: Option<f64>,
    /// Loss as a share of what was stolen altogether: median.
    pub loss_share_median: Option<f64>,
}

/// The whole backtest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Unchanged series, by profile; `all` last.
    pub normal: Vec<ProfileSummary>,
    /// Harmless changes, by kind; `all` last.
    pub benign: Vec<BenignSummary>,
    /// Attacks, by kind over all files and by file and kind.
    pub attacks: Vec<AttackSummary>,
}

impl Summary {
    /// Sums up rows.
    pub fn of(rows: &[Row]) -> Self {
        let of_class = |class: &str| rows.iter().filter(|row| row.class == class).collect::<Vec<_>>();
        let (normal, benign, attacks) = (of_class("normal"), of_class("benign"), of_class("attack"));
        let mut by_kind: Vec<AttackSummary> =
            grouped(&attacks, |row| (None, row.kind.clone())).into_iter().map(attack_summary).collect();
        by_kind.extend(
            grouped(&attacks, |row| (Some(row.file.clone()), row.kind.clone()))
                .into_iter()
                .filter(|((file, _), _)| file.as_deref() != Some(""))
                .map(attack_summary),
        );
        Self {
            normal: with_all(&normal, |row| row.profile.clone()).into_iter().map(profile_summary).collect(),
            benign: with_all(&benign, |row| row.kind.clone()).into_iter().map(benign_summary).collect(),
            attacks: by_kind,
        }
    }
}

type Group<'r, K> = (K, Vec<&'r Row>);

fn with_all<'r>(rows: &[&'r Row], key: impl Fn(&Row) -> String) -> Vec<Group<'r, String>> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    if !rows.is_empty() {
        groups.push(("all".to_owned(), rows.to_vec()));
    }
    groups
}

/// Groups by file and kind, with `all` after the kinds of each file.
fn grouped<'r>(
    rows: &[&'r Row],
    key: impl Fn(&Row) -> (Option<String>, String),
) -> Vec<Group<'r, (Option<String>, String)>> {
    let mut files: BTreeMap<Option<String>, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        files.entry(key(row).0).or_default().push(row);
    }
    files
        .into_iter()
        .flat_map(|(file, rows)| {
            with_all(&rows, |row| key(row).1).into_iter().map(move |(kind, rows)| ((file.clone(), kind), rows))
        })
        .collect()
}

fn profile_summary((profile, rows): Group<'_, String>) -> ProfileSummary {
    let months: f64 = rows.iter().map(|row| row.months).sum();
    let trips: u32 = rows.iter().map(|row| row.trips).sum();
    let warns: u32 = rows.iter().map(|row| row.warns).sum();
    ProfileSummary {
        profile,
        keys: rows.len(),
        key_months: months,
        false_trips: trips,
        false_trips_per_key_month: f64::from(trips) / months,
        warns_per_key_month: f64::from(warns) / months,
    }
}

fn benign_summary((kind, rows): Group<'_, String>) -> BenignSummary {
    let tripped = rows.iter().filter(|row| row.trips > 0).count();
    let warned = rows.iter().filter(|row| row.first_warn_at.is_some()).count();
    let share = |count: usize| count as f64 / rows.len() as f64;
    BenignSummary { kind, cases: rows.len(), tripped, trip_share: share(tripped), warn_share: share(warned) }
}

fn attack_summary(((file, kind), rows): Group<'_, (Option<String>, String)>) -> AttackSummary {
    let share = |count: usize| count as f64 / rows.len() as f64;
    let days = |value: fn(&Row) -> Option<f64>| -> Vec<f64> {
        let in_days = |row: &&Row| Some(value(row)? / row.normal_day_usd.filter(|day| *day > 0.0)?);
        rows.iter().filter_map(in_days).collect()
    };
    let collect = |value: fn(&Row) -> Option<f64>| rows.iter().filter_map(|row| value(row)).collect::<Vec<f64>>();
    let delays = collect(|row| row.delay_minutes.map(|minutes| minutes as f64));
    let losses = days(|row| row.loss_usd);
    AttackSummary {
        kind,
        file,
        cases: rows.len(),
        detection_rate: share(rows.iter().filter(|row| row.trips > 0).count()),
        warn_rate: share(rows.iter().filter(|row| row.first_warn_at.is_some()).count()),
        delay_minutes_median: percentile(&delays, 0.5),
        delay_minutes_p95: percentile(&delays, 0.95),
        warn_delay_minutes_median: percentile(&collect(|row| row.warn_delay_minutes.map(|m| m as f64)), 0.5),
        loss_days_median: percentile(&losses, 0.5),
        loss_days_p95: percentile(&losses, 0.95),
        floor_days_p95: percentile(&days(|row| row.floor_usd), 0.95),
        loss_share_median: percentile(
            &collect(|row| Some(row.loss_usd? / row.attack_usd.filter(|usd| *usd > 0.0)?)),
            0.5,
        ),
    }
}

/// The value that at least this share of the values do not exceed.
pub(super) fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}
