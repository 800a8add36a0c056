//! From what was read to a plan.

use super::{Outcome, Output, checks, text};
use crate::ids::Owner;
use crate::inspection::{Case, Seen};
use crate::plan::{Check, Member, MemberRole, Plan, Verdict, name};
use crate::rds::Instance;
use crate::request::{Request, Strategy};
use crate::version::{Change, Version, change};

/// Plans an upgrade. Total over what was seen: whatever is in the way is in the plan, all at once, with its remedy.
#[must_use]
pub fn decide(request: &Request, owner: &Owner, seen: &Seen) -> Output {
    let plan = match case(request, seen) {
        Ok(case) => planned(&case, owner),
        // The database isn't there, or its version can't be read.
        Err(check) => Plan {
            checks: vec![check],
            ..bare(request, owner)
        },
    };
    let outcome = outcome(&plan);
    Output {
        summary: text::summary(&plan, outcome),
        text: text::text(&plan, outcome),
        outcome,
        plan,
    }
}

/// What all checks look at; or the only check that can be made.
///
/// # Errors
///
/// A blocker, if there is no such instance or its version can't be read.
pub fn case<'a>(request: &'a Request, seen: &'a Seen) -> Result<Case<'a>, Check> {
    let Some(writer) = &seen.writer else {
        let found = format!(
            "there is no instance {} in this account and Region",
            request.database
        );
        return Err(Check::blocker(
            "database",
            found,
            "correct `database`, or look into another Region",
        ));
    };
    let version = |text: &str| {
        text.parse::<Version>().map_err(|why| {
            Check::blocker(
                "version",
                why,
                "report this: RDS has a version that Viridian can't read",
            )
        })
    };
    let (from, to) = (version(&writer.version)?, version(&request.target_version)?);
    let natural = match change(&from, &to) {
        Change::Major => Strategy::BlueGreen,
        Change::Same | Change::Minor | Change::Downgrade => Strategy::InPlace,
    };
    Ok(Case {
        request,
        seen,
        writer,
        from,
        to,
        strategy: request.strategy.unwrap_or(natural),
    })
}

fn planned(case: &Case<'_>, owner: &Owner) -> Plan {
    let server = case.seen.server.as_ref().ok();
    let readings = case.seen.alarms.as_deref().unwrap_or_default().iter();
    let writer = member(case.writer, MemberRole::Writer);
    let readers = case.seen.readers.iter();
    let mut plan = Plan {
        from_version: case.from.to_string(),
        strategy: case.strategy,
        members: std::iter::once(writer)
            .chain(readers.map(|reader| member(reader, MemberRole::Reader)))
            .collect(),
        databases: server.map_or_else(Vec::new, |server| server.databases()),
        application_roles: server
            .map_or_else(Vec::new, |server| server.application_roles(case.request)),
        reads: case.seen.reads.clone().ok().flatten(),
        writes: case.seen.writes.clone().ok().flatten(),
        alarms: readings.map(|reading| reading.alarm.clone()).collect(),
        checks: checks::all(case),
        last_claim: case.seen.last_claim,
        ..bare(case.request, owner)
    };
    plan.steps = text::steps(&plan);
    plan
}

fn bare(request: &Request, owner: &Owner) -> Plan {
    Plan {
        database: request.database.clone(),
        last_claim: None,
        name: name(owner, &request.database, &request.target_version),
        request: request.clone(),
        strategy: request.strategy.unwrap_or(Strategy::BlueGreen),
        from_version: String::new(),
        to_version: request.target_version.clone(),
        members: vec![],
        databases: vec![],
        application_roles: vec![],
        reads: None,
        writes: None,
        alarms: vec![],
        checks: vec![],
        steps: vec![],
    }
}

fn member(instance: &Instance, role: MemberRole) -> Member {
    Member {
        instance: instance.id.clone(),
        arn: instance.arn.clone(),
        resource_id: instance.resource_id.clone(),
        role,
        address: instance.address.clone().unwrap_or_default(),
        port: instance.port,
        class: instance.class.clone(),
        multi_az: instance.multi_az,
        storage_gib: instance.storage_gib,
        storage_type: instance.storage_type.clone(),
        parameter_group: instance.parameter_group.clone(),
        version: instance.version.clone(),
        engine: instance.engine.parse().unwrap_or_default(),
    }
}

fn outcome(plan: &Plan) -> Outcome {
    let blocked = plan
        .checks
        .iter()
        .any(|check| check.verdict == Verdict::Blocker);
    match (blocked, plan.request.dry_run) {
        (true, _) => Outcome::Refused,
        (false, true) => Outcome::DryRun,
        (false, false) => Outcome::Ready,
    }
}
