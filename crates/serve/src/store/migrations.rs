//! The tables, version by version. What was released is never changed: a change is a further version.

use super::{Database, StoreError};

/// Each version's statements. Types are those that both databases know.
const VERSIONS: &[&str] = &[
    // 1: tenants, keys, usage by day.
    "CREATE TABLE tenants (
        name TEXT PRIMARY KEY NOT NULL,
        created BIGINT NOT NULL,
        runs_per_day BIGINT,
        cpu_ms_per_day BIGINT,
        concurrent BIGINT,
        per_minute BIGINT,
        quarantine TEXT
    );
    CREATE TABLE keys (
        id TEXT PRIMARY KEY NOT NULL,
        tenant TEXT NOT NULL REFERENCES tenants (name),
        hash TEXT NOT NULL,
        scope TEXT NOT NULL,
        label TEXT NOT NULL,
        created BIGINT NOT NULL,
        revoked BIGINT
    );
    CREATE TABLE usage (
        tenant TEXT NOT NULL,
        day BIGINT NOT NULL,
        runs BIGINT NOT NULL,
        cpu_ns BIGINT NOT NULL,
        wall_ns BIGINT NOT NULL,
        output_bytes BIGINT NOT NULL,
        PRIMARY KEY (tenant, day)
    );",
    // 2: keys that end by themselves.
    "ALTER TABLE keys ADD COLUMN expires BIGINT;",
];

/// The latest version.
pub(super) fn latest() -> i64 {
    i64::try_from(VERSIONS.len()).unwrap_or(i64::MAX)
}

/// Brings the tables to the latest version, all or nothing.
pub(super) fn run(database: &dyn Database) -> Result<(), StoreError> {
    to(database, VERSIONS.len())
}

/// Brings the tables to a version that is not before theirs.
pub(super) fn to(database: &dyn Database, version: usize) -> Result<(), StoreError> {
    database.migrate(&mut |session| {
        session.batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
        let found = session.number("SELECT MAX(version) FROM schema_version")?.unwrap_or(0);
        let known = latest();
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        let done = usize::try_from(found).map_err(|_| StoreError::Row("schema_version"))?;
        for (index, statements) in VERSIONS.iter().enumerate().take(version).skip(done) {
            session.batch(statements)?;
            session.batch(&format!("INSERT INTO schema_version (version) VALUES ({})", index + 1))?;
        }
        Ok(())
    })
}
