use crate::domain::evidence::Record;
use crate::ports::{EvidenceLog, StoreError};

/// Records read at a time.
const PAGE: usize = 1000;

/// The chain's lines from a record on, page by page, so that a long chain never has to fit into memory.
pub struct EvidenceLines<'l> {
    log: &'l dyn EvidenceLog,
    next: u64,
    page: std::vec::IntoIter<String>,
}

/// The chain's lines from record `since` on, oldest first.
pub fn evidence_lines(log: &dyn EvidenceLog, since: u64) -> EvidenceLines<'_> {
    EvidenceLines { log, next: since, page: Vec::new().into_iter() }
}

impl Iterator for EvidenceLines<'_> {
    type Item = Result<String, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 {
            match self.log.evidence(self.next, PAGE) {
                Ok(page) => {
                    // In a damaged chain numbers may be missing; what was read must not be read again.
                    let last = page.last().and_then(|line| serde_json::from_str::<Record>(line).ok());
                    let counted = self.next.saturating_add(page.len() as u64);
                    self.next = last.map_or(counted, |record| record.seq.saturating_add(1).max(counted));
                    self.page = page.into_iter();
                }
                Err(error) => return Some(Err(error)),
            }
        }
        self.page.next().map(Ok)
    }
}
