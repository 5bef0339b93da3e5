//! The attacks and templates that ship with the program.

use gauntlet_services::{attacks, template};

#[test]
fn every_attack_reads_and_is_one_of_its_own() {
    let attacks = attacks(gauntlet_attacks::FILES).unwrap();
    assert!(attacks.len() >= 30, "{}", attacks.len());
    let mut ids: Vec<&str> = attacks.iter().map(|attack| attack.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), attacks.len());
    for attack in &attacks {
        assert!(attack.weakness.starts_with("CWE-"), "{}", attack.id);
        assert!(attack.why.ends_with('.'), "{}", attack.id);
    }
}

#[test]
fn the_template_of_our_service_reads() {
    let (_, bytes) =
        gauntlet_attacks::FILES.iter().find(|(path, _)| *path == "http/services/gauntlet-serve.yaml").unwrap();
    let template = template("x", std::str::from_utf8(bytes).unwrap()).unwrap();
    assert_eq!(template.name, "gauntlet-serve");
    assert_eq!(template.language("python"), Some("python"));
}
