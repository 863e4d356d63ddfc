//! Lists with ID cursors.

use serde_json::{Value, json};

use super::answer::ApiError;
use super::call::Call;

/// How a handler is bent by a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bend {
    /// Not at all.
    None,
    /// Keys are shown as they were before their last change.
    StaleRead,
    /// Orders are confirmed and not carried out.
    NoEffect,
    /// Always the first page, with a pointer to the next.
    PageLoop,
}

/// One page of a list with ID cursors, in the list's order.
pub fn id_page<T>(
    call: &Call,
    items: &[T],
    id: impl Fn(&T) -> &str,
    object: impl Fn(&T) -> Value,
    bend: Bend,
) -> Result<Value, ApiError> {
    let limit = call.limit(20, 1000)?;
    let (after, before) = (call.one("after_id")?, call.one("before_id")?);
    let position = |wanted: &str| {
        let found = items.iter().position(|item| id(item) == wanted);
        found.ok_or_else(|| ApiError::invalid("the cursor is not an object of this list"))
    };
    let (range, has_more) = match (after, before) {
        _ if bend == Bend::PageLoop => (0..limit.min(items.len()), true),
        (Some(_), Some(_)) => return Err(ApiError::invalid("at most one of after_id and before_id may be given")),
        (None, Some(before)) => {
            let end = position(before)?;
            (end.saturating_sub(limit)..end, end > limit)
        }
        (after, None) => {
            let begin = after.map(position).transpose()?.map_or(0, |at| at + 1);
            let end = items.len().min(begin + limit);
            (begin..end, end < items.len())
        }
    };
    let page = &items[range];
    Ok(json!({
        "data": page.iter().map(object).collect::<Vec<_>>(),
        "has_more": has_more,
        "first_id": page.first().map(&id),
        "last_id": page.last().map(&id),
    }))
}
