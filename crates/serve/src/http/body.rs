//! A request's body: read within its bounds of size and time, and turned into an order.

use std::collections::BTreeMap;
use std::path::{Component, PathBuf};
use std::pin::pin;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_core::Stream as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::App;
use crate::languages::find;
use crate::problem::{Kind, Problem};
use crate::runs::Order;
use crate::store::Tenant;

/// Most parts of a file's name.
const MAX_PARTS: usize = 8;
/// Most bytes of a file's name.
const MAX_FILE_NAME: usize = 200;

/// What is to be run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Execute {
    /// The language, by its id or an alias.
    pub(super) language: String,
    /// The code.
    pub(super) code: String,
    /// What the program may read on standard input.
    #[serde(default)]
    pub(super) stdin: Option<String>,
    /// Files that the program may read under `/work`, by their relative names.
    #[serde(default)]
    pub(super) files: Option<BTreeMap<String, File>>,
    /// A policy that tightens the server's: `limits`, `features`, `on-denial` and `deterministic` of the policy format.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub(super) policy: Option<Value>,
}

/// A file: its text, or its bytes as base64.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum File {
    /// Its text.
    Text(String),
    /// Its bytes.
    Bytes {
        /// As base64.
        base64: String,
    },
}

/// Reads a body that is JSON.
pub(super) async fn read(app: &App, request: Request) -> Result<Execute, Problem> {
    let headers = request.headers();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let essence = kind.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/json") || headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::new(Kind::NotJson, "`Content-Type` is not `application/json`, or the body is compressed"));
    }
    let limit = app.settings.limits.request;
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared > limit as u64) {
        return Err(too_large(limit));
    }
    let bytes = tokio::time::timeout(app.settings.limits.body_time, bytes(request.into_body(), limit))
        .await
        .map_err(|_| Problem::new(Kind::TooSlow, "the body did not arrive in time"))??;
    serde_json::from_slice(&bytes).map_err(|error| {
        // The position and what was expected; both are about what the client sent.
        Problem::new(Kind::InvalidBody, error.to_string()).with("line", error.line()).with("column", error.column())
    })
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Kind::TooLarge, format!("the body is larger than {limit} bytes")).with("limit", limit)
}

async fn bytes(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut stream = pin!(body.into_data_stream());
    let mut bytes = Vec::new();
    while let Some(piece) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await {
        let piece = piece.map_err(|_| Problem::new(Kind::InvalidRequest, "the body broke off"))?;
        if bytes.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Checks what was asked against what the operator allows.
pub(super) fn order(app: &App, tenant: Tenant, asked: Execute, live: bool) -> Result<Order, Problem> {
    let limits = &app.settings.limits;
    let languages = app.languages.list();
    let Some(language) = find(&languages, &asked.language) else {
        let ids: Vec<&str> = languages.iter().map(|language| language.id.as_str()).collect();
        return Err(Problem::new(Kind::UnknownLanguage, "see `languages`").with("languages", ids));
    };
    if asked.code.len() > limits.code {
        let detail = format!("the code is {} bytes long, and {} are allowed", asked.code.len(), limits.code);
        return Err(Problem::new(Kind::CodeTooLong, detail).with("limit", limits.code));
    }
    if !language.available {
        return Err(Problem::new(Kind::LanguageUnavailable, language.note));
    }
    let files = files(asked.files.unwrap_or_default(), limits.files)?;
    let policy = crate::policy::tightened(&app.settings.policy, asked.policy.as_ref())?;
    let stdin = asked.stdin.unwrap_or_default().into_bytes();
    Ok(Order { tenant, language: language.id, code: asked.code, stdin, files, policy, live })
}

fn files(asked: BTreeMap<String, File>, most: usize) -> Result<Vec<(PathBuf, Vec<u8>)>, Problem> {
    if asked.len() > most {
        return Err(Problem::new(Kind::InvalidFiles, format!("at most {most} files")).with("limit", most));
    }
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for (name, file) in asked {
        let Some(path) = path(&name) else {
            let detail = format!(
                "a file's name is relative, has at most {MAX_PARTS} plain parts and {MAX_FILE_NAME} bytes, and none of them is `..`"
            );
            return Err(Problem::new(Kind::InvalidFiles, detail).with("file", name));
        };
        let bytes = match file {
            File::Text(text) => text.into_bytes(),
            File::Bytes { base64 } => STANDARD
                .decode(base64)
                .map_err(|_| Problem::new(Kind::InvalidFiles, "the file is not base64").with("file", name.clone()))?,
        };
        if let Some((other, _)) = files.iter().find(|(other, _)| path.starts_with(other) || other.starts_with(&path)) {
            let detail = format!("`{}` is a file, and so cannot hold another", other.display());
            return Err(Problem::new(Kind::InvalidFiles, detail).with("file", name));
        }
        files.push((path, bytes));
    }
    Ok(files)
}

/// The path of a file's name, if it stays below where it is made.
fn path(name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty()
        && name.len() <= MAX_FILE_NAME
        && !name.ends_with('/')
        && !name.contains("//")
        && !name.contains('\\')
        && !name.chars().any(char::is_control);
    let path = PathBuf::from(name);
    let parts = path.components().collect::<Vec<_>>();
    let below = parts.iter().all(|part| matches!(part, Component::Normal(_))) && parts.len() <= MAX_PARTS;
    // What the parts drop, such as a `.` in between, was in the name.
    let whole = name.split('/').count() == parts.len();
    (plain && below && whole).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_climb_are_none() {
        for name in [
            "",
            ".",
            "..",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "./a",
            "a//b",
            "a/",
            "a/./b",
            "a\0b",
            "a\nb",
            "..\\x",
            "a/b/c/d/e/f/g/h/i",
        ] {
            assert!(path(name).is_none(), "{name:?}");
        }
        assert!(path(&"a".repeat(201)).is_none());
        for name in ["a", "a/b.txt", "..a", "a..", "ü/日本"] {
            assert_eq!(path(name), Some(PathBuf::from(name)));
        }
    }

    #[test]
    fn a_file_is_no_directory_of_another() {
        let text = |name: &str| (name.to_owned(), File::Text(String::new()));
        assert!(files([text("a"), text("a/b")].into(), 9).is_err());
        assert!(files([text("a"), text("ab")].into(), 9).is_ok());
        assert!(files([text("a"), text("b")].into(), 1).is_err());
    }

    #[test]
    fn what_is_no_request_is_an_error_and_no_panic() {
        for text in [
            "",
            "{",
            "[]",
            "null",
            "1",
            r#"{"language":1,"code":""}"#,
            r#"{"language":"a","code":"","root":true}"#,
            r#"{"language":"a"}"#,
            r#"{"language":"a","code":"\ud800"}"#,
            &"[".repeat(100_000),
            &format!(r#"{{"language":"a","code":"","policy":{}1{}}}"#, "[".repeat(500), "]".repeat(500)),
        ] {
            assert!(serde_json::from_str::<Execute>(text).is_err(), "{}", &text[..text.len().min(40)]);
        }
        assert!(serde_json::from_slice::<Execute>(b"{\"language\":\"\xff\",\"code\":\"\"}").is_err());
    }
}
