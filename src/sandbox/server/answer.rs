//! Answers in the provider's shapes.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response};
use serde_json::{Value, json};

use super::super::fault::Effect;
use super::super::org::Refusal;

/// An error in the provider's shape, before it has a request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub status: u16,
    pub kind: String,
    pub message: String,
    pub code: Option<String>,
    pub headers: Vec<(&'static str, String)>,
}

impl ApiError {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, kind: kind_of(status).to_owned(), message: message.into(), code: None, headers: Vec::new() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub fn unauthorized() -> Self {
        Self::new(401, "invalid x-api-key")
    }

    pub fn not_found() -> Self {
        Self::new(404, Refusal::NotFound.to_string())
    }

    pub fn body(&self, request_id: &str) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = &self.code {
            error["details"] = json!({ "error_code": code });
        }
        json!({ "type": "error", "error": error, "request_id": request_id })
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let status = if refusal == Refusal::NotFound { 404 } else { 400 };
        Self::new(status, refusal.to_string())
    }
}

/// The error that a fault asks for.
pub fn ordered(effect: &Effect) -> Option<ApiError> {
    let Effect::Status { status, error_type, message, error_code, retry_after, should_retry } = effect else {
        return None;
    };
    let mut error = ApiError::new(*status, message.clone().unwrap_or_else(|| "a fault on demand".to_owned()));
    if let Some(kind) = error_type {
        error.kind.clone_from(kind);
    }
    error.code.clone_from(error_code);
    error.headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
    error.headers.extend(should_retry.map(|should| ("x-should-retry", should.to_string())));
    Some(error)
}

/// The `error.type` that belongs to a status.
fn kind_of(status: u16) -> &'static str {
    match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}

/// The type of a JSON document.
pub const JSON: &str = "application/json";
/// The type of a stream of server-sent events.
pub const EVENTS: &str = "text/event-stream; charset=utf-8";

/// An answer of the given type.
pub fn answer(status: u16, kind: &'static str, headers: &[(&'static str, String)], body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    // Every status that is set here, faults included, is a valid one; 500 says that it was not.
    *response.status_mut() =
        axum::http::StatusCode::from_u16(status).unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
