//! What is kept of a principal between polls.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{App, AppError};
use crate::domain::ids::{Principal, WorkspaceId, WorkspaceName};
use crate::domain::ledger::Workspace;
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;
use crate::domain::usage::UsageRow;
use crate::domain::watch::ceiling::Spent;
use crate::domain::watch::episode::{self, Episode};
use crate::domain::watch::state::DetectorState;
use crate::domain::watch::usage::{MinuteUsage, ModelUsage};
use crate::domain::watch::{Detector, Figures, Finding, Judgement, Level, Policy, Rule, Verdict, amount, fusion};
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
}

impl Watched {
    /// A principal that is seen for the first time; its past may be read from `since` on.
    pub fn new(workspace: Option<WorkspaceName>, since: Minute) -> Self {
        Self { workspace, detector: Detector::new(since).state(), episode: None, unproven: false, fresh: true }
    }

    /// What it has spent.
    pub fn spent(&self, at: Minute) -> Spent {
        Detector::from_state(&self.detector).map(|detector| detector.spent(at)).unwrap_or_default()
    }

    /// Its past becomes the baseline, whatever the rules said about it.
    ///
    /// # Errors
    /// [`AppError::Store`] when it is damaged.
    pub fn accept(&mut self) -> Result<(), AppError> {
        let mut detector = self.open()?;
        detector.accept();
        self.detector = detector.state();
        self.unproven = false;
        self.episode = None;
        Ok(())
    }

    /// The detector itself.
    ///
    /// # Errors
    /// [`AppError::Store`] when it is damaged.
    pub fn open(&self) -> Result<Detector, AppError> {
        Ok(Detector::from_state(&self.detector).map_err(|error| StoreError::Damaged(error.to_string()))?)
    }

    /// Takes in everything that is known of `read` (first and last minute) and returns the verdict on what is newer than
    /// `news_after`, and whether people must hear of it now.
    ///
    /// # Errors
    /// [`AppError::Store`] when it is damaged.
    pub fn look(
        &mut self,
        principal: &Principal,
        usage: &[MinuteUsage],
        read: (Minute, Minute),
        policy: &Policy<'_>,
        known: bool,
        news_after: Minute,
    ) -> Result<Option<(Verdict, bool)>, AppError> {
        let mut detector = self.open()?;
        detector.ingest(read.0, read.1, usage);
        let mut latest: Option<(Verdict, bool)> = None;
        for mut judgement in detector.judge(read.1, policy) {
            if judgement.at <= news_after {
                let tripped = |f: &Finding| f.rule.is_statistical() && f.level == Level::Trip;
                self.unproven |= self.fresh && judgement.findings.iter().any(tripped);
                continue;
            }
            if self.unproven {
                for finding in judgement.findings.iter_mut().filter(|f| f.rule.is_statistical()) {
                    finding.level = finding.level.min(Level::Warn);
                }
            }
            if !known {
                judgement.findings.push(stranger(&detector, judgement.at));
            }
            fusion::cap(&mut judgement.findings, |rule| rule.action(&policy.watch.rules));
            let (episode, news) = episode::advance(self.episode, &judgement);
            self.episode = episode;
            let Some(verdict) = episode.and_then(|e| episode::verdict(principal, e, &judgement)) else { continue };
            // The gravest of the poll; of equals the newest.
            let told = latest.as_ref().is_some_and(|(_, news)| *news);
            if latest.as_ref().is_none_or(|(before, _)| before.level <= verdict.level) {
                latest = Some((verdict, news || told));
            }
        }
        if !known && latest.is_none() && usage.iter().any(|m| m.minute > news_after) && self.episode.is_none() {
            let judgement = Judgement { at: read.1, findings: vec![stranger(&detector, read.1)] };
            let (episode, news) = episode::advance(self.episode, &judgement);
            self.episode = episode;
            latest = episode.and_then(|e| episode::verdict(principal, e, &judgement)).map(|verdict| (verdict, news));
        }
        self.fresh = false;
        self.detector = detector.state();
        Ok(latest)
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
        for row in group {
            let amount = amount::Amount { work: amount::work(&row.tokens), usd: cost(row), tokens: row.tokens.total() };
            match models.iter_mut().find(|of| *of.model == *row.model) {
                Some(of) => of.amount += amount,
                None => models.push(ModelUsage { model: Arc::from(row.model.as_str()), amount }),
            }
        }
        minutes.push(MinuteUsage { minute: group[0].minute, models });
    }
    minutes
}
