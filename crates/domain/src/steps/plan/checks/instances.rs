//! The instances themselves: what they are, whether they are well, whether they could be restored.

use crate::engine::Engine;
use crate::inspection::{Case, count, listed};
use crate::plan::Check;
use crate::rds::{Instance, ParameterStatus};
use crate::request::Strategy;

pub(super) fn checks(case: &Case<'_>) -> Vec<Check> {
    let mut checks = vec![
        kind(case),
        available(case),
        backups(case),
        parameters(case),
        deployments(case),
    ];
    if case.strategy == Strategy::BlueGreen {
        checks.push(password(case));
    }
    checks
}

fn kind(case: &Case<'_>) -> Check {
    const NAME: &str = "kind of database";
    let writer = case.writer;
    let engine = writer.engine.parse::<Engine>().ok();
    let Some(engine) = engine.filter(|engine| Engine::SUPPORTED.contains(engine)) else {
        let found = format!("{} runs {}", writer.id, writer.engine);
        let supported = Engine::SUPPORTED.map(|engine| engine.to_string());
        let remedy = format!(
            "this version of Viridian upgrades RDS for {} only",
            supported.join(", ")
        );
        return Check::blocker(NAME, found, &remedy);
    };
    if let Some(cluster) = &writer.cluster {
        let found = format!("{} belongs to the cluster {cluster}", writer.id);
        return Check::blocker(
            NAME,
            found,
            "RDS makes no blue/green deployment of a Multi-AZ DB cluster; upgrade it by hand",
        );
    }
    if let Some(source) = &writer.replica_of {
        let found = format!("{} is a replica of {source}", writer.id);
        return Check::blocker(
            NAME,
            found,
            &format!("name the writer: `\"database\": \"{source}\"`"),
        );
    }
    let sources: Vec<&str> = case
        .seen
        .readers
        .iter()
        .filter(|reader| !reader.replicas.is_empty())
        .map(|reader| reader.id.as_str())
        .collect();
    if sources.is_empty() {
        let readers = count(case.seen.readers.len(), "replica");
        Check::pass(NAME, format!("RDS for {engine} with {readers}"))
    } else {
        let found = format!("{} has replicas of its own", listed(&sources));
        Check::blocker(NAME, found, "let every replica follow the writer itself")
    }
}

fn available(case: &Case<'_>) -> Check {
    const NAME: &str = "status available";
    let missing = case
        .writer
        .replicas
        .iter()
        .filter(|name| !case.seen.readers.iter().any(|reader| reader.id == **name));
    let ills: Vec<String> = case
        .members()
        .filter_map(ill)
        .chain(missing.map(|name| format!("{name} can't be found")))
        .collect();
    if ills.is_empty() {
        Check::pass(
            NAME,
            format!("{} available", count(case.members().count(), "instance")),
        )
    } else {
        Check::blocker(
            NAME,
            listed(&ills),
            "wait until every member is available and its storage is at rest, then start again",
        )
    }
}

/// What keeps an instance from being at rest.
fn ill(member: &Instance) -> Option<String> {
    let id = &member.id;
    if !member.is_available() || member.storage_is_busy() {
        Some(format!("{id} is {}", member.state()))
    } else {
        let pending = member.pending_version.as_ref()?;
        Some(format!("{id} waits for its upgrade to {pending}"))
    }
}

fn backups(case: &Case<'_>) -> Check {
    const NAME: &str = "backups on";
    match case.writer.backup_days {
        0 => Check::blocker(
            NAME,
            format!("{} keeps no automated backups", case.writer.id),
            &format!(
                "aws rds modify-db-instance --db-instance-identifier {} --backup-retention-period 7 --apply-immediately",
                case.writer.id
            ),
        ),
        days => Check::pass(NAME, format!("kept for {}", count(days as usize, "day"))),
    }
}

fn parameters(case: &Case<'_>) -> Check {
    const NAME: &str = "parameters in sync";
    let waiting: Vec<String> = case
        .members()
        .filter(|member| member.parameters_applied != ParameterStatus::InSync)
        .map(|member| {
            format!(
                "{} of {} is {}",
                member.parameter_group, member.id, member.parameters_applied
            )
        })
        .collect();
    if waiting.is_empty() {
        Check::pass(NAME, "every parameter group is in sync")
    } else {
        Check::blocker(
            NAME,
            listed(&waiting),
            "reboot the instance, so that its parameters are what its group says",
        )
    }
}

fn deployments(case: &Case<'_>) -> Check {
    const NAME: &str = "no other deployment";
    let names: Vec<String> = case
        .seen
        .deployments
        .iter()
        .map(|other| format!("{} ({})", other.name, other.id))
        .collect();
    match case.seen.deployments.first() {
        None => Check::pass(NAME, "no blue/green deployment has this database"),
        Some(other) => Check::blocker(
            NAME,
            format!("there is {}", listed(&names)),
            &format!(
                "finish it, or delete its record: aws rds delete-blue-green-deployment --blue-green-deployment-identifier {}",
                other.id
            ),
        ),
    }
}

fn password(case: &Case<'_>) -> Check {
    const NAME: &str = "master password";
    if case.writer.managed_password {
        let found = "Secrets Manager manages the master user's password";
        Check::blocker(
            NAME,
            found,
            "RDS makes no blue/green deployment then: turn it off with --no-manage-master-user-password",
        )
    } else {
        Check::pass(NAME, "not managed by Secrets Manager")
    }
}
