//! `gauntlet doctor`: what this host can enforce of the worker's jail, why not, and how to get it.

use std::fmt::Write as _;

use gauntlet_policy::Policy;
use gauntlet_record::{Granted, Unit, exit};

use crate::args::{Doctor, ExecFormat};
use crate::failure::Failure;

pub(super) fn run(args: &Doctor) -> Result<u8, Failure> {
    let host = crate::targets::host();
    if args.format == ExecFormat::Json {
        let text = serde_json::to_string_pretty(&host).map_err(Failure::harness)?;
        super::print(format!("{text}\n").as_bytes())?;
        return Ok(exit::CLEAN);
    }
    let mut text = String::new();
    let user = if host.root { "root" } else { "an ordinary user" };
    let _ = writeln!(
        text,
        "{} {} on {}, {} cores, {}, run by {user}",
        host.os,
        host.kernel,
        host.arch,
        host.cores,
        Unit::Bytes.show(host.memory)
    );
    let _ = writeln!(text, "engine: {} {}\n", gauntlet_sandbox::ENGINE, gauntlet_sandbox::ENGINE_VERSION);
    for mechanism in &host.mechanisms {
        let word = match mechanism.granted {
            Granted::Full => "full",
            Granted::Partial => "partial",
            Granted::None => "none",
        };
        let _ = writeln!(text, "  {:<12} {word:<8} {}", mechanism.name, mechanism.note);
        if let Some(remedy) = &mechanism.remedy {
            let _ = writeln!(text, "  {:<12} {:<8} to get it: {remedy}", "", "");
        }
    }
    let _ = writeln!(text, "\npresets:");
    for (name, source) in gauntlet_policies::PRESETS {
        let verdict = match Policy::parse(name, source) {
            Ok(policy) => match gauntlet_sandbox::preflight(&policy) {
                Ok(()) => "runs here".to_owned(),
                Err(error) => format!("does not run here: {error}"),
            },
            Err(_) => "cannot be read".to_owned(),
        };
        let _ = writeln!(text, "  {name:<12} {verdict}");
    }
    super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}
