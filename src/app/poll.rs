//! One look at the feed: read, store, judge, remember.
//!
//! Acting on what is found is somebody else's part. A poll can be repeated at any time: buckets replace, and what was
//! judged already is not judged again.

mod caps;
pub(super) mod explained;
mod judge;
mod memory;

use std::collections::{BTreeMap, BTreeSet};

use self::memory::PollState;
pub use self::memory::{accept, accepted, state_of};
use super::sight::POLL_STATE;
use super::{App, AppError};
use crate::domain::ids::{Principal, WorkspaceId, WorkspaceName};
use crate::domain::ledger::WatchPolicy;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::watch::{Finding, Roles, Verdict, blind, episode};
use crate::ports::ProviderError;

/// How far before the watermark every poll reads again, in minutes: late and restated buckets.
const READ_AGAIN: i64 = 30;
/// How far before the watermark the first poll of an hour reads again: buckets that are later than that.
const READ_AGAIN_HOURLY: i64 = 6 * 60;
/// How far the first poll ever reads back.
const BACKFILL: i64 = 28 * 1440;
/// The feed is read in stretches of at most this many minutes, so that memory stays bounded.
const STRETCH: i64 = 1440;
/// Of what the first poll ever reads, minutes older than this are history, not news.
const NEWS: i64 = 60;

/// What a poll found.
#[derive(Debug)]
pub struct PollReport {
    /// The newest minute that is known to be complete; `None` when nothing was ever read.
    pub watermark: Option<Minute>,
    /// What is abnormal now, the gravest first.
    pub verdicts: Vec<Judged>,
    /// The same rule on several principals at once.
    pub groups: Vec<episode::Group>,
    /// guard cannot see, or sees only old data.
    pub blind: Option<Finding>,
    /// Why this poll read nothing new, if so.
    pub trouble: Option<ProviderError>,
    /// Principals that had usage or were looked at again.
    pub principals: usize,
    /// Lines of the feed that were read.
    pub rows: usize,
    /// Models that guard has no price for, seen for the first time: they cost the highest rates.
    pub unpriced: Vec<String>,
}

/// A verdict and the workspace that it concerns; `None` when the ledger does not know the workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The workspace.
    pub workspace: Option<WorkspaceName>,
    /// The verdict.
    pub verdict: Verdict,
    /// It is new or graver than at the last poll: people must hear of it.
    pub news: bool,
}

/// The newest minute that the provider promises to show at `now`: its usage may be missing from the report for as long as the
/// ledger's `provider.feed_lag` after it began. What comes later still counts; it is read again and judged anew.
pub fn newest_complete(app: &App, now: Timestamp) -> Minute {
    let lag = app.ledger.provider.feed_lag.as_secs().div_ceil(60);
    Minute::containing(now).plus(-i64::try_from(lag).unwrap_or(i64::MAX))
}

/// Reads the feed from a little before the watermark, stores it, and judges every principal that it concerns. `roles` says what keys
/// are for; a key that is not in it is taken to be in use.
///
/// # Errors
/// [`AppError::Store`] when the state cannot be read or written. Trouble with the provider is no error: it is in the report.
pub async fn poll(app: &App, roles: &Roles) -> Result<PollReport, AppError> {
    let now = app.clock.now();
    let mut state: PollState = memory::load(app, POLL_STATE)?.unwrap_or_default();
    let newest = newest_complete(app, now);
    // A clock that was ahead has read minutes before they happened: they are read again.
    let known = state.watermark.map(|watermark| watermark.min(newest));
    let from = match known {
        None => newest.plus(-BACKFILL),
        Some(known) if known.epoch() / 60 != newest.epoch() / 60 => known.plus(1 - READ_AGAIN_HOURLY),
        Some(known) => known.plus(1 - READ_AGAIN),
    };
    let Read { places, rows, unpriced, trouble } = read(app, from, newest, now).await?;
    let mut report = PollReport {
        watermark: state.watermark,
        verdicts: Vec::new(),
        groups: Vec::new(),
        blind: None,
        trouble,
        principals: 0,
        rows,
        unpriced: Vec::new(),
    };
    // A part of the feed is no feed: what is missing would look like silence.
    if report.trouble.is_none() {
        let made = made(app, &state, &places).await?;
        let history_until = state.watermark.is_none().then(|| newest.plus(-NEWS));
        let window = judge::Window { from, newest, history_until, made };
        state.looked_at = judge::judge(app, roles, &mut state, places, &window, &mut report)?;
        state.since.get_or_insert(from);
        state.watermark = Some(newest);
        state.last_good = Some(now);
        report.unpriced = unpriced.difference(&state.unpriced).cloned().collect();
        state.unpriced.extend(unpriced);
        memory::save(app, &[(POLL_STATE.to_owned(), &state)])?;
        report.watermark = state.watermark;
    }
    let limit = app.ledger.workspaces.iter().map(|w| w.watch.blind_after).min();
    let trouble = report.trouble.as_ref().map(ToString::to_string);
    report.blind = blind::judge(
        report.watermark.map(Minute::end),
        now,
        limit.unwrap_or(WatchPolicy::default().blind_after),
        trouble.as_deref(),
    );
    report.verdicts.sort_by(|a, b| {
        b.verdict.level.cmp(&a.verdict.level).then_with(|| a.verdict.principal.cmp(&b.verdict.principal))
    });
    report.groups = episode::group(report.verdicts.iter().map(|judged| &judged.verdict));
    Ok(report)
}

/// Reads what the store does not have of `from..=newest` yet. Returns what kept the provider from answering, if anything did.
///
/// # Errors
/// The store's.
pub async fn fill(app: &App, from: Minute, newest: Minute) -> Result<Option<ProviderError>, AppError> {
    let state: PollState = memory::load(app, POLL_STATE)?.unwrap_or_default();
    let start = match (state.since, state.watermark) {
        (Some(since), Some(watermark)) if since <= from => watermark.min(newest).plus(1 - READ_AGAIN_HOURLY).max(from),
        _ => from,
    };
    Ok(read(app, start, newest, app.clock.now()).await?.trouble)
}

/// Who had usage.
type Places = BTreeMap<Principal, Place>;

/// Where and since when somebody had usage.
struct Place {
    /// The workspace that the feed names; none is the default workspace.
    workspace: Option<WorkspaceId>,
    /// The first minute of what was read; `None` when there was nothing.
    first: Option<Minute>,
}

/// What was read.
#[derive(Default)]
struct Read {
    /// Who had usage and where.
    places: Places,
    /// How many lines.
    rows: usize,
    /// Models that guard has no price for.
    unpriced: BTreeSet<String>,
    /// What kept the provider from answering to the end.
    trouble: Option<ProviderError>,
}

/// Reads and stores `from..=newest`.
async fn read(app: &App, from: Minute, newest: Minute, now: Timestamp) -> Result<Read, AppError> {
    let mut read = Read::default();
    let mut start = from;
    while start <= newest {
        let until = newest.plus(1).min(start.plus(STRETCH));
        let window = match app.feed.usage(start, until).await {
            Ok(window) => window,
            Err(error) => return Ok(Read { trouble: Some(error), ..read }),
        };
        if (window.from, window.until) != (Some(start), Some(until)) {
            let why = format!("the usage report for {start} to {until} does not cover that time");
            return Ok(Read { trouble: Some(ProviderError::Malformed(why)), ..read });
        }
        app.usage.replace_usage(&window, now)?;
        read.rows += window.rows.len();
        for row in window.rows {
            if !app.prices.knows(&row.model) {
                read.unpriced.insert(row.model);
            }
            // Rows ascend, stretch after stretch.
            read.places.entry(row.principal).or_insert(Place { workspace: row.workspace, first: Some(row.minute) });
        }
        start = until;
    }
    Ok(read)
}

/// When keys that are seen for the first time were made, so that a key's silence counts from there. What the provider does not say
/// now is not asked again; such a key counts as new.
async fn made(app: &App, state: &PollState, places: &Places) -> Result<BTreeMap<Principal, Minute>, AppError> {
    let seen: BTreeSet<&Principal> = state.looked_at.iter().collect();
    let mut unknown = false;
    for principal in places.keys().filter(|p| p.key().is_some() && !seen.contains(p)) {
        if state_of(app, principal)?.is_none() {
            unknown = true;
            break;
        }
    }
    if !unknown {
        return Ok(BTreeMap::new());
    }
    match app.keys.keys().await {
        Ok(keys) => {
            Ok(keys.into_iter().map(|key| (Principal::Key(key.id), Minute::containing(key.created_at))).collect())
        }
        Err(error) => {
            tracing::warn!(%error, "new keys are taken to have been made today");
            Ok(BTreeMap::new())
        }
    }
}
