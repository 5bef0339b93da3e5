//! An attack on a service, as it is written down.

use std::time::Duration;

use gauntlet_record::Cause;
use serde_json::Value;

/// A program that is sent to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The language, by our name for it.
    pub language: String,
    /// The code: text, or for `wasm` its text format.
    pub code: String,
    /// Standard input.
    pub stdin: String,
    /// Further members of the request, as JSON; a service whose template does not know them is not sent them.
    pub more: Vec<(String, Value)>,
}

/// A request as it is, for what no honest client sends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path, not encoded any further.
    pub path: String,
    /// Lines of the head, in this order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// How many times the body is repeated.
    pub repeat: usize,
    /// The length that is declared; absent: that of the body.
    pub length: Option<u64>,
    /// Sends only this and then nothing more, and leaves the connection open while the attack goes on.
    pub hold: bool,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Send {
    /// A program, as the template has it.
    Program(Box<Program>),
    /// A request.
    Request(Request),
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is sent.
    pub send: Send,
    /// How often.
    pub times: usize,
    /// How many of them at once.
    pub at_once: usize,
    /// Whether a key is sent: the service's, a wrong one each time, or none.
    pub key: Key,
}

/// The key that a step sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The key that the operator of the harness was given.
    Given,
    /// A wrong one, another each time.
    Wrong,
    /// None.
    None,
}

/// What an attack wants, as it is seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obtains {
    /// More than so many requests were accepted (status 2xx).
    Accepted(u64),
    /// More than so many keys were looked up (status 401 or 403).
    Guesses(u64),
    /// An answer is larger than so many bytes.
    AnswerBytes(u64),
    /// An answer took longer than this.
    Time(Duration),
    /// The canary that an earlier step left is in an answer of the last.
    Canary,
    /// The marker arrived, which only a program that got what it must not writes.
    Marker,
    /// An answer holds text of the host: paths of its system, errors of its system or of its libraries.
    HostText,
    /// An honest program is not run any more, while the attack's connections are open or after.
    Outage,
    /// Anything that no program gets: what is in the host's files, an answer beyond every bound of size or time, or the outage of the
    /// service. For programs whose own aim can be seen from inside of a host only.
    Beyond,
}

/// An attack on a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// Its id: `services/NAME`.
    pub id: String,
    /// What it does, in a few words.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// The weakness, `CWE-<n>`.
    pub weakness: String,
    /// The language without which it cannot be tried.
    pub needs: Option<String>,
    /// Whether it is about keys, so that it cannot be tried on a service that asks for none.
    pub needs_key: bool,
    /// The steps, one after another.
    pub steps: Vec<Step>,
    /// What it wants.
    pub obtains: Obtains,
    /// The same as it is written.
    pub obtains_text: String,
    /// The causes that count as contained.
    pub contained_by: Vec<Cause>,
    /// The keys of a policy that it is about, where there are such.
    pub subjects: Vec<String>,
    /// Outside sources.
    pub references: Vec<String>,
    /// Where it is written down.
    pub file: String,
}
