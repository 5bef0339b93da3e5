//! `gauntlet inspect`: what a module is and can do, or what changes from one to another.

use gauntlet_inspect::Compatibility;
use gauntlet_record::exit;

use crate::args::{ExecFormat, Inspect};
use crate::failure::Failure;
use crate::inputs;

pub(super) fn run(args: &Inspect) -> Result<u8, Failure> {
    let found = inputs::inspection(&args.module)?;
    let Some(other) = &args.other else {
        let text = match args.format {
            ExecFormat::Human => found.to_text(),
            ExecFormat::Json => found.to_json(),
        };
        super::print(text.as_bytes())?;
        return Ok(exit::CLEAN);
    };
    let report = Compatibility::of(&found, &inputs::inspection(other)?);
    let text = match args.format {
        ExecFormat::Human => report.to_text(),
        ExecFormat::Json => report.to_json(),
    };
    super::print(text.as_bytes())?;
    Ok(if report.is_breaking() { exit::BREACH } else { exit::CLEAN })
}
