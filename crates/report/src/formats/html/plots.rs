//! What was used against its limit, and what went past it, drawn.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gauntlet_record::{Closeness, LimitKey, Record, Trial};

use super::{Page, closeness};
use crate::page::escape;
use crate::summary::use_of;

/// The drawing, in its own units.
const LEFT: u32 = 130;
const WIDTH: u32 = 600;
const ROW: u32 = 26;
/// The scale: decades below and above the limit.
const BELOW: u32 = 3;
const ABOVE: u32 = 2;
/// Most overshoots that are listed.
const WORST: usize = 15;

impl Page {
    /// One line a limit, one dot a trial, on a logarithmic scale.
    pub(super) fn used_plot(&mut self, record: &Record) {
        let mut rows: BTreeMap<LimitKey, BTreeMap<u32, &Trial>> = BTreeMap::new();
        for trial in &record.trials {
            if let Some(closeness) = &trial.closeness {
                // Of those that would cover each other, the first is drawn.
                rows.entry(closeness.limit).or_default().entry(place(closeness)).or_insert(trial);
            }
        }
        if rows.is_empty() {
            return;
        }
        let height = ROW * u32::try_from(rows.len()).unwrap_or(1) + 40;
        let _ = write!(
            self.text,
            "<section aria-labelledby=\"used\">\n<h2 id=\"used\">Used against limit</h2>\n<p class=\"lead\">Each dot is what an attack used of the limit that \
             stopped it, or should have; every trial below says it in words. The line is the limit itself.</p>\n\
             <div class=\"card plot\"><svg viewBox=\"0 0 {} {height}\" role=\"img\" aria-label=\"What attacks used of each limit, on a logarithmic scale\">\n",
            LEFT + WIDTH + 30
        );
        let names = ["0.1 %", "1 %", "10 %", "100 %", "1 000 %", "10 000 %"];
        for (decade, name) in (0..).zip(names) {
            let x = LEFT + WIDTH * decade / (BELOW + ABOVE);
            let class = if decade == BELOW { "limit" } else { "grid" };
            let _ = writeln!(
                self.text,
                "<line class=\"{class}\" x1=\"{x}\" x2=\"{x}\" y1=\"8\" y2=\"{}\"/><text class=\"scale\" x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
                height - 28,
                height - 10
            );
        }
        for (row, (limit, dots)) in (0..).zip(&rows) {
            let y = 8 + ROW * row + ROW / 2;
            let _ = writeln!(
                self.text,
                "<text class=\"name\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{limit}</text>",
                LEFT - 10,
                y + 4
            );
            for (x, trial) in dots {
                let over = trial.closeness.as_ref().is_some_and(|closeness| closeness.overshoot > 0);
                let said = trial.closeness.as_ref().map(use_of).unwrap_or_default();
                let _ = writeln!(
                    self.text,
                    "<circle class=\"{}\" cx=\"{x}\" cy=\"{y}\" r=\"5\"><title>{}: {}</title></circle>",
                    if over { "dot past" } else { "dot" },
                    escape(&trial.attack),
                    escape(&said)
                );
            }
        }
        self.put("</svg></div>\n</section>\n");
    }

    /// What got furthest past its limit, by share of the limit.
    pub(super) fn overshoots(&mut self, record: &Record) {
        let of = |trial: &Trial| trial.closeness.clone().filter(|closeness| closeness.overshoot > 0);
        let mut over: Vec<(u128, Closeness, &Trial)> = record
            .trials
            .iter()
            .filter_map(|trial| {
                let closeness = of(trial)?;
                Some((u128::from(closeness.overshoot) * 1_000_000 / u128::from(closeness.cap.max(1)), closeness, trial))
            })
            .collect();
        if over.is_empty() {
            return;
        }
        over.sort_by_key(|(share, _, _)| std::cmp::Reverse(*share));
        let _ = write!(
            self.text,
            "<section aria-labelledby=\"overshoot\">\n<h2 id=\"overshoot\">Past the limit</h2>\n<p class=\"lead\">How far attacks got past a limit before it \
             held, the furthest first: {} did at all. Past a limit in time is what stopping took.</p>\n<ol class=\"card overshoot\">\n",
            over.len()
        );
        for (_, past, trial) in over.iter().take(WORST) {
            let _ = writeln!(
                self.text,
                "<li><span><code>{}</code> <span class=\"layer\">{}</span></span><span>{}</span></li>",
                escape(&trial.attack),
                past.limit,
                closeness(past)
            );
        }
        self.put("</ol>\n</section>\n");
    }
}

/// Where a dot stands: the logarithm of used against limit, in steps of two units.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a drawing, clamped before the cast"
)]
fn place(closeness: &Closeness) -> u32 {
    let ratio = (closeness.used.max(1)) as f64 / (closeness.cap.max(1)) as f64;
    let decades = (ratio.log10() + f64::from(BELOW)).clamp(0.0, f64::from(BELOW + ABOVE));
    let x = decades / f64::from(BELOW + ABOVE) * f64::from(WIDTH);
    LEFT + (x / 2.0).round() as u32 * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_stands_on_the_line_at_the_limit_and_within_the_drawing_whatever_was_used() {
        let mut closeness = gauntlet_record::example().trials[0].closeness.clone().unwrap();
        let line = LEFT + WIDTH * BELOW / (BELOW + ABOVE);
        assert_eq!(place(&closeness), line);
        closeness.used = closeness.cap * 10;
        assert_eq!(place(&closeness), line + WIDTH / (BELOW + ABOVE));
        for (used, cap) in [(0, 0), (u64::MAX, 0), (0, u64::MAX), (u64::MAX, 1)] {
            let x = place(&Closeness { used, cap, ..closeness.clone() });
            assert!((LEFT..=LEFT + WIDTH).contains(&x), "{used} of {cap}: {x}");
        }
    }
}
