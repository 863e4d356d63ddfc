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
    /// What people were told: a message that reached the inbox.
    People,
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

impl Line {
    /// A line that is not about a request of guard's or of a job's.
    pub fn plain(at: Timestamp, plane: Plane) -> Self {
        Self {
            seq: 0,
            at,
            plane,
            method: String::new(),
            path: String::new(),
            status: 0,
            request_id: String::new(),
            actor: None,
            key: None,
            workspace: None,
            model: None,
            tokens: Tokens::default(),
            cost_usd: UsdMicros::ZERO,
            note: None,
        }
    }
}

/// Looks at every line as it is written.
pub type Witness = Box<dyn FnMut(&Line) + Send>;

/// The log of one sandbox. It grows for as long as the sandbox lives.
#[derive(Default)]
pub struct RequestLog {
    lines: Vec<Line>,
    witness: Option<Witness>,
}

impl RequestLog {
    /// Adds a line; its number is set here.
    pub fn add(&mut self, mut line: Line) {
        line.seq = self.lines.len() as u64 + 1;
        if let Some(witness) = &mut self.witness {
            witness(&line);
        }
        self.lines.push(line);
    }

    /// Shows every line to `witness` from now on, at the very moment of what it tells.
    pub fn show_to(&mut self, witness: Witness) {
        self.witness = Some(witness);
    }

    /// The lines after number `seq`, at most `limit`.
    pub fn after(&self, seq: u64, limit: usize) -> &[Line] {
        let from = usize::try_from(seq).unwrap_or(usize::MAX).min(self.lines.len());
        let until = from.saturating_add(limit).min(self.lines.len());
        &self.lines[from..until]
    }
}
