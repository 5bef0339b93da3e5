//! Takes out of a record what tells of the machine and the person it was made on: host names, paths, users, environment.
//!
//! What proves something stays: verdicts, causes, numbers, digests, and the words that a policy, an attack or a report chooses from a
//! closed list. Paths in the repository stay too, since they are relative.

use gauntlet_record::{GuestText, Lists, Record, Run, Trial};

/// What takes the place of a path.
const PATH: &str = "<path>";

/// What is known of the machine, besides that paths are paths.
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    words: Vec<(String, &'static str)>,
}

impl Redaction {
    /// The host's names, the user's names and folders, and the values of environment variables. What is shorter than three characters is
    /// left, and so is a value that is an ordinary word of a record.
    #[must_use]
    pub fn new(hosts: &[String], users: &[String], environment: &[String]) -> Self {
        let mut words: Vec<(String, &'static str)> = Vec::new();
        for (list, with, least) in [(hosts, "<host>", 3), (users, "<user>", 3), (environment, "<environment>", 6)] {
            let told = |word: &&str| word.len() >= least && !is_ordinary(word, with);
            for word in list.iter().map(|word| word.trim()).filter(told) {
                if !words.iter().any(|(known, _)| known == word) {
                    words.push((word.to_owned(), with));
                }
            }
        }
        // A longer word first: it may hold a shorter one.
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Self { words }
    }

    /// The text without what it is not to tell.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, with) in &self.words {
            if text.contains(word.as_str()) {
                text = replace_word(&text, word, with);
            }
        }
        paths(&text)
    }

    /// The record without what it is not to tell.
    #[must_use]
    pub fn record(&self, record: &Record) -> Record {
        let mut record = record.clone();
        self.redact(&mut record);
        record
    }

    /// Takes it out in place.
    pub fn redact(&self, record: &mut Record) {
        let text = |text: &mut String| *text = self.text(text);
        record.command.iter_mut().for_each(text);
        let mut hosts = vec![&mut record.host];
        hosts.extend(record.parts.iter_mut().map(|part| &mut part.host));
        for host in hosts {
            text(&mut host.kernel);
            for mechanism in &mut host.mechanisms {
                text(&mut mechanism.note);
                mechanism.remedy.as_mut().map(text);
            }
        }
        for target in &mut record.targets {
            for part in [&mut target.name, &mut target.engine, &mut target.version] {
                text(part);
            }
        }
        text(&mut record.policy.name);
        for value in &mut record.policy.values {
            text(&mut value.value);
            value.not_held.as_mut().map(text);
        }
        record.closed_gaps.iter_mut().for_each(text);
        if let Some(shard) = &mut record.shard {
            for cell in &mut shard.planned {
                text(&mut cell.target);
                text(&mut cell.attack);
            }
        }
        for finding in &mut record.findings {
            for part in [&mut finding.message, &mut finding.impact, &mut finding.fix, &mut finding.location.file] {
                text(part);
            }
        }
        let mut lists = Lists::default();
        for trial in &mut record.trials {
            self.trial(trial);
            lists.share(trial);
        }
    }

    /// Takes it out of one trial.
    pub fn trial(&self, trial: &mut Trial) {
        let text = |text: &mut String| *text = self.text(text);
        for part in [
            &mut trial.attack,
            &mut trial.title,
            &mut trial.file,
            &mut trial.target,
            &mut trial.reason,
            &mut trial.obtains,
        ] {
            text(part);
        }
        trial.live_reason.as_mut().map(text);
        if let Some(known) = &mut trial.known {
            text(&mut known.reason);
        }
        for run in &mut trial.runs {
            self.run(run);
        }
    }

    fn run(&self, run: &mut Run) {
        let text = |text: &mut String| *text = self.text(text);
        let guest = |guest: &mut GuestText| *guest = guest.map(|text| self.text(text));
        run.end.detail.as_mut().map(guest);
        run.denials.iter_mut().for_each(|denial| guest(&mut denial.asked));
        run.measured.changed.iter_mut().for_each(guest);
        run.measured.host_death.as_mut().map(text);
        for list in [&mut run.measured.canaries, &mut run.measured.packets, &mut run.measured.reports] {
            list.iter_mut().for_each(text);
        }
        for usage in &mut run.usage {
            usage.unmeasured.as_mut().map(text);
        }
        run.values.iter_mut().for_each(|value| text(&mut value.value));
        guest(&mut run.stdout);
        guest(&mut run.stderr);
        run.confinement.iter_mut().for_each(|mechanism| text(&mut mechanism.note));
        run.witnessed_on.as_mut().map(text);
    }
}

/// Words that say nothing of a machine or a person, and would tear holes into ordinary text.
fn is_ordinary(word: &str, kind: &str) -> bool {
    let names = ["root", "nobody", "user", "users", "localhost", "localdomain", "runner"];
    // A value in small letters, or one of digits and dots, is as likely a word or a version of the record.
    let value = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_' | ' ');
    let version = |c: char| c.is_ascii_digit() || c == '.';
    names.contains(&word) || (kind == "<environment>" && (word.chars().all(value) || word.chars().all(version)))
}

/// Replaces a word where it stands for itself, and is no part of a longer one.
fn replace_word(text: &str, word: &str, with: &str) -> String {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let after = &found[word.len()..];
        out.push_str(before);
        let goes_on = |outer, inner| inside(outer) && inside(inner);
        let left = before.chars().next_back().or_else(|| out.chars().next_back());
        let stands_alone =
            !goes_on(left, word.chars().next()) && !goes_on(after.chars().next(), word.chars().next_back());
        out.push_str(if stands_alone { with } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Replaces every absolute path: a slash or a drive that begins a word, up to where the word ends. Web addresses stay, and so do paths
/// that begin with a name.
fn paths(text: &str) -> String {
    if !text.contains(['/', '\\', '~']) {
        return text.to_owned();
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'' | ',' | ';' | ')' | ']' | '}' | '>' | '|');
    let begins = |before: Option<char>| {
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '/' | '.' | '_' | '-' | '~' | '>' | '<' | '\\'))
    };
    let mut out = String::with_capacity(text.len());
    let mut before: Option<char> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let bytes = rest.as_bytes();
        let word = rest.find(ends).unwrap_or(rest.len());
        let unix =
            c == '/' && rest[1..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'));
        let home = rest.starts_with("~/");
        let drive = bytes.len() > 2
            && bytes[0].is_ascii_alphabetic()
            && bytes[1] == b':'
            && matches!(bytes[2], b'\\' | b'/')
            && bytes.get(3) != Some(&b'/');
        let web = before == Some(':') && rest.starts_with("//");
        if begins(before) && (unix || home || drive) && !web {
            // `::` parts two paths, as in a grant; a single colon parts a path from what is said of it.
            let end = rest[2.min(word)..word].find(':').map_or(word, |at| at + 2.min(word));
            out.push_str(PATH);
            before = Some('>');
            rest = &rest[end.max(c.len_utf8())..];
            // What follows a colon may be a path again.
            if rest.starts_with(':') {
                before = None;
                out.push(':');
                rest = &rest[1..];
            }
            continue;
        }
        out.push(c);
        before = Some(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::example;

    #[test]
    fn absolute_paths_go_and_everything_else_stays() {
        for (text, expected) in [
            ("/home/ada/policy.yaml", "<path>"),
            ("cannot open `/srv/data/x`: no such file", "cannot open `<path>`: no such file"),
            ("./data::/data:ro", "./data::<path>:ro"),
            ("/a/b:/c/d", "<path>:<path>"),
            ("--policy=/etc/p.yaml, then", "--policy=<path>, then"),
            ("C:\\Users\\ada\\x and ~/notes", "<path> and <path>"),
            (
                "see https://example.org/a/b and attacks/memory/grow/attack.yaml",
                "see https://example.org/a/b and attacks/memory/grow/attack.yaml",
            ),
            ("12 ms / 3 runs, 1/3, and/or, <path>/x", "12 ms / 3 runs, 1/3, and/or, <path>/x"),
            ("/", "/"),
            ("memory > 64 MiB", "memory > 64 MiB"),
        ] {
            assert_eq!(paths(text), expected, "{text}");
        }
    }

    #[test]
    fn names_go_as_words_only() {
        let redaction =
            Redaction::new(&["build-7".into(), "x".into()], &["ada".into()], &["s3cr3t-value".into(), "short".into()]);
        assert_eq!(redaction.text("ada on build-7: s3cr3t-value"), "<user> on <host>: <environment>");
        assert_eq!(redaction.text("adamant canada x short"), "adamant canada x short");
    }

    #[test]
    fn nothing_of_the_machine_is_left_in_any_part_of_a_record() {
        let secret = "ada /home/ada/x build-7 s3cr3t-value";
        let redaction = Redaction::new(&["build-7".into()], &["ada".into()], &["s3cr3t-value".into()]);
        let mut record = example();
        let text = || secret.to_owned();
        let guest = || GuestText::name(secret);
        record.command = vec![text()];
        record.host.kernel = text();
        record.host.mechanisms[0].note = text();
        record.host.mechanisms[0].remedy = Some(text());
        record.targets[0].name = text();
        record.policy.name = text();
        record.policy.values[0].value = text();
        record.policy.values[0].not_held = Some(text());
        record.findings[0].message = text();
        record.findings[0].location.file = text();
        for trial in &mut record.trials {
            trial.file = text();
            trial.reason = text();
            trial.live_reason = Some(text());
            for run in &mut trial.runs {
                run.stdout = guest();
                run.stderr = guest();
                run.end.detail = Some(guest());
                run.measured.changed = vec![guest()];
                run.measured.host_death = Some(text());
                run.witnessed_on = Some(text());
                run.values.iter_mut().for_each(|value| value.value = text());
                run.confinement.iter_mut().for_each(|mechanism| mechanism.note = text());
                run.denials.iter_mut().for_each(|denial| denial.asked = guest());
            }
        }
        let json = serde_json::to_string(&redaction.record(&record)).unwrap();
        for word in ["ada", "/home", "build-7", "s3cr3t"] {
            assert!(!json.contains(word), "{word}");
        }
    }
}
