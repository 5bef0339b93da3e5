//! A writable directory holds hooks or build scripts.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-source-tree",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "a writable directory holds hooks or build scripts",
    why: "On this host the directory holds what a build, a shell or a version control system runs: what the guest writes there runs outside of the sandbox.",
    impact: "code of the guest runs with the rights of whoever builds next",
    fix: "Grant the directory read-only, and one for the output beside it.",
    references: &["CWE-829", "CWE-732"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/checkout\", guest: /data, access: read-write }\n",
    flags: "\"./fixture/checkout\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data\", guest: /data, access: read-write }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (mount, path) in host::mounts(policy, out.options()) {
        let runs = |name: &str| NAMES.contains(&name) || ENDS.iter().any(|end| name.ends_with(end));
        if mount.is_writable()
            && let Some(name) = host::first_name(&path, runs)
        {
            out.flag(mount.at(), format!("`{}` can be written and holds `{name}`, which the host runs", mount.path()));
        }
    }
}

/// What builds, shells and version control systems run.
const NAMES: &[&str] = &[
    ".git",
    ".hg",
    ".github",
    ".gitlab-ci.yml",
    ".husky",
    ".envrc",
    ".pre-commit-config.yaml",
    "build.rs",
    "Cargo.toml",
    "CMakeLists.txt",
    "Dockerfile",
    "Gemfile",
    "Jenkinsfile",
    "Makefile",
    "build.gradle",
    "conftest.py",
    "configure",
    "go.mod",
    "justfile",
    "meson.build",
    "package.json",
    "pom.xml",
    "pyproject.toml",
    "setup.py",
    "node_modules",
];
const ENDS: &[&str] = &[".csproj", ".sln", ".gradle.kts"];
