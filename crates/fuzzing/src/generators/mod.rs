//! Generators: bytes and a policy in, a guest out.

pub mod core_module;
