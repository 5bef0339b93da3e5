//! A hash tree over the trials of a record, so that one of them can be shown and proved without the rest.
//!
//! Leaves and nodes are hashed as in RFC 6962, section 2.1: a leaf begins with 0, a node with 1, and the left side of a node takes the
//! largest power of two below its number of leaves. A leaf is the trial as compact JSON, its keys in the order of the record.

use gauntlet_record::Trial;
use ring::digest::{Context, SHA256};

/// SHA-256.
pub(crate) type Hash = [u8; 32];

fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// SHA-256 of bytes, in hex: as [`gauntlet_record::digest`], and faster on large files.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    hex(&hash(&[bytes]))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        text
    })
}

/// A hash as [`hex`] writes it; capitals are refused, so that there is one spelling.
pub(crate) fn unhex(text: &str) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes = text.as_bytes();
    let mut out = [0; 32];
    if bytes.len() != 64 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

/// The leaf of a trial.
pub(crate) fn leaf(trial: &Trial) -> Result<Hash, serde_json::Error> {
    Ok(hash(&[&[0], &serde_json::to_vec(trial)?]))
}

/// The leaves of all trials, over all cores.
pub(crate) fn leaves(trials: &[Trial]) -> Result<Vec<Hash>, serde_json::Error> {
    let lanes = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = trials.len().div_ceil(lanes).max(64);
    let parts: Vec<Result<Vec<Hash>, serde_json::Error>> = std::thread::scope(|scope| {
        let lanes: Vec<_> =
            trials.chunks(share).map(|part| scope.spawn(move || part.iter().map(leaf).collect())).collect();
        lanes.into_iter().map(|lane| lane.join().expect("hashing does not panic")).collect()
    });
    let mut all = Vec::with_capacity(trials.len());
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}

/// The number of leaves on the left side of a tree of more than one.
fn left(number: usize) -> usize {
    number.next_power_of_two() / 2
}

/// The root of a tree. That of none is the hash of nothing.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash(&[]),
        [leaf] => *leaf,
        leaves => {
            let (a, b) = leaves.split_at(left(leaves.len()));
            hash(&[&[1], &root(a), &root(b)])
        }
    }
}

/// The hashes beside the way from a leaf to the root, the lowest first.
pub(crate) fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (a, b) = leaves.split_at(left(leaves.len()));
    let (mut below, beside) =
        if index < a.len() { (path(a, index), root(b)) } else { (path(b, index - a.len()), root(a)) };
    below.push(beside);
    below
}

/// The root that follows from a leaf, its place, the number of leaves and the hashes beside its way. `None` if these do not go together.
pub(crate) fn climb(leaf: Hash, index: usize, number: usize, path: &[Hash]) -> Option<Hash> {
    match (number, path) {
        (0, _) => None,
        (1, []) => (index == 0).then_some(leaf),
        (1, _) | (_, []) => None,
        (_, [below @ .., beside]) => {
            let middle = left(number);
            if index < middle {
                Some(hash(&[&[1], &climb(leaf, index, middle, below)?, beside]))
            } else {
                Some(hash(&[&[1], beside, &climb(leaf, index - middle, number - middle, below)?]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves_of(number: usize) -> Vec<Hash> {
        (0..number).map(|index| hash(&[&[0], &[u8::try_from(index).unwrap()]])).collect()
    }

    #[test]
    fn the_tree_is_the_one_of_rfc_6962() {
        // The values of the reference tests of Certificate Transparency: the empty tree, and one leaf of no bytes.
        assert_eq!(hex(&root(&[])), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(&hash(&[&[0]])), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn every_leaf_of_every_tree_is_proved_and_no_other_place_or_leaf_is() {
        for number in 1..40 {
            let leaves = leaves_of(number);
            let top = root(&leaves);
            for index in 0..number {
                let path = path(&leaves, index);
                assert_eq!(climb(leaves[index], index, number, &path), Some(top), "{index} of {number}");
                for other in (0..number + 1).filter(|other| *other != index) {
                    assert_ne!(
                        climb(leaves[index], other, number, &path),
                        Some(top),
                        "{other} for {index} of {number}"
                    );
                }
                assert_ne!(climb(hash(&[&[9]]), index, number, &path), Some(top));
                let mut longer = path.clone();
                longer.push(top);
                assert_ne!(climb(leaves[index], index, number, &longer), Some(top));
            }
        }
    }

    #[test]
    fn hex_has_one_spelling() {
        let bytes = hash(&[b"x"]);
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!(unhex(&hex(&bytes).to_uppercase()), None);
        assert_eq!(unhex("00"), None);
        assert_eq!(digest(b"x"), gauntlet_record::digest(b"x"));
    }
}
