//! Many records of one place over time, as a page with trends.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use gauntlet_record::{Proof, Record, Role, Unit, Verdict, exit, guarantees};

use crate::WriteError;
use crate::formats::html::{Page, cell};
use crate::page::escape;
use crate::summary::Summary;
use crate::text::count;
use crate::time::{or_epoch, seconds};

/// Most runs of one line of history that are shown: the latest.
const SHOWN: usize = 200;
const WIDTH: u32 = 640;
const HEIGHT: u32 = 160;
const LEFT: u32 = 60;
/// How high a line of text is.
const LETTER: u32 = 15;

/// One run, as far as a trend needs it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is called: the file's name.
    name: String,
    /// What it is compared with: runs of one policy against the same targets.
    line: String,
    started: String,
    word: &'static str,
    exit: u8,
    counts: [(Verdict, usize); 4],
    proved: usize,
    limits: usize,
    /// Nanoseconds that stopping an attack took, in the middle of all contained ones.
    median: Option<u64>,
    /// The furthest past a limit, as a share of the limit in percent.
    worst: Option<u64>,
    kernel: String,
    version: String,
    corpus: String,
}

impl Entry {
    /// What a trend needs of a record; the rest of it can go.
    #[must_use]
    pub fn new(name: &str, record: &Record) -> Self {
        let summary = Summary::of(record);
        let rows = guarantees(record);
        let mut times: Vec<u64> = record
            .trials
            .iter()
            .filter(|trial| trial.verdict == Verdict::Contained)
            .filter_map(|trial| trial.run(Role::Attack)?.measured.wall_time)
            .collect();
        times.sort_unstable();
        let over = record.trials.iter().filter_map(|trial| trial.closeness.as_ref());
        let share =
            |used: u64, cap: u64| u64::try_from(u128::from(used) * 100 / u128::from(cap.max(1))).unwrap_or(u64::MAX);
        let targets: Vec<&str> = record.targets.iter().map(|target| target.name.as_str()).collect();
        Self {
            name: name.to_owned(),
            line: format!("Policy {} against {}", record.policy.name, targets.join(", ")),
            started: or_epoch(&record.started).to_owned(),
            word: summary.word,
            exit: summary.exit,
            counts: summary.counts(),
            proved: rows.iter().filter(|row| row.proof == Proof::Pass).count(),
            limits: rows.len(),
            median: times.get(times.len() / 2).copied(),
            worst: over.map(|closeness| share(closeness.overshoot, closeness.cap)).max(),
            kernel: record.host.kernel.clone(),
            version: record.tool.version.clone(),
            corpus: record.corpus.sha256.chars().take(12).collect(),
        }
    }

    fn count(&self, verdict: Verdict) -> u64 {
        self.counts.iter().find(|(known, _)| *known == verdict).map_or(0, |(_, number)| *number as u64)
    }
}

/// Writes the page. `unreadable` are files that are no records, with what is wrong with each.
///
/// # Errors
///
/// If the output does not take it.
pub fn write_history(
    entries: &[Entry],
    unreadable: &[(String, String)],
    out: &mut dyn io::Write,
) -> Result<(), WriteError> {
    let mut lines: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        lines.entry(&entry.line).or_default().push(entry);
    }
    let mut page = Page::default();
    let latest = entries.iter().max_by(|a, b| (&a.started, &a.name).cmp(&(&b.started, &b.name)));
    let state = match latest.map(|entry| entry.exit) {
        Some(exit::CLEAN) => "good",
        Some(exit::BREACH) => "bad",
        Some(_) | None => "warn",
    };
    page.head("Gauntlet: history", "");
    let _ = write!(
        page.text,
        "<header class=\"banner {state}\"><div class=\"wrap\">\n<p class=\"tool\">Gauntlet &middot; does this WebAssembly sandbox hold?</p>\n\
         <h1>History</h1>\n<p class=\"sentence\">{}{}</p>\n</div></header>\n<main class=\"wrap\" id=\"main\">\n",
        count(entries.len(), "run"),
        latest.map(|entry| format!(", the latest {}", entry.word)).unwrap_or_default()
    );
    for (number, (line, mut runs)) in lines.into_iter().enumerate() {
        runs.sort_by(|a, b| (&a.started, &a.name).cmp(&(&b.started, &b.name)));
        let runs = &runs[runs.len().saturating_sub(SHOWN)..];
        let _ = write!(
            page.text,
            "<section aria-labelledby=\"line-{number}\">\n<h2 id=\"line-{number}\">{}</h2>\n",
            escape(line)
        );
        chart(
            &mut page,
            "Trials by verdict",
            runs,
            &[
                ("good", "contained", &|run| Some(run.count(Verdict::Contained))),
                ("bad", "breached", &|run| Some(run.count(Verdict::Breached))),
                ("warn", "inconclusive", &|run| Some(run.count(Verdict::Inconclusive))),
            ],
            &|value| value.to_string(),
        );
        chart(
            &mut page,
            "Time to stop an attack, in the middle",
            runs,
            &[("", "median", &|run| run.median)],
            &|value| Unit::Time.show(value),
        );
        chart(
            &mut page,
            "Furthest past a limit, in percent of it",
            runs,
            &[("bad", "worst", &|run| run.worst)],
            &|value| format!("{value} %"),
        );
        table(&mut page, runs);
        page.put("</section>\n");
    }
    if !unreadable.is_empty() {
        page.put(
            "<section aria-labelledby=\"unreadable\">\n<h2 id=\"unreadable\">Files that are no records</h2>\n<ul>\n",
        );
        for (name, why) in unreadable.iter().take(SHOWN) {
            let _ = writeln!(page.text, "<li><code>{}</code>: {}</li>", escape(name), escape(why));
        }
        page.put("</ul>\n</section>\n");
    }
    page.put("</main>\n</body>\n</html>\n");
    out.write_all(page.text.as_bytes())?;
    Ok(())
}

/// A curve: its class, its name, and its value of a run.
type Curve<'a> = (&'a str, &'a str, &'a dyn Fn(&Entry) -> Option<u64>);

/// Curves over time on one scale from 0. The table below has the numbers.
fn chart(page: &mut Page, title: &str, runs: &[&Entry], curves: &[Curve<'_>], show: &dyn Fn(u64) -> String) {
    let top = runs.iter().flat_map(|run| curves.iter().filter_map(|(_, _, value)| value(run))).max().unwrap_or(0);
    if top == 0 || runs.len() < 2 {
        return;
    }
    let time = |run: &Entry| seconds(&run.started).unwrap_or(0);
    let (first, last) = (time(runs[0]), time(runs[runs.len() - 1]));
    let x = |run: &Entry| LEFT + scaled(time(run) - first, last - first, WIDTH);
    let y = |value: u64| 10 + HEIGHT - scaled(value, top, HEIGHT);
    let names: Vec<&str> = curves.iter().map(|(_, name, _)| *name).collect();
    let _ = write!(
        page.text,
        "<h3>{title}</h3>\n<div class=\"card plot\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{title}: {}\">\n\
         <line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">0</text>\
         <text x=\"{}\" y=\"16\" text-anchor=\"end\">{}</text>\n",
        LEFT + WIDTH + 110,
        HEIGHT + 40,
        names.join(", "),
        LEFT + WIDTH,
        10 + HEIGHT,
        10 + HEIGHT,
        LEFT - 8,
        14 + HEIGHT,
        LEFT - 8,
        escape(&show(top))
    );
    for (run, anchor) in [(runs[0], "start"), (runs[runs.len() - 1], "end")] {
        let _ = writeln!(
            page.text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{:.10}</text>",
            x(run),
            HEIGHT + 32,
            run.started
        );
    }
    let mut ends = Vec::new();
    for (class, name, value) in curves {
        let points: Vec<(u32, u32)> = runs.iter().filter_map(|run| Some((x(run), y(value(run)?)))).collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let _ = writeln!(page.text, "<polyline class=\"line {class}\" points=\"{}\"/>", path.join(" "));
        ends.extend(points.last().map(|(x, y)| (*y, *x, *name)));
    }
    // The names stand where the curves end, the lowest first, and none over another.
    ends.sort_unstable_by(|a, b| b.cmp(a));
    let mut free = u32::MAX;
    for (y, x, name) in ends {
        free = y.min(free.saturating_sub(LETTER));
        let _ = writeln!(page.text, "<text x=\"{}\" y=\"{}\">{name}</text>", x + 8, free + 4);
    }
    page.put("</svg></div>\n");
}

/// A share of a length.
fn scaled(value: u64, of: u64, length: u32) -> u32 {
    let place = u128::from(value) * u128::from(length) / u128::from(of.max(1));
    u32::try_from(place).unwrap_or(length).min(length)
}

fn table(page: &mut Page, runs: &[&Entry]) {
    const HEADS: [&str; 11] = [
        "Time",
        "Result",
        "Contained",
        "Breached",
        "Inconclusive",
        "Proved",
        "Median",
        "Version",
        "Kernel",
        "Corpus",
        "Record",
    ];
    page.put(
        "<h3>Runs</h3>\n<div class=\"card scroll runs\" tabindex=\"0\" role=\"region\" aria-label=\"Runs\"><table class=\"stack\" role=\"table\">\
         <caption>The latest first</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">",
    );
    for head in HEADS {
        let _ = write!(page.text, "<th scope=\"col\" role=\"columnheader\">{head}</th>");
    }
    page.put("</tr></thead>\n<tbody role=\"rowgroup\">\n");
    for run in runs.iter().rev() {
        let code = |text: &str| format!("<code>{}</code>", escape(text));
        let cells = [
            run.word.to_owned(),
            run.count(Verdict::Contained).to_string(),
            run.count(Verdict::Breached).to_string(),
            run.count(Verdict::Inconclusive).to_string(),
            format!("{} of {}", run.proved, run.limits),
            run.median.map(|time| Unit::Time.show(time)).unwrap_or_default(),
            escape(&run.version),
            escape(&run.kernel),
            code(&run.corpus),
            code(&run.name),
        ];
        let time = run.started.replace('T', " ").replace('Z', "");
        let _ = write!(page.text, "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">{}</th>", escape(&time));
        for (head, content) in HEADS.iter().skip(1).zip(cells) {
            page.put(&cell(head, &content));
        }
        page.put("</tr>\n");
    }
    page.put("</tbody></table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::example;

    fn page(entries: &[Entry], unreadable: &[(String, String)]) -> String {
        let mut out = Vec::new();
        write_history(entries, unreadable, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn runs_of_one_policy_are_one_line_in_the_order_of_time() {
        let at = |day: u32| Record { started: format!("2026-01-{day:02}T00:00:00Z"), finished: None, ..example() };
        let entries: Vec<Entry> = [3, 1, 2].map(|day| Entry::new(&format!("{day}.json"), &at(day))).to_vec();
        let page = page(&entries, &[("x.json".into(), "<b>".into())]);
        assert_eq!(page.matches("<h2 id=\"line-").count(), 1);
        let places: Vec<usize> = ["3.json", "2.json", "1.json"].map(|name| page.find(name).unwrap()).to_vec();
        assert!(places.is_sorted(), "the latest is the first row");
        assert!(page.contains("<polyline class=\"line bad\"") && page.contains("x.json</code>: &lt;b&gt;"));
    }

    #[test]
    fn hostile_records_stay_in_their_place() {
        let mut record = example();
        let text = "<script>\u{1b}\"</td>".to_owned();
        (record.policy.name, record.started, record.host.kernel, record.tool.version) =
            (text.clone(), text.clone(), text.clone(), text.clone());
        let entries = [Entry::new(&text, &record), Entry::new("b", &example())];
        let page = page(&entries, &[]);
        assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    }

    #[test]
    fn no_run_and_one_run_are_pages_too() {
        assert!(page(&[], &[]).contains("0 runs"));
        assert!(page(&[Entry::new("a", &example())], &[]).contains("a</code>"));
    }
}
