//! Folders that are attested, and verified later by somebody else.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use gauntlet_record::exit;
use support::Home;

/// A run of one attack, and a key.
fn attested(kind: &str) -> Home {
    let home = Home::new();
    home.gauntlet(&["run", "--filter", "tables/big-minimum", "--output", "out"]).ended(exit::CLEAN);
    home.gauntlet(&["report", "keygen", "key", "--kind", kind]).ended(exit::CLEAN);
    home.gauntlet(&["report", "sign", "out", "--key", "key"]).ended(exit::CLEAN);
    home
}

#[test]
fn a_signed_run_verifies_with_its_key_and_says_what_was_not_checked() {
    for kind in ["ed25519", "ecdsa-p256"] {
        let home = attested(kind);
        let done = home.gauntlet(&["report", "verify", "out", "--key", "key.pub"]).ended(exit::CLEAN);
        assert!(done.stdout.starts_with("VERIFIED\n"), "{}", done.stdout);
        for said in [
            "not checked: whether what the record says happened",
            "checked: still so here: operating system, ",
            "policy, corpus",
        ] {
            assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
        }
        let own = home.gauntlet(&["report", "verify", "out"]).ended(exit::CLEAN);
        assert!(own.stdout.contains("not checked: whose key "), "{}", own.stdout);
        home.gauntlet(&["report", "keygen", "other", "--kind", kind]).ended(exit::CLEAN);
        let other = home.gauntlet(&["report", "verify", "out", "--key", "other.pub"]).ended(exit::BREACH);
        assert!(other.stdout.starts_with("BROKEN\n"), "{}", other.stdout);
        let json = home.gauntlet(&["report", "verify", "out", "--format", "json"]).ended(exit::CLEAN);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json.stdout).unwrap()["result"], "VERIFIED");
    }
}

#[test]
fn what_was_changed_added_or_taken_away_is_named() {
    let home = attested("ed25519");
    let verify = || home.gauntlet(&["report", "verify", "out", "--key", "key.pub"]);
    verify().ended(exit::CLEAN);
    let page = home.path("out/report.html");
    let before = fs::read(&page).unwrap();
    fs::write(&page, [before.as_slice(), b" "].concat()).unwrap();
    assert!(verify().ended(exit::BREACH).stdout.contains("`report.html` is not the file that was attested"));
    fs::remove_file(&page).unwrap();
    assert!(verify().ended(exit::BREACH).stdout.contains("`report.html` is missing"));
    fs::write(&page, before).unwrap();
    verify().ended(exit::CLEAN);
    let more = home.write("out/more.txt", "x");
    assert!(verify().ended(exit::BREACH).stdout.contains("`more.txt` was not attested"));
    fs::remove_file(more).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", home.path("out/link")).unwrap();
    assert!(verify().ended(exit::USAGE).stderr.contains("no regular file"));
    fs::remove_file(home.path("out/link")).unwrap();
    let record = home.path("out/record.json");
    let edited =
        fs::read_to_string(&record).unwrap().replacen("\"verdict\":\"contained\"", "\"verdict\":\"breached\"", 1);
    fs::write(&record, edited).unwrap();
    let told = verify().ended(exit::BREACH).stdout;
    assert!(told.contains("does not agree with itself"), "{told}");
}

#[test]
fn an_unsigned_run_verifies_but_nobody_vouches_for_it() {
    let home = attested("ed25519");
    home.gauntlet(&["report", "sign", "out"]).ended(exit::CLEAN);
    assert!(!home.path("out/evidence.dsse.json").exists() && !home.path("out/signer.pub").exists());
    let done = home.gauntlet(&["report", "verify", "out"]).ended(exit::CLEAN);
    assert!(done.stdout.contains("not checked: who made it: it is not signed"), "{}", done.stdout);
    home.gauntlet(&["report", "verify", "out", "--key", "key.pub"]).ended(exit::BREACH);
    // The next run takes the place of all of it.
    home.gauntlet(&["run", "--filter", "tables/big-minimum", "--output", "out"]).ended(exit::CLEAN);
    home.gauntlet(&["report", "verify", "out"]).ended(exit::USAGE);
}

#[test]
fn a_record_of_another_policy_or_corpus_is_stale() {
    let home = attested("ed25519");
    let stale =
        home.gauntlet(&["report", "verify", "out", "--key", "key.pub", "--policy", "agent"]).ended(exit::INCONCLUSIVE);
    assert!(stale.stdout.starts_with("STALE\n") && stale.stdout.contains("no longer so: policy: "), "{}", stale.stdout);
    for (path, content) in gauntlet_attacks::FILES {
        if let Some(file) = path.strip_prefix("tables/big-minimum/") {
            home.write(&format!("more/mine/{file}"), content);
        }
    }
    let stale = home.gauntlet(&["report", "verify", "out", "--attacks", "more"]).ended(exit::INCONCLUSIVE);
    assert!(stale.stdout.contains("no longer so: corpus: "), "{}", stale.stdout);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let home = attested("ed25519");
    for mode in [0o640, 0o604, 0o620, 0o644] {
        fs::set_permissions(home.path("key"), fs::Permissions::from_mode(mode)).unwrap();
        let done = home.gauntlet(&["report", "sign", "out", "--key", "key"]).ended(exit::USAGE);
        assert!(done.stderr.contains("others may read or write it"), "{}", done.stderr);
    }
    fs::set_permissions(home.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    home.gauntlet(&["report", "sign", "out", "--key", "key"]).ended(exit::CLEAN);
    home.gauntlet(&["report", "keygen", "key"]).ended(exit::USAGE);
    home.write("no-key", "x");
    fs::set_permissions(home.path("no-key"), fs::Permissions::from_mode(0o600)).unwrap();
    home.gauntlet(&["report", "sign", "out", "--key", "no-key"]).ended(exit::USAGE);
}

#[test]
fn one_trial_is_shown_and_proved_without_the_others() {
    let home = Home::new();
    home.gauntlet(&["run", "--filter", "tables/", "--output", "out"]).ended(exit::CLEAN);
    home.gauntlet(&["report", "keygen", "key"]).ended(exit::CLEAN);
    home.gauntlet(&["report", "sign", "out", "--key", "key"]).ended(exit::CLEAN);
    let record = home.record("out");
    let (shown, hidden) = (&record.trials[0], &record.trials[1]);
    home.gauntlet(&["report", "disclose", "out", &shown.attack, "--output", "trial.json"]).ended(exit::CLEAN);
    let text = fs::read_to_string(home.path("trial.json")).unwrap();
    assert!(text.contains(&shown.title) && !text.contains(&hidden.title));
    let done = home.gauntlet(&["report", "verify", "trial.json", "--key", "key.pub"]).ended(exit::CLEAN);
    assert!(
        done.stdout.contains(&format!("it is trial 1 of the {} that were attested", record.trials.len())),
        "{}",
        done.stdout
    );
    let edited = text.replacen("\"verdict\": \"contained\"", "\"verdict\": \"breached\"", 1);
    assert_ne!(edited, text);
    home.write("trial.json", edited);
    home.gauntlet(&["report", "verify", "trial.json", "--key", "key.pub"]).ended(exit::BREACH);
    home.gauntlet(&["report", "disclose", "out", "no/such"]).ended(exit::USAGE);
}
