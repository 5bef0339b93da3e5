//! Whatever a policy says, reading and linting it ends, and shows nothing that a terminal would obey.
#![expect(clippy::unwrap_used, reason = "a test may")]

use gauntlet_lint::{Format, Options, faults_as_findings, lint, render, rules};
use gauntlet_policy::Policy;
use gauntlet_record::Finding;
use proptest::prelude::*;

fn look(text: &str) -> Vec<Finding> {
    let options = Options { today: Some("2026-01-31".into()), host: false, ..Options::default() };
    match Policy::parse("p.yaml", text) {
        Ok(policy) => lint(&policy, &options),
        Err(faults) => faults_as_findings("p.yaml", text, &faults),
    }
}

fn check(text: &str) {
    let findings = look(text);
    assert_eq!(findings, look(text), "two looks differ");
    let sources = [("p.yaml".to_owned(), text.to_owned())];
    for format in Format::ALL {
        let out = render(&findings, &sources, *format, false);
        assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{format}: {out:?}");
        if matches!(format, Format::Json | Format::Sarif) {
            serde_json::from_str::<serde_json::Value>(&out).unwrap();
        }
    }
}

/// A value that some rule takes apart: a path, an address, a quantity, or anything.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-./~$*%a-zA-Z\\\\]{0,20}",
        "[0-9a-fx:.*/\\[\\]]{0,24}(:[0-9]{0,6})?",
        "[0-9_]{1,20}(B|KiB|MB|GiB|s|ms|%)?",
        any::<String>(),
        Just("unlimited".to_owned()),
    ]
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap().replace('\u{7f}', "\\x7f")
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn almost_policies_never_panic(text in "version: 1\n(limits|grants|features|waivers|isolation|modules|audit): ?[\\[{]?[-a-z0-9:,{}\\[\\] \"'\n\\PC]{0,80}") {
        check(&text);
    }

    #[test]
    fn policies_with_arbitrary_values_never_panic(
        host in value(), guest in value(), address in value(), name in value(), text in value(), limit in value(), rule in value(), date in value(),
        access in prop_oneof![Just("read-only"), Just("read-write")],
    ) {
        check(&format!(
            "version: 1\nlimits: {{ memory: {}, deadline: {} }}\ngrants:\n  filesystem:\n    - {{ host: {}, guest: {}, access: {access} }}\n    - {{ host: {}, access: read-only }}\n  network: [{{ connect: {} }}, {{ listen: {} }}, {{ resolve: {} }}]\n  environment: {{ {}: {} }}\n  arguments: [{}]\naudit: {{ log: {} }}\nwaivers: [{{ rule: {}, reason: {}, expires: {} }}]\n",
            quote(&limit), quote(&limit), quote(&host), quote(&guest), quote(&guest), quote(&address), quote(&address), quote(&name), quote(&name),
            quote(&text), quote(&text), quote(&host), quote(&rule), quote(&text), quote(&date),
        ));
    }

    #[test]
    fn a_cut_example_never_panics(rule in 0..rules().count(), at in 0..400_usize, with in any::<char>()) {
        let bad: Vec<char> = rules().nth(rule).unwrap().bad.chars().collect();
        let at = at.min(bad.len());
        let text: String = bad[..at].iter().chain([&with]).chain(&bad[at..]).collect();
        check(&text);
        check(&bad[..at].iter().collect::<String>());
    }
}
