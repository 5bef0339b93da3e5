//! Patterns of paths, as shells know them: `*` and `?` within a name, `**` for any number of folders.

/// Whether a path means a pattern.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?'])
}

/// The folder that a pattern's matches lie under, and the rest of the pattern by its names.
pub(super) fn split(pattern: &str) -> (String, Vec<&str>) {
    let parts: Vec<&str> = pattern.split('/').collect();
    let fixed = parts.iter().position(|part| is_pattern(part)).unwrap_or(parts.len());
    let root = match (fixed, parts[..fixed].join("/")) {
        (0, _) => ".".to_owned(),
        // A pattern that begins at the root.
        (_, root) if root.is_empty() => "/".to_owned(),
        (_, root) => root,
    };
    (root, parts[fixed..].to_vec())
}

/// Whether the names of a path fit a pattern. The steps are bounded by the product of the two lengths.
pub(super) fn matches(pattern: &[&str], names: &[&str]) -> bool {
    // `fits[i]`: whether the pattern so far fits the first i names.
    let mut fits = vec![false; names.len() + 1];
    fits[0] = true;
    for part in pattern {
        let before = fits.clone();
        if *part == "**" {
            for at in 1..fits.len() {
                fits[at] = before[at] || fits[at - 1];
            }
        } else {
            fits[0] = false;
            for at in 1..fits.len() {
                fits[at] = before[at - 1] && name(part, names[at - 1]);
            }
        }
    }
    fits[names.len()]
}

/// Whether a name fits a pattern of a name. Hidden names have to be asked for by their dot.
fn name(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let text: Vec<char> = name.chars().collect();
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for wanted in pattern.chars() {
        let before = fits.clone();
        if wanted == '*' {
            for at in 1..fits.len() {
                fits[at] = before[at] || fits[at - 1];
            }
        } else {
            fits[0] = false;
            for at in 1..fits.len() {
                fits[at] = before[at - 1] && (wanted == '?' || wanted == text[at - 1]);
            }
        }
    }
    fits[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
        matches(&pattern, &path)
    }

    #[test]
    fn patterns_are_those_of_shells() {
        for (pattern, path) in [
            ("*.yaml", "a.yaml"),
            ("p?licy.*", "policy.yml"),
            ("**/*.yaml", "a.yaml"),
            ("**/*.yaml", "a/b/c.yaml"),
            ("a/**/c", "a/c"),
            ("a/**", "a/b/c"),
            (".*", ".hidden"),
            ("*a*a*b", "aaab"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("*.yaml", "a/b.yaml"), ("*", ".hidden"), ("a/**/c", "b/c"), ("?", ""), ("a*", "ba")] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends() {
        assert!(!fits(&"*a".repeat(2_000), &"a".repeat(1_999)));
        assert!(!fits(&("**/".repeat(500) + "b"), &("a/".repeat(500) + "c")));
    }

    #[test]
    fn matches_lie_under_the_part_without_wildcards() {
        assert_eq!(split("a/b/*.yaml"), ("a/b".into(), vec!["*.yaml"]));
        assert_eq!(split("*.yaml"), (".".into(), vec!["*.yaml"]));
        assert_eq!(split("/*/x"), ("/".into(), vec!["*", "x"]));
    }
}
