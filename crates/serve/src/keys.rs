//! API keys: what a token is, and how one is checked.
//!
//! A token is `gk_`, an id of 12 hex digits, `_`, and a secret of 32 random bytes in hex. Only the SHA-256 of the secret is kept: a secret of
//! 256 random bits cannot be guessed from it, so that nothing slower is needed. What is compared is two hashes, in constant time.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::problem::{Kind, Problem};
use crate::store::{Held, Store, StoreError, Tenant, now};

/// What every token begins with, so that scanners for secrets know one.
const PREFIX: &str = "gk_";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Running code, and asking for one's own usage.
    Run,
    /// Reading the metrics of the server.
    Metrics,
}

impl Scope {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Metrics => "metrics",
        }
    }
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope: run or metrics")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        match word {
            "run" => Ok(Self::Run),
            "metrics" => Ok(Self::Metrics),
            _ => Err(UnknownScope(word.to_owned())),
        }
    }
}

/// A token: what a client sends. It is shown once, to whoever made it.
pub struct Token {
    id: String,
    secret: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("id", &self.id).finish_non_exhaustive()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Token {
    /// Draws a token.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn draw() -> std::io::Result<Self> {
        let mut bytes = [0; ID_BYTES + SECRET_BYTES];
        let mut filled = 0;
        while let Some(left) = bytes.get_mut(filled..).filter(|left| !left.is_empty()) {
            filled += rustix::rand::getrandom(left, rustix::rand::GetRandomFlags::empty())?;
        }
        let (id, secret) = bytes.split_at(ID_BYTES);
        Ok(Self { id: hex(id), secret: hex(secret) })
    }

    /// Reads a token. What is not shaped like one is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let digits = |text: &str, bytes: usize| {
            text.len() == 2 * bytes && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        (digits(id, ID_BYTES) && digits(secret, SECRET_BYTES))
            .then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// Its id, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole token.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret)
    }

    /// SHA-256 of the secret, in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        gauntlet_record::digest(self.secret.as_bytes())
    }
}

/// Finds whose token this is.
///
/// # Errors
///
/// If it is none of ours, was revoked or has ended; the outer error is the store's.
pub(crate) fn check(store: &Store, text: &str) -> Result<Result<(Scope, Tenant, String), Problem>, StoreError> {
    let invalid = || Problem::new(Kind::KeyInvalid, "no such key");
    let Some(token) = Token::parse(text) else { return Ok(Err(invalid())) };
    let held = store.held(token.id())?;
    // An id that nobody has is compared, too, so that it takes as long.
    let none = "0".repeat(64);
    let hash = held.as_ref().map_or(none.as_str(), |held| held.hash.as_str());
    let same = bool::from(hash.as_bytes().ct_eq(token.hash().as_bytes()));
    let Some(Held { key, tenant, .. }) = held.filter(|_| same) else { return Ok(Err(invalid())) };
    if key.revoked.is_some() || key.expires.is_some_and(|expires| expires <= now()) {
        return Ok(Err(Problem::new(Kind::KeyRevoked, format!("key {}", key.id))));
    }
    Ok(Ok((key.scope, tenant, key.id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_a_round_trip_and_two_differ() {
        let (one, other) = (Token::draw().unwrap(), Token::draw().unwrap());
        assert_ne!(one.text(), other.text());
        let read = Token::parse(&one.text()).unwrap();
        assert_eq!((read.id(), read.hash()), (one.id(), one.hash()));
        assert!(!format!("{one:?}").contains(&one.secret));
    }

    #[test]
    fn what_is_not_shaped_like_a_token_is_none() {
        let good = Token::draw().unwrap().text();
        for text in [
            String::new(),
            "gk_".into(),
            good.to_uppercase(),
            format!("{good}0"),
            good[..good.len() - 1].to_owned(),
            good.replace("gk_", "gk-"),
            format!(" {good}"),
            "gk_é_é".into(),
        ] {
            assert!(Token::parse(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_key_opens_until_it_is_revoked_or_ends_and_a_wrong_secret_never_does() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::file(&directory.path().join("s.db")).unwrap();
        let token = store.create_key("acme", "", Scope::Run, None).unwrap();
        let kind = |text: &str| check(&store, text).unwrap().map(|_| ()).map_err(|problem| problem.kind());
        assert_eq!(kind(&token.text()), Ok(()));
        let other = Token { id: token.id.clone(), secret: "0".repeat(64) };
        assert_eq!(kind(&other.text()), Err(Kind::KeyInvalid));
        assert_eq!(kind(&Token::draw().unwrap().text()), Err(Kind::KeyInvalid));
        store.revoke_key(token.id()).unwrap();
        assert_eq!(kind(&token.text()), Err(Kind::KeyRevoked));
        let ended = store.create_key("acme", "", Scope::Run, Some(1)).unwrap();
        assert_eq!(kind(&ended.text()), Err(Kind::KeyRevoked));
    }
}
