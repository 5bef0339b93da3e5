//! The matrix of layers: what stops each attack when one of them is lifted.

use std::fmt::Write as _;

use gauntlet_record::Layer;

use super::{Page, number};
use crate::layers::{Layers, Without};
use crate::page::{capital, escape};

/// Most attacks that are shown.
const MOST: usize = 5_000;

impl Page {
    pub(super) fn depths(&mut self, layers: &Layers) {
        let alone = |layer: Layer| layers.attacks.iter().filter(|depth| depth.stopped_by == [layer]).count();
        let also = |layer: Layer| layers.attacks.iter().filter(|depth| depth.stopped_by.contains(&layer)).count();
        let deep = layers.attacks.iter().filter(|depth| depth.stopped_by.len() > 1).count();
        let _ = write!(
            self.text,
            "<section aria-labelledby=\"depth\">\n<h2 id=\"depth\">Layers, lifted one at a time</h2>\n<p class=\"lead\">{deep} of {} attacks are stopped by two \
             layers or more: if one fails, the next catches them.{}</p>\n<div class=\"card scroll matrix\" tabindex=\"0\" role=\"region\" aria-labelledby=\"depth\">\n\
             <table><caption>How many attacks each layer stops</caption>\n<thead><tr><th scope=\"col\">Layer</th><th scope=\"col\" class=\"number\">Stops</th>\
             <th scope=\"col\" class=\"number\">Stops alone</th></tr></thead>\n<tbody>\n",
            layers.attacks.len(),
            if layers.complete { "" } else { " The run was cut short: attacks that are missing were not looked at." }
        );
        for layer in &layers.layers {
            let _ = writeln!(
                self.text,
                "<tr><th scope=\"row\">{}</th>{}{}</tr>",
                capital(layer.as_str()),
                number(also(*layer), ""),
                number(alone(*layer), "hit-warn")
            );
        }
        self.put("</tbody></table>\n</div>\n<details class=\"card depths\"><summary>Each attack</summary><div class=\"scroll\">\n<table><caption>What stops each attack without one of the layers</caption>\n<thead><tr><th scope=\"col\">Attack</th><th scope=\"col\">With all</th>");
        for layer in &layers.layers {
            let _ = write!(self.text, "<th scope=\"col\">Without {layer}</th>");
        }
        self.put("<th scope=\"col\">Stopped by</th></tr></thead>\n<tbody>\n");
        for depth in layers.attacks.iter().take(MOST) {
            let _ = write!(
                self.text,
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td>",
                escape(&depth.attack),
                escape(&depth.cause)
            );
            for layer in &layers.layers {
                let without = depth.without.iter().find(|(lifted, _)| lifted == layer).map(|(_, without)| without);
                let (class, text) = match without {
                    Some(Without::Obtained) => ("hit-bad", "obtained".to_owned()),
                    Some(Without::Stopped { cause: Some(cause) }) => ("", escape(cause)),
                    Some(Without::Stopped { cause: None }) => ("", "nothing obtained".to_owned()),
                    Some(Without::Unknown { .. }) => ("hit-warn", "unknown".to_owned()),
                    None => ("", String::new()),
                };
                let _ = write!(self.text, "<td class=\"{class}\">{text}</td>");
            }
            let by: Vec<&str> = depth.stopped_by.iter().map(|layer| layer.as_str()).collect();
            let probe = depth.by_probe.as_ref().map(|probe| format!(" ({})", escape(probe))).unwrap_or_default();
            let _ = writeln!(self.text, "<td>{}{probe}</td></tr>", by.join(" + "));
        }
        self.put("</tbody></table>\n</div></details>\n");
        if layers.attacks.len() > MOST {
            let _ = writeln!(self.text, "<p>and {} more</p>", layers.attacks.len() - MOST);
        }
        self.put("</section>\n");
    }
}
