//! Facts: what a server says about itself before an upgrade.

use domain::request::Request;

/// What a PostgreSQL server says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The role as which we asked.
    pub us: OurRole,
    /// The role as which old blue follows green, where it is not ours.
    pub follower: Option<Follower>,
    /// Settings that replication needs.
    pub settings: Settings,
    /// All replication slots.
    pub slots: Vec<SlotSeen>,
    /// Names of subscriptions, over all databases.
    pub subscriptions: Vec<String>,
    /// Physical replicas that stream now.
    pub streaming: u32,
    /// WAL senders in use.
    pub senders: u32,
    /// Roles that can log in, and those that the request names.
    pub roles: Vec<RoleSeen>,
    /// Roles and databases whose settings let sessions write where the server's default is read-only.
    pub writing_settings: Vec<String>,
    /// Databases that take connections, without RDS's own.
    pub databases: Vec<DatabaseSeen>,
    /// Databases that take none, each with the reason.
    pub closed_databases: Vec<String>,
    /// Seconds for which the oldest transaction has been open.
    pub oldest_transaction_seconds: u64,
    /// Prepared transactions that are still open.
    pub prepared_transactions: u32,
}

/// The role as which we log in, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own")]
pub struct OurRole {
    /// Its name.
    pub name: String,
    /// It may alter roles.
    pub creates_roles: bool,
    /// It may end others' sessions.
    pub signals_backends: bool,
    /// It may read every table.
    pub reads_all_data: bool,
    /// It may see everybody's sessions.
    pub reads_statistics: bool,
    /// It may read from replication slots.
    pub replicates: bool,
    /// It may subscribe to another server.
    pub creates_subscriptions: bool,
}

/// The role as which old blue follows green, where our secret names one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is seen by itself")]
pub struct Follower {
    /// Its name.
    pub name: String,
    /// There is such a role.
    pub exists: bool,
    /// It can log in.
    pub can_login: bool,
    /// It may read from replication slots.
    pub replicates: bool,
    /// It is a member of `rds_iam`, so that no password lets it in.
    pub is_by_iam: bool,
    /// Why the server does not let it in with the password that the secret has.
    pub refused: Option<String>,
    /// Tables of the application that it may write.
    pub writes: Vec<String>,
}

/// Settings that replication needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `replica` or `logical`.
    pub wal_level: String,
    /// `max_replication_slots`.
    pub replication_slots: u32,
    /// `max_wal_senders`.
    pub wal_senders: u32,
    /// `max_logical_replication_workers`.
    pub replication_workers: u32,
    /// `max_worker_processes`.
    pub worker_processes: u32,
}

/// A replication slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotSeen {
    /// Its name.
    pub name: String,
    /// Whether it decodes changes; physical replicas have slots, too.
    pub logical: bool,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an attribute of its own"
)]
pub struct RoleSeen {
    /// Its name.
    pub name: String,
    /// It can log in.
    pub can_login: bool,
    /// Nothing is forbidden to it.
    pub superuser: bool,
    /// It is there for replication only.
    pub replication: bool,
    /// We have the ADMIN OPTION on it.
    pub ours_to_administer: bool,
}

/// A database of the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DatabaseSeen {
    /// Its name.
    pub name: String,
    /// Whether we may create the schema of our marker, or have it already.
    pub may_create: bool,
    /// Whether we may make a publication, for which a schema of ours is not enough.
    pub may_publish: bool,
    /// How many tables the application has there.
    pub tables: u32,
    /// Tables without replica identity: no key at all, a deferrable one, or one that was taken away.
    pub keyless: Vec<String>,
    /// Owners of tables and sequences whose part we can't take, neither now nor by a grant of our own.
    pub foreign_owners: Vec<String>,
    /// Tables whose row-level security applies to our role too.
    pub hidden: Vec<String>,
    /// Unlogged tables, which are not replicated.
    pub unlogged: Vec<String>,
    /// Materialized views, which are not refreshed on green.
    pub materialized_views: Vec<String>,
    /// Columns of types that `pg_upgrade` refuses.
    pub unsupported_columns: Vec<String>,
    /// How many large objects there are, which are not replicated.
    pub large_objects: u64,
    /// Extensions, PostgreSQL's own language apart.
    pub extensions: Vec<String>,
}

impl Server {
    /// The databases that belong to the upgrade: all but an unused maintenance database. A `template1` with tables
    /// is in the way, and never a part of it.
    pub fn application_databases(&self) -> impl Iterator<Item = &DatabaseSeen> {
        let used = |database: &&DatabaseSeen| match database.name.as_str() {
            "template1" => false,
            "postgres" => database.tables > 0,
            _ => true,
        };
        self.databases.iter().filter(used)
    }

    /// The roles that the application logs in as, unless the request names them: every role that can log in but ours,
    /// RDS's, PostgreSQL's and replication's.
    pub fn default_roles(&self) -> impl Iterator<Item = &RoleSeen> {
        self.roles.iter().filter(|role| {
            role.can_login && !role.replication && !role.is_theirs() && !self.is_ours(&role.name)
        })
    }

    /// The roles that the fence closes: those that the request names, or else every role that the application could use.
    #[must_use]
    pub fn fenced_roles(&self, request: &Request) -> Vec<&RoleSeen> {
        match &request.application_roles {
            None => self.default_roles().collect(),
            Some(names) => {
                let chosen = |role: &&RoleSeen| role.can_login && names.contains(&role.name);
                self.roles.iter().filter(chosen).collect()
            }
        }
    }

    /// Whether we work as this role, or old blue follows green as it: no fence may close it.
    #[must_use]
    pub fn is_ours(&self, role: &str) -> bool {
        let follower = self.follower.as_ref();
        role == self.us.name || follower.is_some_and(|follower| role == follower.name)
    }
}

impl RoleSeen {
    /// Whether it is a role of RDS or of PostgreSQL itself.
    #[must_use]
    pub fn is_theirs(&self) -> bool {
        self.name.starts_with("rds") || self.name.starts_with("pg_")
    }
}
