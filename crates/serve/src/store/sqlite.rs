//! The store in a file: SQLite, which is built into this program.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::{Database, Session, StoreError, Value};

/// How long a statement waits for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens a file, or makes it, readable by its owner only.
pub(super) fn open(path: &Path) -> Result<Sqlite, StoreError> {
    own(path);
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    // A process that dies loses nothing that was committed; a host that dies may lose the last moments of usage.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(Sqlite(Mutex::new(connection)))
}

/// Makes the file with narrow permissions before SQLite does with wide ones; SQLite says what is wrong with a path that cannot be.
fn own(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
}

pub(super) struct Sqlite(Mutex<Connection>);

impl Sqlite {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn value(value: ValueRef<'_>) -> Result<Value, StoreError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Integer(number)),
        ValueRef::Text(text) => Ok(Value::Text(String::from_utf8_lossy(text).into_owned())),
        ValueRef::Real(_) | ValueRef::Blob(_) => Err(StoreError::Row("a table")),
    }
}

impl Database for Sqlite {
    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let connection = self.lock();
        let changed = connection.prepare(sql)?.execute(params_from_iter(values))?;
        Ok(changed as u64)
    }

    fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push((0..columns).map(|column| value(row.get_ref(column)?)).collect::<Result<_, _>>()?);
        }
        Ok(out)
    }

    fn migrate(&self, work: &mut dyn FnMut(&dyn Session) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        work(&*transaction)?;
        transaction.commit()?;
        Ok(())
    }
}

impl Session for Connection {
    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.execute_batch(sql)?)
    }

    fn number(&self, sql: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.query_row(sql, [], |row| row.get(0))?)
    }
}
