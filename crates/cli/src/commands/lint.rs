//! `gauntlet lint`: faults in policies.

use gauntlet_lint::{Options, faults_as_findings, lint, render};
use gauntlet_policy::{LoadError, load};
use gauntlet_record::exit;

use crate::args::Lint;
use crate::failure::Failure;
use crate::terminal;

pub(super) fn run(args: &Lint) -> Result<u8, Failure> {
    let module = args.module.as_deref().map(crate::inputs::inspection).transpose()?.map(std::sync::Arc::new);
    let options = Options { today: Some(crate::targets::now()), host: !args.no_host, module, ..Options::default() };
    let (mut findings, mut sources, mut broken) = (Vec::new(), Vec::new(), false);
    for file in &args.files {
        let name = file.display().to_string();
        match load(&name, file) {
            Ok(policy) => {
                findings.extend(lint(&policy, &options));
                sources.push((name, policy.text.clone()));
            }
            Err(LoadError::Faults { text, faults }) => {
                broken = true;
                findings.extend(faults_as_findings(&name, &text, &faults));
                sources.push((name, text));
            }
            Err(error) => {
                return Err(Failure::usage(anyhow::Error::new(error).context(format!("cannot use `{name}`"))));
            }
        }
    }
    super::print(render(&findings, &sources, args.format, terminal::color_stdout()).as_bytes())?;
    let worst = findings.iter().map(|finding| finding.severity).max();
    Ok(match worst {
        _ if broken => exit::USAGE,
        Some(worst) if worst >= args.fail_on.severity() => exit::BREACH,
        _ => exit::CLEAN,
    })
}
