//! `gauntlet lint`: faults in policies.

use std::io::{Read as _, stdin};
use std::path::Path;
use std::thread;

use anyhow::anyhow;
use gauntlet_lint::files::{
    Baseline, Checks, MAX_BASELINE_BYTES, STDIN, Selection, check, effective, find, put, replace,
};
use gauntlet_lint::{Format, Options};
use gauntlet_policy::{LoadError, MAX_POLICY_BYTES, read_limited};
use gauntlet_record::{GuestText, exit};

use crate::args::{FailOn, Lint};
use crate::failure::Failure;
use crate::inputs::unusable;
use crate::terminal;

pub(super) fn run(args: &Lint) -> Result<u8, Failure> {
    let module = args.module.as_deref().map(crate::inputs::inspection).transpose()?.map(std::sync::Arc::new);
    let options = Options { module, ..crate::targets::lint_options(!args.no_host) };
    // Information is for whoever asks for it: by severity or by name.
    let least = args.min_severity.unwrap_or(if args.rule.is_empty() { FailOn::Low } else { FailOn::Info });
    let selection = Selection::new(least.severity(), args.rule.clone()).map_err(Failure::usage)?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?.unwrap_or_default();
    let files = find(&args.files).map_err(Failure::usage)?;
    let piped = files.iter().any(|file| file.path.as_os_str() == STDIN);
    if args.fix && piped {
        return Err(Failure::usage(anyhow!("standard input cannot be fixed in its place")));
    }
    let piped = if piped { Some(standard_input()?) } else { None };
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let look = || check(&files, piped.as_deref(), &options, &selection, &baseline, jobs);
    let mut checks = look();
    if args.show_effective {
        return show_effective(&checks);
    }
    if let Some(path) = &args.write_baseline {
        write_baseline(path, &checks)?;
        return Ok(unreadable(checks).unwrap_or(exit::CLEAN));
    }
    if args.fix && fix(&checks, &options)? {
        checks = look();
    }
    super::print(checks.render(args.format, terminal::color_stdout()).as_bytes())?;
    if args.fix {
        suggest(&checks);
    }
    let known: usize = checks.files.iter().map(|file| file.known).sum();
    if known > 0 && args.format == Format::Human {
        anstream::eprintln!("{known} known to the baseline");
    }
    let minor: usize = checks.files.iter().map(|file| file.minor).sum();
    if minor > 0 && args.min_severity.is_none() && args.format == Format::Human {
        anstream::eprintln!("{minor} of severity info not told (--min-severity info)");
    }
    let worst = checks.findings().iter().map(|finding| finding.severity).max();
    let broken = checks.files.iter().any(|file| file.broken);
    Ok(match (unreadable(checks), worst) {
        (Some(code), _) => code,
        _ if broken => exit::USAGE,
        (None, Some(worst)) if worst >= args.fail_on.severity() => exit::BREACH,
        (None, _) => exit::CLEAN,
    })
}

/// Tells which files could not even be read; the exit code if there are any.
fn unreadable(checks: Checks) -> Option<u8> {
    let mut code = None;
    for file in checks.files {
        if let Some(error) = file.error {
            let failure = unusable(&file.name, error);
            failure.print();
            code = Some(failure.code());
        }
    }
    code
}

fn standard_input() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // One byte more than a policy can have is enough to refuse it.
    let read = stdin().lock().take(MAX_POLICY_BYTES.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(anyhow::Error::new(error).context("cannot read standard input")))?;
    Ok(bytes)
}

fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    let failed =
        |error: anyhow::Error| Failure::usage(error.context(format!("cannot use the baseline `{}`", path.display())));
    let bytes = read_limited(path, MAX_BASELINE_BYTES).map_err(|error| failed(error.into()))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| failed(LoadError::NotUtf8(error.utf8_error().valid_up_to()).into()))?;
    Baseline::parse(&text).map_err(|error| failed(error.into()))
}

fn write_baseline(path: &Path, checks: &Checks) -> Result<(), Failure> {
    // Whatever else lies there is somebody's.
    if path.exists() {
        read_baseline(path)?;
    }
    put(path, &checks.baseline()).map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot write the baseline `{}`", path.display())))
    })
}

/// Applies the safe fixes; whether any file changed.
fn fix(checks: &Checks, options: &Options) -> Result<bool, Failure> {
    let mut changed = false;
    for file in &checks.files {
        let mended = file.mend(options);
        let Some(path) = file.path.as_deref().filter(|_| !mended.applied.is_empty()) else { continue };
        replace(path, &file.text, &mended.text).map_err(|error| {
            Failure::harness(anyhow::Error::new(error).context(format!("cannot fix `{}`; it is as it was", file.name)))
        })?;
        changed = true;
        for fix in &mended.applied {
            tell(&file.name, fix, "fixed");
        }
    }
    Ok(changed)
}

/// Shows the fixes that somebody has to decide on.
fn suggest(checks: &Checks) {
    for file in &checks.files {
        for fix in file.fixes().iter().filter(|fix| !fix.safe) {
            tell(&file.name, fix, "suggestion");
        }
    }
}

fn tell(file: &str, fix: &gauntlet_lint::Fix, what: &str) {
    let file = GuestText::new(file.as_bytes(), 4096);
    let place = &fix.location;
    anstream::eprintln!("{}:{}:{}: {what}[{}] {}", file.as_str(), place.line, place.column, fix.rule, fix.title);
}

fn show_effective(checks: &Checks) -> Result<u8, Failure> {
    let mut out = String::new();
    let mut code = exit::CLEAN;
    for file in &checks.files {
        let name = GuestText::new(file.name.as_bytes(), 4096);
        if let Some(policy) = &file.policy {
            if checks.files.len() > 1 {
                out.push_str(&format!("# {}\n", name.as_str()));
            }
            out.push_str(&effective(policy));
        } else if file.broken {
            code = exit::USAGE;
            let sources = [(file.name.clone(), file.text.clone())];
            let drawn = gauntlet_lint::render(&file.findings, &sources, Format::Human, terminal::color_stderr());
            anstream::eprintln!("{}", drawn.trim_end());
        } else if file.error.is_none() {
            code = exit::USAGE;
            anstream::eprintln!(
                "{}: a policy of another host; `gauntlet import` makes one of ours of it",
                name.as_str()
            );
        }
    }
    super::print(out.as_bytes())?;
    for file in checks.files.iter().filter(|file| file.error.is_some()) {
        code = exit::USAGE;
        let name = GuestText::new(file.name.as_bytes(), 4096);
        let said = file.error.as_ref().map_or(String::new(), ToString::to_string);
        anstream::eprintln!("error: cannot use `{}`: {said}", name.as_str());
    }
    Ok(code)
}
