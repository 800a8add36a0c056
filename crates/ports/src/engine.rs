//! A database engine: sessions on its servers, and what an upgrade does in them, cut by meaning and not by statement.

use crate::Error;
use domain::engine::Engine as Kind;
use domain::fence::{Fence, Role};
use domain::ids::{Database, Millis, Position};
use domain::inspection::Inspection;
use domain::marker::{Marker, Seen};
use domain::proof::Standing;
use domain::reverse::{Link, Reverse, Shape, SlotSeen, SubscriptionSeen};
use domain::rows::{Bucket, Key, Rows, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Where a server listens, by the name that its certificate carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The host name.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint from its parts.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }
}

/// Whether a session may write on a server that is read-only by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The server's own setting stands, and can be read from the session.
    AsServed,
    /// The setting is put aside for this session: green is read-only for all others.
    Write,
}

/// A table of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// What a server answered to a few questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its version.
    pub version: String,
    /// Whether it takes no writes: a replica, or fenced by its default.
    pub read_only: bool,
    /// Whether it follows another server right now.
    pub streaming: bool,
}

/// The result of ending sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Sessions that were ended.
    pub ended: u32,
    /// Sessions that were still there at the bound.
    pub left: u32,
}

/// A marker that was written, and the number of the transaction that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenMarker {
    /// The marker.
    pub marker: Marker,
    /// The transaction's number: each that changes something has the next.
    pub transaction: u64,
}

/// Our credentials for the databases.
pub trait Logins {
    /// What knows the databases' engines.
    type Engine: Engine;

    /// The engine of a database's servers, with our login. One login opens blue and green alike.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if there is no secret, it has not the right shape, or the engine is not supported;
    /// `Upgrade.Transient` if it can't be read now.
    async fn engine(&self, kind: Kind, database: &Database) -> Result<Self::Engine, Error>;
}

/// A database engine, with our login to the servers of one database.
pub trait Engine: Clone {
    /// A session of our own role on one database of a server. Ends when it is dropped.
    type Session: Session;

    /// Whether we log in by IAM.
    fn is_by_iam(&self) -> bool;

    /// The database that every server has.
    fn maintenance(&self) -> &'static str;

    /// The address that a server's name has now.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` if there is no answer, or none with an address: names move during a switchover.
    async fn address(&self, server: &Endpoint) -> Result<IpAddr, Error>;

    /// Opens a session at an address that was resolved before; `server` has the name that the certificate must carry.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` if the server can't be reached or takes no connections now, does not let us in by IAM, or has a
    /// certificate for another name; `Upgrade.Refused` if it does not let us in by password or its certificate is not to be
    /// believed.
    async fn connect_at(
        &self,
        address: IpAddr,
        server: &Endpoint,
        database: &str,
        access: Access,
    ) -> Result<Self::Session, Error>;

    /// Resolves the name and opens a session.
    ///
    /// # Errors
    ///
    /// As [`Self::address`] and [`Self::connect_at`].
    async fn connect(
        &self,
        server: &Endpoint,
        database: &str,
        access: Access,
    ) -> Result<Self::Session, Error> {
        let address = self.address(server).await?;
        self.connect_at(address, server, database, access).await
    }

    /// Whether a server that refused us under one of its names may let us in under another.
    fn another_name_may_do(&self, refused: &Error) -> bool;

    /// How one of our servers connects to another; it may hold a password.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if there is no password for it; as [`Self::address`].
    async fn conninfo(&self, server: &Endpoint, database: &str) -> Result<String, Error>;

    /// Asks a server, and each of its databases, for everything that a plan looks at. `named` are roles that the request
    /// names. Only reads.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`], or if a question can't be answered.
    async fn inspect(
        &self,
        server: &Endpoint,
        named: &[String],
    ) -> Result<Box<dyn Inspection>, Error>;

    /// Logs in to each of the databases and asks there for something from disk.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`], or if a question is not answered.
    async fn ask(&self, server: &Endpoint, databases: &[String]) -> Result<Answer, Error>;

    /// What a person does where our login does not work.
    fn login_remedy(kind: Kind, by_iam: bool) -> String;

    /// The commands that show the state of reverse replication, repair it, or remove it, a line each.
    fn failback_commands(kind: Kind, reverse: &Reverse) -> Vec<String>;

    /// What a person types to close a role.
    fn close_role_command(kind: Kind, role: &str) -> String;
}

/// A session of our own role on one database of a server. A method fails if the session is gone, or as it says.
pub trait Session {
    /// Whether it is gone.
    fn is_closed(&self) -> bool;

    /// The server's version, such as `18.4`, as it said when it let us in.
    fn version(&self) -> &str;

    /// Sets how long a statement of this session may run.
    async fn limit_statements(&self, limit: Duration) -> Result<(), Error>;

    // The server.

    /// The names of the server's databases, whatever they are marked as, without those that the engine and RDS make for
    /// themselves.
    async fn databases(&self) -> Result<BTreeSet<String>, Error>;

    /// Whether the server could send its writes back once it serves: what it has, or why not with the remedy.
    async fn can_send_back(&self, databases: usize) -> Result<Result<String, String>, Error>;

    /// The server's own clock.
    async fn clock(&self) -> Result<Millis, Error>;

    // Roles and fences. Roles belong to the server, not to one of its databases.

    /// Those of the named roles that exist.
    async fn roles(&self, names: &[String]) -> Result<Vec<Role>, Error>;

    /// Those of the named roles that can log in.
    async fn open_roles(&self, names: &[String]) -> Result<Vec<String>, Error> {
        let roles = self.roles(names).await?;
        let open = roles.into_iter().filter(|role| role.can_login);
        Ok(open.map(|role| role.name).collect())
    }

    /// All roles that can log in, the engine's own and RDS's apart: a new version brings more of those.
    async fn logins(&self) -> Result<BTreeSet<String>, Error>;

    /// The names of all roles.
    async fn role_names(&self) -> Result<BTreeSet<String>, Error>;

    /// Closes a fence's roles, all or none, and leaves its notice on each. Sessions that are connected stay: see
    /// [`Self::drain`].
    ///
    /// # Errors
    ///
    /// If a role can't be altered.
    async fn raise(&self, fence: &Fence) -> Result<(), Error>;

    /// Opens a fence's roles and restores their comments, all or none.
    ///
    /// # Errors
    ///
    /// If a role can't be altered.
    async fn lift(&self, fence: &Fence) -> Result<(), Error>;

    /// Closes the roles and takes that back at once, so that it shows nowhere.
    ///
    /// # Errors
    ///
    /// If a role can't be altered by us.
    async fn rehearse(&self, fence: &Fence) -> Result<(), Error>;

    /// Ends the roles' sessions, never ours and never replication's, until none is left or until the bound.
    ///
    /// # Errors
    ///
    /// If a session of the roles may not be ended by us.
    async fn drain(&self, roles: &[String], bound: Duration) -> Result<Drained, Error>;

    // Transactions.

    /// Transactions that have been open for at least `age` and wrote something, a line each.
    async fn long_transactions(&self, age: Duration) -> Result<Vec<String>, Error>;

    /// Prepared transactions of all databases. They outlive their sessions.
    async fn prepared_transactions(&self) -> Result<Vec<String>, Error>;

    /// The number of the next transaction: it moves with every commit that changed something.
    async fn next_transaction(&self) -> Result<u64, Error>;

    // The marker.

    /// Makes the marker's table with its row, if it is not there. Only before green exists: later it would be DDL.
    ///
    /// # Errors
    ///
    /// If our role may not.
    async fn make_marker(&self) -> Result<(), Error>;

    /// Removes the marker's table, if it is there. Only when no green exists: it is DDL.
    ///
    /// # Errors
    ///
    /// If something else was put beside it.
    async fn remove_marker(&self) -> Result<(), Error>;

    /// Advances the marker of the session's database.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if there is no marker; if the database takes no writes.
    async fn write_marker(&self) -> Result<WrittenMarker, Error>;

    /// The marker of the session's database; `None` where there is no row.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    async fn read_marker(&self) -> Result<Option<Seen>, Error>;

    /// Looks until a marker with at least this number is there, or until the bound; the last one that was seen.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    async fn await_marker(&self, number: i64, bound: Duration) -> Result<Option<Seen>, Error>;

    // Replication from blue to green.

    /// Bytes of the log that green has not confirmed of one of the server's databases; `None` if that is unknown.
    async fn unconfirmed(&self, database: &str) -> Result<Option<u64>, Error>;

    /// Replication from this server that RDS did not set up.
    async fn foreign_replication(&self) -> Result<Vec<String>, Error>;

    /// Whether the session's database still follows another.
    async fn follows(&self) -> Result<bool, Error>;

    // The proof.

    /// What the application can do on the server: open roles, their sessions, prepared transactions, read-only.
    async fn standing(&self, roles: &[String]) -> Result<Standing, Error>;

    /// From now on the session sees its database as it is at this moment; returns the marker of this moment.
    async fn freeze(&self) -> Result<Option<Seen>, Error>;

    /// Ends what [`Self::freeze`] began.
    async fn release(&self) -> Result<(), Error>;

    // Reverse replication, from new to old.

    /// Takes the rights of the tables' owners, without which nothing can be sent back or applied.
    ///
    /// # Errors
    ///
    /// If we may not.
    async fn adopt(&self) -> Result<(), Error>;

    /// The tables whose changes are replicated, each with a digest of its columns.
    async fn shape(&self) -> Result<Shape, Error>;

    /// Arms a link on new, unless it is armed: from the position that is returned, every change is kept for old. `pusher` is
    /// another session on the same server, which may write.
    ///
    /// # Errors
    ///
    /// If a right is missing, there is no room, or an open transaction is in the way.
    async fn arm(&self, pusher: &Self, link: &Link) -> Result<Position, Error>;

    /// New's end of a link, if it is armed.
    async fn slot(&self, name: &str) -> Result<Option<SlotSeen>, Error>;

    /// Removes new's end of a link. That there is none is success.
    ///
    /// # Errors
    ///
    /// If it is still read from.
    async fn disarm(&self, name: &str) -> Result<(), Error>;

    /// Lets this session's database, old's, follow new's from the link's beginning on, once no replication leads the other way.
    /// `conninfo` leads to new.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` while RDS's own replication is there, or if it does not follow exactly the link's tables;
    /// `Upgrade.Refused` if it was stopped since it was made.
    async fn follow(&self, new: &Self, link: &Link, conninfo: &str) -> Result<(), Error>;

    /// Old's end of a link, if there is one.
    async fn subscription(&self, name: &str) -> Result<Option<SubscriptionSeen>, Error>;

    /// Lets old's end apply nothing more.
    async fn disable(&self, name: &str) -> Result<(), Error>;

    /// Ends old's end of a link and leaves new's alone. That there is none is success.
    async fn unsubscribe(&self, name: &str) -> Result<(), Error>;

    /// Brings the sequences of old's database, this session's, to where new's are, never back. Returns what could not be set,
    /// each with the reason.
    ///
    /// # Errors
    ///
    /// If a session is gone, or old takes no writes at all.
    async fn carry_sequences(&self, new: &Self) -> Result<Vec<String>, Error>;

    // Tables and rows.

    /// The application's tables, as far as their rows are compared.
    async fn tables(&self) -> Result<Vec<Table>, Error>;

    /// Names of the extensions of the session's database.
    async fn extensions(&self) -> Result<Vec<String>, Error>;

    /// Invalid indexes of the session's database.
    async fn invalid_indexes(&self) -> Result<Vec<String>, Error>;

    /// How far the sequences have come, by name: more is further, also where they count down. One that was never used has no
    /// value.
    async fn sequences(&self) -> Result<Vec<(String, Option<i64>)>, Error>;

    /// Rows and digest of a table, in `buckets` parts (a power of two) by the hash of the key. Empty parts are left out.
    ///
    /// # Errors
    ///
    /// If it takes longer than the session allows.
    async fn buckets(&self, table: &Table, buckets: u32) -> Result<BTreeMap<i32, Bucket>, Error>;

    /// The rows of some buckets, by key; of a table without one, how often each row is there, by its hash.
    ///
    /// # Errors
    ///
    /// As [`Self::buckets`].
    async fn rows_of(&self, table: &Table, buckets: u32, chosen: &[i32]) -> Result<Rows, Error>;

    /// The rows with these keys, as far as they are there. Only for a table with a key.
    ///
    /// # Errors
    ///
    /// As [`Self::buckets`].
    async fn rows_at(&self, table: &Table, keys: &[Key]) -> Result<Rows, Error>;

    // The planner's statistics.

    /// Tables with rows that have no statistics.
    async fn missing_statistics(&self) -> Result<Vec<TableName>, Error>;

    /// Gathers a table's statistics. A table whose statistics we may not gather is left as it is, with no error.
    ///
    /// # Errors
    ///
    /// If it takes longer than the session allows.
    async fn analyze(&self, table: &TableName) -> Result<(), Error>;
}
