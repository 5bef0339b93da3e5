//! The store for several instances: PostgreSQL.
//!
//! The connection is not encrypted by this program: use a socket file, a private network, or a proxy that encrypts. A connection that is
//! lost is made again by the next statement.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::postgres::types::private::BytesMut;
use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Client, Config, NoTls, Row, Transaction};

use super::{Database, Session, StoreError, Value};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a statement may take, in the server's words.
const STATEMENT: &str = "-c statement_timeout=5000";
/// The lock that instances take to migrate one after another.
const MIGRATING: i64 = 0x6761_756e_746c_6574;

/// Connects.
pub(super) fn open(url: &str) -> Result<Postgres, StoreError> {
    let mut config: Config = url.parse()?;
    config.connect_timeout(CONNECT).application_name("gauntlet-serve");
    if config.get_options().is_none() {
        config.options(STATEMENT);
    }
    let client = config.connect(NoTls)?;
    Ok(Postgres { config, client: Mutex::new(Some(client)) })
}

pub(super) struct Postgres {
    config: Config,
    client: Mutex<Option<Client>>,
}

impl Postgres {
    fn lock(&self) -> MutexGuard<'_, Option<Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a connection that was alive when it was last looked at.
    fn with<T>(&self, work: impl FnOnce(&mut Client) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut held = self.lock();
        let client = match held.take().filter(|client| !client.is_closed()) {
            Some(client) => held.insert(client),
            None => held.insert(self.config.connect(NoTls)?),
        };
        work(client)
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn value(row: &Row, column: usize) -> Result<Value, StoreError> {
    let kind = row.columns().get(column).map(|column| column.type_().clone());
    match kind {
        Some(Type::INT8) => Ok(row.try_get::<_, Option<i64>>(column)?.map_or(Value::Null, Value::Integer)),
        Some(Type::TEXT) => Ok(row.try_get::<_, Option<String>>(column)?.map_or(Value::Null, Value::Text)),
        _ => Err(StoreError::Row("a table")),
    }
}

impl Database for Postgres {
    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.with(|client| Ok(client.execute(sql, &values)?))
    }

    fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>, StoreError> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let rows = self.with(|client| Ok(client.query(sql, &values)?))?;
        rows.iter().map(|row| (0..row.len()).map(|column| value(row, column)).collect()).collect()
    }

    fn migrate(&self, work: &mut dyn FnMut(&dyn Session) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.with(|client| {
            let mut transaction = client.transaction()?;
            transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATING])?;
            let session = Within(RefCell::new(transaction));
            work(&session)?;
            session.0.into_inner().commit()?;
            Ok(())
        })
    }
}

/// A transaction, used through a shared reference.
struct Within<'a>(RefCell<Transaction<'a>>);

impl Session for Within<'_> {
    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.0.borrow_mut().batch_execute(sql)?)
    }

    fn number(&self, sql: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.0.borrow_mut().query_one(sql, &[])?.try_get(0)?)
    }
}
