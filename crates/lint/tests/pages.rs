//! The pages under `docs/rules` are what the rules say. `UPDATE=1 cargo test -p gauntlet-lint --test pages` rewrites them.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

#[test]
fn every_rule_has_its_page_and_every_page_its_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules");
    let update = env::var_os("UPDATE").is_some();
    let pages = gauntlet_lint::pages();
    if update {
        fs::create_dir_all(&folder).unwrap();
    }
    let mut stale = Vec::new();
    for (name, text) in &pages {
        if update {
            fs::write(folder.join(name), text).unwrap();
        }
        if fs::read_to_string(folder.join(name)).unwrap_or_default() != *text {
            stale.push(name.as_str());
        }
    }
    let wanted: BTreeSet<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if wanted.contains(name.as_str()) {
            continue;
        }
        if update {
            fs::remove_file(folder.join(&name)).unwrap();
        }
        assert!(update, "docs/rules/{name} belongs to no rule");
    }
    assert!(
        stale.is_empty(),
        "out of date: {}; `UPDATE=1 cargo test -p gauntlet-lint --test pages` rewrites them",
        stale.join(", ")
    );
}
