//! Whatever a text says, reading it ends, and what is accepted reads back as the same.

#![expect(clippy::unwrap_used, reason = "a test may")]

use gauntlet_policy::{Feature, MAX_POLICY_BYTES, Policy};
use gauntlet_record::{LimitKey, Unit};
use proptest::prelude::*;
use proptest::sample::select;

/// All that a policy says, without the places where it says it.
fn plain(policy: &Policy) -> String {
    let mut out: Vec<String> =
        policy.values(1 << 30).into_iter().map(|it| format!("{}={}", it.key, it.value)).collect();
    let grants = &policy.grants;
    for it in &grants.filesystem {
        let reason = it.reason.as_ref().map(|reason| &reason.value);
        let named = it.guest_named.then_some(&it.guest.value);
        out.push(format!("file {:?} {named:?} {:?} {reason:?}", it.host.value, it.access.value));
    }
    for it in &grants.network {
        out.push(format!(
            "net {:?} {:?} {:?}",
            it.scope,
            it.address.value,
            it.reason.as_ref().map(|reason| &reason.value)
        ));
    }
    out.extend(grants.environment.iter().map(|it| format!("env {:?}={:?}", it.name.value, it.value.value)));
    out.extend(grants.arguments.iter().map(|it| format!("arg {:?}", it.value)));
    out.extend(LimitKey::ALL.iter().map(|key| format!("{key} {:?}", policy.limits.resolve(*key, 1_000))));
    out.extend(
        Feature::ALL.iter().map(|it| format!("{it:?} {:?}", policy.features.named(*it).map(|(allowed, _)| allowed))),
    );
    let modules = &policy.modules;
    for list in [&modules.sha256, &modules.signed_by, &modules.deny] {
        out.push(format!("modules {:?}", list.iter().map(|it| &it.value).collect::<Vec<_>>()));
    }
    out.push(format!(
        "{:?} {:?}",
        modules.deny_list.as_ref().map(|it| &it.value),
        policy.audit.log.as_ref().map(|it| &it.value)
    ));
    out.push(format!("{} {} {}", modules.precompiled.value, modules.compressed.value, modules.unknown_imports.value));
    out.push(format!("{:?} {:?}", policy.isolation.user.value, grants.random_seed.map(|seed| seed.value)));
    out.extend(policy.per_tenant.named.iter().map(|(key, number)| format!("tenant {} {number}", key.value)));
    for it in &policy.waivers {
        let texts = [&it.reason, &it.owner, &it.expires].map(|text| text.as_ref().map(|text| &text.value));
        out.push(format!("waiver {:?} {texts:?}", it.rule.value));
    }
    out.join("\n")
}

/// Reads a text; what is accepted is written in both ways, and both read back as the same.
fn check(text: &str) {
    match Policy::parse("p.yaml", text) {
        Ok(policy) => {
            let written = policy.to_yaml();
            let again = Policy::parse("p.yaml", &written).unwrap_or_else(|faults| panic!("{faults:?}\n{written}"));
            assert_eq!(plain(&again), plain(&policy), "{written}");
            assert_eq!(again.to_yaml(), written);
            let shown = policy.effective().to_yaml();
            let again = Policy::parse("p.yaml", &shown).unwrap_or_else(|faults| panic!("{faults:?}\n{shown}"));
            let values =
                |policy: &Policy| policy.values(1 << 30).into_iter().map(|it| (it.key, it.value)).collect::<Vec<_>>();
            assert_eq!(values(&again), values(&policy), "{shown}");
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in &faults {
                let span = fault.span;
                assert!(span.start <= span.end && span.end <= text.len(), "{fault:?}");
                assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{fault:?}");
                assert!(fault.message.len() < 2_000 && !fault.rule.is_empty(), "{fault:?}");
            }
            assert!(faults.is_sorted_by_key(|fault| fault.span));
        }
    }
}

/// Text in double quotes, as YAML and JSON read it.
fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap().replace('\u{7f}', "\\x7f")
}

/// A scalar as somebody might write it: sound, nearly so, or anything.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9_]{1,12}(B|KiB|MiB|MB|GiB|s|ms|min|h|%|)",
        select(vec![
            "unlimited",
            "true",
            "false",
            "no",
            "on",
            "True",
            "~",
            "null",
            "1:30",
            "0x10",
            "017",
            ".inf",
            "1e3",
            "-1",
            "strict",
            "agent",
            "read-only",
            "read-write",
            "scratch",
            "required",
            "if-available",
            "off",
            "refuse",
            "accept",
            "trap",
            "seeded",
            "1",
            "*a",
            "&a b",
            "!!binary aGk=",
            "[]",
            "{}",
            "\"\"",
            "''",
            "a: b",
            "- a",
            "# c",
            "|",
            ">",
            "\u{202e}",
            "\t",
        ])
        .prop_map(str::to_owned),
        "[-./~$*a-zA-Z:0-9]{0,20}",
        any::<String>().prop_map(|text| quote(&text)),
        "\\PC{0,20}",
    ]
}

/// Keys of a policy, right and wrong.
fn key() -> impl Strategy<Value = String> {
    let limits = LimitKey::ALL.iter().map(|key| key.as_str());
    let features = Feature::ALL.iter().map(|feature| feature.as_str());
    let known = [
        "version",
        "limits",
        "grants",
        "features",
        "modules",
        "on-denial",
        "isolation",
        "errors",
        "audit",
        "waivers",
        "deterministic",
        "per-tenant",
        "extends",
        "filesystem",
        "network",
        "environment",
        "arguments",
        "stdin",
        "clock",
        "random",
        "seed",
        "host",
        "guest",
        "access",
        "reason",
        "connect",
        "listen",
        "resolve",
        "resolution",
        "rule",
        "owner",
        "expires",
        "log",
        "detail",
        "sha256",
        "precompiled",
        "process",
        "user",
        "runs",
        "window",
        "<<",
        "memroy",
        "",
    ];
    prop_oneof![9 => select(limits.chain(features).chain(known).map(str::to_owned).collect::<Vec<_>>()), 1 => scalar()]
}

/// A tree of keys, lists and scalars in flow style.
fn tree() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((key(), inner), 0..5).prop_map(|entries| {
                let entries: Vec<String> = entries.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{ {} }}", entries.join(", "))
            }),
        ]
    })
}

fn sections() -> impl Strategy<Value = String> {
    prop::collection::vec((key(), tree()), 0..6).prop_map(|entries| {
        entries.into_iter().fold("version: 1\n".to_owned(), |text, (key, value)| format!("{text}{key}: {value}\n"))
    })
}

/// A quantity that is sound for a unit.
fn amount(unit: Unit) -> impl Strategy<Value = String> {
    let units = match unit {
        Unit::Bytes => vec!["B", "KiB", "MB", " GiB"],
        Unit::Time => vec!["ns", "us", "ms", "s", "min"],
        Unit::Count => vec![""],
    };
    (0..1_000_000_u64, select(units)).prop_map(|(number, unit)| format!("{number}{unit}"))
}

/// Text of any kind that a policy can hold.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', "0")).prop_filter("a path is not empty", |text| !text.is_empty())
}

/// A sound policy with values of every kind.
fn sound() -> impl Strategy<Value = String> {
    let limits = LimitKey::ALL.iter().map(|key| {
        prop_oneof![
            amount(key.unit()).prop_map(move |value| format!("{key}: {value}")),
            Just(format!("{key}: unlimited")),
        ]
        .boxed()
    });
    let limits = prop::sample::subsequence(limits.collect::<Vec<_>>(), 0..6).prop_flat_map(|chosen| chosen);
    let features = prop::sample::subsequence(Feature::ALL.to_vec(), 0..4);
    let files =
        prop::collection::vec((text(), prop::option::of(text()), any::<bool>(), prop::option::of(text())), 0..3);
    let names = prop::collection::btree_map(text().prop_map(|name| name.replace('=', "-")), text(), 0..3);
    let rest = (prop::collection::vec(text(), 0..3), text(), text(), text(), any::<u64>(), any::<bool>());
    let base = select(vec!["", "extends: agent\n", "extends: hardened\n"]);
    (base, limits, features, files, names, rest).prop_map(|(base, limits, features, files, names, rest)| {
        let (arguments, address, log, rule, seed, open) = rest;
        let arguments: Vec<String> = arguments.iter().map(|text| quote(text)).collect();
        let features: Vec<String> = features.iter().map(|feature| format!("{}: {open}", feature.as_str())).collect();
        let names: Vec<String> = names.iter().map(|(name, value)| format!("? {}\n    : {}", quote(name), quote(value))).collect();
        let names = if names.is_empty() { " {}".to_owned() } else { format!("\n    {}", names.join("\n    ")) };
        let files: Vec<String> = files
            .iter()
            .map(|(host, guest, write, reason)| {
                let guest = guest.as_ref().map_or(String::new(), |guest| format!(", guest: {}", quote(guest)));
                let reason = reason.as_ref().map_or(String::new(), |reason| format!(", reason: {}", quote(reason)));
                let access = if *write { "read-write" } else { "read-only" };
                format!("{{ host: {}{guest}, access: {access}{reason} }}", quote(host))
            })
            .collect();
        format!(
            "version: 1\n{base}limits: {{ {} }}\nfeatures: {{ {} }}\ngrants:\n  filesystem: [{}]\n  arguments: [{}]\n  environment:{names}\n  network: [{{ connect: {} }}]\n  random: {{ seed: {seed} }}\nmodules: {{ deny-list: {}, compressed: {} }}\naudit: {{ log: {} }}\nwaivers: [{{ rule: {}, reason: {} }}]\n",
            limits.join(", "), features.join(", "), files.join(", "), arguments.join(", "), quote(&address), quote(&log),
            if open { "accept" } else { "refuse" }, quote(&log), quote(&rule), quote(&address),
        )
    })
}

/// What stands literally in a text may hold what a reviewer cannot see; the reader refuses that before anything else.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\U{:08X}", u32::from(c)) })
        .collect::<String>()
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn nearly_sound_policies_are_read_or_refused(text in sections()) {
        check(&text);
    }

    #[test]
    fn every_sound_policy_reads_back_as_the_same(text in sound()) {
        let text = visible(&text);
        prop_assert!(Policy::parse("p.yaml", &text).is_ok(), "{text}: {:?}", Policy::parse("p.yaml", &text));
        check(&text);
    }

    #[test]
    fn a_preset_with_a_hole_or_a_scar_is_read_or_refused(
        which in 0..gauntlet_policies::PRESETS.len(), from in 0..4_000_usize, length in 0..60_usize, scar in scalar(),
    ) {
        let text: Vec<char> = gauntlet_policies::PRESETS[which].1.chars().collect();
        let (from, to) = (from.min(text.len()), (from + length).min(text.len()));
        let cut: String = text[..from].iter().chain(&text[to..]).collect();
        check(&cut);
        let scarred: String = text[..from].iter().copied().chain(scar.chars()).chain(text[to..].iter().copied()).collect();
        check(&scarred);
        check(&text[..from].iter().collect::<String>());
    }
}

#[test]
fn a_file_past_the_limit_is_refused_before_it_is_read_as_yaml() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    std::fs::write(&path, "[\t".repeat(5 << 20)).unwrap();
    let error = gauntlet_policy::load("p.yaml", &path).unwrap_err();
    assert!(matches!(error, gauntlet_policy::LoadError::TooLarge(limit) if limit == MAX_POLICY_BYTES));
}
