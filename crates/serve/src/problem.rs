//! Every error that a client sees, in one shape: problem details as RFC 9457 has them. Nothing of the host is in it.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// Declares the problems: variant, id, status, title, what a client can do about it.
macro_rules! problems {
    ($($variant:ident, $id:literal, $status:literal, $title:literal, $advice:literal;)*) => {
        /// What went wrong, from a closed list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $(#[doc = $title] $variant,)* }

        impl Kind {
            /// Every problem.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its id, the last part of its type.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// The HTTP status that it is answered with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// In a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What a client can do about it.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }
        }
    };
}

problems! {
    InvalidBody, "invalid-body", 400, "the request's body is not what this takes", "Send one JSON object as the API reference describes it.";
    InvalidPolicy, "invalid-policy", 400, "the request's policy has faults", "Each fault is listed in `errors`.";
    InvalidFiles, "invalid-files", 400, "the request's files cannot be made", "Use relative names of plain parts, without `..`, within the limits that the detail names.";
    InvalidRequest, "invalid-request", 400, "the request is not well-formed", "Send each header once, and in the form that HTTP gives it.";
    UnknownLanguage, "unknown-language", 400, "there is no such language here", "Use one of `languages`.";
    KeyMissing, "key-missing", 401, "an API key is needed", "Send `Authorization: Bearer` with a key that the operator gave you.";
    KeyInvalid, "key-invalid", 401, "the API key is not valid", "Check the key. Wrong ones are counted against the address that sends them.";
    KeyRevoked, "key-revoked", 401, "the API key was revoked or has expired", "Ask the operator for a new one.";
    KeyScope, "key-scope", 403, "the API key is not for this", "Use a key of the scope that the detail names.";
    PolicyWidens, "policy-widens", 403, "the request's policy asks for more than the operator allows", "Lower the value of `key` to `ceiling`, or leave it out.";
    Quarantined, "quarantined", 403, "the tenant is in quarantine", "Ask the operator. Nothing of this tenant runs until it is released.";
    CrossOrigin, "cross-origin", 403, "requests from other origins are not taken", "Call from a server, or ask the operator to allow the origin.";
    NotFound, "not-found", 404, "there is nothing here", "See the API reference for what there is.";
    MethodNotAllowed, "method-not-allowed", 405, "this method is not for this path", "See the API reference for what there is.";
    TooSlow, "too-slow", 408, "the request took too long to arrive", "Send it faster, or in a smaller size.";
    TooLarge, "too-large", 413, "the request is too large", "Send fewer bytes than `limit`.";
    CodeTooLong, "code-too-long", 413, "the code is too long", "Send fewer bytes of code than `limit`.";
    NotJson, "not-json", 415, "the body has to be JSON", "Send `Content-Type: application/json`, uncompressed.";
    WrongHost, "wrong-host", 421, "this server does not answer to that host name", "Without keys, only names of this machine are answered to.";
    RateExceeded, "rate-exceeded", 429, "too many requests", "Wait for the seconds in `Retry-After`.";
    QuotaSpent, "quota-spent", 429, "the tenant's quota is used up", "Wait for the seconds in `Retry-After`, or ask the operator for more.";
    TooManyRuns, "too-many-runs", 429, "too many runs of this tenant at once", "Wait until some of them have ended.";
    RunFailed, "run-failed", 500, "the run could not be made", "This is not the code's fault. Try again; tell the operator the run's id if it stays.";
    LanguageUnavailable, "language-unavailable", 503, "the language is not ready here", "Wait for the seconds in `Retry-After`; where there are none, ask the operator to build it.";
    QueueFull, "queue-full", 503, "more runs wait than there is room for", "Wait for the seconds in `Retry-After`.";
    WaitedTooLong, "waited-too-long", 503, "no place to run was free in time", "Wait for the seconds in `Retry-After`.";
    StoreUnavailable, "store-unavailable", 503, "keys and usage cannot be read or written now", "Wait for the seconds in `Retry-After`; nothing was run.";
    AuditUnavailable, "audit-unavailable", 503, "the run cannot be logged now", "Wait for the seconds in `Retry-After`; nothing was run.";
    Draining, "draining", 503, "this instance is shutting down", "Try again: another instance, or this one after its start, answers.";
}

/// A problem, ready to be sent.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: String,
    retry_after: Option<u64>,
    more: Map<String, Value>,
}

/// Problem details as RFC 9457 has them. Further members depend on the type.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Details<'a> {
    /// Names the problem: a reference to its page on this server.
    r#type: String,
    /// The problem in a few words, the same each time.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What it was this time.
    detail: &'a str,
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

impl Problem {
    /// A problem of a kind. `detail` is for whoever sent the request: it holds what they sent and what the operator published, nothing else.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None, more: Map::new() }
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let details = Details {
            r#type: format!("/problems/{}", self.kind.id()),
            title: self.kind.title(),
            status: self.kind.status(),
            detail: &self.detail,
            more: &self.more,
        };
        serde_json::to_vec(&details).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        metrics::counter!("gauntlet_serve_problems_total", "problem" => self.kind.id()).increment(1);
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind.status() == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_every_title_is_a_fragment() {
        let mut ids: Vec<&str> = Kind::ALL.iter().map(|kind| kind.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(kind.title().starts_with(char::is_lowercase) || kind.title().contains("API"), "{}", kind.title());
            assert!(kind.advice().ends_with('.'), "{}", kind.advice());
            assert!((400..600).contains(&kind.status()));
        }
    }

    #[test]
    fn a_problem_has_the_members_of_the_standard_and_its_own() {
        let problem = Problem::new(Kind::PolicyWidens, "`limits.memory`").with("key", "limits.memory");
        let body: Value = serde_json::from_slice(&problem.body()).unwrap();
        assert_eq!(body["type"], "/problems/policy-widens");
        assert_eq!(body["status"], 403);
        assert_eq!(body["key"], "limits.memory");
    }
}
