//! Choosing what of the trials is seen, by style alone: no script runs in the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gauntlet_record::{Record, Trial, Verdict};

use super::Page;
use crate::page::{capital, escape};
use crate::summary::{Summary, class};

/// Most classes that can be chosen; the corpus has a few dozen, a hostile record any number.
const MOST: usize = 60;

/// The classes of attacks with how many trials each has, in the order of the record.
pub(super) struct Classes<'a> {
    names: Vec<(&'a str, usize)>,
    places: BTreeMap<&'a str, usize>,
}

impl Classes<'_> {
    pub(super) fn len(&self) -> usize {
        self.names.len().min(MOST)
    }
}

pub(super) fn classes(record: &Record) -> Classes<'_> {
    let mut classes = Classes { names: Vec::new(), places: BTreeMap::new() };
    for trial in &record.trials {
        let name = class(&trial.attack);
        let place = *classes.places.entry(name).or_insert(classes.names.len());
        match classes.names.get_mut(place) {
            Some((_, number)) => *number += 1,
            None => classes.names.push((name, 1)),
        }
    }
    classes
}

/// The number of a trial's class; those that cannot be chosen share one.
pub(super) fn number(classes: &Classes<'_>, trial: &Trial) -> usize {
    classes.places.get(class(&trial.attack)).copied().unwrap_or(MOST).min(MOST)
}

/// What hides every trial but those of the class that is chosen. Nothing but numbers goes in.
pub(super) fn rules(classes: usize) -> String {
    (0..classes).fold(String::new(), |mut rules, number| {
        let _ = writeln!(rules, "body:has(#class-{number}:checked) .trial:not(.c{number}) {{ display: none; }}");
        rules
    })
}

impl Page {
    pub(super) fn filter(&mut self, summary: &Summary, classes: &Classes<'_>) {
        if classes.names.is_empty() {
            return;
        }
        self.put(
            "<section aria-labelledby=\"filter\" class=\"filter\">\n<h2 id=\"filter\">Trials</h2>\n<p class=\"lead\">Choose what is shown. Your browser's own \
             search finds the rest, and most look into what is folded.</p>\n<div class=\"card\">\n<fieldset><legend>Verdict</legend>",
        );
        for (verdict, number) in summary.counts() {
            if number > 0 {
                let _ = write!(
                    self.text,
                    "<label><input type=\"checkbox\" id=\"show-{verdict}\" checked> {} ({number})</label>",
                    capital(verdict.as_str())
                );
            }
        }
        self.put("</fieldset>\n<fieldset><legend>Only</legend><label><input type=\"checkbox\" id=\"only-over\"> past the limit</label>");
        if summary.counts()[0].0 == Verdict::Contained {
            self.put("<label><input type=\"checkbox\" id=\"only-thin\"> weak, or without a witness</label>");
        }
        self.put("</fieldset>\n<fieldset><legend>Class</legend><label><input type=\"radio\" name=\"class\" id=\"class-all\" checked> all</label>");
        for (place, (name, number)) in classes.names.iter().take(MOST).enumerate() {
            let _ = write!(
                self.text,
                "<label><input type=\"radio\" name=\"class\" id=\"class-{place}\"> {} ({number})</label>",
                escape(name)
            );
        }
        self.put("</fieldset>\n</div>\n</section>\n");
    }
}
