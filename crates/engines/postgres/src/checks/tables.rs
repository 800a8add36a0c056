//! What is in the databases, and what logical replication or `pg_upgrade` does not carry over.

use crate::facts::{DatabaseSeen, Server};
use domain::inspection::{count, listed};
use domain::plan::Check;

/// Longer than this, in seconds, and an open transaction delays the making of green.
const LONG: u64 = 300;

pub(super) fn checks(server: &Server) -> Vec<Check> {
    vec![
        databases(server),
        identities(server),
        hidden(server),
        columns(server),
        left_behind(server),
        extensions(server),
    ]
}

/// `database.schema.table` of everything that `of` names, over all databases.
fn everywhere<'a>(
    server: &'a Server,
    of: impl Fn(&'a DatabaseSeen) -> &'a [String],
) -> Vec<String> {
    let databases = server.databases.iter();
    let names = databases.flat_map(|database| {
        of(database)
            .iter()
            .map(|name| format!("{}.{name}", database.name))
    });
    names.collect()
}

/// What takes no connections can't be carried over, and a template's changes would be copied into each new database.
fn databases(server: &Server) -> Check {
    const NAME: &str = "databases";
    let closed = &server.closed_databases;
    let template = server.databases.iter().find(|it| it.name == "template1");
    if !closed.is_empty() {
        let remedy = "ALTER DATABASE … ALLOW_CONNECTIONS true or CONNECTION LIMIT -1, or DROP DATABASE: pg_upgrade refuses a server with such a database";
        Check::blocker(NAME, listed(closed), remedy)
    } else if let Some(template) = template {
        Check::blocker(
            NAME,
            format!("template1 has {}", count(template.tables as usize, "table")),
            "move them into a database of their own: a new database copies template1, and its replication too",
        )
    } else {
        Check::pass(
            NAME,
            format!("{} open", count(server.databases.len(), "database")),
        )
    }
}

fn identities(server: &Server) -> Check {
    const NAME: &str = "replica identity";
    let keyless = everywhere(server, |database| &database.keyless);
    let tables: u32 = server
        .databases
        .iter()
        .map(|database| database.tables)
        .sum();
    if keyless.is_empty() {
        Check::pass(
            NAME,
            format!("each of {} has one", count(tables as usize, "table")),
        )
    } else {
        let found = format!(
            "{} without replica identity: {}",
            count(keyless.len(), "table"),
            listed(&keyless)
        );
        Check::blocker(
            NAME,
            found,
            "add a primary key that is NOT DEFERRABLE and let REPLICA IDENTITY be DEFAULT, or ALTER TABLE … REPLICA IDENTITY FULL",
        )
    }
}

fn hidden(server: &Server) -> Check {
    const NAME: &str = "row-level security";
    let hidden = everywhere(server, |database| &database.hidden);
    if hidden.is_empty() {
        return Check::pass(NAME, "hides no rows from us");
    }
    let remedy = format!(
        "ALTER ROLE {} BYPASSRLS, or rows could not be compared",
        server.us.name
    );
    let found = format!("policies hide rows from us in {}", listed(&hidden));
    Check::blocker(NAME, found, &remedy)
}

fn columns(server: &Server) -> Check {
    const NAME: &str = "column types";
    let columns = everywhere(server, |database| &database.unsupported_columns);
    if columns.is_empty() {
        Check::pass(NAME, "none that pg_upgrade refuses")
    } else {
        let remedy =
            "change them to a type that does not hold another object's number, such as text";
        Check::blocker(
            NAME,
            format!("pg_upgrade refuses {}", listed(&columns)),
            remedy,
        )
    }
}

fn left_behind(server: &Server) -> Check {
    const NAME: &str = "left behind";
    let unlogged = everywhere(server, |database| &database.unlogged);
    let views = everywhere(server, |database| &database.materialized_views);
    let objects: u64 = server
        .databases
        .iter()
        .map(|database| database.large_objects)
        .sum();
    let mut found = vec![];
    if !unlogged.is_empty() {
        found.push(format!(
            "changes of unlogged tables ({})",
            listed(&unlogged)
        ));
    }
    if !views.is_empty() {
        found.push(format!(
            "refreshes of materialized views ({})",
            listed(&views)
        ));
    }
    if objects > 0 {
        found.push(format!("changes of {objects} large objects"));
    }
    if found.is_empty() {
        Check::pass(
            NAME,
            "no unlogged tables, materialized views or large objects",
        )
    } else {
        let remedy = "leave them alone until the switchover, then refill and refresh them on the new version";
        Check::warning(
            NAME,
            format!("green does not get {}", found.join(", nor ")),
            remedy,
        )
    }
}

fn extensions(server: &Server) -> Check {
    const NAME: &str = "extensions";
    let said: Vec<String> = everywhere(server, |database| &database.extensions)
        .into_iter()
        .filter_map(|name| Some(format!("{name}: {}", advice(name.rsplit('.').next()?)?)))
        .collect();
    if said.is_empty() {
        Check::pass(NAME, "none that needs care")
    } else {
        Check::warning(
            NAME,
            listed(&said),
            "see to it before the upgrade, and ALTER EXTENSION … UPDATE after it",
        )
    }
}

fn advice(extension: &str) -> Option<&'static str> {
    match extension {
        "pg_partman" => Some("turn its maintenance off, since a new partition is DDL"),
        "pglogical" | "pgactive" => Some("RDS wants it off on blue"),
        "pg_cron" => Some("turn it off on green until the switchover"),
        "pgaudit" => Some("preload it in green's parameter group, too"),
        "postgis" | "postgis_raster" | "postgis_topology" => {
            Some("update it to the version that the target offers first")
        }
        _ => None,
    }
}

pub(super) fn transactions(server: &Server) -> Check {
    const NAME: &str = "transactions";
    let remedy = "end them: replication can only begin, and an instance only restart, after them";
    let prepared = server.prepared_transactions as usize;
    let seconds = server.oldest_transaction_seconds;
    if prepared > 0 {
        Check::warning(
            NAME,
            format!("{} unfinished", count(prepared, "prepared transaction")),
            remedy,
        )
    } else if seconds > LONG {
        Check::warning(NAME, format!("one has been open for {seconds} s"), remedy)
    } else {
        Check::pass(NAME, "none is old, none is prepared")
    }
}
