//! What a failback after the switchover needs: logical replication from green to old blue, with rights that we have on
//! both sides. Nothing of it is made before the switchover, since RDS refuses to switch beside foreign replication.

use crate::facts::{DatabaseSeen, Server};
use domain::inspection::{Case, listed};
use domain::plan::Check;
use domain::request::WayBack;

const NAME: &str = "failback";

pub(super) fn check(case: &Case<'_>, server: &Server) -> Check {
    if case.request.way_back == WayBack::None {
        return Check::warning(
            NAME,
            "none is wanted: after the switchover an alarm calls a person and changes nothing",
            "leave `way_back` out, so that an alarm brings the writes back without a loss",
        );
    }
    if !case.seen.green_group_is_logical {
        let group = case.request.green.parameter_group.as_deref();
        let found = format!(
            "{} leaves rds.logical_replication off, so that green could not send its writes back",
            group.unwrap_or("the default parameter group")
        );
        let remedy = "name a group in `green.parameter_group`, or by the instance's tag viridian:green-parameter-group, that has rds.logical_replication = 1; or write `way_back`: `none`";
        return Check::blocker(NAME, found, remedy);
    }
    let lacks = lacking(case, server);
    if lacks.is_empty() && !case.seen.green_group_bounds_slots {
        let found = "old blue can follow green after the switchover, but green's group leaves max_slot_wal_keep_size unlimited, so only the sweep keeps an unread slot from filling the disk";
        let remedy =
            "set max_slot_wal_keep_size in green's parameter group, to a tenth of its storage";
        return Check::warning(NAME, found, remedy);
    }
    if lacks.is_empty() {
        return Check::pass(NAME, "after the switchover old blue can follow green");
    }
    let remedy = format!(
        "GRANT rds_replication and pg_create_subscription (before 16: rds_superuser) TO {us}, CREATE ON each DATABASE TO {us}, and each owner of tables TO {us} WITH ADMIN OPTION; or write `way_back`: `none`",
        us = server.us.name
    );
    let found = format!("{} lacks {}", server.us.name, listed(&lacks));
    Check::blocker(NAME, found, &remedy)
}

fn lacking(case: &Case<'_>, server: &Server) -> Vec<String> {
    let us = &server.us;
    let subscribing = match case.from.first() {
        16.. => "pg_create_subscription",
        _ => "rds_superuser",
    };
    let rights = [
        (us.replicates, "REPLICATION"),
        (us.creates_subscriptions, subscribing),
    ];
    let missing = rights.iter().filter(|(has, _)| !has);
    let missing = missing.map(|(_, right)| (*right).to_owned());
    let publishing = server.application_databases();
    let publishing = publishing.filter(|database| !database.may_publish);
    let publishing = publishing.map(|database| format!("CREATE on the database {}", database.name));
    let owners = server.application_databases().flat_map(owners);
    missing.chain(publishing).chain(owners).collect()
}

/// A table's owner decides what is published of it, and old applies its changes in the owner's name.
fn owners(database: &DatabaseSeen) -> impl Iterator<Item = String> {
    let owners = database.foreign_owners.iter();
    owners.map(|owner| format!("the role {owner}, which owns tables in {}", database.name))
}
