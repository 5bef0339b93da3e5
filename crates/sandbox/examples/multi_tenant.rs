//! Two tenants share a sandbox. One of them looks round, uses up what it gets and is put in quarantine; the other goes on.
//!
//! `cargo run --release -p gauntlet-sandbox --example multi_tenant`
#![expect(clippy::print_stdout, reason = "an example that shows what it does")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use gauntlet_policy::Policy;
use gauntlet_sandbox::Inline;
use gauntlet_sandbox::audit::{AuditLog, Fsync};
use gauntlet_sandbox::queue::{Queue, QueueSize};
use gauntlet_sandbox::tenants::{Tenant, TenantRules, Tenants};
use gauntlet_sandbox::watch::{Watch, Watched};
use gauntlet_target::Job;

/// Returns at once.
const HONEST: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

/// Asks for the list of users by climbing out of the directory that it was granted, and then loops until it is stopped.
const HOSTILE: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "../../etc/passwd")
  (func (export "_start")
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 0)
      (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)))
    (loop $again (br $again))))"#;

/// What both tenants run under; they share a directory of documents.
fn policy(documents: &Path) -> String {
    format!(
        "version: 1
limits: {{ fuel: 1_000_000, cpu-time: 1s }}
grants: {{ filesystem: [{{ host: {documents:?}, guest: /documents, access: read-only, reason: shared documents }}] }}
per-tenant: {{ runs: 100, concurrent: 2, window: 1h }}
"
    )
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let log = Arc::new(AuditLog::open(folder.path().join("audit.jsonl"), Fsync::Never)?);
    let tenants = Tenants::new(TenantRules::default());
    let watch = Watch::builder().log(Arc::clone(&log)).tenants(tenants.clone()).build();
    let sandbox = Watched::new(Inline::new(), watch);
    let queue = Queue::new(QueueSize::new(1, 100).per_tenant(20));

    let documents = folder.path().join("documents");
    std::fs::create_dir(&documents)?;
    let policy = Policy::parse("policy", &policy(&documents))
        .map_err(|faults| format!("{} faults in the policy", faults.len()))?;
    let job = |text: &str| -> Result<Job, wat::Error> {
        Ok(Job { guest: wat::parse_str(text)?, policy: policy.clone(), ..Job::default() })
    };
    let (acme, mallory) = (Tenant::new("acme"), Tenant::new("mallory"));

    for round in 1..=4 {
        for (tenant, guest) in [(&mallory, HOSTILE), (&acme, HONEST)] {
            // A place in the queue first: tenants take turns for the one lane.
            let _lane = queue.submit(tenant)?.wait();
            let run = sandbox.run_for(tenant, &job(guest)?)?;
            let cause = run.outcome.ending.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            println!("round {round}: {tenant}: {}{cause}", run.outcome.ending.ending);
        }
        // What is automatic is the quarantine after critical events; this host also has a person who looks at the score.
        let threat = tenants.usage(&mallory).map_or(0, |usage| usage.threat.score);
        if threat >= 50 && tenants.quarantined(&mallory).is_none() {
            tenants.quarantine(&mallory, "a threat score of 50 or more");
            println!("mallory is in quarantine");
        }
    }

    for tenant in [&acme, &mallory] {
        let usage = tenants.usage(tenant).ok_or("the tenant is known")?;
        println!("\n{tenant}: {} runs, {} refused, {}", usage.runs, usage.refused, usage.threat);
    }
    if tenants.quarantined(&mallory).is_none() || tenants.quarantined(&acme).is_some() {
        return Err("the wrong tenant is in quarantine".into());
    }
    log.flush()?;
    println!("\nthe audit log has {} lines", std::fs::read_to_string(log.path())?.lines().count());
    Ok(())
}
