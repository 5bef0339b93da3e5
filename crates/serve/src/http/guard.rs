//! What every request passes: rates by address, host and origin, and the headers of every answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse as _;

use super::{App, client, empty};
use crate::problem::{Kind, Problem};

/// The headers of every answer. The page has a policy of its own for its content.
const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), clipboard-read=()"),
];
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let origin = allowed_origin(&app, request.headers());
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key("access-control-request-method");
    let mut response = match checked(&app, &request) {
        Err(problem) => problem.into_response(),
        Ok(()) if preflight && origin.is_some() => {
            let mut response = empty(StatusCode::NO_CONTENT);
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            headers
                .insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
            response
        }
        Ok(()) => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if !app.settings.origins.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    }
    metrics::counter!("gauntlet_serve_responses_total", "status" => response.status().as_str().to_owned()).increment(1);
    response
}

fn checked(app: &App, request: &Request) -> Result<(), Problem> {
    // Whoever asks whether we live is not counted.
    if request.uri().path() == "/healthz" {
        return Ok(());
    }
    let address = client::address(app, request)?;
    app.addresses
        .take(&crate::rates::network(address))
        .map_err(|wait| Problem::new(Kind::RateExceeded, "too many requests from this address").retry_after(wait))?;
    let headers = request.headers();
    for single in [header::HOST, header::ORIGIN, header::CONTENT_TYPE, header::AUTHORIZATION, header::CONTENT_LENGTH] {
        if headers.get_all(&single).iter().nth(1).is_some() {
            return Err(Problem::new(Kind::InvalidRequest, format!("`{single}` is there more than once")));
        }
    }
    // A page of somebody else's that finds a name which leads here (DNS rebinding) sends its own host name.
    if !app.reachable && !headers.get(header::HOST).is_some_and(is_this_machine) {
        return Err(Problem::new(Kind::WrongHost, "not a name of this machine"));
    }
    let foreign = headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    let other = headers.get(header::ORIGIN).is_some_and(|origin| !same_origin(headers, origin));
    let navigation =
        request.method() == Method::GET && headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    if (foreign || other) && !navigation && allowed_origin(app, headers).is_none() {
        return Err(Problem::new(Kind::CrossOrigin, "the request comes from another origin"));
    }
    Ok(())
}

fn is_this_machine(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(name, _)| name),
        None => Some(host.rsplit_once(':').map_or(host, |(name, _)| name)),
    };
    name.is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// Whether an origin is that of the page we serve. Behind a proxy that speaks TLS the scheme is not ours, so only the rest is compared.
fn same_origin(headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), headers.get(header::HOST).map(HeaderValue::to_str)) else {
        return false;
    };
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
}

/// The request's origin, if the operator allows it.
fn allowed_origin(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    app.settings.origins.iter().any(|allowed| origin == allowed.as_str()).then(|| origin.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_this_machine() {
        for (host, ours) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:8080", true),
            ("127.9.9.9", true),
            ("[::1]:8080", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("10.0.0.1", false),
            ("", false),
            ("[::1", false),
        ] {
            assert_eq!(is_this_machine(&HeaderValue::from_static(host)), ours, "{host}");
        }
    }

    #[test]
    fn an_origin_is_ours_only_as_a_whole() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("run.example:8080"));
        for (origin, ours) in [
            ("http://run.example:8080", true),
            ("https://run.example:8080", true),
            ("http://run.example", false),
            ("http://run.example:8080.evil", false),
            ("null", false),
            ("file://", false),
        ] {
            assert_eq!(same_origin(&headers, &HeaderValue::from_static(origin)), ours, "{origin}");
        }
    }
}
