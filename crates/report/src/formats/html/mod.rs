//! One self-contained page: no script, no network, no style but its own.
//!
//! The page's policy names the hash of its style sheet, so that markup which got in through a guest's text could neither run nor load
//! nor restyle anything. Bars are drawn with SVG attributes, since `style` attributes are forbidden with the rest.

mod filter;
mod layers;
mod plots;
mod tables;
mod trials;

use std::fmt::Write as _;
use std::io;

use gauntlet_record::{Closeness, GuestText, Proof, Record, Verdict};

use crate::layers::Layers;
use crate::page::{self, STYLE, capital, escape};
use crate::summary::{Outcome, Summary, over, run_line, use_of};
use crate::text::{Line, Piece};
use crate::{Options, WriteError};

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    with_layers(record, None, out)
}

/// The page, with the matrix of layers where one is given.
pub(crate) fn with_layers(record: &Record, layers: Option<&Layers>, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let summary = Summary::of(record);
    let classes = filter::classes(record);
    let mut page = Page::default();
    page.head(&format!("Gauntlet: {}", summary.word), &filter::rules(classes.len()));
    page.put("<a class=\"skip\" href=\"#main\">Skip to the results</a>\n");
    page.banner(record, &summary);
    page.put("<main class=\"wrap\" id=\"main\">\n");
    page.tiles(&summary);
    page.guarantees(record);
    page.used_plot(record);
    page.overshoots(record);
    page.run_facts(record);
    page.matrix(record);
    if let Some(layers) = layers {
        page.depths(layers);
    }
    page.filter(&summary, &classes);
    page.trials(record, &classes);
    page.findings(record);
    page.mutation(record);
    page.host(record);
    page.legend();
    page.put("</main>\n");
    page.footer(record, &summary);
    page.put("</body>\n</html>\n");
    out.write_all(page.text.as_bytes())?;
    Ok(())
}

/// A guest's text. The one place where escaping that was lifted on purpose shows.
fn guest(text: &GuestText) -> String {
    let inner = if text.is_raw() { text.as_str().to_owned() } else { escape(text.as_str()) };
    format!("<bdi class=\"mono guest\">{inner}</bdi>")
}

fn flat(line: &Line<'_>) -> String {
    line.iter()
        .map(|piece| match piece {
            Piece::Plain(text) => escape(text),
            Piece::Guest(text) => guest(text),
        })
        .collect()
}

/// A state by word, shape and colour.
#[derive(Clone, Copy)]
struct Badge {
    class: &'static str,
    shape: &'static str,
}

const GOOD: Badge = Badge { class: "good", shape: "\u{2713}" };
const BAD: Badge = Badge { class: "bad", shape: "\u{2717}" };
const WARN: Badge = Badge { class: "warn", shape: "?" };
const NONE: Badge = Badge { class: "none", shape: "\u{2013}" };

impl Badge {
    fn show(self, word: &str) -> String {
        format!(
            "<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span> {}</span>",
            self.class,
            self.shape,
            escape(word)
        )
    }
}

fn verdict(verdict: Verdict) -> (Badge, &'static str) {
    match verdict {
        Verdict::Contained => (GOOD, "Contained"),
        Verdict::Breached => (BAD, "Breached"),
        Verdict::Inconclusive => (WARN, "Inconclusive"),
        Verdict::Unsupported => (NONE, "Unsupported"),
    }
}

fn proof(proof: Proof) -> Badge {
    match proof {
        Proof::Pass => GOOD,
        Proof::Fail => BAD,
        Proof::NotProved => WARN,
    }
}

#[derive(Default)]
pub(crate) struct Page {
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Everything before what is seen. `rules` are added to the style sheet, and to the hash of it that the page's policy names.
    pub(crate) fn head(&mut self, title: &str, rules: &str) {
        self.put(&page::head(title, &format!("{STYLE}{rules}")));
    }

    fn banner(&mut self, record: &Record, summary: &Summary) {
        let (class, path) = match summary.outcome {
            Outcome::Contained => ("good", "M4 12.5l5.5 5.5L20 6.5"),
            Outcome::Breached => ("bad", "M5 5l14 14M19 5L5 19"),
            Outcome::Open => ("warn", "M8 8.5a4 4 0 1 1 5.6 3.7c-1 .5-1.6 1.2-1.6 2.8M12 19.5v.5"),
        };
        let _ = write!(
            self.text,
            "<header class=\"banner {class}\"><div class=\"wrap\">\n<p class=\"tool\">Gauntlet &middot; does this WebAssembly sandbox hold?</p>\n\
             <h1><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\"><path d=\"{path}\" fill=\"none\" stroke=\"currentColor\" \
             stroke-width=\"3\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>{}</h1>\n\
             <p class=\"sentence\">{}.</p>\n<p class=\"exit\">Exit code {}: {}.</p>\n<p class=\"run\">{}</p>\n",
            escape(summary.word),
            escape(&capital(&summary.sentence)),
            summary.exit,
            summary.meaning(),
            escape(&run_line(record).join(" \u{b7} "))
        );
        if !record.complete {
            self.put("<p class=\"cut\">INCOMPLETE: the run was cut off. What follows is what had finished; it proves nothing as a whole.</p>\n");
        }
        self.put("</div></header>\n");
    }

    fn tiles(&mut self, summary: &Summary) {
        self.put("<ul class=\"tiles\">\n");
        for (word, number) in summary.counts() {
            let class = match (word, number) {
                (_, 0) | (Verdict::Unsupported, _) => "none",
                (Verdict::Contained, _) => "good",
                (Verdict::Breached, _) => "bad",
                (Verdict::Inconclusive, _) => "warn",
            };
            let more = match word {
                Verdict::Contained if summary.weak > 0 => format!(", {} without a cause shown", summary.weak),
                Verdict::Breached if summary.known > 0 => format!(", {} known", summary.known),
                Verdict::Contained | Verdict::Breached | Verdict::Inconclusive | Verdict::Unsupported => String::new(),
            };
            let _ = writeln!(
                self.text,
                "<li class=\"{class}\"><span class=\"number\">{number}</span><span class=\"word\">{word}{more}</span></li>"
            );
        }
        let _ = write!(
            self.text,
            "<li class=\"none\"><span class=\"number\">{}</span><span class=\"word\">witnessed by a live control</span></li>\n</ul>\n",
            summary.witnessed
        );
    }

    fn footer(&mut self, record: &Record, summary: &Summary) {
        let _ = write!(
            self.text,
            "<footer class=\"wrap\">\n<p>{}</p>\n<p><strong>Result: {}.</strong> Exit code {}: {}.</p>\n</footer>\n",
            escape(&run_line(record).join(" \u{b7} ")),
            escape(summary.word),
            summary.exit,
            summary.meaning()
        );
    }
}

/// A cell that names its column where the table is shown as cards.
pub(crate) fn cell(label: &str, content: &str) -> String {
    if content.is_empty() {
        "<td role=\"cell\" class=\"empty\"><span class=\"absent\" aria-hidden=\"true\">\u{2013}</span></td>".to_owned()
    } else {
        format!("<td role=\"cell\" data-label=\"{label}\">{content}</td>")
    }
}

fn number(number: usize, class: &str) -> String {
    let class = if number == 0 { "zero" } else { class };
    format!("<td class=\"number {class}\">{number}</td>")
}

/// Used against limit, as a bar and as text, with what is past it.
fn closeness(closeness: &Closeness) -> String {
    let late =
        over(closeness).map(|over| format!(" <span class=\"past-limit\">{over} past</span>")).unwrap_or_default();
    used(closeness) + &late
}

/// Used against limit, as a bar and as text.
fn used(closeness: &Closeness) -> String {
    let (used, cap) = (u128::from(closeness.used), u128::from(closeness.cap));
    // The bar is as long as the larger of the two, so that what is past the limit shows in proportion.
    let scale = used.max(cap).max(1);
    let fill = used.min(cap) * 100 / scale;
    let past = used.saturating_sub(cap) * 100 / scale;
    let mut bar = format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"fill\" width=\"{fill}\" height=\"8\"/>"
    );
    if used > cap {
        let _ = write!(
            bar,
            "<rect class=\"past\" x=\"{fill}\" width=\"{}\" height=\"8\"/><rect class=\"mark\" x=\"{fill}\" width=\"1\" height=\"8\"/>",
            past.max(1)
        );
    }
    bar.push_str("</svg>");
    format!("{bar}<span class=\"use\">{}</span>", escape(&use_of(closeness)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_what_is_past_the_limit_in_proportion() {
        let mut use_of = gauntlet_record::example().trials[0].closeness.clone().unwrap();
        use_of.used = use_of.cap * 4;
        use_of.overshoot = use_of.cap * 3;
        let bar = closeness(&use_of);
        assert!(
            bar.contains("<rect class=\"fill\" width=\"25\"")
                && bar.contains("<rect class=\"past\" x=\"25\" width=\"75\""),
            "{bar}"
        );
        assert!(bar.contains("4 MiB of 1 MiB (400 %)</span> <span class=\"past-limit\">3 MiB past</span>"), "{bar}");
    }
}
