//! Attacks code runners over HTTP and judges what they answer.
//!
//! A service is known by a template, which is data: how a program, its input and a key become a request, and where output and endings are
//! in the answer. An attack is data, too: requests and programs that are sent, and one thing that it wants, measured from outside. A
//! service is not ours to open, so an attack has no live control here; that the attacks work is shown on services that are broken on
//! purpose, by `gauntlet selftest`. Before and after each attack an honest program has to be run and to do its work.

mod attack;
mod client;
mod read;
mod run;
mod template;

pub use attack::{Attack, Obtains, Step};
pub use client::{Answer, Base};
pub use read::{FileError, attack, attacks, template};
pub use run::{Options, run};
pub use template::Template;
