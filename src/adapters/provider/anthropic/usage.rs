//! The usage report, in one-minute buckets. See
//! <https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages>.
//!
//! **Rows of the same minute.** A page counts buckets, so that a bucket is always whole on its page. If a minute comes again
//! on a later page (pages overlapped because data arrived in between), the later bucket replaces the earlier one. If one page
//! lists a minute twice, the answer contradicts itself and is refused. Within one bucket, results that agree in every
//! dimension that guard groups by differ in one that it does not, and add up.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use async_trait::async_trait;

use super::Anthropic;
use super::pages::Leash;
use super::transport::decode;
use super::wire::{BucketWire, ResultWire, UsagePage};
use crate::adapters::http::{Request, Url};
use crate::domain::ids::{Principal, WorkspaceId};
use crate::domain::time::{Minute, rfc3339};
use crate::domain::usage::{Billing, Tokens, UsageRow, UsageWindow};
use crate::ports::{ProviderError, UsageFeed};

/// Buckets that a page of one-minute width may have, by the provider's rules.
const MAX_BUCKETS: u32 = 1440;
/// Pages of one stretch: even at one bucket a page it ends.
const MAX_PAGES: usize = 2 * MAX_BUCKETS as usize;
/// The size that pages are aimed at, well below the limit of a body.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;
/// No minute of no principal has this many tokens; an answer that says so is wrong.
const MAX_COUNT: i64 = 1_000_000_000_000_000;
/// The dimensions that guard reads. A dimension that is not asked for is null, which would look like "none".
const DIMENSIONS: [&str; 6] =
    ["api_key_id", "workspace_id", "model", "service_tier", "context_window", "inference_geo"];
const SERVICE_ACCOUNT: &str = "service_account_id";

#[async_trait]
impl UsageFeed for Anthropic {
    async fn usage(&self, from: Minute, until: Minute) -> Result<UsageWindow, ProviderError> {
        let mut rows = Vec::new();
        let mut begin = from;
        while begin < until {
            let end = until.min(begin.plus(i64::from(MAX_BUCKETS)));
            rows.extend(self.stretch(begin, end).await?);
            begin = end;
        }
        Ok(UsageWindow { from: Some(from), until: Some(until.max(from)), rows })
    }
}

/// Why a stretch could not be read at one page size.
enum Stopped {
    /// The body of a page broke the limit of bytes.
    PageTooLarge,
    Failed(ProviderError),
}

impl From<ProviderError> for Stopped {
    fn from(error: ProviderError) -> Self {
        Self::Failed(error)
    }
}

impl Anthropic {
    /// At most [`MAX_BUCKETS`] minutes; without the service account where the provider does not know that dimension.
    async fn stretch(&self, from: Minute, until: Minute) -> Result<Vec<UsageRow>, ProviderError> {
        let by_service_account = self.by_service_account.load(Ordering::Relaxed);
        match self.stretch_in_pages(from, until, by_service_account).await {
            Err(ProviderError::Rejected { status: 400, message }) if by_service_account => {
                let rows = self.stretch_in_pages(from, until, false).await?;
                tracing::info!(%message, "the usage report is read without service accounts from now on");
                self.by_service_account.store(false, Ordering::Relaxed);
                Ok(rows)
            }
            other => other,
        }
    }

    /// The same with fewer buckets a page for as long as a page is too large to take.
    async fn stretch_in_pages(
        &self,
        from: Minute,
        until: Minute,
        by_service_account: bool,
    ) -> Result<Vec<UsageRow>, ProviderError> {
        let mut most = u32::try_from(until.since(from)).unwrap_or(MAX_BUCKETS).min(MAX_BUCKETS);
        loop {
            let learned = PAGE_BYTES / self.bytes_per_bucket.load(Ordering::Relaxed).max(1);
            most = most.min(u32::try_from(learned).unwrap_or(u32::MAX)).max(1);
            match self.pages(from, until, most, by_service_account).await {
                Ok(rows) => return Ok(rows),
                Err(Stopped::Failed(error)) => return Err(error),
                Err(Stopped::PageTooLarge) if most == 1 => {
                    return Err(ProviderError::Malformed("one minute of usage is too large to read".to_owned()));
                }
                Err(Stopped::PageTooLarge) => {
                    // The page had at least this many bytes a bucket; assume twice as many.
                    let at_least = self.http.limits().body as u64 / u64::from(most);
                    self.bytes_per_bucket.store(at_least * 2, Ordering::Relaxed);
                }
            }
        }
    }

    async fn pages(
        &self,
        from: Minute,
        until: Minute,
        buckets: u32,
        by_service_account: bool,
    ) -> Result<Vec<UsageRow>, Stopped> {
        let first = self.usage_url(from, until, buckets, by_service_account);
        let mut leash = Leash::new(MAX_PAGES, self.settings.timeout);
        let mut minutes: BTreeMap<Minute, Vec<UsageRow>> = BTreeMap::new();
        let mut url = first.clone();
        loop {
            let response = self.read(self.as_admin(Request::get(url))).await.map_err(|failed| {
                if failed.too_large { Stopped::PageTooLarge } else { Stopped::Failed(failed.error) }
            })?;
            let page: UsagePage = decode(&response)?;
            if !page.data.is_empty() {
                let bytes = response.body.len() as u64 / page.data.len() as u64;
                self.bytes_per_bucket.store(bytes, Ordering::Relaxed);
            }
            minutes.extend(read_page(page.data, from, until)?);
            if !page.has_more {
                return Ok(minutes.into_values().flatten().collect());
            }
            url = first.clone().query([("page", leash.follow(page.next_page)?)]);
        }
    }

    fn usage_url(&self, from: Minute, until: Minute, buckets: u32, by_service_account: bool) -> Url {
        let dimensions = DIMENSIONS.into_iter().chain(by_service_account.then_some(SERVICE_ACCOUNT));
        self.endpoint(&["organizations", "usage_report", "messages"])
            .query([
                ("starting_at", rfc3339(from.start())),
                ("ending_at", rfc3339(until.start())),
                ("bucket_width", "1m".to_owned()),
                ("limit", buckets.to_string()),
            ])
            .query(dimensions.map(|dimension| ("group_by[]", dimension)))
    }
}

/// The rows of one page, by minute; a minute without rows is in the map, too, because it replaces what was known of it.
fn read_page(
    buckets: Vec<BucketWire>,
    from: Minute,
    until: Minute,
) -> Result<BTreeMap<Minute, Vec<UsageRow>>, ProviderError> {
    let mut page = BTreeMap::new();
    for bucket in buckets {
        let minute = Minute::containing(bucket.starting_at);
        let fail = |why: &str| Err(ProviderError::Malformed(format!("usage of {minute}: {why}")));
        if bucket.starting_at != minute.start() || bucket.ending_at != minute.end() {
            return fail("the bucket is not one whole minute");
        }
        if minute < from || minute >= until {
            return fail("that minute was not asked for");
        }
        if page.insert(minute, read_bucket(minute, bucket.results)?).is_some() {
            return fail("the minute is listed twice on one page");
        }
    }
    Ok(page)
}

/// What rows of one minute differ in.
type Group = (Principal, Option<WorkspaceId>, String, Billing);

fn read_bucket(minute: Minute, results: Vec<ResultWire>) -> Result<Vec<UsageRow>, ProviderError> {
    let mut groups: BTreeMap<Group, Tokens> = BTreeMap::new();
    for result in results {
        let tokens = tokens(&result)
            .ok_or_else(|| ProviderError::Malformed(format!("usage of {minute}: a count is negative or absurd")))?;
        // A line of zeros says nothing that its absence would not.
        if !tokens.is_zero() {
            *groups.entry(group(result)).or_default() += tokens;
        }
    }
    let row = |((principal, workspace, model, billing), tokens)| UsageRow {
        minute,
        principal,
        workspace,
        model,
        billing,
        tokens,
    };
    Ok(groups.into_iter().map(row).collect())
}

fn group(result: ResultWire) -> Group {
    let principal = match (result.api_key_id, result.service_account_id) {
        (Some(key), _) => Principal::Key(key),
        (None, Some(account)) => Principal::ServiceAccount(account),
        (None, None) => Principal::Unattributed(result.workspace_id.clone()),
    };
    let billing = Billing {
        service_tier: result.service_tier,
        context_window: result.context_window,
        inference_geo: result.inference_geo,
    };
    // Grouped by model, a missing one is unknown; an unknown model costs the highest rate.
    (principal, result.workspace_id, result.model.unwrap_or_else(|| "unknown".to_owned()), billing)
}

fn tokens(result: &ResultWire) -> Option<Tokens> {
    let count = |n: i64| (0..=MAX_COUNT).contains(&n).then_some(n.unsigned_abs());
    let (cache, tools) = (result.cache_creation.as_ref(), result.server_tool_use.as_ref());
    Some(Tokens {
        uncached_input: count(result.uncached_input_tokens)?,
        cache_read: count(result.cache_read_input_tokens)?,
        cache_write_5m: count(cache.map_or(0, |c| c.ephemeral_5m_input_tokens))?,
        cache_write_1h: count(cache.map_or(0, |c| c.ephemeral_1h_input_tokens))?,
        output: count(result.output_tokens)?,
        web_searches: count(tools.map_or(0, |t| t.web_search_requests))?,
    })
}
