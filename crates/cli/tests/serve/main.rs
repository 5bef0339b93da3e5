//! `gauntlet serve`, as clients and operators meet it: the real program, over real connections.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod hostile;
mod keys;
mod lasting;
mod postgres;
mod programs;
mod service;
