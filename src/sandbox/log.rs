//! Everything that happened, in order. Drills are scored from it.

use serde::Serialize;

use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::money::UsdMicros;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tokens;

/// Which side of the sandbox a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// The Admin API.
    Admin,
    /// Messages and models.
    Inference,
    /// What a person in the Console did.
    Console,
    /// The sandbox itself: a participant dropped, a fault played.
    Sandbox,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// From 1, without gaps.
    pub seq: u64,
    /// The sandbox's time.
    pub at: Timestamp,
    /// Which side.
    pub plane: Plane,
    /// `GET`, `POST`; empty for what was no request.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// HTTP status; 0 when the answer was withheld.
    pub status: u16,
    /// The request's id.
    pub request_id: String,
    /// What the client called itself in the header `x-sandbox-actor`: tells an attacker from the pipeline whose key it uses.
    pub actor: Option<String>,
    /// The key that was used, or that an order was about, dead or alive.
    pub key: Option<KeyId>,
    /// The workspace it acted in.
    pub workspace: Option<WorkspaceId>,
    /// The model that worked.
    pub model: Option<String>,
    /// What was used; zero when the request was refused.
    pub tokens: Tokens,
    /// What it cost; a decimal text in USD.
    pub cost_usd: UsdMicros,
    /// What else there is to say: the new status of a key, the fault that was played.
    pub note: Option<String>,
}

/// The log of one sandbox. It grows for as long as the sandbox lives.
#[derive(Debug, Default)]
pub struct RequestLog {
    lines: Vec<Line>,
}

impl RequestLog {
    /// Adds a line; its number is set here.
    pub fn add(&mut self, mut line: Line) {
        line.seq = self.lines.len() as u64 + 1;
        self.lines.push(line);
    }

    /// The lines after number `seq`, at most `limit`.
    pub fn after(&self, seq: u64, limit: usize) -> &[Line] {
        let from = usize::try_from(seq).unwrap_or(usize::MAX).min(self.lines.len());
        let until = from.saturating_add(limit).min(self.lines.len());
        &self.lines[from..until]
    }
}
