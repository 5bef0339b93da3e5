//! The same tests for both databases. Those of PostgreSQL run where `GAUNTLET_TEST_POSTGRES` is a URL of a database that may be emptied.

use std::sync::Arc;

use super::*;
use crate::keys::Token;

const VARIABLE: &str = "GAUNTLET_TEST_POSTGRES";

/// Runs a test on each database that there is, on empty tables.
fn on_each(test: impl Fn(&dyn Fn() -> Store)) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("serve.db");
    test(&|| Store::file(&path).unwrap());
    let Ok(url) = std::env::var(VARIABLE) else {
        eprintln!("NOT TESTED on PostgreSQL: `{VARIABLE}` is not set");
        return;
    };
    // One database, and tests run side by side: each has a schema of its own.
    let schema = format!("t{}", Token::draw().unwrap().id());
    let mut client = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).unwrap();
    let joined = if url.contains('?') { '&' } else { '?' };
    let inside = format!("{url}{joined}options=-c%20search_path%3D{schema}");
    test(&|| Store::open(&Location::Url(inside.clone())).unwrap());
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).unwrap();
}

fn tenant(name: &str, runs: Option<u64>, cpu_ms: Option<u64>) -> Tenant {
    Tenant { name: name.into(), runs_per_day: runs, cpu_ms_per_day: cpu_ms, ..Tenant::default() }
}

#[test]
fn a_key_is_found_by_its_id_and_holds_no_secret() {
    on_each(|open| {
        let store = open();
        assert!(!store.any_key().unwrap());
        let token = store.create_key("acme", "laptop", Scope::Run, None).unwrap();
        let held = store.held(token.id()).unwrap().unwrap();
        assert_eq!((held.tenant.name.as_str(), held.key.label.as_str()), ("acme", "laptop"));
        assert_eq!(held.hash, token.hash());
        assert!(!token.text().contains(&held.hash));
        assert!(store.held("no such id").unwrap().is_none());
        assert!(store.held("' OR 1=1 --").unwrap().is_none());
    });
}

#[test]
fn a_revoked_key_stays_known_and_opens_nothing_again() {
    on_each(|open| {
        let store = open();
        let token = store.create_key("acme", "", Scope::Run, None).unwrap();
        assert!(store.revoke_key(token.id()).unwrap());
        assert!(!store.revoke_key(token.id()).unwrap());
        assert!(store.held(token.id()).unwrap().unwrap().key.revoked.is_some());
        assert!(store.any_key().unwrap());
    });
}

#[test]
fn what_is_booked_outlives_the_process() {
    on_each(|open| {
        let store = open();
        let acme = tenant("acme", Some(10), None);
        store.set_tenant(&acme).unwrap();
        let kept = store.reserve(&acme, 500).unwrap().unwrap();
        let lost = store.reserve(&acme, 500).unwrap().unwrap();
        store.book(&kept, Used { cpu_ns: Some(20), wall_ns: 30, output_bytes: 40 }).unwrap();
        drop(lost);
        drop(store);
        let usage = open().usage("acme").unwrap();
        // The run whose end nobody booked counts as all that it could have used.
        assert_eq!(usage, Usage { runs: 2, cpu_ns: 520, wall_ns: 30, output_bytes: 40 });
        assert_eq!(open().tenant("acme").unwrap().unwrap().runs_per_day, Some(10));
    });
}

#[test]
fn a_quota_is_never_passed_however_many_ask_at_once() {
    on_each(|open| {
        let store = Arc::new(open());
        let acme = tenant("acme", Some(25), None);
        store.set_tenant(&acme).unwrap();
        let other = Arc::new(open());
        let threads: Vec<_> = (0..8)
            .map(|i| {
                let (store, acme) = (Arc::clone(if i % 2 == 0 { &store } else { &other }), acme.clone());
                std::thread::spawn(move || (0..10).filter(|_| store.reserve(&acme, 1).unwrap().is_some()).count())
            })
            .collect();
        let admitted: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(admitted, 25);
        assert_eq!(store.usage("acme").unwrap().runs, 25);
    });
}

#[test]
fn cpu_time_is_reserved_while_a_run_goes_on() {
    on_each(|open| {
        let store = open();
        let acme = tenant("acme", None, Some(1));
        store.set_tenant(&acme).unwrap();
        let run = store.reserve(&acme, 1_000_000).unwrap().unwrap();
        assert!(store.reserve(&acme, 1).unwrap().is_none());
        store.book(&run, Used { cpu_ns: Some(10), ..Used::default() }).unwrap();
        assert!(store.reserve(&acme, 1).unwrap().is_some());
        assert!(store.reserve(&tenant("none", Some(0), None), 1).unwrap().is_none());
    });
}

#[test]
fn quarantine_is_ordered_and_lifted() {
    on_each(|open| {
        let store = open();
        store.set_tenant(&tenant("acme", None, None)).unwrap();
        assert!(store.quarantine("acme", Some("three escapes")).unwrap());
        assert_eq!(open().tenant("acme").unwrap().unwrap().quarantine.as_deref(), Some("three escapes"));
        assert!(store.quarantine("acme", None).unwrap());
        assert_eq!(store.tenants().unwrap()[0].quarantine, None);
        assert!(!store.quarantine("nobody", None).unwrap());
    });
}

#[test]
fn names_that_would_steer_a_terminal_are_refused() {
    on_each(|open| {
        let store = open();
        for name in ["", "a\nb", "\u{1b}[31mred", "a\u{202e}b", &"x".repeat(MAX_NAME + 1), " a"] {
            assert!(matches!(store.create_key(name, "", Scope::Run, None), Err(StoreError::Name(_))), "{name:?}");
        }
    });
}

#[test]
fn tables_of_the_first_version_are_brought_up_to_date_and_those_of_a_later_one_are_left_alone() {
    on_each(|open| {
        // What the first version left is made by its own statements.
        let store = open();
        let database = &store.database;
        for table in ["schema_version", "usage", "keys", "tenants"] {
            database.execute(&format!("DROP TABLE {table}"), &[]).unwrap();
        }
        migrations::to(&**database, 1).unwrap();
        database.execute("INSERT INTO tenants (name, created) VALUES ($1, $2)", &["old".into(), 1_u64.into()]).unwrap();
        database
            .execute(
                "INSERT INTO keys (id, tenant, hash, scope, label, created) VALUES ($1, $2, $3, $4, $5, $6)",
                &["k".into(), "old".into(), "h".into(), "run".into(), "".into(), 1_u64.into()],
            )
            .unwrap();
        let later = open();
        assert_eq!(later.keys().unwrap()[0].expires, None);
        later.database.execute("INSERT INTO schema_version (version) VALUES ($1)", &[99_u64.into()]).unwrap();
        let again = migrations::run(&*later.database);
        assert!(matches!(again, Err(StoreError::Newer { found: 99, .. })), "{again:?}");
    });
}

#[test]
fn a_file_that_is_no_database_is_an_error_and_stays_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("serve.db");
    std::fs::write(
        &path,
        "this is no database, and it is longer than the head of one would have to be to be read as such",
    )
    .unwrap();
    assert!(matches!(Store::file(&path), Err(StoreError::Sqlite(_))));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("this is no database"));
    assert!(Store::file(&directory.path().join("none/serve.db")).is_err());
}

#[test]
fn a_server_that_is_not_there_is_an_error_in_time() {
    let opened = Store::open(&Location::Url("postgres://nobody@127.0.0.1:1/none".into()));
    assert!(matches!(opened, Err(StoreError::Postgres(_))));
}
