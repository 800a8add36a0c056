//! How each scenario must end, held against what was seen.

use super::follow::Trace;
use super::inject::Injected;
use super::kind::Kind;
use super::seen::Seen;
use super::state::State;
use super::summary::{Side, Summary};
use crate::shop::{DATABASE, REPLICA};
use local_aws::calls;

/// A writer that has not been heard of for so long at the end is not writing any more.
const STILL_WRITES_US: u64 = 3_000_000;

/// Everything in which the run did not end as it must.
pub(super) fn problems(seen: &Seen<'_>, summary: &Summary) -> Vec<String> {
    let mut found = always(seen, summary);
    found.extend(match seen.kind {
        Kind::Upgrade => switched(seen, summary),
        Kind::Alarm => [
            back_on_blue(seen),
            alarm_answered(seen),
            alarm_fired(seen, summary),
        ]
        .concat(),
        Kind::Lag => [back_on_blue(seen), never_switched(seen), lag_seen(seen)].concat(),
        Kind::Refused => refused(seen),
        Kind::Minor => rolled(seen, summary),
        Kind::Rollback => [went_back(seen, summary), alarm_answered(seen)].concat(),
    });
    found
}

/// Keeps the sentences whose condition does not hold.
fn unmet<const N: usize>(conditions: [(bool, String); N]) -> Vec<String> {
    let missing = conditions.into_iter().filter(|(holds, _)| !holds);
    missing.map(|(_, sentence)| sentence).collect()
}

/// What holds however an upgrade ends.
fn always(seen: &Seen<'_>, summary: &Summary) -> Vec<String> {
    let wanted = seen.kind.must_end_in();
    let last = seen.tally.acks().last().map_or(0, |ack| ack.at);
    let flaws = &seen.report.findings;
    let flaw = flaws
        .first()
        .map(|flaw| format!(", such as: {}", flaw.what))
        .unwrap_or_default();
    let pauses = [summary.write_pause_ms, summary.rollback_pause_ms];
    let overlap = pauses.iter().flatten().any(|pause| *pause < 0.0);
    unmet([
        (
            summary.outcome == wanted,
            format!(
                "it ended in {} instead of {wanted}: {}",
                summary.outcome,
                why(seen)
            ),
        ),
        (
            flaws.is_empty(),
            format!("the audit found {} flaws{flaw}", flaws.len()),
        ),
        (summary.acknowledged > 0, "nothing was written".to_owned()),
        (
            seen.report.unsure == 0,
            format!("the outcome of {} commits is not known", seen.report.unsure),
        ),
        (
            !overlap,
            "both sides acknowledged writes at a time".to_owned(),
        ),
        (
            seen.stopped_at.saturating_sub(last) < STILL_WRITES_US,
            "nobody was writing at the end".to_owned(),
        ),
        (
            seen.after.fenced.is_empty(),
            format!("roles that can't log in: {}", seen.after.fenced.join(", ")),
        ),
    ])
}

fn why(seen: &Seen<'_>) -> String {
    let failure = seen.end.outcome.failure();
    let cause = failure.and_then(|failure| failure.cause.clone());
    cause.unwrap_or_else(|| "no cause given".to_owned())
}

fn switched(seen: &Seen<'_>, summary: &Summary) -> Vec<String> {
    let (_, to) = seen.kind.versions();
    let instances = &seen.after.instances;
    let new = [DATABASE, REPLICA]
        .iter()
        .all(|name| instances.get(*name).is_some_and(|version| version == to));
    let kept = instances.values().any(|version| version != to);
    let receipt = seen
        .end
        .output()
        .is_some_and(|output| output["receipt"].is_object());
    unmet([
        (summary.serving == Side::Green, "blue serves".to_owned()),
        (
            new,
            format!(
                "not every member is at {to}: {}",
                summary.members.join(", ")
            ),
        ),
        (kept, "old blue is gone".to_owned()),
        (
            summary.write_pause_ms.is_some(),
            "no write was seen to move".to_owned(),
        ),
        (receipt, "there is no receipt".to_owned()),
        (!summary.ramp.is_empty(), "no reads were moved".to_owned()),
    ])
}

fn back_on_blue(seen: &Seen<'_>) -> Vec<String> {
    let (before, after) = (&seen.before, &seen.after);
    unmet([
        (seen.serving() == Side::Blue, "green serves".to_owned()),
        (
            before.instances == after.instances,
            format!(
                "instances are {:?}, not {:?}",
                after.instances, before.instances
            ),
        ),
        (
            after.deployments.is_empty(),
            format!("deployments are left: {:?}", after.deployments),
        ),
        (
            before.reads == after.reads,
            format!("reads go by {:?}, not {:?}", after.reads, before.reads),
        ),
        (
            after.replication.is_empty(),
            format!("replication is left: {}", after.replication.join(", ")),
        ),
        (
            before.objects == after.objects,
            format!("blue's objects have changed: {}", changed(before, after)),
        ),
        (
            rollback_ended_well(&seen.trace),
            "the rollback did not end well".to_owned(),
        ),
    ])
}

/// The application wrote on green for a while, and writes on blue again, which has all of it and nothing of ours.
fn went_back(seen: &Seen<'_>, summary: &Summary) -> Vec<String> {
    let (before, after) = (&seen.before, &seen.after);
    let on_green = seen
        .tally
        .acks()
        .iter()
        .filter(|ack| ack.side == Side::Green)
        .count();
    let receipt = summary.back_receipt.is_some();
    unmet([
        (summary.serving == Side::Blue, "green serves".to_owned()),
        (
            on_green > 100,
            format!("green took {on_green} commits only"),
        ),
        (
            summary.write_pause_ms.is_some(),
            "no write was seen to move to green".to_owned(),
        ),
        (
            summary.rollback_pause_ms.is_some(),
            "no write was seen to move back".to_owned(),
        ),
        (receipt, "there is no receipt of the way back".to_owned()),
        (
            summary.digests_alike > 0,
            "no digest was taken on the way back".to_owned(),
        ),
        (
            before.objects == after.objects,
            format!("blue's objects have changed: {}", changed(before, after)),
        ),
        (
            after.replication.is_empty(),
            format!("replication is left: {}", after.replication.join(", ")),
        ),
        (
            rollback_ended_well(&seen.trace),
            "the rollback did not end well".to_owned(),
        ),
    ])
}

/// What is on the server now and was not before, and the other way round.
fn changed(before: &State, after: &State) -> String {
    let without = |some: &[String], others: &[String], sign: char| -> Vec<String> {
        let only = some.iter().filter(|object| !others.contains(object));
        only.map(|object| format!("{sign}{object}")).collect()
    };
    let left = without(&after.objects, &before.objects, '+');
    let gone = without(&before.objects, &after.objects, '-');
    [left, gone].concat().join(", ")
}

fn alarm_answered(seen: &Seen<'_>) -> Vec<String> {
    let rang = matches!(seen.end.injected, Injected::Alarm { .. });
    let answered = seen.world.platform.calls().of("lambda", "Invoke");
    let by_events = answered.iter().any(|call| call.caller == "events");
    unmet([
        (rang, "the alarm never rang".to_owned()),
        (by_events, "the alarm's event reached nobody".to_owned()),
    ])
}

fn alarm_fired(seen: &Seen<'_>, summary: &Summary) -> Vec<String> {
    let shown = seen.world.route.shows();
    let there = summary
        .ramp
        .last()
        .is_some_and(|share| u64::from(share.asked) == shown || share.asked == 0);
    unmet([
        (
            there,
            format!(
                "reads were not at {shown} % when it rang: {:?}",
                summary.ramp
            ),
        ),
        (
            summary.alarm_to_blue_ms.is_some(),
            "no change of the route was accepted after the alarm".to_owned(),
        ),
    ])
}

fn lag_seen(seen: &Seen<'_>) -> Vec<String> {
    let blocked = matches!(seen.end.injected, Injected::Lag { .. });
    let last = seen
        .trace
        .last("CheckLag")
        .map(|step| step.answer.clone())
        .unwrap_or_default();
    let behind = last["caught_up"] == false;
    unmet([
        (blocked, "replication was never blocked".to_owned()),
        (behind, format!("no lag was seen: {last}")),
    ])
}

fn never_switched(seen: &Seen<'_>) -> Vec<String> {
    let calls = seen
        .world
        .platform
        .calls()
        .of("rds", "SwitchoverBlueGreenDeployment");
    unmet([(calls.is_empty(), "RDS was asked to switch over".to_owned())])
}

fn refused(seen: &Seen<'_>) -> Vec<String> {
    let plan = seen
        .trace
        .last("Plan")
        .map(|step| step.answer["plan"].clone())
        .unwrap_or_default();
    let checks = plan["checks"].as_array().cloned().unwrap_or_default();
    let found = |name: &str| {
        checks
            .iter()
            .any(|check| check["name"] == name && check["verdict"] == "blocker")
    };
    let changed: Vec<String> = seen
        .world
        .platform
        .calls()
        .matching(changes_something)
        .iter()
        .map(name)
        .collect();
    unmet([
        (found("backups on"), "backups off was not found".to_owned()),
        (
            found("replica identity"),
            "the table without a primary key was not found".to_owned(),
        ),
        (
            changed.is_empty(),
            format!("something was touched: {}", changed.join(", ")),
        ),
        (
            seen.before == seen.after,
            "what stands there is not what stood there".to_owned(),
        ),
    ])
}

/// Calls of our functions that don't only look. Publishing a message to people is none of these.
fn changes_something(call: &calls::Record) -> bool {
    let ours = !["person", "platform", "states", "events"].contains(&call.caller.as_str());
    let looks = ["Describe", "List", "Get", "Query", "Scan"]
        .iter()
        .any(|verb| call.operation.starts_with(verb));
    let data = ["rds", "route53", "ssm", "dynamodb", "monitoring"].contains(&call.service.as_str());
    ours && data && !looks
}

fn name(call: &calls::Record) -> String {
    format!("{} by {}", call.operation, call.caller)
}

fn rolled(seen: &Seen<'_>, summary: &Summary) -> Vec<String> {
    let (from, to) = seen.kind.versions();
    let (before, after) = (&seen.before.instances, &seen.after.instances);
    let was = before.values().all(|version| version == from) && before.len() == 2;
    let is = after.values().all(|version| version == to) && after.len() == 2;
    unmet([
        (seen.serving() == Side::Blue, "green serves".to_owned()),
        (was, format!("it did not begin at {from}: {before:?}")),
        (
            is,
            format!(
                "not every member is at {to}: {}",
                summary.members.join(", ")
            ),
        ),
        (
            seen.before.reads == seen.after.reads,
            "the records of reads have changed".to_owned(),
        ),
    ])
}

fn rollback_ended_well(trace: &Trace) -> bool {
    // The rule on failed upgrades starts the machine once more, and that one finds nothing to do.
    trace.reached("rollback", "RolledBack") && !trace.reached("rollback", "NeedsOperator")
}
