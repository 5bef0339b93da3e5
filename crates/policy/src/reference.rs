//! A page that tells every key of a policy, written from the table of keys.

use std::fmt::Write as _;

use gauntlet_record::Unit;

use crate::decode::takes_shares;
use crate::keys::{self, Key, Takes};
use crate::quantity::{BYTES, TIMES};

const HEAD: &str = "\
# The keys of a policy

Every key there is, what it takes, and what holds when it is absent. A policy is closed by default: an absent grant is denied, an absent
limit is the strict default. `gauntlet lint POLICY --show-effective` shows what holds in the end and where each value comes from;
`reports/schemas/policy.schema.json` has the same for editors. This page is written from the reader's own table.

| Quantity | Written as |
|---|---|
";

/// The reference of all keys of a policy, in Markdown.
#[must_use]
pub fn reference() -> String {
    let units =
        |units: &[(&str, u64)]| units.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut page = HEAD.to_owned();
    let _ = writeln!(page, "| size | a whole number and one of {}, as `64MiB` |", units(BYTES));
    let _ = writeln!(page, "| time | a whole number and one of {}, as `10s` |", units(TIMES));
    page.push_str("| number | a whole number; `_` between digits, as `100_000_000` |\n");
    page.push_str(
        "| limit | its quantity, or `unlimited`; where a share is taken, also as `25%` of what the host allows |\n",
    );
    let (plain, sections): (Vec<&Key>, Vec<&Key>) =
        keys::POLICY.iter().partition(|key| !matches!(key.takes, Takes::Mapping(_)));
    page.push_str("\n## At the top\n\n");
    table(&mut page, &plain);
    for section in sections {
        if let Takes::Mapping(keys) = section.takes {
            let _ = write!(page, "\n## `{}`\n\n{}\n\n", section.name, line(section.doc));
            table(&mut page, &keys.iter().collect::<Vec<_>>());
        }
    }
    page
}

fn table(page: &mut String, keys: &[&Key]) {
    page.push_str("| Key | Takes | When absent | |\n|---|---|---|---|\n");
    let mut inner = Vec::new();
    for key in keys {
        row(page, "", key);
        inner.extend(below(&key.takes).into_iter().map(|(mark, keys)| (format!("{}{mark}", key.name), keys)));
    }
    for (of, keys) in inner {
        for key in keys {
            row(page, &format!("{of}."), key);
        }
    }
}

fn row(page: &mut String, of: &str, key: &Key) {
    let absent = match key.default_text() {
        _ if key.needed => "needed".to_owned(),
        Some(text) => format!("`{text}`"),
        None => String::new(),
    };
    let _ = writeln!(page, "| `{of}{}` | {} | {absent} | {} |", key.name, taken(&key.takes), line(key.doc));
}

/// The keys within a key, and how a path says that there are several of them.
fn below(takes: &Takes) -> Option<(&'static str, &'static [Key])> {
    match takes {
        Takes::Mapping(keys) | Takes::WordsOr(_, keys) => Some(("", keys)),
        Takes::List(Takes::FileGrant(keys) | Takes::NetworkGrant(keys) | Takes::Mapping(keys)) => Some(("[]", keys)),
        Takes::Version
        | Takes::Limit(_)
        | Takes::Amount(_)
        | Takes::Feature(_)
        | Takes::Boolean
        | Takes::Words(_)
        | Takes::Text
        | Takes::Path
        | Takes::Digest
        | Takes::List(_)
        | Takes::FileGrant(_)
        | Takes::NetworkGrant(_)
        | Takes::Variables => None,
    }
}

fn taken(takes: &Takes) -> String {
    let words = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let quantity = |unit: Unit| match unit {
        Unit::Bytes => "size",
        Unit::Time => "time",
        Unit::Count => "number",
    };
    match takes {
        Takes::Version => "`1`".to_owned(),
        Takes::Limit(key) if takes_shares(*key) => format!("{}, share, `unlimited`", quantity(key.unit())),
        Takes::Limit(key) => format!("{}, `unlimited`", quantity(key.unit())),
        Takes::Amount(unit) => quantity(*unit).to_owned(),
        Takes::Feature(_) | Takes::Boolean => words(&["true", "false"]),
        Takes::Words(all) => words(all),
        Takes::Text => "text".to_owned(),
        Takes::Path => "path".to_owned(),
        Takes::Digest => "SHA-256 in hex".to_owned(),
        Takes::List(items) => format!("list of {}", taken(items)),
        Takes::Mapping(_) => "mapping".to_owned(),
        Takes::FileGrant(_) => "file grants".to_owned(),
        Takes::NetworkGrant(_) => "network grants, each with one of the first three keys".to_owned(),
        Takes::Variables => "names with texts".to_owned(),
        Takes::WordsOr(all, _) => format!("{}, or a mapping", words(all)),
    }
}

/// A text in one line, safe in a table, without the sentence on the default, which has a column of its own.
fn line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    text.split_inclusive(". ")
        .filter(|sentence| !sentence.starts_with("Default: "))
        .collect::<String>()
        .trim_end()
        .to_owned()
}
