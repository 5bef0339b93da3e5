//! Signs a module with a fresh key: what to write into `modules.signed-by`, and the section that carries the signature.
//!
//! `cargo run --release -p gauntlet-sandbox --example sign_module -- guest.wat`; without a name it signs a module of its own, and runs it
//! under the policy that asks for the signature.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::error::Error;
use std::fmt::Write as _;

use gauntlet_record::Ending;
use gauntlet_sandbox::{Guest, Placement, Policy, Sandbox};
use wasmsign2::{KeyPair, Module, Section, SectionLike as _};

/// What is signed if nothing is named.
const OWN: &str = r#"(module (func (export "_start")))"#;

fn main() -> Result<(), Box<dyn Error>> {
    let named = std::env::args().nth(1);
    let guest = named.as_ref().map_or_else(|| wat::parse_str(OWN), wat::parse_file)?;
    let pair = KeyPair::generate();
    let module = Module::deserialize(&mut guest.as_slice())?;
    let signed = pair.sk.sign(module, None)?;
    let Some(Section::Custom(section)) = signed.sections.first() else { return Err("no signature".into()) };
    let hex = |bytes: &[u8], before: &str| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{before}{byte:02x}");
            text
        })
    };
    let asks = format!("modules: {{ signed-by: [{}] }}", hex(&pair.pk.to_bytes()[1..], ""));
    println!("{asks}");
    println!("(@custom \"signature\" (before first) \"{}\")", hex(section.payload(), "\\"));
    if named.is_some() {
        return Ok(());
    }

    let policy = Policy::parse("signed", &format!("version: 1\n{asks}\n"))
        .map_err(|faults| format!("{} faults in the policy", faults.len()))?;
    let sandbox = Sandbox::builder().policy(policy).placement(Placement::Inline).build()?;
    let mut bytes = Vec::new();
    signed.serialize(&mut bytes)?;
    for (what, bytes, ending) in [("signed", bytes, Ending::Returned), ("unsigned", guest, Ending::Refused)] {
        let outcome = sandbox.run(&Guest::new(bytes))?;
        println!("{what}: {} {}", outcome.ending.ending, outcome.ending.detail);
        if outcome.ending.ending != ending {
            return Err(format!("the {what} module should have been {ending}").into());
        }
    }
    Ok(())
}
