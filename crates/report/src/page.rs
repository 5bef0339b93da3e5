//! What other pages share with the HTML report: its escaping, its style, its closed policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::formats::html_escape;
use crate::text::plain;

/// The style of the report's page. A page may add rules of its own behind it.
pub const STYLE: &str = include_str!("formats/html/style.css");

/// A text as HTML: one printable line, cut, with nothing active in it.
#[must_use]
pub fn escape(text: &str) -> String {
    html_escape(text)
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
