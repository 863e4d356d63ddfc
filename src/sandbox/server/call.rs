//! A request, taken apart.

use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use chrono::{DateTime, Utc};

use super::answer::ApiError;
use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::usage::Tokens;

/// The provider's versions that this sandbox speaks.
const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];

/// What a handler works on.
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// What a handler found out, for the log and the headers of the answer.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub key: Option<KeyId>,
    pub workspace: Option<WorkspaceId>,
    /// The request acts in this workspace; said in a header.
    pub resolved: Option<WorkspaceId>,
    pub model: Option<String>,
    pub tokens: Tokens,
    /// The answer is a stream of events.
    pub streams: bool,
    pub note: Option<String>,
}

impl Call {
    /// Takes a request's head and body apart.
    pub fn new(method: String, uri: &Uri, headers: HeaderMap, body: Vec<u8>) -> Self {
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
        Self { method, path: uri.path().to_owned(), query, headers, body }
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The credential, from `x-api-key` or as a bearer token.
    pub fn credential(&self) -> Option<&str> {
        self.header("x-api-key").or_else(|| self.header("authorization")?.strip_prefix("Bearer "))
    }

    /// Fails unless the request says which version of the API it speaks.
    pub fn check_version(&self) -> Result<(), ApiError> {
        match self.header("anthropic-version") {
            None => Err(ApiError::invalid("anthropic-version: header is required")),
            Some(version) if VERSIONS.contains(&version) => Ok(()),
            Some(_) => Err(ApiError::invalid("anthropic-version: unknown version")),
        }
    }

    /// Fails on a query parameter that is not among `known`.
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(ApiError::invalid(format!("{name}: unknown query parameter"))),
        }
    }

    /// A query parameter that may be given once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut values = self.query.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            Err(ApiError::invalid(format!("{name}: given more than once")))
        } else {
            Ok(first)
        }
    }

    /// All values of a query parameter.
    pub fn many<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c str> {
        self.query.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// `true` or `false`; missing is false.
    pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.one(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ApiError::invalid(format!("{name}: must be true or false"))),
        }
    }

    /// A number between 1 and `most`.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        match self.one("limit")? {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
                _ => Err(ApiError::invalid(format!("limit: must be between 1 and {most}"))),
            },
        }
    }

    /// An instant.
    pub fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
        let parse = |text: &str| DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
        self.one(name)?.map(parse).transpose().map_err(|_| ApiError::invalid(format!("{name}: must be RFC 3339")))
    }
}
