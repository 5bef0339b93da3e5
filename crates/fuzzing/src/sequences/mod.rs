//! Sequences of preview 1 calls: made for the fixture, run by one guest that is compiled once, watched from outside.
//!
//! ```text
//! generate -> Sequence -> encode -> interpreter in a target -> oracles -> shrink
//! ```
//!
//! A [`Sequence`] is a list of typed calls, and its text is what is stored of a finding. [`Runner`] runs it against a target in this
//! process: one that keeps instances ([`Target::open`](gauntlet_target::Target::open)) takes thousands a second, any other gets a program
//! a sequence, or one for a [`batch`] of them.

mod call;
mod encode;
mod functions;
mod generate;
mod health;
mod interpreter;
mod openat2;
mod oracles;
mod parse;
mod runner;
mod shrink;
mod world;

pub use call::{Argument, Buffer, Call, NoSequence, Sequence, Subscription};
pub use encode::{CENSUS, CENSUS_COUNT, Encoded, NO_ANSWER, NOT_REACHED, RECORD, RECORDS, SHARED, encode};
pub use functions::{Function, Kind, NEVER_SUCCEED};
pub use generate::{BYTES, MAX_CALLS, generate};
pub use health::{Health, LEAST_LINKED, LEAST_OPENED, MOST_LOST};
pub use interpreter::{interpreter, program};
pub use openat2::{NoFilter, without_openat2};
pub use oracles::ORACLES;
pub use runner::{Execution, Options, POLICY, PROGRAM_POLICY, RunError, Runner, batch, batch_of, sequence_of};
pub use shrink::shrink;
