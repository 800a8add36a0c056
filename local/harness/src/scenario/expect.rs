//! How each scenario must end, held against what was seen.

use super::follow::Trace;
use super::inject::Injected;
use super::kind::Kind;
use super::seen::Seen;
use super::state::State;
use super::summary::{Share, Side, Summary};
use crate::shop::{DATABASE, REPLICA};
use local_aws::calls;

/// A writer that has not been heard of for so long at the end is not writing any more.
const STILL_WRITES_US: u64 = 3_000_000;

/// Everything in which the run did not end as it must.
pub(super) fn problems(seen: &Seen<'_>, summary: &Summary) -> Vec<String> {
    let mut unmet = Unmet::default();
    unmet.always(seen, summary);
    match seen.kind {
        Kind::Upgrade => unmet.switched(seen, summary),
        Kind::Alarm => {
            unmet.back_on_blue(seen);
            unmet.alarm_answered(seen);
            unmet.alarm_fired(seen, summary);
        }
        Kind::Lag => {
            unmet.back_on_blue(seen);
            unmet.never_switched(seen);
            unmet.lag_seen(seen);
        }
        Kind::Refused => unmet.refused(seen),
        Kind::Minor => unmet.rolled(seen, summary),
        Kind::Rollback => {
            unmet.went_back(seen, summary);
            unmet.alarm_answered(seen);
        }
    }
    unmet.0
}

/// The sentences whose condition does not hold.
#[derive(Default)]
struct Unmet(Vec<String>);

impl Unmet {
    fn unless(&mut self, holds: bool, sentence: impl Into<String>) {
        self.0.extend((!holds).then(|| sentence.into()));
    }

    /// What holds however an upgrade ends.
    fn always(&mut self, seen: &Seen<'_>, summary: &Summary) {
        let (wanted, outcome) = (seen.kind.must_end_in(), &summary.outcome);
        let last = seen.tally.acks().last().map_or(0, |ack| ack.at);
        let flaws = &seen.report.findings;
        let flaw = flaws.first();
        let flaw = flaw.map(|flaw| format!(", such as: {}", flaw.what));
        let pauses = [summary.write_pause_ms, summary.rollback_pause_ms];
        let overlap = pauses.iter().flatten().any(|pause| *pause < 0.0);
        let why = format!("it ended in {outcome} instead of {wanted}: {}", why(seen));
        self.unless(outcome == wanted, why);
        let (count, flaw) = (flaws.len(), flaw.unwrap_or_default());
        self.unless(count == 0, format!("the audit found {count} flaws{flaw}"));
        self.unless(summary.acknowledged > 0, "nothing was written");
        let unsure = seen.report.unsure;
        let unknown = format!("the outcome of {unsure} commits is not known");
        self.unless(unsure == 0, unknown);
        self.unless(!overlap, "both sides acknowledged writes at a time");
        let writes = seen.stopped_at.saturating_sub(last) < STILL_WRITES_US;
        self.unless(writes, "no writer was writing at the end");
        let fenced = &seen.after.fenced;
        let closed = format!("roles that can't log in: {}", fenced.join(", "));
        self.unless(fenced.is_empty(), closed);
    }

    fn switched(&mut self, seen: &Seen<'_>, summary: &Summary) {
        let (_, to) = seen.kind.versions();
        let instances = &seen.after.instances;
        let is_new = |name| instances.get(name).is_some_and(|version| version == to);
        let output = seen.end.output();
        let receipt = output.is_some_and(|output| output["receipt"].is_object());
        self.unless(summary.serving == Side::Green, "blue serves");
        self.unless(is_new(DATABASE) && is_new(REPLICA), elsewhere(summary, to));
        let kept = instances.values().any(|version| version != to);
        self.unless(kept, "old blue is gone");
        let moved = summary.write_pause_ms.is_some();
        self.unless(moved, "no write was seen to move");
        self.unless(receipt, "there is no receipt");
        self.unless(!summary.ramp.is_empty(), "no reads were moved");
    }

    fn back_on_blue(&mut self, seen: &Seen<'_>) {
        let (before, after) = (&seen.before, &seen.after);
        self.unless(seen.serving() == Side::Blue, "green serves");
        let (was, is) = (&before.instances, &after.instances);
        self.unless(was == is, format!("instances are {is:?}, not {was:?}"));
        let left = &after.deployments;
        self.unless(left.is_empty(), format!("deployments are left: {left:?}"));
        let (was, is) = (&before.reads, &after.reads);
        self.unless(was == is, format!("reads go by {is:?}, not {was:?}"));
        self.nothing_left(seen);
    }

    /// Blue is as it was, and has nothing of ours.
    fn nothing_left(&mut self, seen: &Seen<'_>) {
        let (before, after) = (&seen.before, &seen.after);
        let changed = format!("blue's objects have changed: {}", changed(before, after));
        self.unless(before.objects == after.objects, changed);
        let left = &after.replication;
        let told = format!("replication is left: {}", left.join(", "));
        self.unless(left.is_empty(), told);
        let well = rollback_ended_well(&seen.trace);
        self.unless(well, "the rollback did not end well");
    }

    /// The application wrote on green for a while, and writes on blue again, which has all of it and nothing of ours.
    fn went_back(&mut self, seen: &Seen<'_>, summary: &Summary) {
        let acks = seen.tally.acks();
        let on_green = acks.iter().filter(|ack| ack.side == Side::Green).count();
        self.unless(summary.serving == Side::Blue, "green serves");
        let few = format!("green took {on_green} commits only");
        self.unless(on_green > 100, few);
        let over = summary.write_pause_ms.is_some();
        self.unless(over, "no write was seen to move to green");
        let back = summary.rollback_pause_ms.is_some();
        self.unless(back, "no write was seen to move back");
        let receipt = summary.back_receipt.is_some();
        self.unless(receipt, "there is no receipt of the way back");
        let compared = summary.digests_alike > 0;
        self.unless(compared, "no digest was taken on the way back");
        self.nothing_left(seen);
    }

    fn alarm_answered(&mut self, seen: &Seen<'_>) {
        let rang = matches!(seen.end.injected, Injected::Alarm { .. });
        let answered = seen.world.platform.calls().of("lambda", "Invoke");
        let by_events = answered.iter().any(|call| call.caller == "events");
        self.unless(rang, "the alarm never rang");
        self.unless(by_events, "the alarm's event reached no function");
    }

    fn alarm_fired(&mut self, seen: &Seen<'_>, summary: &Summary) {
        let (shown, ramp) = (seen.world.route.shows(), &summary.ramp);
        let there = |share: &Share| u64::from(share.asked) == shown || share.asked == 0;
        let elsewhere = format!("reads were not at {shown} % when it rang: {ramp:?}");
        self.unless(ramp.last().is_some_and(there), elsewhere);
        let accepted = summary.alarm_to_blue_ms.is_some();
        let refused = "no change of the route was accepted after the alarm";
        self.unless(accepted, refused);
    }

    fn lag_seen(&mut self, seen: &Seen<'_>) {
        let blocked = matches!(seen.end.injected, Injected::Lag { .. });
        let last = seen.trace.last("CheckLag");
        let last = last.map(|step| step.answer.clone()).unwrap_or_default();
        self.unless(blocked, "replication was never blocked");
        let behind = last["caught_up"] == false;
        self.unless(behind, format!("no lag was seen: {last}"));
    }

    fn never_switched(&mut self, seen: &Seen<'_>) {
        let calls = seen.world.platform.calls();
        let calls = calls.of("rds", "SwitchoverBlueGreenDeployment");
        self.unless(calls.is_empty(), "RDS was asked to switch over");
    }

    fn refused(&mut self, seen: &Seen<'_>) {
        let plan = seen.trace.last("Plan");
        let checks = plan.map(|step| step.answer["plan"]["checks"].clone());
        let checks = checks.unwrap_or_default();
        let found = |name: &str| {
            let mut checks = checks.as_array().into_iter().flatten();
            checks.any(|check| check["name"] == name && check["verdict"] == "blocker")
        };
        let calls = seen.world.platform.calls().matching(changes_something);
        let changed: Vec<String> = calls.iter().map(name).collect();
        self.unless(found("backups on"), "backups off was not found");
        let keyless = "the table without a primary key was not found";
        self.unless(found("replica identity"), keyless);
        let touched = format!("something was touched: {}", changed.join(", "));
        self.unless(changed.is_empty(), touched);
        let other = "what stands there is not what stood there";
        self.unless(seen.before == seen.after, other);
    }

    fn rolled(&mut self, seen: &Seen<'_>, summary: &Summary) {
        let (from, to) = seen.kind.versions();
        let (before, after) = (&seen.before.instances, &seen.after.instances);
        let was = before.values().all(|version| version == from) && before.len() == 2;
        let is = after.values().all(|version| version == to) && after.len() == 2;
        self.unless(seen.serving() == Side::Blue, "green serves");
        self.unless(was, format!("it did not begin at {from}: {before:?}"));
        self.unless(is, elsewhere(summary, to));
        let same = seen.before.reads == seen.after.reads;
        self.unless(same, "the records of reads have changed");
    }
}

fn elsewhere(summary: &Summary, to: &str) -> String {
    let members = summary.members.join(", ");
    format!("not every member is at {to}: {members}")
}

fn why(seen: &Seen<'_>) -> String {
    let failure = seen.end.outcome.failure();
    let cause = failure.and_then(|failure| failure.cause.clone());
    cause.unwrap_or_else(|| "no cause given".to_owned())
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

/// Calls of our functions that don't only look. Publishing a message to people is none of these.
fn changes_something(call: &calls::Record) -> bool {
    let ours = !["person", "platform", "states", "events"].contains(&call.caller.as_str());
    let looks = ["Describe", "List", "Get", "Query", "Scan"]
        .iter()
        .any(|verb| call.operation.starts_with(verb));
    let data = [
        "rds",
        "route53",
        "ssm",
        "elasticloadbalancing",
        "dynamodb",
        "monitoring",
    ]
    .contains(&call.service.as_str());
    ours && data && !looks
}

fn name(call: &calls::Record) -> String {
    format!("{} by {}", call.operation, call.caller)
}

fn rollback_ended_well(trace: &Trace) -> bool {
    // The rule on failed upgrades starts the machine once more, and that one finds nothing to do.
    trace.reached("rollback", "RolledBack") && !trace.reached("rollback", "NeedsOperator")
}
