//! What logical replication from blue to green needs.

use crate::facts::Server;
use domain::inspection::{Case, count, listed};
use domain::plan::Check;

pub(super) fn checks(case: &Case<'_>, server: &Server) -> Vec<Check> {
    vec![logical(case, server), slots(server), room(server)]
}

fn logical(case: &Case<'_>, server: &Server) -> Check {
    const NAME: &str = "logical replication on";
    let level = &server.settings.wal_level;
    if level == "logical" {
        return Check::pass(NAME, "wal_level is logical");
    }
    let group = &case.writer.parameter_group;
    let remedy = if group.starts_with("default.") {
        "give the instance a parameter group of your own with rds.logical_replication = 1, then reboot it".to_owned()
    } else {
        format!("set rds.logical_replication = 1 in {group}, then reboot the instance")
    };
    Check::blocker(NAME, format!("wal_level is {level}"), &remedy)
}

fn slots(server: &Server) -> Check {
    const NAME: &str = "no foreign replication";
    let logical = server.slots.iter().filter(|slot| slot.logical);
    let foreign: Vec<String> = logical
        .map(|slot| format!("the slot {}", slot.name))
        .chain(
            server
                .subscriptions
                .iter()
                .map(|name| format!("the subscription {name}")),
        )
        .collect();
    if foreign.is_empty() {
        Check::pass(NAME, "no logical slot, no subscription")
    } else {
        let remedy = "RDS refuses a source that others replicate from or that replicates from others: drop them, and set them up again after the upgrade";
        Check::blocker(NAME, format!("there is {}", listed(&foreign)), remedy)
    }
}

/// Blue/green takes one slot, one sender and one worker per database; the failback takes as many again.
fn room(server: &Server) -> Check {
    const NAME: &str = "slots and workers";
    let databases = u32::try_from(server.databases.len()).unwrap_or(u32::MAX);
    let used = u32::try_from(server.slots.len()).unwrap_or(u32::MAX);
    let settings = &server.settings;
    let wanted = [
        (
            "max_replication_slots",
            settings.replication_slots,
            used.saturating_add(databases),
        ),
        (
            "max_wal_senders",
            settings.wal_senders,
            server.senders.saturating_add(databases),
        ),
        (
            "max_logical_replication_workers",
            settings.replication_workers,
            databases,
        ),
        // The launcher is a worker, too.
        (
            "max_worker_processes",
            settings.worker_processes,
            databases.saturating_add(1),
        ),
    ];
    let scarce: Vec<String> = wanted
        .iter()
        .filter(|(_, has, needs)| has < needs)
        .map(|(name, has, needs)| format!("{name} is {has} and must be {needs} or more"))
        .collect();
    if scarce.is_empty() {
        Check::pass(
            NAME,
            format!("enough for {}", count(server.databases.len(), "database")),
        )
    } else {
        Check::blocker(
            NAME,
            listed(&scarce),
            "raise them in the parameter group, then reboot the instance",
        )
    }
}
