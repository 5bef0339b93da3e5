//! Keys, tenants, rates, quotas.

use serde_json::json;

use super::programs;
use super::service::{PROGRAM, Service, admin};

#[test]
fn without_a_key_only_this_machine_is_listened_to() {
    let data = tempfile::tempdir().unwrap();
    let refused = std::process::Command::new(PROGRAM)
        .args(["serve", "--listen", "0.0.0.0:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("gauntlet serve keys create"), "{refused:?}");
}

#[test]
fn from_the_first_key_on_everybody_needs_one_and_a_revoked_one_opens_nothing() {
    let service = Service::start(&[]);
    assert_eq!(service.execute(&programs::hello()).status, 200);
    let key = service.admin(&["keys", "create", "--tenant", "acme"]);
    let missing = service.execute(&programs::hello());
    assert_eq!((missing.status, missing.problem().as_str()), (401, "key-missing"));
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
    assert_eq!(service.execute_as(&key, &programs::hello()).status, 200);
    let usage = service.request("GET", "/api/v1/usage", &format!("Authorization: Bearer {key}\r\n"), b"").json();
    assert_eq!((&usage["tenant"]["name"], &usage["today"]["runs"]), (&json!("acme"), &json!(1)));
    assert!(usage["today"]["cpu_ns"].as_u64().unwrap() > 0, "{usage}");
    let id = key.split('_').nth(1).unwrap();
    service.admin(&["keys", "revoke", id]);
    assert_eq!(service.execute_as(&key, &programs::hello()).problem(), "key-revoked");
    // The last key is gone, and the door stays shut.
    assert_eq!(service.execute(&programs::hello()).problem(), "key-missing");
    let list = service.admin(&["keys", "list"]);
    assert!(list.contains("revoked") && !list.contains(key.split('_').nth(2).unwrap()), "{list}");
}

#[test]
fn what_is_kept_of_a_key_opens_nothing() {
    let service = Service::start(&[]);
    let key = service.admin(&["keys", "create", "--tenant", "acme"]);
    let secret = key.split('_').nth(2).unwrap();
    for entry in std::fs::read_dir(service.data.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", path.display());
        }
    }
}

#[test]
fn guessing_keys_is_slowed_down_and_the_right_one_still_works() {
    let service = Service::start(&[]);
    let key = service.admin(&["keys", "create", "--tenant", "acme"]);
    let wrong = format!("gk_{}_{}", "0".repeat(12), "0".repeat(64));
    let mut answers = Vec::new();
    for guess in [wrong.as_str(), "x", "gk__", &wrong.to_uppercase()].iter().cycle().take(40) {
        answers.push(service.execute_as(guess, &programs::hello()).problem());
    }
    assert!(answers[..10].iter().all(|problem| problem == "key-invalid"), "{answers:?}");
    assert!(answers[20..].iter().all(|problem| problem == "rate-exceeded"), "{answers:?}");
    assert_eq!(service.execute_as(&key, &programs::hello()).status, 200);
    let twice =
        format!("Content-Type: application/json\r\nAuthorization: Bearer {key}\r\nAuthorization: Bearer {wrong}\r\n");
    let body = programs::hello().to_string();
    assert_eq!(service.request("POST", "/api/v1/execute", &twice, body.as_bytes()).problem(), "invalid-request");
}

#[test]
fn a_rate_is_held_by_key_and_by_address_with_retry_after() {
    let service = Service::start(&[]);
    let key = service.admin(&["keys", "create", "--tenant", "acme", "--per-minute", "10"]);
    let answers: Vec<_> = (0..25).map(|_| service.execute_as(&key, &json!({ "language": "x", "code": "" }))).collect();
    let late = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(late.problem(), "rate-exceeded");
    assert!(late.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(answers.iter().filter(|answer| answer.status == 400).count() <= 12);
    // Another tenant's key is not slowed down by this one's.
    let other = service.admin(&["keys", "create", "--tenant", "other"]);
    assert_eq!(service.execute_as(&other, &programs::hello()).status, 200);
    let narrow = Service::start(&["--address-rate", "10"]);
    let answers: Vec<u16> = (0..25).map(|_| narrow.get("/api/v1/languages").status).collect();
    assert!(answers.contains(&429), "{answers:?}");
    assert_eq!(narrow.get("/healthz").status, 200);
}

#[test]
fn a_quota_holds_over_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let key = admin(data.path(), &["keys", "create", "--tenant", "acme", "--runs-per-day", "3"]);
    let mut service = Service::within(data, &[]);
    assert_eq!(service.execute_as(&key, &programs::hello()).status, 200);
    assert_eq!(service.execute_as(&key, &programs::hello()).status, 200);
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    let data = std::mem::replace(&mut service.data, tempfile::tempdir().unwrap());
    let service = Service::within(data, &[]);
    assert_eq!(service.execute_as(&key, &programs::hello()).status, 200);
    let spent = service.execute_as(&key, &programs::hello());
    assert_eq!((spent.status, spent.problem().as_str()), (429, "quota-spent"));
    assert!(spent.header("retry-after").unwrap().parse::<u64>().unwrap() <= 86_400);
}

#[test]
fn a_tenant_in_quarantine_runs_nothing_until_it_is_released() {
    let service = Service::start(&[]);
    let key = service.admin(&["keys", "create", "--tenant", "acme"]);
    service.admin(&["tenants", "quarantine", "acme", "--reason", "a look first"]);
    let refused = service.execute_as(&key, &programs::hello());
    assert_eq!((refused.status, refused.problem().as_str()), (403, "quarantined"));
    assert_eq!(refused.json()["detail"], "a look first");
    service.admin(&["tenants", "release", "acme"]);
    assert_eq!(service.execute_as(&key, &programs::hello()).status, 200);
}

#[test]
fn metrics_have_keys_of_their_own() {
    let service = Service::start(&[]);
    let (run, metrics) = (
        service.admin(&["keys", "create", "--tenant", "acme"]),
        service.admin(&["keys", "create", "--tenant", "ops", "--scope", "metrics"]),
    );
    let get = |key: &str| service.request("GET", "/metrics", &format!("Authorization: Bearer {key}\r\n"), b"");
    assert_eq!(service.get("/metrics").problem(), "key-missing");
    assert_eq!(get(&run).problem(), "key-scope");
    assert_eq!(get(&metrics).status, 200);
    assert!(!get(&metrics).body.contains("acme"), "tenants are no labels");
    assert_eq!(service.execute_as(&metrics, &programs::hello()).problem(), "key-scope");
}
