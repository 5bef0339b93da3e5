//! Keys, tenants and usage, in SQLite or PostgreSQL. The statements are the same for both: each database is a few lines below them.

mod migrations;
mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Serialize;

use crate::keys::{Scope, Token};

/// A day, in seconds.
const DAY: u64 = 86_400;
/// Most characters of a tenant's name or a key's label.
pub const MAX_NAME: usize = 128;

/// Where the tables are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of SQLite's.
    File(PathBuf),
    /// A URL of PostgreSQL's.
    Url(String),
}

/// A store that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite failed.
    #[error("the database in a file failed")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL failed.
    #[error("PostgreSQL failed")]
    Postgres(#[from] ::postgres::Error),
    /// The tables were made by a later version of this program.
    #[error("the tables are of version {found}, and this program knows versions up to {known}")]
    Newer {
        /// The version found.
        found: i64,
        /// The latest version known.
        known: i64,
    },
    /// A row does not hold what its table says.
    #[error("a row of `{0}` does not hold what it should")]
    Row(&'static str),
    /// The system gives no random numbers.
    #[error("cannot draw a key")]
    Random(#[source] std::io::Error),
    /// A name that is empty, too long or holds characters that do not print.
    #[error("`{0}` is not a name: 1 to {MAX_NAME} characters that print")]
    Name(String),
}

/// A value of a row or a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A database: it runs statements whose parameters are `$1`, `$2` and so on, each first used in that order.
pub(crate) trait Database: Send + Sync {
    /// Runs a statement and says how many rows it changed.
    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError>;
    /// Runs a query.
    fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>, StoreError>;
    /// Runs what a migration needs in one transaction that nobody else migrates beside.
    fn migrate(&self, work: &mut dyn FnMut(&dyn Session) -> Result<(), StoreError>) -> Result<(), StoreError>;
}

/// A connection inside of a transaction.
pub(crate) trait Session {
    fn batch(&self, sql: &str) -> Result<(), StoreError>;
    fn number(&self, sql: &str) -> Result<Option<i64>, StoreError>;
}

/// A tenant, and what it may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// Runs a day, UTC; `null`: as many as it likes.
    pub runs_per_day: Option<u64>,
    /// CPU time a day, in milliseconds.
    pub cpu_ms_per_day: Option<u64>,
    /// Runs at once, those that wait included; `null`: what the server gives everybody.
    pub concurrent: Option<u64>,
    /// Requests a minute of each key; `null`: what the server gives everybody.
    pub per_minute: Option<u64>,
    /// Why it is in quarantine, if it is.
    pub quarantine: Option<String>,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Its id, which is a part of the token.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// What it is for.
    pub scope: Scope,
    /// What its owner calls it.
    pub label: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When it was revoked.
    pub revoked: Option<u64>,
    /// When it ends.
    pub expires: Option<u64>,
}

/// A key with the hash of its secret and its tenant.
pub(crate) struct Held {
    pub(crate) key: Key,
    pub(crate) hash: String,
    pub(crate) tenant: Tenant,
}

/// What a tenant has used today, UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Usage {
    /// Runs that were begun.
    pub runs: u64,
    /// CPU time, in nanoseconds. A run that goes on, or whose end nobody saw, counts as its limit.
    pub cpu_ns: u64,
    /// Wall time of runs, in nanoseconds.
    pub wall_ns: u64,
    /// Bytes of output that were kept.
    pub output_bytes: u64,
}

/// What a run has used, for the books.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    /// CPU time in nanoseconds; `None` where nobody measured it.
    pub cpu_ns: Option<u64>,
    /// Wall time in nanoseconds.
    pub wall_ns: u64,
    /// Bytes of output.
    pub output_bytes: u64,
}

/// A run's place in the books, from its start to its end.
#[derive(Debug, Clone)]
pub struct Reservation {
    tenant: String,
    day: u64,
    cpu_ns: u64,
}

/// Keys, tenants and usage.
pub struct Store {
    database: Box<dyn Database>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// The time, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Seconds until the books of the next day begin.
pub(crate) fn until_tomorrow() -> u64 {
    DAY - now() % DAY
}

impl Store {
    /// Opens the store and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// If the database is not to be had, is none, or was made by a later version.
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        let database: Box<dyn Database> = match location {
            Location::File(path) => Box::new(sqlite::open(path)?),
            Location::Url(url) => Box::new(postgres::open(url)?),
        };
        migrations::run(&*database)?;
        Ok(Self { database })
    }

    /// A store in a file.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn file(path: &Path) -> Result<Self, StoreError> {
        Self::open(&Location::File(path.to_owned()))
    }

    /// Whether there was ever a key. Revoking the last one opens nothing.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn any_key(&self) -> Result<bool, StoreError> {
        Ok(!self.database.query("SELECT id FROM keys LIMIT 1", &[])?.is_empty())
    }

    /// Makes a tenant, or changes what one may use: what is `None` here stays as it is.
    ///
    /// # Errors
    ///
    /// If the name is none, or the database fails.
    pub fn set_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        name(&tenant.name)?;
        let values = [
            Value::from(&*tenant.name),
            now().into(),
            tenant.runs_per_day.into(),
            tenant.cpu_ms_per_day.into(),
            tenant.concurrent.into(),
            tenant.per_minute.into(),
        ];
        self.database.execute(
            "INSERT INTO tenants (name, created, runs_per_day, cpu_ms_per_day, concurrent, per_minute) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET \
             runs_per_day = COALESCE(excluded.runs_per_day, tenants.runs_per_day), \
             cpu_ms_per_day = COALESCE(excluded.cpu_ms_per_day, tenants.cpu_ms_per_day), \
             concurrent = COALESCE(excluded.concurrent, tenants.concurrent), \
             per_minute = COALESCE(excluded.per_minute, tenants.per_minute)",
            &values,
        )?;
        Ok(())
    }

    /// Every tenant.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let rows = self.database.query(
            "SELECT name, runs_per_day, cpu_ms_per_day, concurrent, per_minute, quarantine FROM tenants ORDER BY name",
            &[],
        )?;
        rows.into_iter().map(|row| Row::of("tenants", row).tenant()).collect()
    }

    /// Puts a tenant in quarantine, or releases it with `None`. Says whether there is such a tenant.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn quarantine(&self, tenant: &str, reason: Option<&str>) -> Result<bool, StoreError> {
        let changed = self
            .database
            .execute("UPDATE tenants SET quarantine = $1 WHERE name = $2", &[reason.into(), tenant.into()])?;
        Ok(changed > 0)
    }

    /// Makes a key for a tenant and gives its token, which is nowhere else.
    ///
    /// # Errors
    ///
    /// If a name is none, or the database fails.
    pub fn create_key(
        &self,
        tenant: &str,
        label: &str,
        scope: Scope,
        expires: Option<u64>,
    ) -> Result<Token, StoreError> {
        if !label.is_empty() {
            name(label)?;
        }
        self.set_tenant(&Tenant { name: tenant.to_owned(), ..Tenant::default() })?;
        let token = Token::draw().map_err(StoreError::Random)?;
        self.database.execute(
            "INSERT INTO keys (id, tenant, hash, scope, label, created, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                token.id().into(),
                tenant.into(),
                Value::Text(token.hash()),
                scope.as_str().into(),
                label.into(),
                now().into(),
                expires.into(),
            ],
        )?;
        Ok(token)
    }

    /// Every key, the oldest first.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn keys(&self) -> Result<Vec<Key>, StoreError> {
        let rows = self
            .database
            .query("SELECT id, tenant, scope, label, created, revoked, expires FROM keys ORDER BY created, id", &[])?;
        rows.into_iter().map(|row| Row::of("keys", row).key()).collect()
    }

    /// Revokes a key. Says whether there is one of this id that was not revoked yet.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn revoke_key(&self, id: &str) -> Result<bool, StoreError> {
        let changed = self
            .database
            .execute("UPDATE keys SET revoked = $1 WHERE id = $2 AND revoked IS NULL", &[now().into(), id.into()])?;
        Ok(changed > 0)
    }

    /// The key of an id, with its hash and its tenant.
    pub(crate) fn held(&self, id: &str) -> Result<Option<Held>, StoreError> {
        let rows = self.database.query(
            "SELECT k.id, k.tenant, k.scope, k.label, k.created, k.revoked, k.expires, k.hash, \
             t.name, t.runs_per_day, t.cpu_ms_per_day, t.concurrent, t.per_minute, t.quarantine \
             FROM keys k JOIN tenants t ON t.name = k.tenant WHERE k.id = $1",
            &[id.into()],
        )?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let mut row = Row::of("keys", row);
        let (key, hash, tenant) = (row.key()?, row.text()?, row.tenant()?);
        Ok(Some(Held { key, hash, tenant }))
    }

    /// The tenant of a name.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn tenant(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        let rows = self.database.query(
            "SELECT name, runs_per_day, cpu_ms_per_day, concurrent, per_minute, quarantine FROM tenants WHERE name = $1",
            &[name.into()],
        )?;
        rows.into_iter().next().map(|row| Row::of("tenants", row).tenant()).transpose()
    }

    /// Books the start of a run: one run, and as much CPU time as it may use. `None`: the quota of the day is used up.
    ///
    /// The quota is asked and booked in one statement, so that several instances cannot both take the last run.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn reserve(&self, tenant: &Tenant, cpu_ns: u64) -> Result<Option<Reservation>, StoreError> {
        let day = now() / DAY;
        let runs = tenant.runs_per_day.unwrap_or(u64::MAX);
        let cpu = tenant.cpu_ms_per_day.map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000));
        if runs == 0 || cpu == 0 {
            return Ok(None);
        }
        let changed = self.database.execute(
            "INSERT INTO usage (tenant, day, runs, cpu_ns, wall_ns, output_bytes) VALUES ($1, $2, 1, $3, 0, 0) \
             ON CONFLICT (tenant, day) DO UPDATE SET runs = usage.runs + 1, cpu_ns = usage.cpu_ns + $3 \
             WHERE usage.runs < $4 AND usage.cpu_ns < $5",
            &[Value::from(&*tenant.name), day.into(), cpu_ns.into(), runs.into(), cpu.into()],
        )?;
        Ok((changed > 0).then(|| Reservation { tenant: tenant.name.clone(), day, cpu_ns }))
    }

    /// Books the end of a run. CPU time that nobody measured stays booked as what was reserved.
    ///
    /// # Errors
    ///
    /// If the database fails: the reservation then stays.
    pub fn book(&self, reservation: &Reservation, used: Used) -> Result<(), StoreError> {
        self.database.execute(
            "UPDATE usage SET cpu_ns = cpu_ns - $1 + $2, wall_ns = wall_ns + $3, output_bytes = output_bytes + $4 \
             WHERE tenant = $5 AND day = $6",
            &[
                reservation.cpu_ns.into(),
                used.cpu_ns.unwrap_or(reservation.cpu_ns).into(),
                used.wall_ns.into(),
                used.output_bytes.into(),
                Value::from(&*reservation.tenant),
                reservation.day.into(),
            ],
        )?;
        Ok(())
    }

    /// What a tenant has used today.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn usage(&self, tenant: &str) -> Result<Usage, StoreError> {
        let rows = self.database.query(
            "SELECT runs, cpu_ns, wall_ns, output_bytes FROM usage WHERE tenant = $1 AND day = $2",
            &[tenant.into(), (now() / DAY).into()],
        )?;
        let Some(row) = rows.into_iter().next() else { return Ok(Usage::default()) };
        let mut row = Row::of("usage", row);
        Ok(Usage { runs: row.number()?, cpu_ns: row.number()?, wall_ns: row.number()?, output_bytes: row.number()? })
    }
}

fn name(name: &str) -> Result<(), StoreError> {
    let fine = !name.is_empty()
        && name.chars().count() <= MAX_NAME
        && gauntlet_record::GuestText::name(name).as_str() == name
        && name.trim() == name;
    if fine { Ok(()) } else { Err(StoreError::Name(gauntlet_record::GuestText::name(name).as_str().to_owned())) }
}

/// A row that is read from its first column to its last.
struct Row {
    table: &'static str,
    values: std::vec::IntoIter<Value>,
}

impl Row {
    fn of(table: &'static str, values: Vec<Value>) -> Self {
        Self { table, values: values.into_iter() }
    }

    fn text(&mut self) -> Result<String, StoreError> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Null | Value::Integer(_)) | None => Err(StoreError::Row(self.table)),
        }
    }

    fn text_or_null(&mut self) -> Result<Option<String>, StoreError> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            Some(Value::Integer(_)) | None => Err(StoreError::Row(self.table)),
        }
    }

    fn number(&mut self) -> Result<u64, StoreError> {
        self.number_or_null()?.ok_or(StoreError::Row(self.table))
    }

    fn number_or_null(&mut self) -> Result<Option<u64>, StoreError> {
        match self.values.next() {
            // A sum that was corrected below nothing is nothing.
            Some(Value::Integer(number)) => Ok(Some(u64::try_from(number).unwrap_or(0))),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_)) | None => Err(StoreError::Row(self.table)),
        }
    }

    fn key(&mut self) -> Result<Key, StoreError> {
        Ok(Key {
            id: self.text()?,
            tenant: self.text()?,
            scope: self.text()?.parse().map_err(|_| StoreError::Row(self.table))?,
            label: self.text()?,
            created: self.number()?,
            revoked: self.number_or_null()?,
            expires: self.number_or_null()?,
        })
    }

    fn tenant(&mut self) -> Result<Tenant, StoreError> {
        Ok(Tenant {
            name: self.text()?,
            runs_per_day: self.number_or_null()?,
            cpu_ms_per_day: self.number_or_null()?,
            concurrent: self.number_or_null()?,
            per_minute: self.number_or_null()?,
            quarantine: self.text_or_null()?,
        })
    }
}

#[cfg(test)]
mod tests;
