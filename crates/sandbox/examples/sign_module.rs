//! Signs a module with a fresh key: what to write into `modules.signed-by`, and the section that carries the signature.
//!
//! `cargo run --release -p gauntlet-sandbox --example sign_module -- guest.wat`
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::error::Error;
use std::fmt::Write as _;

use wasmsign2::{KeyPair, Module, Section, SectionLike as _};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name a module")?;
    let pair = KeyPair::generate();
    let module = Module::deserialize(&mut wat::parse_file(path)?.as_slice())?;
    let signed = pair.sk.sign(module, None)?;
    let Some(Section::Custom(section)) = signed.sections.first() else { return Err("no signature".into()) };
    let hex = |bytes: &[u8], before: &str| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{before}{byte:02x}");
            text
        })
    };
    println!("modules: {{ signed-by: [{}] }}", hex(&pair.pk.to_bytes()[1..], ""));
    println!("(@custom \"signature\" (before first) \"{}\")", hex(section.payload(), "\\"));
    Ok(())
}
