//! What goes wrong, on demand.

use serde::{Deserialize, Serialize};

/// What a fault does to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Answers with this status and does nothing.
    Status {
        /// HTTP status, 400 to 599.
        status: u16,
        /// `error.type`; by default the one that belongs to the status.
        #[serde(default)]
        error_type: Option<String>,
        /// `error.message`.
        #[serde(default)]
        message: Option<String>,
        /// `error.details.error_code`.
        #[serde(default)]
        error_code: Option<String>,
        /// The header `retry-after`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
        /// The header `x-should-retry`.
        #[serde(default)]
        should_retry: Option<bool>,
    },
    /// Answers after so many seconds of the sandbox's time.
    Delay {
        /// How long.
        seconds: u64,
    },
    /// Does nothing and closes the connection.
    Reset,
    /// Does what was asked, but the answer breaks off in the middle.
    Truncate,
    /// Does nothing and never answers.
    Hang,
    /// Answers 200 with something that is no JSON.
    Garbage,
    /// Always the first page, with a pointer to the next.
    PageLoop,
    /// Shows a key as it was before its last change.
    StaleRead,
    /// Does what was asked and closes the connection without an answer.
    LostAnswer,
    /// Answers as if it were done, and does nothing.
    NoEffect,
}

/// Which requests a fault hits, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `GET` or `POST`; any when missing.
    #[serde(default)]
    pub method: Option<String>,
    /// A path; with `*` at its end, whatever begins so; any when missing.
    #[serde(default)]
    pub path: Option<String>,
    /// How many matching requests pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many are hit; `null` is all of them.
    #[serde(default = "once")]
    pub count: Option<u32>,
    /// What happens to them.
    pub effect: Effect,
}

fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    fn matches(&self, method: &str, path: &str) -> bool {
        let path_fits = self.path.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(beginning) => path.starts_with(beginning),
            None => path == wanted,
        });
        path_fits && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
    }
}

/// The faults that are still to come, oldest first.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What is left.
    pub fn pending(&self) -> &[Fault] {
        &self.0
    }

    /// The effect on this request: of the oldest fault that matches and has nothing left to skip.
    pub fn take(&mut self, method: &str, path: &str) -> Option<Effect> {
        let mut hit = None;
        for (at, fault) in self.0.iter_mut().enumerate().filter(|(_, f)| f.matches(method, path)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            hit = Some(at);
            break;
        }
        let at = hit?;
        let effect = self.0[at].effect.clone();
        match &mut self.0[at].count {
            Some(count) if *count <= 1 => {
                self.0.remove(at);
            }
            Some(count) => *count -= 1,
            None => {}
        }
        Some(effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: serde_json::Value) -> Fault {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_fault_hits_what_it_names_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.add(fault(serde_json::json!({
            "method": "POST", "path": "/v1/organizations/api_keys/*", "skip": 1, "count": 2, "effect": {"kind": "reset"},
        })));
        let path = "/v1/organizations/api_keys/apikey_1";
        assert_eq!(faults.take("GET", path), None);
        assert_eq!(faults.take("POST", "/v1/organizations/workspaces"), None);
        let taken: Vec<bool> = (0..4).map(|_| faults.take("POST", path).is_some()).collect();
        assert_eq!(taken, [false, true, true, false]);
        assert!(faults.pending().is_empty());
    }

    #[test]
    fn a_null_count_never_ends() {
        let mut faults = Faults::default();
        faults.add(fault(serde_json::json!({"count": null, "effect": {"kind": "status", "status": 529}})));
        assert!((0..100).all(|_| faults.take("GET", "/v1/models").is_some()));
    }
}
