//! The claims: what is said of a sandbox, and what has to be there for it to be said.

use gauntlet_policy::Reader;
use gauntlet_policy::document::Node;

use super::{Needs, needed};

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimData {
    pub(crate) id: String,
    pub(crate) says: String,
    pub(crate) needs: Needs,
}

pub(super) fn read(_: &str, node: &Node, reader: &mut Reader) -> Option<Vec<ClaimData>> {
    let known: Vec<&str> = ["id", "says"].into_iter().chain(Needs::KEYS).collect();
    let mut claims = Vec::new();
    for item in reader.items("claims", node) {
        let (mut id, mut says, mut needs) = (None, None, Needs::default());
        for entry in reader.entries("claim", item, &known) {
            match entry.key.value.as_str() {
                "id" => id = reader.text("id", &entry.value).map(|text| text.value),
                "says" => says = reader.text("says", &entry.value).map(|text| text.value),
                key => _ = needs.read(key, &entry.value, reader),
            }
        }
        if needs.is_empty() {
            reader.fault("missing-key", "a claim that rests on nothing", "", item.span);
        }
        claims.push(ClaimData {
            id: needed("id", id, item, reader)?,
            says: needed("says", says, item, reader)?,
            needs,
        });
    }
    Some(claims)
}
