//! Many files at once, in a stable order.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use gauntlet_policy::{Fault, LoadError, MAX_POLICY_BYTES, Policy, read_limited};
use gauntlet_record::{Finding, Severity};

use super::baseline::Baseline;
use super::find::{Found, STDIN, is_ours};
use crate::fixes::{Fix, Mended, fixes, mend};
use crate::rule::Rule;
use crate::{
    Format, Options, faults_as_findings, fingerprints, foreign, lint_all, lint_where, render, rules, secrets,
    structural_faults,
};

/// Which findings count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The least severity of a finding that is told.
    pub min_severity: Severity,
    /// The rules whose findings are told; empty for all. What is wrong with the shape of a file is always told: it was not linted.
    pub rules: Vec<String>,
}

impl Default for Selection {
    fn default() -> Self {
        Self { min_severity: Severity::Info, rules: Vec::new() }
    }
}

/// A name that no rule has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule `{name}`{}", .near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownRule {
    name: String,
    near: Option<&'static str>,
}

impl Selection {
    /// Findings of at least a severity, of some rules or, with none named, of all.
    ///
    /// # Errors
    ///
    /// If there is no rule of a name.
    pub fn new(min_severity: Severity, rules: Vec<String>) -> Result<Self, UnknownRule> {
        let known: Vec<&'static str> = all_rules().map(|rule| rule.id).collect();
        match rules.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(UnknownRule { name: name.clone(), near: gauntlet_policy::nearest(name, &known) }),
            None => Ok(Self { min_severity, rules }),
        }
    }

    fn takes(&self, rule: &Rule) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|name| name == rule.id)
    }
}

fn all_rules() -> impl Iterator<Item = &'static Rule> {
    rules().chain(structural_faults())
}

/// What came of one file.
#[derive(Debug)]
pub struct Checked {
    /// How messages call the file.
    pub name: String,
    /// Its text, as far as it could be read.
    pub text: String,
    /// The findings that count, by their place.
    pub findings: Vec<Finding>,
    /// How many findings the baseline knows.
    pub known: usize,
    /// How many findings are below the severity that is told.
    pub minor: usize,
    /// The policy, if the file is one of ours and sound.
    pub policy: Option<Policy>,
    /// Why the file could not even be read.
    pub error: Option<LoadError>,
    /// Whether the file has faults of shape, so that its rules were not held against it.
    pub broken: bool,
    /// Whether it is one of ours, and not of another host.
    pub ours: bool,
    /// Where it lies; `None` for standard input.
    pub path: Option<PathBuf>,
}

impl Checked {
    /// What can be mended of the findings that count: the safe and the unsafe. Files of other hosts are not ours to mend.
    #[must_use]
    pub fn fixes(&self) -> Vec<Fix> {
        if self.ours { fixes(&self.text, &self.findings) } else { Vec::new() }
    }

    /// The text after all safe fixes of findings that count.
    #[must_use]
    pub fn mend(&self, options: &Options) -> Mended {
        if !self.ours {
            return Mended { text: self.text.clone(), applied: Vec::new() };
        }
        // Only what counts is mended: what is waived, known or not chosen stays as it is.
        let chosen = |finding: &Finding| {
            let same = |told: &Finding| told.rule == finding.rule;
            self.broken || self.findings.iter().any(same)
        };
        mend(&self.text, |text| match read(&self.name, text, self.path.as_deref()) {
            Ok(policy) => {
                let findings = lint_all(&policy, options).findings.into_iter().filter(chosen).collect();
                (findings, Some(policy))
            }
            Err(faults) => (faults_as_findings(&self.name, text, &faults), None),
        })
    }
}

/// What came of all files, in their order.
#[derive(Debug)]
pub struct Checks {
    /// One for each file.
    pub files: Vec<Checked>,
}

impl Checks {
    /// Every finding that counts, by file and place.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.files.iter().flat_map(|file| file.findings.iter().cloned()).collect()
    }

    /// The names and texts of the files that have findings.
    #[must_use]
    pub fn sources(&self) -> Vec<(String, String)> {
        let told = self.files.iter().filter(|file| !file.findings.is_empty());
        told.map(|file| (file.name.clone(), file.text.clone())).collect()
    }

    /// The findings in a format.
    #[must_use]
    pub fn render(&self, format: Format, color: bool) -> String {
        render(&self.findings(), &self.sources(), format, color)
    }

    /// The text of a baseline that knows every finding of a sound file. A broken file has to be mended: nobody knows what else is in it.
    #[must_use]
    pub fn baseline(&self) -> String {
        let sound = self.files.iter().filter(|file| !file.broken);
        let prints = |file: &Checked| fingerprints(&file.findings, &[(file.name.clone(), file.text.clone())]);
        Baseline::write(sound.flat_map(|file| file.findings.iter().zip(prints(file))))
    }
}

/// Lints files, `jobs` at once. The result is in the order of the files, whatever came first. `stdin` is what standard input holds, for the
/// file [`STDIN`].
#[must_use]
pub fn check(
    files: &[Found],
    stdin: Option<&[u8]>,
    options: &Options,
    selection: &Selection,
    baseline: &Baseline,
    jobs: usize,
) -> Checks {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Checked>>> = Mutex::new(files.iter().map(|_| None).collect());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(found) = files.get(at) else { break };
            let checked = one(found, stdin, options, selection, baseline);
            done.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(checked);
        }
    };
    let jobs = jobs.clamp(1, files.len().max(1));
    if jobs == 1 {
        work();
    } else {
        thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    }
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    Checks { files: done.into_iter().flatten().collect() }
}

fn one(found: &Found, stdin: Option<&[u8]>, options: &Options, selection: &Selection, baseline: &Baseline) -> Checked {
    let standard = found.path.as_os_str() == STDIN;
    let name = if standard { "<stdin>".to_owned() } else { found.path.display().to_string() };
    let mut checked = Checked {
        name: name.clone(),
        text: String::new(),
        findings: Vec::new(),
        known: 0,
        minor: 0,
        policy: None,
        error: None,
        broken: false,
        ours: false,
        path: (!standard).then(|| found.path.clone()),
    };
    let bytes =
        if standard { Ok(stdin.unwrap_or_default().to_vec()) } else { read_limited(&found.path, MAX_POLICY_BYTES) };
    let text = bytes.and_then(|bytes| {
        if bytes.len() as u64 > MAX_POLICY_BYTES {
            return Err(LoadError::TooLarge(MAX_POLICY_BYTES));
        }
        String::from_utf8(bytes).map_err(|error| LoadError::NotUtf8(error.utf8_error().valid_up_to()))
    });
    let text = match text {
        Ok(text) => text,
        Err(error) => return Checked { error: Some(error), ..checked },
    };
    let kind = if is_ours(&text) { None } else { foreign::recognise(&text) };
    let result = match kind {
        Some(kind) => foreign::read(kind, &name, &text).map(|read| foreign::lint_all(&read, options).findings),
        None => {
            checked.ours = true;
            read(&name, &text, checked.path.as_deref()).map(|policy| {
                let findings = lint_where(&policy, options, |rule| selection.takes(rule)).findings;
                checked.policy = Some(policy);
                findings
            })
        }
    };
    let findings = match result {
        Ok(mut findings) => {
            findings.retain(|finding| selection.rules.is_empty() || selection.rules.contains(&finding.rule));
            findings
        }
        Err(faults) => {
            checked.broken = true;
            faults_as_findings(&name, &text, &faults)
        }
    };
    let source = [(name, text)];
    // A broken file is never known: nobody knows what else is in it. Fingerprints cost more than the rules.
    let known: Vec<bool> = if checked.broken || baseline.is_empty() {
        vec![false; findings.len()]
    } else {
        fingerprints(&findings, &source).iter().map(|print| baseline.knows(print)).collect()
    };
    for (finding, known) in findings.into_iter().zip(known) {
        if known {
            checked.known += 1;
        } else if checked.broken || finding.severity >= selection.min_severity {
            checked.findings.push(finding);
        } else {
            checked.minor += 1;
        }
    }
    let [(_, text)] = source;
    checked.text = text;
    checked
}

/// The policy of a text, with what it extends if it lies somewhere.
fn read(name: &str, text: &str, path: Option<&Path>) -> Result<Policy, Vec<Fault>> {
    match path {
        Some(path) => Policy::parse_beside(name, text, path),
        None => Policy::parse(name, text),
    }
}

/// The effective policy as YAML, with where each value comes from. Secrets are not shown.
#[must_use]
pub fn effective(policy: &Policy) -> String {
    let mut effective = policy.effective();
    for line in &mut effective.lines {
        let named = line.key.strip_prefix("grants.environment.").is_some_and(secrets::is_secret_name);
        if !line.value.is_empty() && (named || secrets::hide(&line.value) != line.value) {
            line.value = format!("\"{}\"", secrets::HIDDEN);
        }
    }
    effective.to_yaml()
}

#[cfg(test)]
mod tests;
