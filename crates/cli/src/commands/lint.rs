//! `gauntlet lint`: faults in policies.

use gauntlet_lint::{faults_as_findings, lint_text, render};
use gauntlet_policy::{LoadError, MAX_POLICY_BYTES, read_limited};
use gauntlet_record::exit;

use crate::args::Lint;
use crate::failure::Failure;
use crate::inputs::unusable;
use crate::terminal;

pub(super) fn run(args: &Lint) -> Result<u8, Failure> {
    let options = crate::targets::lint_options(!args.no_host);
    let (mut findings, mut sources, mut broken) = (Vec::new(), Vec::new(), false);
    for file in &args.files {
        let name = file.display().to_string();
        let bytes = read_limited(file, MAX_POLICY_BYTES).map_err(|error| unusable(&name, error))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| unusable(&name, LoadError::NotUtf8(error.utf8_error().valid_up_to())))?;
        match lint_text(&name, &text, &options) {
            Ok(linted) => findings.extend(linted.findings),
            Err(faults) => {
                broken = true;
                findings.extend(faults_as_findings(&name, &text, &faults));
            }
        }
        sources.push((name, text));
    }
    super::print(render(&findings, &sources, args.format, terminal::color_stdout()).as_bytes())?;
    let worst = findings.iter().map(|finding| finding.severity).max();
    Ok(match worst {
        _ if broken => exit::USAGE,
        Some(worst) if worst >= args.fail_on.severity() => exit::BREACH,
        _ => exit::CLEAN,
    })
}
