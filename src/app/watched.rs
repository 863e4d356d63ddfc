//! What is kept of a principal between polls.

mod released;

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use self::released::Released;
use super::{App, AppError};
use crate::domain::ids::{Principal, WorkspaceId, WorkspaceName};
use crate::domain::ledger::Workspace;
use crate::domain::money::UsdMicros;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::UsageRow;
use crate::domain::watch::episode::{self, Episode};
use crate::domain::watch::state::DetectorState;
use crate::domain::watch::usage::{self, MinuteUsage, ModelUsage};
use crate::domain::watch::{
    Detector, Figures, Finding, Judgement, Level, Policy, Response, Rule, Verdict, amount, fusion,
};
use crate::ports::StoreError;

/// One principal as the store keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// The workspace that it was first seen in, if the ledger knew it.
    pub workspace: Option<WorkspaceName>,
    detector: DetectorState,
    episode: Option<Episode>,
    /// Statistical rules would have tripped on its own past: they only warn until somebody accepts that past.
    #[serde(default)]
    unproven: bool,
    /// Nothing was read yet.
    #[serde(default)]
    fresh: bool,
    /// The strongest statistical evidence of late, and its minute.
    #[serde(default)]
    peak: Option<(Minute, f64)>,
    /// What a person last accepted.
    #[serde(default)]
    accepted: Option<Accepted>,
    /// A person opened the gate again and the key lived on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    released: Option<Released>,
}

/// A person said that all usage so far was legitimate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Accepted {
    at: Timestamp,
    /// The strongest statistical evidence of the day before: so much is legitimate from now on.
    ratio: f64,
}

/// How long what was accepted is not held against the key: after that, the accepted days teach.
const TOLERATED_FOR: TimeDelta = TimeDelta::days(2);
/// More than what was accepted, times this, is news again.
const BEYOND_ACCEPTED: f64 = 1.4;
/// What is older than this is told but never acted on: nobody is stopped for what is long over.
pub(super) const ACT_WITHIN: i64 = 1440;

/// What a poll knows when it looks at a principal.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// First and last minute that were read.
    pub read: (Minute, Minute),
    /// What the ledger says.
    pub policy: &'a Policy<'a>,
    /// Whether the ledger answers for the principal.
    pub known: bool,
    /// What was judged up to here is history, and no news; `None` when the principal's workspace was watched before.
    pub history_until: Option<Minute>,
    /// Up to when a person has seen it, when the gate was opened again and the key lives on.
    pub released: Option<Minute>,
    /// What guard does about a trip.
    pub response: Response,
}

impl Watched {
    /// A principal that is seen for the first time; its past may be read from `since` on.
    pub fn new(workspace: Option<WorkspaceName>, since: Minute) -> Self {
        Self {
            workspace,
            detector: Detector::new(since).state(),
            episode: None,
            unproven: false,
            fresh: true,
            peak: None,
            accepted: None,
            released: None,
        }
    }

    /// Statistical rules only warn, because they would have tripped on its own past.
    pub fn is_unproven(&self) -> bool {
        self.unproven
    }

    /// When a person last accepted its past.
    pub fn accepted_at(&self) -> Option<Timestamp> {
        self.accepted.map(|accepted| accepted.at)
    }

    /// Its past becomes the baseline, whatever the rules said about it.
    ///
    /// # Errors
    /// [`AppError::Store`] when it is damaged.
    pub fn accept(&mut self, at: Timestamp) -> Result<(), AppError> {
        let mut detector = self.open()?;
        detector.accept();
        let yesterday = Minute::containing(at).plus(-1440);
        let ratio = self.peak.filter(|(minute, _)| *minute >= yesterday).map_or(0.0, |(_, ratio)| ratio);
        self.detector = detector.state();
        self.unproven = false;
        self.episode = None;
        self.accepted = Some(Accepted { at, ratio });
        Ok(())
    }

    /// The detector itself.
    ///
    /// # Errors
    /// [`AppError::Store`] when it is damaged.
    pub fn open(&self) -> Result<Detector, AppError> {
        Ok(Detector::from_state(&self.detector).map_err(|error| StoreError::Damaged(error.to_string()))?)
    }

    /// Takes in everything that is known of the minutes that were read and returns the verdict, and whether people must hear of
    /// it now.
    ///
    /// # Errors
    /// [`AppError::Store`] when it is damaged.
    pub fn look(
        &mut self,
        principal: &Principal,
        usage: &[MinuteUsage],
        look: &Look<'_>,
    ) -> Result<Option<(Verdict, bool)>, AppError> {
        let mut detector = self.open()?;
        let said = self.take_in(&mut detector, principal, usage, look);
        self.detector = detector.state();
        Ok(said)
    }

    /// The same with the detector at hand, for whoever looks many times in a row. The detector is not kept here.
    pub fn take_in(
        &mut self,
        detector: &mut Detector,
        principal: &Principal,
        usage: &[MinuteUsage],
        look: &Look<'_>,
    ) -> Option<(Verdict, bool)> {
        detector.ingest(look.read.0, look.read.1, usage);
        if let Some(at) = look.released.filter(|at| self.released.as_ref().is_none_or(|known| known.at < *at)) {
            self.released = Some(Released::new(at, self.episode.take()));
            detector.release(at, at.plus(1));
        }
        let mut latest: Option<(Verdict, bool)> = None;
        let mut due = VecDeque::from(detector.judge(look.read.1, look.policy));
        while let Some(mut judgement) = due.pop_front() {
            if let Some(seen) = self.released.as_mut().and_then(|released| released.ends(&judgement)) {
                detector.release(seen, judgement.at);
                due = detector.judge(look.read.1, look.policy).into();
                continue;
            }
            self.remember_peak(&judgement);
            if look.history_until.is_some_and(|until| judgement.at <= until) {
                let tripped = |f: &Finding| f.rule.is_statistical() && f.level == Level::Trip;
                self.unproven |= self.fresh && judgement.findings.iter().any(tripped);
                continue;
            }
            self.hold_back(&mut judgement, look.read.1);
            self.released.iter_mut().for_each(|released| released.hold_back(&mut judgement));
            if !look.known {
                judgement.findings.push(stranger(detector, judgement.at));
            }
            fusion::cap(&mut judgement.findings, |rule| rule.action(&look.policy.watch.rules));
            let Some((verdict, news)) = self.advance(principal, &judgement, look.response) else { continue };
            // The gravest of the poll; of equals the newest.
            let told = latest.as_ref().is_some_and(|(_, news)| *news);
            if latest.as_ref().is_none_or(|(before, _)| before.level <= verdict.level) {
                latest = Some((verdict, news || told));
            }
        }
        let newer = |m: &MinuteUsage| look.history_until.is_none_or(|until| m.minute > until);
        if !look.known && latest.is_none() && usage.iter().any(newer) && self.episode.is_none() {
            let judgement = Judgement { at: look.read.1, findings: vec![stranger(detector, look.read.1)] };
            latest = self.advance(principal, &judgement, look.response);
        }
        self.fresh = false;
        latest
    }

    fn advance(&mut self, principal: &Principal, judgement: &Judgement, response: Response) -> Option<(Verdict, bool)> {
        let (episode, news) = episode::advance(self.episode, judgement);
        self.episode = episode;
        let response = match response {
            Response::Gates | Response::Kills if self.unproven => Response::Unproven,
            other => other,
        };
        episode.and_then(|e| episode::verdict(principal, e, judgement, response)).map(|verdict| (verdict, news))
    }

    fn remember_peak(&mut self, judgement: &Judgement) {
        let statistical = judgement.findings.iter().filter(|f| f.rule.is_statistical());
        let Some(ratio) = statistical.map(|f| f.ratio).max_by(f64::total_cmp) else { return };
        let outlived = |(at, before): (Minute, f64)| judgement.at.since(at) > 1440 || ratio >= before;
        if self.peak.is_none_or(outlived) {
            self.peak = Some((judgement.at, ratio));
        }
    }

    /// Statistics may be wrong about a key whose own past would have tripped them, about what a person has accepted, and nothing
    /// is stopped for what is long over.
    fn hold_back(&self, judgement: &mut Judgement, newest: Minute) {
        let stale = newest.since(judgement.at) > ACT_WITHIN;
        let tolerated = self.accepted.filter(|a| judgement.at.start() < a.at + TOLERATED_FOR);
        for finding in &mut judgement.findings {
            let statistical = finding.rule.is_statistical();
            if stale || (self.unproven && statistical) {
                finding.level = finding.level.min(Level::Warn);
            }
            if statistical && tolerated.is_some_and(|a| finding.ratio <= a.ratio * BEYOND_ACCEPTED) {
                finding.level = finding.level.min(Level::Notice);
            }
        }
    }
}

/// Nobody in the ledger answers for this usage.
fn stranger(detector: &Detector, at: Minute) -> Finding {
    let used = detector.recent().window(at, 1440).amount.usd;
    Finding {
        confidence: 0.9,
        ..Finding::certain(Rule::Stranger, Level::Warn, Figures::Awake { idle_days: None, used })
    }
}

/// The name that a principal's state is stored under.
pub fn state_name(principal: &Principal) -> String {
    match principal {
        Principal::Key(key) => format!("detector/{key}"),
        Principal::ServiceAccount(id) => format!("detector/account/{id}"),
        Principal::Unattributed(Some(workspace)) => format!("detector/none/{workspace}"),
        Principal::Unattributed(None) => "detector/none".to_owned(),
    }
}

/// The ledger's workspace for what the feed names.
pub fn workspace_of<'a>(app: &'a App, place: Option<&WorkspaceId>) -> Option<&'a Workspace> {
    match place {
        Some(id) => app.ledger.workspace_by_id(id),
        None => app.ledger.workspaces.iter().find(|workspace| workspace.is_default),
    }
}

/// Whether sums over its principals matter.
pub fn has_caps(workspace: &Workspace) -> bool {
    workspace.monthly_limit.is_some() || workspace.ceilings != Default::default()
}

/// Rows (oldest first) by minute and model, with their cost.
pub fn priced(rows: &[UsageRow], cost: impl Fn(&UsageRow) -> UsdMicros) -> Vec<MinuteUsage> {
    let mut minutes = Vec::new();
    for group in rows.chunk_by(|a, b| a.minute == b.minute) {
        let mut models: Vec<ModelUsage> = Vec::with_capacity(1);
        let mut terms: Vec<Arc<str>> = Vec::new();
        for row in group {
            for term in usage::terms(&row.billing) {
                if !terms.contains(&term) {
                    terms.push(term);
                }
            }
            let amount = amount::Amount { work: amount::work(&row.tokens), usd: cost(row), tokens: row.tokens.total() };
            match models.iter_mut().find(|of| *of.model == *row.model) {
                Some(of) => of.amount += amount,
                None => models.push(ModelUsage { model: Arc::from(row.model.as_str()), amount }),
            }
        }
        minutes.push(MinuteUsage { minute: group[0].minute, models, terms });
    }
    minutes
}
