//! Several instances that share a PostgreSQL. Runs where `GAUNTLET_TEST_POSTGRES` is the URL of a database that tests may write to.

use super::programs;
use super::service::Service;

const VARIABLE: &str = "GAUNTLET_TEST_POSTGRES";

#[test]
fn instances_on_postgres_share_keys_and_quotas() {
    let Ok(url) = std::env::var(VARIABLE) else {
        eprintln!("NOT TESTED on PostgreSQL: `{VARIABLE}` is not set");
        return;
    };
    let database = ["--database", url.as_str()];
    let one = Service::start(&database);
    // The database may hold what an earlier run of this test left: the tenant is a new one.
    let tenant = format!("shared-{}", std::process::id());
    let create = ["keys", "create", "--tenant", &tenant, "--runs-per-day", "4", "--database", &url];
    let key = one.admin(&create);
    let two = Service::start(&database);
    let answers: Vec<u16> = [&one, &two]
        .iter()
        .cycle()
        .take(6)
        .map(|service| service.execute_as(&key, &programs::hello()).status)
        .collect();
    assert_eq!(answers, [200, 200, 200, 200, 429, 429]);
    let usage = two.request("GET", "/api/v1/usage", &format!("Authorization: Bearer {key}\r\n"), b"").json();
    assert_eq!(usage["today"]["runs"], 4);
    // Each has an audit log of its own.
    let starts = |service: &Service| service.audit().iter().filter(|line| line["kind"] == "start").count();
    assert_eq!((starts(&one), starts(&two)), (2, 2));
    one.admin(&["keys", "revoke", key.split('_').nth(1).unwrap(), "--database", &url]);
    assert_eq!(two.execute_as(&key, &programs::hello()).problem(), "key-revoked");
}
