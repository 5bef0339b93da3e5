//! What every page has: its escaping, its style, its closed policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::text::plain;

/// The style of the report's page. A page may add rules of its own behind it.
pub const STYLE: &str = include_str!("formats/html/style.css");

/// A text as HTML: one printable line, cut, with nothing active in it.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// An address as HTML: a link only where it leads to the web; anything else a file may hold is text.
#[must_use]
pub fn link(address: &str) -> String {
    let shown = escape(address);
    let safe = (address.starts_with("https://") || address.starts_with("http://"))
        && address.chars().all(|c| c.is_ascii_graphic());
    if safe { format!("<a href=\"{shown}\" rel=\"noopener noreferrer\">{shown}</a>") } else { shown }
}

/// The text with a capital at its start.
#[must_use]
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A text as one printable line, cut, without commands to a CI server.
#[must_use]
pub fn line(text: &str) -> String {
    plain(text).into_owned()
}

/// The beginning of a page, up to and with `<body>`: no script, no network, no style but this one, whose hash its policy names.
#[must_use]
pub fn head(title: &str, style: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(style));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; img-src data:; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{style}</style>\n</head>\n<body>\n",
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_on_the_web_becomes_a_link() {
        assert!(link("https://example.org/a?b=1&c=2").starts_with("<a href=\"https://example.org/a?b=1&amp;c=2\""));
        assert_eq!(link("javascript:alert(1)"), "javascript:alert(1)");
        assert_eq!(link("https://x\" onmouseover=\"y"), "https://x&quot; onmouseover=&quot;y");
    }
}
