//! What looks like a secret. A value that does is never shown.

use std::ops::Range;

/// Stands for what is hidden.
pub(crate) const HIDDEN: &str = "[hidden]";

/// Tokens whose issuers mark them: the prefix, and the least number of characters behind it.
const MARKED: &[(&str, usize)] = &[
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("npm_", 30),
    ("xoxb-", 10),
    ("xoxa-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("sk-", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
];

/// No secret that is known by its looks is shorter; most words are.
const SHORTEST: usize = 15;

/// Parts of a name that promise a secret.
const PARTS: &[&str] =
    &["secret", "token", "passw", "passphrase", "apikey", "privatekey", "accesskey", "credential", "cookie"];
/// Words that promise one when they stand alone between separators.
const WORDS: &[&str] = &["auth", "session", "pwd", "kubeconfig", "pat", "jwt"];

/// Whether a name promises a secret: `GITHUB_TOKEN`, `db-password`, `AWS_ACCESS_KEY_ID`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    let joined: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    PARTS.iter().any(|part| joined.contains(part))
        || lower.split(|c: char| !c.is_alphanumeric()).any(|word| WORDS.contains(&word))
}

/// Whether a value looks like a secret: a marked token, a private key, or text too random for anything else.
pub(crate) fn is_secret_value(value: &str) -> bool {
    is_private_key(value) || value.split(|c| !is_token(c)).any(|token| is_marked(token) || is_random(token))
}

/// Whether a text holds a user and a password inside an address.
pub(crate) fn has_url_credentials(text: &str) -> bool {
    let mut found = Vec::new();
    url_credentials(text, &mut found);
    !found.is_empty()
}

/// Hides what looks like a secret in a message or an argument.
pub(crate) fn hide(text: &str) -> String {
    let mut ranges = ranges(text);
    named(text, &mut ranges);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in merge(ranges) {
        out.push_str(&text[at..range.start]);
        out.push_str(HIDDEN);
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The bytes of a text that look like a secret wherever they stand: marked tokens, private keys, passwords in addresses. Long random text
/// is not among them, since digests are that, too.
pub(crate) fn ranges(text: &str) -> Vec<Range<usize>> {
    if is_private_key(text) {
        return vec![Range { start: 0, end: text.len() }];
    }
    let mut found = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if !is_token(c) {
            if is_marked(&text[start..at]) {
                found.push(start..at);
            }
            start = at + c.len_utf8();
        }
    }
    url_credentials(text, &mut found);
    merge(found)
}

/// The rest of a line behind `NAME: ` or `NAME=` if the name promises a secret.
pub(crate) fn named(text: &str, found: &mut Vec<Range<usize>>) {
    let mut word = 0;
    for (at, c) in text.char_indices() {
        let assigns = c == '=' || (c == ':' && text[at + 1..].starts_with(' '));
        if assigns && is_secret_name(&text[word..at]) {
            let behind = &text[at + 1..];
            let value = behind.trim_start();
            if !value.is_empty() && (value.starts_with(HIDDEN) || !value.starts_with(['{', '[', '#'])) {
                found.push(text.len() - value.len()..text.len());
                return;
            }
        }
        if !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'')) {
            word = at + c.len_utf8();
        }
    }
}

/// Ranges in order, none of which touches another.
pub(crate) fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The bytes of `user:password` in every address that has them.
fn url_credentials(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, scheme) in text.match_indices("://") {
        let start = at + scheme.len();
        let end = text[start..]
            .find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace())
            .map_or(text.len(), |at| start + at);
        if let Some(at) = text[start..end].rfind('@')
            && text[start..start + at].contains(':')
        {
            found.push(start..start + at);
        }
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | '=' | '.')
}

fn is_private_key(text: &str) -> bool {
    text.find("-----BEGIN ").is_some_and(|at| text[at..].contains("PRIVATE KEY"))
}

fn is_marked(token: &str) -> bool {
    if token.len() < SHORTEST {
        return false;
    }
    // The marked part may stand behind `--token=` or a path.
    let mut starts = std::iter::once(0).chain(token.match_indices(['=', '/']).map(|(at, _)| at + 1));
    starts.any(|start| {
        let part = &token[start..];
        let body =
            |prefix: &str| part.strip_prefix(prefix).map_or(0, |rest| rest.bytes().take_while(|b| is_body(*b)).count());
        MARKED.iter().any(|(prefix, least)| body(prefix) >= *least) || is_web_token(part)
    })
}

fn is_body(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A JSON web token: two JSON objects and a signature, in base 64.
fn is_web_token(part: &str) -> bool {
    let mut parts = part.split('.');
    let (Some(head), Some(body), Some(_)) = (parts.next(), parts.next(), parts.next()) else { return false };
    head.starts_with("eyJ") && head.len() >= 12 && body.starts_with("eyJ")
}

/// More than four bits a character over 24 or more characters, with digits and both cases: no word, path, digest or UUID is.
fn is_random(token: &str) -> bool {
    let token = token.rsplit_once('=').map_or(token, |(_, value)| if value.len() < 24 { token } else { value });
    if token.len() < 24 || token.starts_with(['/', '.']) || token.contains('.') {
        return false;
    }
    let has = |test: fn(&u8) -> bool| token.as_bytes().iter().any(test);
    if !(has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)) {
        return false;
    }
    let mut counts = [0_u32; 256];
    token.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let total = f64::from(u32::try_from(token.len()).unwrap_or(u32::MAX));
    let entropy: f64 =
        counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total).map(|p| -p * p.log2()).sum();
    entropy > 4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_marked_token_is_too_short_to_be_looked_at() {
        assert!(MARKED.iter().all(|(prefix, least)| prefix.len() + least >= SHORTEST));
        assert!("eyJ123456789.eyJ.".len() >= SHORTEST);
    }

    #[test]
    fn names_that_promise_a_secret_are_known() {
        for name in [
            "GITHUB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
            "db-password",
            "API_KEY",
            "apiKey",
            "HTTP_AUTH",
            "SESSION",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["MODE", "AUTHOR", "PATH", "AWS_REGION", "LANG", "PATTERN"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn values_that_look_like_secrets_are_known() {
        let random = "q7Rz0PmX2vLk9TnB4sWd8YhJ";
        for value in
            ["AKIAIOSFODNN7EXAMPLE", "--key=AKIAIOSFODNN7EXAMPLE", random, "-----BEGIN RSA PRIVATE KEY-----\nx"]
        {
            assert!(is_secret_value(value), "{value}");
        }
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for value in [
            "production",
            "/usr/local/lib/Python3/site-packages",
            digest,
            "123e4567-e89b-12d3-a456-426614174000",
            "en_GB.UTF-8",
        ] {
            assert!(!is_secret_value(value), "{value}");
        }
    }

    #[test]
    fn hiding_keeps_the_rest_of_a_line() {
        assert_eq!(hide("  MODE: prod"), "  MODE: prod");
        assert_eq!(hide("  DB_PASSWORD: hunter2"), "  DB_PASSWORD: [hidden]");
        assert_eq!(hide("args: [--token=hunter2]"), "args: [--token=[hidden]");
        assert_eq!(hide("key: AKIAIOSFODNN7EXAMPLE # x"), "key: [hidden] # x");
        assert_eq!(hide("a https://me:pw@x.example/ b"), "a https://[hidden]@x.example/ b");
        assert_eq!(hide("secret:"), "secret:");
        assert_eq!(hide(&hide("  DB_PASSWORD: hunter2")), "  DB_PASSWORD: [hidden]");
    }
}
