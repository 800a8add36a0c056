//! The figures of a run, from what the clients and the machines were seen to do.

use super::follow::{Step, Trace};
use super::inject::Injected;
use super::kind::Kind;
use super::seen::Seen;
use super::summary::{BACK_RECEIPT, RECEIPT, Share, Side, Summary};
use crate::app::audit::Kind as Flaw;
use crate::app::pause::{self, Pause};
use crate::app::tally::{Ack, Read, Tally};
use local_aws::calls::Outcome;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Findings of the audit that the summary names.
const SHOWN: usize = 20;

pub(super) fn of(seen: &Seen<'_>) -> Summary {
    let (acks, reads) = (seen.tally.acks(), seen.tally.reads());
    let pause = pause::pause(&acks);
    let ours = pause.and_then(|pause| our_share(seen, pause));
    let back = pause::way_back(&acks);
    let (from, to) = seen.kind.versions();
    let plan = seen.trace.last("Plan").map(|step| &step.answer["plan"]);
    let validated = seen.trace.last("Validate").map(|step| &step.answer);
    let alarm = alarm(seen, &reads);
    let (report, flaws) = (&seen.report, |kind| seen.report.count(kind));
    Summary {
        scenario: seen.kind,
        outcome: outcome(seen),
        from_version: from.to_owned(),
        to_version: to.to_owned(),
        serving: seen.serving(),
        duration_s: tenth(seen.end.seconds),
        write_pause_ms: pause.map(|pause| pause.write_ms),
        longest_client_wait_ms: pause.map_or_else(
            || pause::longest_wait(&acks),
            |pause| pause.longest_client_ms,
        ),
        rollback_pause_ms: back.map(|back| back.write_ms),
        longest_rollback_wait_ms: back.map(|back| back.longest_client_ms),
        alarm_to_writes_ms: back.and_then(|back| alarm_to_writes(seen, back)),
        digests_alike: back.map_or(0, |_| digests_alike(seen)),
        rds_share_ms: pause
            .zip(ours)
            .map(|(pause, ours)| tenth(pause.write_ms - ours)),
        our_share_ms: ours,
        acknowledged: report.acknowledged,
        lost: flaws(Flaw::Lost),
        doubled: flaws(Flaw::Doubled),
        wrong: flaws(Flaw::Wrong),
        stray: flaws(Flaw::Stray),
        alarm_to_blue_ms: alarm.map(|(accepted, _)| accepted),
        blue_to_last_green_read_ms: alarm.and_then(|(_, last)| last),
        record_ttl_s: record_ttl(seen),
        read_outage_ms: pause::read_outage(&reads),
        read_errors: reads.iter().filter(|read| read.side.is_none()).count() as u64,
        writes_per_second: per_second(&acks),
        ramp: ramp(&seen.trace, &seen.tally, &reads),
        checks: plan
            .and_then(|plan| plan["checks"].as_array())
            .map_or(0, |checks| checks.len() as u64),
        findings: plan.map(findings).unwrap_or_default(),
        green_ready_s: green_ready(&seen.trace),
        tables: validated.and_then(|answer| answer["tables"].as_u64()),
        rows_alike: validated.and_then(|answer| answer["rows"].as_u64()),
        injected: injected(seen),
        spent: seen.spent.clone(),
        members: seen
            .after
            .instances
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect(),
        receipt: kept(seen, RECEIPT),
        back_receipt: kept(seen, BACK_RECEIPT),
        audit: report.findings.iter().take(SHOWN).cloned().collect(),
        problems: Vec::new(),
    }
}

/// A file of the run's folder, if it was written.
fn kept(seen: &Seen<'_>, file: &str) -> Option<PathBuf> {
    let path = seen.world.platform.host.keeper.folder().join(file);
    path.exists().then_some(path)
}

fn outcome(seen: &Seen<'_>) -> String {
    let state = seen.trace.last_state("upgrade").unwrap_or("nothing");
    match seen.end.outcome.status() {
        "SUCCEEDED" | "FAILED" => state.to_owned(),
        status => format!("{status} in {state}"),
    }
}

/// What of the pause came after RDS had said that every member was switched: ours, and the clients' way back.
fn our_share(seen: &Seen<'_>, pause: Pause) -> Option<f64> {
    let receipt = seen.trace.receipt_of("Switchover")?;
    let opened = receipt["opened_at"].as_u64()?;
    let ours = receipt["ours_ms"].as_u64()?;
    let completed = SystemTime::UNIX_EPOCH + Duration::from_millis(opened.checked_sub(ours)?);
    let completed = seen
        .tally
        .at_wall(completed)
        .clamp(pause.last_on_source, pause.first_on_target);
    Some(tenth(millis(pause.first_on_target - completed)))
}

/// Milliseconds from the alarm to the accepted change of the route, and from there to the last read on green.
fn alarm(seen: &Seen<'_>, reads: &[Read]) -> Option<(f64, Option<f64>)> {
    let Injected::Alarm { at } = seen.end.injected else {
        return None;
    };
    // After the switchover reads follow the writes.
    if seen.kind == Kind::Rollback {
        return None;
    }
    let route = seen.world.route;
    let calls = seen.world.platform.calls();
    let changes = calls.matching(|call| route.is_moved_by(call));
    let accepted = changes.iter().find_map(|call| {
        let started = SystemTime::from(call.started);
        let done = call.outcome == Outcome::Done && started > at;
        done.then(|| started + Duration::from_millis(call.ms))
    })?;
    let from_alarm = accepted.duration_since(at).ok()?.as_secs_f64() * 1000.0;
    let accepted = seen.tally.at_wall(accepted);
    let on_green = reads
        .iter()
        .filter(|read| read.side == Some(Side::Green) && read.at > accepted);
    let last = on_green
        .map(|read| tenth(millis(read.at - accepted)))
        .reduce(f64::max);
    Some((tenth(from_alarm), last))
}

/// Milliseconds from the alarm to the first commit on blue.
fn alarm_to_writes(seen: &Seen<'_>, back: Pause) -> Option<f64> {
    let Injected::Alarm { at } = seen.end.injected else {
        return None;
    };
    let rang = seen.tally.at_wall(at);
    Some(tenth(millis(back.first_on_target.checked_sub(rang)?)))
}

/// Databases that the way back's receipt has a digest of.
fn digests_alike(seen: &Seen<'_>) -> u64 {
    let receipt = seen.receipt().unwrap_or_default();
    let databases = receipt["databases"].as_object().into_iter().flatten();
    let alike = databases.filter(|(_, one)| one["digest"].is_string());
    alike.count() as u64
}

fn record_ttl(seen: &Seen<'_>) -> Option<u32> {
    let functions = &seen.world.platform.template.functions;
    let shift = functions
        .iter()
        .find(|function| function.binary == "shift_weight")?;
    let mut variables = shift.environment.iter();
    let (_, ttl) = variables.find(|(name, _)| name == "RECORD_TTL_SECONDS")?;
    ttl.parse().ok()
}

/// Each share that was asked for, and what was seen from the moment when clients had dropped the old answer until the
/// next share was asked for.
fn ramp(trace: &Trace, tally: &Tally, reads: &[Read]) -> Vec<Share> {
    let shifts: Vec<&Step> = trace
        .steps
        .iter()
        .filter(|step| step.state == "ShiftWeight")
        .collect();
    let until = |index: usize| {
        let next = shifts.get(index + 1).map(|next| next.at);
        let rest = ["AnnounceSwitchover", "RollBack"].map(|state| trace.first_entered(state));
        next.or_else(|| rest.into_iter().flatten().min())
    };
    let share = |(index, step): (usize, &&Step)| {
        let settled = Duration::from_secs(step.answer["settle_seconds"].as_u64().unwrap_or(0));
        // A connection lives a second longer than the answer that it was made by.
        let from =
            tally.at_wall(step.at + settled.min(Duration::from_secs(1)) + Duration::from_secs(1));
        let to = until(index).map_or_else(|| tally.now(), |until| tally.at_wall(until));
        Some(Share {
            asked: u8::try_from(step.answer["percent"].as_u64()?).ok()?,
            seen: pause::share_of_green(reads, from, to).map(tenth),
        })
    };
    shifts.iter().enumerate().filter_map(share).collect()
}

fn green_ready(trace: &Trace) -> Option<f64> {
    let began = trace.first_entered("Provision")?;
    let mut answers = trace.steps.iter().filter(|step| step.state == "Provision");
    let ready = answers.find(|step| step.answer["done"].as_bool() == Some(true))?;
    Some(tenth(ready.at.duration_since(began).ok()?.as_secs_f64()))
}

/// What the plan found in the way, each with its remedy.
fn findings(plan: &Value) -> Vec<String> {
    let checks = plan["checks"].as_array().into_iter().flatten();
    let blockers = checks.filter(|check| check["verdict"] == "blocker");
    let told = blockers.map(|check| {
        let text = |field: &str| check[field].as_str().unwrap_or_default();
        format!("{}: {} → {}", text("name"), text("found"), text("remedy"))
    });
    told.collect()
}

fn injected(seen: &Seen<'_>) -> Vec<String> {
    match &seen.end.injected {
        Injected::Nothing => Vec::new(),
        Injected::Alarm { .. } if seen.kind == Kind::Rollback => {
            vec!["an alarm, while the application writes on green".to_owned()]
        }
        Injected::Alarm { .. } => vec![format!(
            "an alarm, at {} % of the reads",
            seen.world.route.shows()
        )],
        Injected::Lag { .. } => vec!["replication to green stood still".to_owned()],
    }
}

fn per_second(acks: &[Ack]) -> f64 {
    let (Some(first), Some(last)) = (acks.first(), acks.last()) else {
        return 0.0;
    };
    let seconds = millis(last.at.saturating_sub(first.at)) / 1000.0;
    let count = u32::try_from(acks.len()).unwrap_or(u32::MAX);
    tenth(f64::from(count) / seconds.max(0.001))
}

fn millis(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64() * 1000.0
}

fn tenth(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}
