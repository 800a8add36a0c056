//! What `plan` asks a server about itself. Everything here only reads.

use crate::facts::{DatabaseSeen, OurRole, RoleSeen, Server, Settings, SlotSeen};
use crate::reverse::has_part;
use crate::tables::APPLICATIONS;
use crate::{Network, PgSession, Postgres, count, follower};
use ports::{Access, Endpoint, Engine, Error};
use std::collections::BTreeSet;
use tokio_postgres::Row;

/// The database that every server of RDS has.
pub(crate) const MAINTENANCE: &str = "postgres";

/// The database that every new one is copied from.
pub(crate) const TEMPLATE: &str = "template1";

/// Asks a server, and each of its databases, for everything that a plan looks at. `named` are roles that the request names.
///
/// # Errors
///
/// As [`Engine::connect`], or if a question can't be answered.
pub(crate) async fn server<N: Network + Clone>(
    engine: &Postgres<N>,
    endpoint: &Endpoint,
    named: &[String],
) -> Result<Server, Error> {
    let session = engine
        .connect(endpoint, MAINTENANCE, Access::AsServed)
        .await?;
    let mut databases = vec![];
    let (mut open, mut closed) = (vec![], vec![]);
    for listed in self::databases(&session).await? {
        match listed.closed {
            None => open.push(listed.name),
            Some(why) => closed.push(format!("{} {why}", listed.name)),
        }
    }
    for name in open {
        let inside = engine.connect(endpoint, &name, Access::AsServed).await?;
        databases.push(database(&inside, name).await?);
    }
    databases.retain(|it| it.name != TEMPLATE || it.tables > 0);
    let activity = activity(&session).await?;
    let used = databases
        .iter()
        .filter(|it| it.name != MAINTENANCE || it.tables > 0);
    let used: Vec<&str> = used.map(|it| it.name.as_str()).collect();
    Ok(Server {
        us: our_role(&session).await?,
        follower: follower::read(&session, engine, endpoint, &used).await?,
        settings: settings(&session).await?,
        slots: slots(&session).await?,
        subscriptions: subscriptions(&session).await?,
        streaming: count(&activity, 0),
        senders: count(&activity, 1),
        roles: roles(&session, named).await?,
        writing_settings: writing_settings(&session).await?,
        databases,
        closed_databases: closed,
        oldest_transaction_seconds: activity.get::<_, i64>(2).try_into().unwrap_or_default(),
        prepared_transactions: count(&activity, 3),
    })
}

/// A database of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    /// Its name.
    pub name: String,
    /// Why it takes no connections; `None` if it does.
    pub closed: Option<String>,
}

/// Every database of the server, whatever it is marked as: `pg_upgrade` carries templates as well. Left out are the pristine
/// `template0`, which PostgreSQL creates again, and RDS's own `rdsadmin`.
async fn databases(session: &PgSession) -> Result<Vec<Listed>, Error> {
    // An interrupted DROP DATABASE leaves the limit -2 (PostgreSQL 16 and the minor releases of 2023-05-11).
    let query = "select datname::text, \
                    case when not datallowconn then 'does not allow connections' \
                         when datconnlimit = -2 then 'is invalid, left by an interrupted DROP DATABASE' \
                         when datconnlimit = 0 then 'has CONNECTION LIMIT 0' end \
                 from pg_database \
                 where not (datname = 'template0' and datistemplate and not datallowconn) \
                   and not (datname = 'rdsadmin' and pg_get_userbyid(datdba) = 'rdsadmin') order by 1";
    let rows = session.look("listing the databases", query, &[]).await?;
    let listed = |row: &Row| Listed {
        name: row.get(0),
        closed: row.get(1),
    };
    Ok(rows.iter().map(listed).collect())
}

/// The names of the server's databases, without those that PostgreSQL and RDS make for themselves.
pub(crate) async fn database_names(session: &PgSession) -> Result<BTreeSet<String>, Error> {
    let names = databases(session).await?.into_iter().map(|it| it.name);
    Ok(names
        .filter(|name| ![MAINTENANCE, TEMPLATE].contains(&name.as_str()))
        .collect())
}

async fn our_role(session: &PgSession) -> Result<OurRole, Error> {
    // `pg_read_all_data` came with 14; before it, nothing less than superuser reads everything. `pg_create_subscription`
    // came with 16; before it, RDS lets `rds_superuser` subscribe, which PostgreSQL's own catalogs do not show.
    let query = "select rolname::text, rolcreaterole or rolsuper, \
                    pg_has_role(current_user, 'pg_signal_backend', 'usage'), \
                    coalesce((select pg_has_role(current_user, a.oid, 'usage') from pg_roles a \
                              where a.rolname = 'pg_read_all_data'), rolsuper), \
                    pg_has_role(current_user, 'pg_read_all_stats', 'usage'), \
                    rolreplication or exists (select from pg_roles g where g.rolname = 'rds_replication' \
                                              and pg_has_role(current_user, g.oid, 'usage')), \
                    rolsuper or exists (select from pg_roles g where g.rolname = 'pg_create_subscription' \
                                        and pg_has_role(current_user, g.oid, 'usage')) \
                    or current_setting('server_version_num')::int < 160000 \
                       and exists (select from pg_roles g where g.rolname = 'rds_superuser' \
                                   and pg_has_role(current_user, g.oid, 'member')) \
                 from pg_roles where rolname = current_user";
    let row = session
        .look_one("asking for our own rights", query, &[])
        .await?;
    Ok(OurRole {
        name: row.get(0),
        creates_roles: row.get(1),
        signals_backends: row.get(2),
        reads_all_data: row.get(3),
        reads_statistics: row.get(4),
        replicates: row.get(5),
        creates_subscriptions: row.get(6),
    })
}

/// Settings that replication needs.
pub(crate) async fn settings(session: &PgSession) -> Result<Settings, Error> {
    let query = "select current_setting('wal_level'), \
                    current_setting('max_replication_slots')::bigint, \
                    current_setting('max_wal_senders')::bigint, \
                    current_setting('max_logical_replication_workers')::bigint, \
                    current_setting('max_worker_processes')::bigint";
    let doing = "reading the server's settings";
    let row = session.look_one(doing, query, &[]).await?;
    Ok(Settings {
        wal_level: row.get(0),
        replication_slots: count(&row, 1),
        wal_senders: count(&row, 2),
        replication_workers: count(&row, 3),
        worker_processes: count(&row, 4),
    })
}

async fn slots(session: &PgSession) -> Result<Vec<SlotSeen>, Error> {
    let query =
        "select slot_name::text, slot_type = 'logical' from pg_replication_slots order by 1";
    let doing = "reading the replication slots";
    let rows = session.look(doing, query, &[]).await?;
    let slot = |row: &Row| SlotSeen {
        name: row.get(0),
        logical: row.get(1),
    };
    Ok(rows.iter().map(slot).collect())
}

/// The catalog is shared, so that one database shows the subscriptions of all.
async fn subscriptions(session: &PgSession) -> Result<Vec<String>, Error> {
    let query = "select s.subname::text || ' in ' || d.datname from pg_subscription s \
                 join pg_database d on d.oid = s.subdbid order by 1";
    session.texts("reading the subscriptions", query, &[]).await
}

/// Streams of physical replicas, all WAL senders, seconds of the oldest transaction, prepared transactions.
async fn activity(session: &PgSession) -> Result<Row, Error> {
    let query = "select \
        (select count(*) from pg_stat_replication where state = 'streaming' \
            and pid not in (select active_pid from pg_replication_slots \
                            where slot_type = 'logical' and active_pid is not null)), \
        (select count(*) from pg_stat_replication), \
        (select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::bigint \
            from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()), \
        (select count(*) from pg_prepared_xacts)";
    session
        .look_one("reading the server's activity", query, &[])
        .await
}

/// Roles that can log in, and those that are named. A member of `rds_replication` is there for replication,
/// unless `rds_superuser` made it one.
async fn roles(session: &PgSession, named: &[String]) -> Result<Vec<RoleSeen>, Error> {
    let query = "select r.rolname::text, r.rolcanlogin, r.rolsuper, \
                    r.rolreplication or exists (select from pg_auth_members m join pg_roles g on g.oid = m.roleid \
                                                where m.member = r.oid and g.rolname = 'rds_replication'), \
                    pg_has_role(current_user, r.oid, 'member with admin option') \
                 from pg_roles r where r.rolcanlogin or r.rolname::text = any($1) order by 1";
    let rows = session.look("reading the roles", query, &[&named]).await?;
    let role = |row: &Row| RoleSeen {
        name: row.get(0),
        can_login: row.get(1),
        superuser: row.get(2),
        replication: row.get(3),
        ours_to_administer: row.get(4),
    };
    Ok(rows.iter().map(role).collect())
}

/// Settings of roles and databases that set read-only aside.
async fn writing_settings(session: &PgSession) -> Result<Vec<String>, Error> {
    let query = "select concat_ws(' in ', case when s.setrole <> 0 then 'the role ' || s.setrole::regrole end, \
                                  case when s.setdatabase <> 0 then 'the database ' || d.datname end) \
                 from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) c \
                 where c in ('default_transaction_read_only=off', 'default_transaction_read_only=false', \
                             'default_transaction_read_only=no', 'default_transaction_read_only=0') \
                   and s.setrole::regrole::text not like 'rds%' order by 1";
    session
        .texts("reading the roles' settings", query, &[])
        .await
}

async fn database(session: &PgSession, name: String) -> Result<DatabaseSeen, Error> {
    let facts = facts(session).await?;
    Ok(DatabaseSeen {
        name,
        may_create: facts.get(0),
        may_publish: facts.get(3),
        tables: count(&facts, 1),
        large_objects: facts.get::<_, i64>(2).try_into().unwrap_or_default(),
        keyless: tables(session, KEYLESS).await?,
        foreign_owners: foreign_owners(session).await?,
        hidden: tables(session, "c.relkind = 'r' and row_security_active(c.oid)").await?,
        unlogged: tables(session, UNLOGGED).await?,
        materialized_views: tables(session, "c.relkind = 'm'").await?,
        unsupported_columns: unsupported_columns(session).await?,
        extensions: extensions(session).await?,
    })
}

const UNLOGGED: &str = "c.relkind in ('r', 'p') and c.relpersistence = 'u'";

/// Tables that hold rows; a partitioned table's rows are in its partitions. A deferrable key is no replica identity: once a
/// publication lists the table, `UPDATE` and `DELETE` fail on blue.
const KEYLESS: &str = "c.relkind = 'r' and c.relpersistence = 'p' and not ( \
    c.relreplident = 'f' \
    or c.relreplident = 'd' and exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and i.indisvalid and i.indimmediate) \
    or c.relreplident = 'i' and exists (select from pg_index i where i.indrelid = c.oid and i.indisreplident and i.indisvalid and i.indimmediate))";

async fn facts(session: &PgSession) -> Result<Row, Error> {
    let query = format!(
        "select has_database_privilege(current_database(), 'create') \
                    or exists (select from pg_namespace where nspname = 'viridian' \
                               and pg_has_role(current_user, nspowner, 'usage')), \
                (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                    where c.relkind = 'r' and {APPLICATIONS}), \
                (select count(*) from pg_largeobject_metadata), \
                has_database_privilege(current_database(), 'create')"
    );
    session.look_one("inspecting a database", &query, &[]).await
}

async fn tables(session: &PgSession, which: &str) -> Result<Vec<String>, Error> {
    let query = format!(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where {APPLICATIONS} and ({which}) order by 1"
    );
    session.texts("inspecting the tables", &query, &[]).await
}

/// Owners whose part we can neither take nor grant to ourselves.
async fn foreign_owners(session: &PgSession) -> Result<Vec<String>, Error> {
    let has_part = has_part(session.major());
    let query = format!(
        "select distinct pg_get_userbyid(c.relowner)::text from pg_class c \
         join pg_namespace n on n.oid = c.relnamespace \
         where {APPLICATIONS} and c.relkind in ('r', 'p', 'S') and c.relpersistence = 'p' \
           and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass \
                           and d.objid = c.oid and d.deptype = 'e') \
           and not {has_part} \
           and not pg_has_role(current_user, c.relowner, 'member with admin option') order by 1"
    );
    session
        .texts("inspecting the tables' owners", &query, &[])
        .await
}

/// Types that hold another object's number, which `pg_upgrade` does not keep.
async fn unsupported_columns(session: &PgSession) -> Result<Vec<String>, Error> {
    let query = format!(
        "select n.nspname || '.' || c.relname || '.' || a.attname from pg_attribute a \
         join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace \
         join pg_type t on t.oid = a.atttypid and t.typnamespace = 'pg_catalog'::regnamespace \
         where {APPLICATIONS} and c.relkind in ('r', 'm', 'p') and a.attnum > 0 and not a.attisdropped \
           and t.typname in ('regcollation', 'regconfig', 'regdictionary', 'regnamespace', \
                             'regoper', 'regoperator', 'regproc', 'regprocedure') order by 1"
    );
    session.texts("inspecting the columns", &query, &[]).await
}

async fn extensions(session: &PgSession) -> Result<Vec<String>, Error> {
    let query = "select extname::text from pg_extension where extname <> 'plpgsql' order by 1";
    session.texts("inspecting the extensions", query, &[]).await
}
