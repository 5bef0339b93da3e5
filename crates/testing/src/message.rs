//! What a failed test says: what the attack obtained, what the host measured, why it matters, what must stop it, how to run just this.

use std::fmt::Write as _;

use gauntlet_corpus::{Attack, Live, Quantity, World};
use gauntlet_record::{Cause, Denial, DenialKind, LimitKey, Measured, Origin, Role, Run, Trial, Unit, Why};

/// Where the text of a row begins.
const INDENT: usize = 16;
/// The width that long texts are wrapped to.
const WIDTH: usize = 110;
/// Most denials that are listed.
const MAX_DENIALS: usize = 4;

/// What came of a failed test, in a word that the first line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Headline {
    /// The attack obtained what it wants.
    Breached,
    /// Nothing can be concluded.
    Inconclusive,
    /// It held, but nothing shows that the attack works here, and the suite asks for that.
    NotWitnessed,
    /// It is listed as a known gap and is none any more.
    NoGap,
}

impl Headline {
    const fn word(self) -> &'static str {
        match self {
            Self::Breached => "BREACHED",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::NotWitnessed => "NOT WITNESSED",
            Self::NoGap => "NO LONGER A GAP",
        }
    }
}

/// The text of a failure. Everything that a guest chose in it is escaped.
pub(crate) fn failure(attack: &Attack, trial: &Trial, headline: Headline, reason: &str, command: &str) -> String {
    let mut text = format!("{}: {} ({})\n", headline.word(), attack.title, attack.weakness);
    let mut row = |label: &str, value: &str| write_row(&mut text, label, value);
    if headline == Headline::Breached && trial.why == Why::HostDied {
        row("obtained", &trial.reason);
        row("wanted", &format!("{}: {}", attack.obtains_text, wants(attack)));
    } else if headline == Headline::Breached {
        row("obtained", &format!("{}: {}", attack.obtains_text, wants(attack)));
    } else {
        row("reason", reason);
        row("wants", &format!("{}: {}", attack.obtains_text, wants(attack)));
    }
    if let Some(run) = trial.run(Role::Attack) {
        row("measured", &measured(&run.measured));
        row("it ended", &ending(run));
        for denial in run.denials.iter().take(MAX_DENIALS) {
            row("denied", &denied(denial));
        }
        for (label, stream) in [("wrote", &run.stdout), ("to stderr", &run.stderr)] {
            if !stream.as_str().is_empty() {
                row(label, &format!("\"{}\"", stream.as_str()));
            }
        }
        let asked = |value: &&gauntlet_record::ValueInForce| match value.from {
            Origin::Attack | Origin::Policy | Origin::Control => true,
            Origin::Default => false,
        };
        let limits: Vec<String> = run
            .values
            .iter()
            .filter(asked)
            .filter(|value| attack.subjects.contains(&value.key) || value.from == Origin::Attack)
            .map(|value| format!("{} {}", value.key, value.value))
            .collect();
        if !limits.is_empty() {
            row("in force", &limits.join("; "));
        }
    }
    row("why", &attack.why);
    for (index, cause) in attack.contained_by.iter().enumerate() {
        row(if index == 0 { "must stop it" } else { "or" }, &format!("{cause}: {}", remedy(*cause)));
    }
    row("controls", &controls(attack, trial));
    row("written in", &format!("{} ({})", attack.file, world(attack.world)));
    for reference in &attack.references {
        row("see", reference);
    }
    row("just this", command);
    text
}

/// What an attack wants, in words.
fn wants(attack: &Attack) -> &'static str {
    use gauntlet_corpus::{Channel, Injection, Obtains, Packet, Region};
    match attack.obtains {
        Obtains::Above(quantity, _) => match quantity {
            Quantity::CpuTime => "more CPU time than it may have",
            Quantity::WallTime => "more time than it may have",
            Quantity::Memory => "more memory than it may have, above an empty guest's",
            Quantity::TableElements => "more table elements than it may have, seen by the memory they take",
            Quantity::Output => "more output than it may write",
            Quantity::Files => "more files and directories than it may make",
            Quantity::Disk => "more bytes on disk than it may use",
            Quantity::OpenFiles => "more descriptors than it may hold",
            Quantity::Threads => "threads of its own",
            Quantity::Processes => "processes of its own",
            Quantity::IoCalls => "more system calls than it may cause",
            Quantity::ReportBytes => "a report that grows with its names",
        },
        Obtains::Canary(Channel::Stdout) => "a secret from outside its grants, on standard output",
        Obtains::Canary(Channel::Stderr) => "a secret from outside its grants, on standard error",
        Obtains::Canary(Channel::Files) => "a secret from outside its grants, in a file that it may write",
        Obtains::Canary(Channel::Network) => "a secret from outside its grants, in a packet",
        Obtains::Canary(Channel::Report) => "a secret of the host, in what the sandbox reports",
        Obtains::Changed(Region::Outside) => "a change outside every grant",
        Obtains::Changed(Region::ReadOnly) => "a change in what is granted for reading",
        Obtains::Packet(Packet::Tcp) => "a TCP connection to an address that is not granted",
        Obtains::Packet(Packet::Udp) => "a UDP datagram to an address that is not granted",
        Obtains::Packet(Packet::Dns) => "a DNS query that is not granted",
        Obtains::HostDeath => "the death of the process that runs it",
        Obtains::Report(Injection::Forged) => "to be taken for a guest that was stopped, or for another result",
        Obtains::Report(Injection::RawControl | Injection::Markup | Injection::CiCommand) => "raw text in a report",
        Obtains::RanMarker => "its mark, which it leaves when it got through",
    }
}

/// What the host measured of a run, in one line.
fn measured(measured: &Measured) -> String {
    let amounts = [
        ("memory", measured.memory, Unit::Bytes),
        ("cpu", measured.cpu_time, Unit::Time),
        ("wall", measured.wall_time, Unit::Time),
        ("output", measured.output, Unit::Bytes),
        ("files made", measured.files, Unit::Count),
        ("disk", measured.disk, Unit::Bytes),
        ("descriptors", measured.open_files, Unit::Count),
        ("threads", measured.threads, Unit::Count),
        ("processes", measured.processes, Unit::Count),
    ];
    let mut parts: Vec<String> = Vec::new();
    let listed = |parts: &mut Vec<String>, what: &str, items: &[String]| {
        if !items.is_empty() {
            parts.push(format!("{what} {}", items.join(", ")));
        }
    };
    let changed: Vec<String> = measured.changed.iter().map(|change| change.as_str().to_owned()).collect();
    listed(&mut parts, "canary on", &measured.canaries);
    listed(&mut parts, "changed", &changed);
    listed(&mut parts, "packets at the watched listener:", &measured.packets);
    listed(&mut parts, "in the report:", &measured.reports);
    if let Some(death) = &measured.host_death {
        parts.push(format!("the process died ({death})"));
    }
    let amounts = amounts.into_iter().filter_map(|(name, amount, unit)| Some((name, amount?, unit)));
    parts.extend(
        amounts
            .filter(|(_, amount, _)| *amount > 0)
            .map(|(name, amount, unit)| format!("{name} {}", unit.show(amount))),
    );
    if measured.watchdog {
        parts.push("ended by the harness's watchdog".to_owned());
    }
    if measured.ceiling {
        parts.push("ended at the harness's memory ceiling".to_owned());
    }
    parts.join("; ")
}

/// How the sandbox says that a run ended.
fn ending(run: &Run) -> String {
    let mut text = run.end.ending.as_str().to_owned();
    if let Some(cause) = run.end.cause {
        let _ = write!(text, ", {cause}");
    }
    if let Some(detail) = &run.end.detail {
        let _ = write!(text, ": {}", detail.as_str());
    }
    text
}

fn denied(denial: &Denial) -> String {
    let times = if denial.count > 1 { format!(", {} times", denial.count) } else { String::new() };
    format!("{} ({}{times})", denial.asked.as_str(), denial.cause)
}

/// What the two controls showed.
fn controls(attack: &Attack, trial: &Trial) -> String {
    let live = match (trial.run(Role::Live), &attack.live) {
        (Some(live), _) if live.obtained => "the live control obtained it, so the attack works here",
        (Some(_), _) => "the live control obtained nothing",
        (None, Live::None(_)) => "there is no live control",
        (None, _) => "no live control was run",
    };
    match trial.run(Role::Benign) {
        Some(benign) if benign.obtained => format!("{live}; the benign twin did its work"),
        Some(benign) => {
            let wrote = if benign.stderr.as_str().is_empty() { &benign.stdout } else { &benign.stderr };
            let wrote = match wrote.as_str() {
                "" => String::new(),
                wrote => format!(", wrote \"{wrote}\""),
            };
            format!("{live}; the benign twin did not do its work: {}{wrote}", ending(benign))
        }
        None => format!("{live}; the benign twin was not run"),
    }
}

const fn world(world: World) -> &'static str {
    match world {
        World::Core => "a core module without WASI",
        World::Preview1 => "preview 1",
        World::Preview2 => "a preview 2 component",
        World::Component => "a component without WASI",
        World::Script => "a program in a language",
    }
}

/// What has to be seen for an attack to count as stopped.
fn remedy(cause: Cause) -> String {
    match cause {
        Cause::Limit(key) => {
            let held = match key {
                LimitKey::Deadline | LimitKey::CpuTime | LimitKey::Fuel => "ends the run, wherever the time is spent",
                LimitKey::CompileTime | LimitKey::CompileMemory => "ends compilation, or refuses the module before it",
                LimitKey::ModuleSize => "refuses the module before it is read",
                LimitKey::Memory
                | LimitKey::TableElements
                | LimitKey::Instances
                | LimitKey::Stack
                | LimitKey::Output
                | LimitKey::HostWork
                | LimitKey::OpenFiles
                | LimitKey::Disk
                | LimitKey::Files
                | LimitKey::FileSize
                | LimitKey::Connections
                | LimitKey::NetworkBytes
                | LimitKey::Handles
                | LimitKey::Ports
                | LimitKey::CallDepth => "refuses more, or ends the run",
            };
            format!("the limit `{key}` {held}")
        }
        Cause::Denied(DenialKind::Path) => {
            "the path is resolved under its grant, links included, and refused where it leaves it or may not change"
                .to_owned()
        }
        Cause::Denied(DenialKind::Address) => "the address is not granted and is refused".to_owned(),
        Cause::Denied(DenialKind::Import) => "the import is not linked, so the module is not instantiated".to_owned(),
        Cause::Denied(DenialKind::Feature) => "the proposal is off, so the module is not valid".to_owned(),
        Cause::Denied(DenialKind::Descriptor) => "the guest does not hold the descriptor".to_owned(),
        Cause::RefusedModule => "the module is refused before it runs".to_owned(),
        Cause::RefusedDigest => "the module's digest is not pinned, and it is refused".to_owned(),
        Cause::RefusedPolicy => "the policy is refused before anything runs".to_owned(),
        Cause::RefusedTenant => "the tenant's budget is spent, and it is refused".to_owned(),
        Cause::EscapedText => "guest text is escaped and cut wherever it is shown".to_owned(),
        Cause::KilledParent => "the parent kills the process that runs the guest".to_owned(),
        Cause::KilledOs => "the system ends the process: SIGXCPU, SIGXFSZ or SIGSYS".to_owned(),
        Cause::NoEffect => "the guest gets nothing of it; a denial does not have to be seen".to_owned(),
        Cause::NotShown => "nothing is shown".to_owned(),
    }
}

/// A labelled row, wrapped between words. No line begins with what a CI server takes for a command.
fn write_row(text: &mut String, label: &str, value: &str) {
    let mut line = format!("  {label:<width$}", width = INDENT - 2);
    let mut empty = true;
    for word in value.split_whitespace() {
        let long = line.chars().count() + 1 + word.chars().count() > WIDTH;
        if !empty && long && !word.starts_with([':', '#']) {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(INDENT);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_corpus::Corpus;
    use gauntlet_record::GuestText;

    fn corpus() -> Corpus {
        Corpus::embedded(gauntlet_attacks::FILES).unwrap()
    }

    fn trial() -> Trial {
        let mut trial = gauntlet_record::example().trials.remove(0);
        for run in &mut trial.runs {
            run.measured = Measured { memory: Some(96 << 20), canaries: vec!["stdout".into()], ..Measured::default() };
        }
        trial
    }

    #[test]
    fn a_breach_says_everything_that_a_reader_needs() {
        let corpus = corpus();
        let attack = corpus.attacks.iter().find(|attack| attack.id == "files-read/dot-dot#plain").unwrap();
        let text = failure(attack, &trial(), Headline::Breached, "", "cargo test --test mine -- --exact 'x'");
        assert!(text.starts_with("BREACHED: Climb out of a granted directory with `..` (CWE-22)\n"), "{text}");
        for part in [
            "canary: stdout: a secret from outside its grants, on standard output",
            "canary on stdout; memory 96 MiB",
            "joins paths instead of resolving them",
            "denied-path: the path is resolved",
            "attacks/files-read/dot-dot/attack.yaml (preview 1)",
            "owasp.org",
            "cargo test --test mine -- --exact 'x'",
        ] {
            assert!(text.contains(part), "`{part}` is not in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH || line.contains("http")), "{text}");
    }

    #[test]
    fn what_a_guest_wrote_stays_on_its_line_and_steers_no_terminal() {
        let corpus = corpus();
        let mut trial = trial();
        let text = format!("\x1b[2J\n::error::x\ntest result: ok{}", " ::error::x ##[error]x".repeat(40));
        let hostile = GuestText::new(text.as_bytes(), 2048);
        for run in &mut trial.runs {
            run.stdout = hostile.clone();
            run.end.detail = Some(hostile.clone());
        }
        for attack in &corpus.attacks {
            let text = failure(attack, &trial, Headline::Inconclusive, "no reason", "just");
            let commands = |line: &str| line.trim_start().starts_with("::") || line.trim_start().starts_with("##");
            assert!(!text.contains('\x1b') && !text.lines().any(commands), "{text}");
            assert!(!text.lines().any(|line| line.starts_with("test result")), "{text}");
        }
    }
}
