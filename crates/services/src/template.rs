//! How a service is asked and how it answers: data, so that other people's services can be attacked, too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gauntlet_record::Cause;
use serde_json::{Map, Value};

use crate::attack::{Program, Request};
use crate::client::{Answer, Base};

/// A kind of service.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// What runs programs there, for reports.
    pub engine: String,
    /// Where programs are sent.
    pub path: String,
    /// Lines of the head.
    pub headers: Vec<(String, String)>,
    /// The body, with `{{language}}`, `{{code}}` and `{{stdin}}` in its texts.
    pub body: Value,
    /// The header that a key goes into, and its value with `{{key}}`.
    pub key: Option<(String, String)>,
    /// Our names of languages, and what the service calls them.
    pub languages: Vec<(String, String)>,
    /// Further members that the service knows, for example `policy` and `files`.
    pub knows: Vec<String>,
    /// Where standard output is in an answer, as a JSON pointer.
    pub stdout: String,
    /// Where the typed cause of an ending is, as a JSON pointer; a service that shows none has none.
    pub cause: Option<String>,
}

impl Template {
    /// What the service calls a language.
    #[must_use]
    pub fn language(&self, ours: &str) -> Option<&str> {
        self.languages.iter().find(|(name, _)| name == ours).map(|(_, theirs)| theirs.as_str())
    }

    /// The bytes of a request for a program; `None` if the service does not know its language or something else that it needs.
    #[must_use]
    pub fn program(&self, base: &Base, program: &Program, key: Option<&str>) -> Option<Vec<u8>> {
        let language = self.language(&program.language)?;
        let code = if program.language == "wasm" {
            STANDARD.encode(wat::parse_str(&program.code).ok()?)
        } else {
            program.code.clone()
        };
        let mut body = filled(&self.body, &[("language", language), ("code", &code), ("stdin", &program.stdin)]);
        for (name, value) in &program.more {
            if !self.knows.contains(name) {
                return None;
            }
            body.as_object_mut()?.insert(name.clone(), value.clone());
        }
        let request = Request {
            method: "POST".into(),
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: body.to_string(),
            repeat: 1,
            ..Request::default()
        };
        Some(self.request(base, &request, key))
    }

    /// The bytes of a request.
    #[must_use]
    pub fn request(&self, base: &Base, request: &Request, key: Option<&str>) -> Vec<u8> {
        let mut head = format!("{} {}{} HTTP/1.1\r\n", request.method, base.prefix, request.path);
        let named = |name: &str| request.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
        if !named("host") {
            head += &format!("Host: {}\r\n", base.authority);
        }
        for (name, value) in &request.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let (Some((name, value)), Some(key)) = (&self.key, key) {
            head += &format!("{name}: {}\r\n", value.replace("{{key}}", key));
        }
        if !named("content-length") && !named("transfer-encoding") && request.method != "GET" {
            let length = request.length.unwrap_or((request.body.len() * request.repeat) as u64);
            head += &format!("Content-Length: {length}\r\n");
        }
        if !named("connection") {
            head += "Connection: close\r\n";
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend(request.body.as_bytes().repeat(request.repeat));
        bytes
    }

    /// What a program wrote, as an answer has it.
    #[must_use]
    pub fn stdout(&self, answer: &Answer) -> Option<String> {
        let body: Value = serde_json::from_str(&answer.body).ok()?;
        Some(body.pointer(&self.stdout)?.as_str()?.to_owned())
    }

    /// The typed cause that an answer shows.
    #[must_use]
    pub fn cause(&self, answer: &Answer) -> Option<Cause> {
        // A service that turns a client away for what it has used says so by its status.
        if matches!(answer.status, 401 | 403 | 429 | 503) {
            return Some(Cause::RefusedTenant);
        }
        let body: Value = serde_json::from_str(&answer.body).ok()?;
        body.pointer(self.cause.as_ref()?)?.as_str()?.parse().ok()
    }
}

/// A value with what stands in double braces filled in. What is filled in is text and stays text.
fn filled(value: &Value, with: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => {
            let mut out = String::new();
            let mut rest = text.as_str();
            'text: while let Some(at) = rest.find("{{") {
                let (before, from) = rest.split_at(at);
                out.push_str(before);
                for (name, value) in with {
                    if let Some(after) = from.strip_prefix(&format!("{{{{{name}}}}}")) {
                        out.push_str(value);
                        rest = after;
                        continue 'text;
                    }
                }
                out.push_str("{{");
                rest = from.get(2..).unwrap_or("");
            }
            out.push_str(rest);
            Value::String(out)
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| filled(item, with)).collect()),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), filled(value, with))).collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_looks_like_a_placeholder_is_not_one() {
        let body = serde_json::json!({ "code": "{{code}}", "in": ["{{stdin}} {{other}}"] });
        let out = filled(&body, &[("code", "print('{{stdin}}')"), ("stdin", "\"}")]);
        assert_eq!(out, serde_json::json!({ "code": "print('{{stdin}}')", "in": ["\"} {{other}}"] }));
    }
}
