//! The least policy for a module: from what it imports, and from what a recorded run of it used.
//!
//! Nothing runs here: whoever records hands in what was seen, as [`Observed`]. The policy is written as text, with the reason for each line
//! beside it. It is meant to be read, so numbers are rounded up to readable ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gauntlet_inspect::{Capability, Inspection, Kind};
use gauntlet_policy::{Access, Feature, Limits, quoted};
use gauntlet_record::{GuestText, LimitKey, Unit, Usage};

/// What a limit is above the peak that was seen: twice as much, before it is rounded up.
pub const HEADROOM: u64 = 2;
/// The same for times, which depend on what else the host does: four times as much.
pub const TIME_HEADROOM: u64 = 4;
/// Most directories that one offered directory is narrowed to; more than that become the one that holds them all.
const MOST_DIRECTORIES: usize = 4;

/// Something beneath an offered directory that was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Its path from the offered directory; empty is that directory itself.
    pub path: String,
    /// Whether it was changed, or opened so that it could be.
    pub changed: bool,
    /// Whether it is a directory whose inside was used.
    pub directory: bool,
}

/// A directory that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedDirectory {
    /// The host's path; empty for scratch.
    pub host: String,
    /// The guest's name for it.
    pub guest: String,
    /// The least access that was enough.
    pub access: Access,
    /// How it was used, in a clause.
    pub why: String,
}

/// What a run under a recording of grants used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Directories.
    pub directories: Vec<UsedDirectory>,
    /// Addresses, and how each was used.
    pub addresses: Vec<(String, String)>,
    /// Variables with their values, and how each was used.
    pub variables: Vec<(String, String, String)>,
    /// Arguments that the run was given and that were read.
    pub arguments: Vec<String>,
    /// Whether standard input was read.
    pub stdin: bool,
    /// Peaks.
    pub usage: Vec<Usage>,
}

/// The narrowest directories that hold all that was used beneath an offered one, by their paths from it, and whether something in them was
/// changed. `is_directory` says what stands on the host, by path from the offered directory.
///
/// ```
/// use gauntlet_lint::{Place, narrow};
///
/// let used = |path: &str, changed| Place { path: path.into(), changed, directory: false };
/// let places = [used("in/a.txt", false), used("in/b.txt", false), used("out/c.txt", true)];
/// let found = narrow(&places, |path| matches!(path, "" | "in" | "out"));
/// assert_eq!(found, [("in".to_owned(), false), ("out".to_owned(), true)]);
/// ```
#[must_use]
pub fn narrow(places: &[Place], is_directory: impl Fn(&str) -> bool) -> Vec<(String, bool)> {
    let parent = |path: &str| path.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned());
    let mut found: BTreeMap<String, bool> = BTreeMap::new();
    for place in places {
        // To make, remove or rename something is to change the directory that it is in.
        let inside = (place.directory || is_directory(&place.path)) && !place.changed;
        let mut directory = if inside { place.path.clone() } else { parent(&place.path) };
        while !directory.is_empty() && !is_directory(&directory) {
            directory = parent(&directory);
        }
        *found.entry(directory).or_default() |= place.changed;
    }
    // Grants within each other would let the wider one decide.
    let mut kept: Vec<(String, bool)> = Vec::new();
    for (path, changed) in found {
        match kept.iter_mut().find(|(outer, _)| is_within(&path, outer)) {
            Some((_, all)) => *all |= changed,
            None => kept.push((path, changed)),
        }
    }
    if kept.len() > MOST_DIRECTORIES {
        let changed = kept.iter().any(|(_, changed)| *changed);
        let common = kept.iter().map(|(path, _)| path.clone()).reduce(|one, other| common(&one, &other));
        kept = vec![(common.unwrap_or_default(), changed)];
    }
    kept
}

fn is_within(path: &str, outer: &str) -> bool {
    outer.is_empty() || path == outer || path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

fn common(one: &str, other: &str) -> String {
    let same = one.split('/').zip(other.split('/')).take_while(|(one, other)| one == other);
    same.map(|(part, _)| part).collect::<Vec<_>>().join("/")
}

/// Writes the least policy for a module: with `observed`, for what a recorded run used; without it, for what its imports tell, which is
/// no grant at all, since imports name no path and no address.
#[must_use]
pub fn infer(module: &Inspection, observed: Option<&Observed>) -> String {
    let mut text = String::new();
    let how = match observed {
        Some(_) => "a recorded run used",
        None => "its imports tell",
    };
    let _ = writeln!(text, "# The least policy for one module, from what {how}. Each line says why it is there.");
    let _ = writeln!(
        text,
        "# Limits are {HEADROOM} times the peak that was seen, times {TIME_HEADROOM} times, rounded up; a dash says: not seen, the strict default.\n"
    );
    let _ = writeln!(text, "version: 1\n\nlimits:");
    for (key, value, why) in limits(module, observed) {
        line(&mut text, 2, key.as_str(), &readable(value, key.unit()), &why);
    }
    let _ = writeln!(text, "\ngrants:");
    grants(&mut text, module, observed);
    let _ = writeln!(text, "\nfeatures:");
    for feature in Feature::ALL.iter().copied() {
        let used = module.features.iter().any(|name| name == feature.as_str());
        // The engine has the one only together with the other.
        let implied = feature == Feature::BulkMemory && module.features.iter().any(|name| name == "reference-types")
            || module.kind == Kind::Component && feature.strict() && feature != Feature::Simd;
        let why = if used {
            "the module uses it"
        } else if implied {
            "what the module uses is built on it"
        } else {
            "the module does not use it"
        };
        line(&mut text, 2, feature.as_str(), if used || implied { "true" } else { "false" }, why);
    }
    let _ = writeln!(text, "\nmodules:");
    line(&mut text, 2, "sha256", &format!("[{}]", quoted(&module.sha256)), "this module and no other");
    line(&mut text, 2, "precompiled", "refuse", "it is native code that nobody has checked");
    line(&mut text, 2, "compressed", "refuse", "its size is not its size");
    line(&mut text, 2, "imports", "wasi-granted", "what nobody offers is refused");
    let _ = writeln!(text);
    line(&mut text, 0, "on-denial", "errno", "a guest that asks for more may go on without it");
    let _ = writeln!(text, "\nisolation:");
    for (key, value, why) in [
        ("process", "required", "a crash of the engine stays outside of the caller"),
        ("seccomp", "required", "few system calls are left to an escaped guest"),
        ("landlock", "if-available", "a second fence round files"),
        ("namespaces", "if-available", "other processes and mounts are not seen"),
        ("cgroup", "if-available", "memory and time are counted by the kernel, too"),
        ("user", "unprivileged", "an escaped guest is nobody"),
    ] {
        line(&mut text, 2, key, value, why);
    }
    let _ = writeln!(text);
    line(&mut text, 0, "errors", "{ detail: generic }", "the guest learns nothing of the host");
    line(&mut text, 0, "audit", "{ log: gauntlet-audit.jsonl }", "every run leaves a line");
    text
}

/// A line with its reason. The reason may hold text of the guest or of the host: it is made safe, and cannot end its line.
fn line(text: &mut String, indent: usize, key: &str, value: &str, why: &str) {
    let entry = format!("{:indent$}{key}: {value}", "");
    let _ = writeln!(text, "{entry:<40} # {}", safe(why));
}

fn safe(text: &str) -> String {
    let text = GuestText::new(text.as_bytes(), 400);
    text.as_str().to_owned()
}

fn grants(text: &mut String, module: &Inspection, observed: Option<&Observed>) {
    let nothing = Observed::default();
    let seen = observed.unwrap_or(&nothing);
    let idle = |capability: Capability, what: &str| {
        if !module.can(capability) {
            format!("it has no import to {what}")
        } else if observed.is_some() {
            format!("it can {what}, and the run did not")
        } else {
            format!("it can {what}; grant the least of what it needs, or record a run")
        }
    };
    if seen.directories.is_empty() {
        line(text, 2, "filesystem", "[]", &idle(Capability::Files, "open files"));
    } else {
        let _ = writeln!(text, "  filesystem:");
        for directory in &seen.directories {
            let host = match directory.access {
                Access::Scratch => String::new(),
                Access::ReadOnly | Access::ReadWrite => format!("host: {}, ", quoted(&directory.host)),
            };
            let (guest, access) = (quoted(&directory.guest), directory.access.as_str());
            let reason = quoted(&format!("a recorded run {}", directory.why));
            let _ = writeln!(
                text,
                "    - {{ {host}guest: {guest}, access: {access}, reason: {reason} }} # {}",
                safe(&directory.why)
            );
        }
    }
    if seen.addresses.is_empty() {
        line(text, 2, "network", "[]", &idle(Capability::Connect, "connect"));
    } else {
        let _ = writeln!(text, "  network:");
        for (address, why) in &seen.addresses {
            let reason = quoted(&format!("a recorded run {why}"));
            let _ = writeln!(text, "    - {{ connect: {}, reason: {reason} }} # {}", quoted(address), safe(why));
        }
    }
    if seen.variables.is_empty() {
        line(text, 2, "environment", "{}", &idle(Capability::Environment, "read variables"));
    } else {
        let _ = writeln!(text, "  environment:");
        for (name, value, why) in &seen.variables {
            line(text, 4, &quoted(name), &quoted(value), why);
        }
    }
    let arguments = seen.arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(", ");
    let why = if seen.arguments.is_empty() {
        idle(Capability::Arguments, "read arguments")
    } else {
        "the run read them".to_owned()
    };
    line(text, 2, "arguments", &format!("[{arguments}]"), &why);
    let (stdin, why) = if seen.stdin {
        ("inherit", "the run read it".to_owned())
    } else {
        ("closed", idle(Capability::Input, "read it"))
    };
    line(text, 2, "stdin", stdin, &why);
    line(text, 2, "clock", "{ resolution: 1ms }", "coarse: no clock for side channels");
    line(text, 2, "random", "system", "numbers that nobody can guess");
}

/// The limits with their reasons, in the policy's order.
fn limits(module: &Inspection, observed: Option<&Observed>) -> Vec<(LimitKey, u64, String)> {
    let seen = |key: LimitKey| {
        let usage = observed?.usage.iter().find(|usage| usage.limit == key)?;
        usage.used
    };
    let writes = observed.is_some_and(|seen| seen.directories.iter().any(|each| each.access != Access::ReadOnly));
    let connects = observed.is_some_and(|seen| !seen.addresses.is_empty());
    let mut all = Vec::new();
    for key in LimitKey::ALL.iter().copied() {
        let Some(strict) = Limits::strict(key) else { continue };
        let unit = key.unit();
        let shown = |value: u64| unit.show(value);
        let (least, why) = match key {
            LimitKey::Disk | LimitKey::Files if !writes => {
                all.push((key, 0, "nothing that it may write is granted".to_owned()));
                continue;
            }
            LimitKey::Connections | LimitKey::NetworkBytes | LimitKey::Ports if !connects => {
                all.push((key, 0, "no address is granted".to_owned()));
                continue;
            }
            LimitKey::Ports => {
                let ports = seen(key).unwrap_or(0);
                all.push((key, ports, format!("the run asked for {ports} by number")));
                continue;
            }
            LimitKey::Memory => (module.minimum.memory, "the module starts with"),
            LimitKey::TableElements => (module.minimum.table_elements, "the module starts with"),
            LimitKey::Instances => (module.minimum.instances, "the module has"),
            LimitKey::ModuleSize => (module.size, "the module has"),
            LimitKey::Deadline
            | LimitKey::CpuTime
            | LimitKey::Fuel
            | LimitKey::Stack
            | LimitKey::CompileTime
            | LimitKey::CompileMemory
            | LimitKey::Output
            | LimitKey::HostWork
            | LimitKey::OpenFiles
            | LimitKey::Disk
            | LimitKey::Files
            | LimitKey::FileSize
            | LimitKey::Connections
            | LimitKey::NetworkBytes
            | LimitKey::Handles
            | LimitKey::CallDepth => (0, ""),
        };
        let factor = if unit == Unit::Time { TIME_HEADROOM } else { HEADROOM };
        let peak = seen(key);
        // What is declared is known to the byte; what was seen is a sample.
        let exact = matches!(key, LimitKey::Instances | LimitKey::ModuleSize);
        let (value, why) = match (peak, least) {
            (peak, least) if exact => {
                let least = least.max(peak.unwrap_or(0));
                (least, format!("{why} {}", shown(least)))
            }
            (Some(peak), _) if peak >= least => (peak.saturating_mul(factor), format!("the run used {}", shown(peak))),
            (_, 1..) if key == LimitKey::Memory || key == LimitKey::TableElements => {
                // How far it grows is not seen, so the strict default is the least.
                (least.saturating_mul(factor).max(strict), format!("{why} {}", shown(least)))
            }
            _ => (strict, "-".to_owned()),
        };
        // How often a guest asks whether the network has answered depends on the network.
        let waits =
            connects && matches!(key, LimitKey::Fuel | LimitKey::HostWork | LimitKey::CpuTime | LimitKey::Deadline);
        let least = if waits { floor(key).max(strict) } else { floor(key) };
        let value = if why == "-" { value } else { round_up(value.max(least), unit) };
        all.push((key, value, why));
    }
    // What it writes out cannot be more than what it holds, or the limit on memory is none.
    let output = all.iter().find(|(key, ..)| *key == LimitKey::Output).map_or(0, |(_, value, _)| *value);
    if let Some((_, memory, _)) = all.iter_mut().find(|(key, ..)| *key == LimitKey::Memory) {
        *memory = (*memory).max(output);
    }
    // The wall clock runs while the module is compiled and while it runs.
    let of = |key: LimitKey| all.iter().find(|(other, ..)| *other == key).map_or(0, |(_, value, _)| *value);
    let longest = of(LimitKey::CompileTime).max(of(LimitKey::CpuTime));
    if let Some((_, deadline, _)) = all.iter_mut().find(|(key, ..)| *key == LimitKey::Deadline) {
        *deadline = (*deadline).max(longest);
    }
    all
}

/// The least of a limit that is worth writing, in its base unit: below it a run would fail for reasons that are not the guest's.
fn floor(key: LimitKey) -> u64 {
    match key {
        LimitKey::Deadline | LimitKey::CpuTime | LimitKey::CompileTime => 1_000_000_000,
        LimitKey::Fuel => 1_000_000,
        LimitKey::Memory => 64 << 10,
        LimitKey::TableElements => 100,
        LimitKey::CompileMemory => 128 << 20,
        LimitKey::Output => 4 << 10,
        LimitKey::HostWork => 1 << 20,
        LimitKey::OpenFiles => 8,
        LimitKey::Disk | LimitKey::FileSize => 64 << 10,
        LimitKey::Files => 10,
        LimitKey::NetworkBytes => 4 << 10,
        LimitKey::Handles => 100,
        LimitKey::Connections | LimitKey::Instances | LimitKey::ModuleSize => 1,
        LimitKey::Stack => 64 << 10,
        LimitKey::Ports | LimitKey::CallDepth => 0,
    }
}

/// The next readable number: a power of two of bytes, or one, two or five with zeros.
fn round_up(value: u64, unit: Unit) -> u64 {
    if unit == Unit::Bytes {
        return value.max(1).checked_next_power_of_two().unwrap_or(value);
    }
    let mut step = 1_u64;
    loop {
        for digit in [1, 2, 5] {
            match step.checked_mul(digit) {
                Some(round) if round >= value => return round,
                Some(_) => {}
                None => return value,
            }
        }
        match step.checked_mul(10) {
            Some(next) => step = next,
            None => return value,
        }
    }
}

/// A number as a policy spells it, in the largest unit that leaves it whole.
fn readable(value: u64, unit: Unit) -> String {
    let units: &[(&str, u64)] = match unit {
        Unit::Bytes => &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)],
        Unit::Time => &[("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)],
        Unit::Count => &[("", 1)],
    };
    let whole = units.iter().find(|(_, scale)| value > 0 && value.is_multiple_of(*scale));
    let (name, scale) = whole.or_else(|| units.last()).copied().unwrap_or(("", 1));
    let digits = (value / scale).to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out + name
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_record::Severity;

    use super::*;
    use crate::{Options, lint};

    fn module(text: &str) -> Inspection {
        gauntlet_inspect::inspect(&wat::parse_str(text).unwrap()).unwrap()
    }

    fn place(path: &str, changed: bool, directory: bool) -> Place {
        Place { path: path.into(), changed, directory }
    }

    /// Findings of a written policy that count, with the module beside it.
    fn findings(text: &str, module: &Inspection) -> Vec<String> {
        let policy = Policy::parse("t", text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        let options = Options { module: Some(std::sync::Arc::new(module.clone())), host: false, ..Options::default() };
        let found = lint(&policy, &options).into_iter().filter(|finding| finding.severity >= Severity::Medium);
        found.map(|finding| format!("{}: {}", finding.rule, finding.message)).collect()
    }

    #[test]
    fn what_imports_tell_is_a_sound_policy_without_grants() {
        for text in [crate::EXAMPLE_MODULE, "(module (memory 4000) (func (export \"_start\")))", "(component)"] {
            let module = module(text);
            let policy = infer(&module, None);
            assert_eq!(findings(&policy, &module), Vec::<String>::new(), "{policy}");
            let read = Policy::parse("t", &policy).unwrap();
            assert!(read.grants.filesystem.is_empty() && read.modules.sha256[0].value == module.sha256);
            for (number, line) in policy.lines().enumerate() {
                let said =
                    line.trim().is_empty() || line.ends_with(':') || line.starts_with("version") || line.contains('#');
                assert!(said, "line {} has no reason: {line}", number + 1);
            }
        }
    }

    #[test]
    fn what_was_used_is_granted_and_no_more() {
        let module = module(crate::EXAMPLE_MODULE);
        let usage = |limit, used| Usage { limit, used: Some(used), cap: None, unmeasured: None };
        let observed = Observed {
            directories: vec![UsedDirectory {
                host: "./data\u{202e}".into(),
                guest: "/data".into(),
                access: Access::ReadOnly,
                why: "opened 2 files\nversion: 2".into(),
            }],
            addresses: vec![("api.example.com:443".into(), "connected once".into())],
            variables: vec![("LANG".into(), "C".into(), "read".into())],
            arguments: vec!["-v: #".into()],
            stdin: false,
            usage: vec![
                usage(LimitKey::Memory, 3 << 20),
                usage(LimitKey::Fuel, 1_234_567),
                usage(LimitKey::Connections, 1),
            ],
        };
        let text = infer(&module, Some(&observed));
        let read = Policy::parse("t", &text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        assert_eq!(read.grants.filesystem[0].host.value, "./data\u{202e}");
        assert_eq!(read.grants.network[0].address.value, "api.example.com:443");
        assert_eq!(read.grants.environment[0].value.value, "C");
        assert_eq!(read.grants.arguments[0].value, "-v: #");
        assert_eq!(read.limits.resolve(LimitKey::Memory, 0), Some(8 << 20));
        // What waiting for an address takes differs from run to run, so the default stands.
        assert_eq!(read.limits.resolve(LimitKey::Fuel, 0), Some(100_000_000));
        assert_eq!(read.limits.resolve(LimitKey::Connections, 0), Some(2));
        assert_eq!(read.limits.resolve(LimitKey::Disk, 0), Some(0));
        assert!(!text.contains('\u{202e}'), "{text}");
    }

    #[test]
    fn the_narrowest_directories_hold_what_was_used() {
        let is = |path: &str| ["", "in", "in/deep", "out", "made"].contains(&path);
        let of = |places: &[Place]| narrow(places, is);
        let one = |path: &str, changed| (path.to_owned(), changed);
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[place("a", false, false)]), [one("", false)]);
        assert_eq!(of(&[place("in/a", false, false), place("in", false, true)]), [one("in", false)]);
        // Within each other, the outer one stands for both.
        assert_eq!(of(&[place("in/a", false, false), place("in/deep/b", true, false)]), [one("in", true)]);
        // What was made is not there yet, or is made in the directory above it.
        assert_eq!(of(&[place("gone/x/y", true, false)]), [one("", true)]);
        assert_eq!(of(&[place("made", true, false)]), [one("", true)]);
        let many: Vec<Place> = (0..9).map(|number| place(&format!("in/d{number}/f"), number == 7, false)).collect();
        assert_eq!(narrow(&many, |path| !path.ends_with('f')), [one("in", true)]);
    }

    #[test]
    fn numbers_are_rounded_up_to_readable_ones() {
        assert_eq!(readable(round_up(3 << 20, Unit::Bytes), Unit::Bytes), "4MiB");
        assert_eq!(readable(round_up(5_000_001, Unit::Count), Unit::Count), "10_000_000");
        assert_eq!(readable(round_up(1_200_000_000, Unit::Time), Unit::Time), "2s");
        assert_eq!(readable(0, Unit::Bytes), "0B");
        assert_eq!(readable(round_up(0, Unit::Count), Unit::Count), "1");
        for value in [u64::MAX, u64::MAX - 1, 1 << 63] {
            for unit in [Unit::Bytes, Unit::Count, Unit::Time] {
                assert!(round_up(value, unit) >= value);
            }
        }
    }
}
