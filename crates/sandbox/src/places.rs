//! Which places beneath a grant a guest used: what has to be known to write a narrower grant. Bounded, whatever a guest does.

use std::collections::BTreeMap;

use gauntlet_target::{MAX_PLACES, PlaceUse};

/// Longest path that is kept; a longer one counts as the granted directory.
const MAX_PATH: usize = 512;

/// The places of one grant: whether each was changed, and whether it is a directory.
#[derive(Debug, Default)]
pub(crate) struct Places {
    seen: BTreeMap<String, (bool, bool)>,
}

impl Places {
    /// Notes that a place was used; without `room`, no name is added. Says whether one was.
    pub(crate) fn note(&mut self, name: &str, changed: bool, directory: bool, room: bool) -> bool {
        let name = if name.len() > MAX_PATH { "" } else { name };
        if let Some((was_changed, was_directory)) = self.seen.get_mut(name) {
            *was_changed |= changed;
            *was_directory |= directory;
            return false;
        }
        if room && self.seen.len() < MAX_PLACES - 1 {
            self.seen.insert(name.to_owned(), (changed, directory || name.is_empty()));
            return true;
        }
        if !name.is_empty() {
            // The directory that it is in stands for it, and at last the granted one, for which there is always room.
            let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
            let known = std::iter::successors(Some(parent), |parent| {
                (!parent.is_empty()).then(|| parent.rsplit_once('/').map_or("", |(parent, _)| parent))
            });
            let known = known.into_iter().find(|parent| self.seen.contains_key(*parent)).unwrap_or("");
            let entry = self.seen.entry(known.to_owned()).or_default();
            *entry = (entry.0 | changed, true);
        } else {
            self.seen.insert(String::new(), (changed, true));
        }
        false
    }

    pub(crate) fn list(&self) -> Vec<PlaceUse> {
        let one = |(name, (changed, directory)): (&String, &(bool, bool))| PlaceUse {
            name: name.clone(),
            changed: *changed,
            directory: *directory,
        };
        self.seen.iter().map(one).collect()
    }
}

/// A path beneath a directory that lies at `base` beneath its grant, with dots resolved by name; `None` if it leads out of the grant, and
/// so is denied.
pub(crate) fn joined(base: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_by_name_and_never_lead_out() {
        assert_eq!(joined("", "a/./b").as_deref(), Some("a/b"));
        assert_eq!(joined("a/b", "../c").as_deref(), Some("a/c"));
        assert_eq!(joined("a", ".").as_deref(), Some("a"));
        assert_eq!(joined("a", "../.."), None);
        assert_eq!(joined("", "/etc"), None);
    }

    #[test]
    fn a_place_is_kept_once_with_all_that_was_done_to_it() {
        let mut places = Places::default();
        places.note("a", false, false, true);
        places.note("a", true, false, true);
        places.note("", false, false, true);
        let list = places.list();
        assert_eq!(list.len(), 2);
        assert_eq!((list[0].name.as_str(), list[0].directory), ("", true));
        assert_eq!((list[1].name.as_str(), list[1].changed, list[1].directory), ("a", true, false));
    }

    #[test]
    fn however_many_there_are_the_list_is_bounded_and_covers_all() {
        let mut places = Places::default();
        for number in 0..10_000 {
            places.note(&format!("d{}/f{number}", number % 3), number % 2 == 0, false, true);
        }
        places.note(&"x".repeat(10_000), false, false, true);
        let list = places.list();
        assert!(list.len() <= MAX_PLACES);
        assert!(list.iter().any(|place| place.name.is_empty() && place.changed && place.directory));
        let mut nested = Places::default();
        nested.note("d", false, true, true);
        for number in 0..1_000 {
            nested.note(&format!("d/f{number}"), false, false, number < 10);
        }
        assert!(nested.list().iter().all(|place| place.name.starts_with('d')));
    }
}
