//! The plan in words.

use super::Outcome;
use crate::inspection::joined;
use crate::plan::{Check, Member, MemberRole, Plan, Verdict};
use crate::request::{Approval, Retire, Strategy};

/// One sentence.
pub(super) fn summary(plan: &Plan, outcome: Outcome) -> String {
    let warnings = with(plan, Verdict::Warning).count();
    let way = format!(
        "{} can go from {} to {} {}",
        plan.database,
        plan.from_version,
        plan.to_version,
        way(plan.strategy)
    );
    let checks = plan.checks.len();
    match (outcome, warnings) {
        (Outcome::Refused, _) => {
            let things = match with(plan, Verdict::Blocker).count() {
                1 => "1 thing is".to_owned(),
                many => format!("{many} things are"),
            };
            let found = with(plan, Verdict::Blocker).map(|check| &check.found);
            format!(
                "{} is not upgraded to {}, {things} in the way: {}.",
                plan.database,
                plan.to_version,
                joined(found, "; ")
            )
        }
        (_, 0) => format!("{way}: {checks} checks, nothing in the way."),
        (_, 1) => format!("{way}: {checks} checks, nothing in the way, 1 warning."),
        (_, many) => format!("{way}: {checks} checks, nothing in the way, {many} warnings."),
    }
}

fn with(plan: &Plan, verdict: Verdict) -> impl Iterator<Item = &Check> {
    let checks = plan.checks.iter();
    checks.filter(move |check| check.verdict == verdict)
}

fn way(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::InPlace => "in place",
        Strategy::BlueGreen => "by blue/green deployment",
    }
}

/// The whole plan.
pub(super) fn text(plan: &Plan, outcome: Outcome) -> String {
    let mut lines = vec![
        summary(plan, outcome),
        String::new(),
        "What was found".to_owned(),
    ];
    for verdict in [Verdict::Blocker, Verdict::Warning, Verdict::Pass] {
        lines.extend(with(plan, verdict).flat_map(check));
    }
    if !plan.members.is_empty() {
        lines.extend([String::new(), "Instances".to_owned()]);
        lines.extend(plan.members.iter().map(member));
    }
    if outcome != Outcome::Refused {
        lines.extend([String::new(), "What will happen".to_owned()]);
        let steps = plan.steps.iter().enumerate();
        lines.extend(steps.map(|(index, step)| format!("  {}. {step}", index + 1)));
    }
    lines.join("\n")
}

fn check(check: &Check) -> Vec<String> {
    let mark = match check.verdict {
        Verdict::Pass => "ok     ",
        Verdict::Warning => "warning",
        Verdict::Blocker => "BLOCKER",
    };
    let mut lines = vec![format!("  {mark}  {}: {}", check.name, check.found)];
    if !check.remedy.is_empty() {
        lines.push(format!("           → {}", check.remedy));
    }
    lines
}

fn member(member: &Member) -> String {
    let role = match member.role {
        MemberRole::Writer => "writer",
        MemberRole::Reader => "reader",
    };
    let zones = if member.multi_az { ", Multi-AZ" } else { "" };
    format!(
        "  {}: {role}, {} {}, {}{zones}, {} GiB {}, {}:{}",
        member.instance,
        member.engine,
        member.version,
        member.class,
        member.storage_gib,
        member.storage_type,
        member.address,
        member.port
    )
}

/// What will happen, a sentence per step.
pub(super) fn steps(plan: &Plan) -> Vec<String> {
    match plan.strategy {
        Strategy::InPlace => in_place(plan),
        Strategy::BlueGreen => blue_green(plan),
    }
}

fn in_place(plan: &Plan) -> Vec<String> {
    let (database, to, snapshot) = (&plan.database, &plan.to_version, plan.snapshot("before"));
    let readers = plan
        .members
        .iter()
        .filter(|it| it.role == MemberRole::Reader);
    let mut steps = vec![format!("Take the snapshot {snapshot} of {database}.")];
    steps.extend(readers.map(|reader| {
        let reader = &reader.instance;
        format!("Upgrade the replica {reader} to {to}, and ask it something.")
    }));
    let last = "it takes no connections while it restarts";
    steps.push(format!("Upgrade {database} to {to}; {last}."));
    steps
}

fn blue_green(plan: &Plan) -> Vec<String> {
    let request = &plan.request;
    let ramp: Vec<String> = request.ramp.iter().map(u8::to_string).collect();
    let mut steps = vec![
        format!("Make the marker's table in {}.", plan.databases.join(", ")),
        format!("Create the blue/green deployment {}: a copy of {} on {}, kept in step by logical replication.", plan.name, plan.database, plan.to_version),
        "Compare green's instances with blue's, gather statistics on green, and rehearse the fence there.".to_owned(),
        format!("Wait until green is less than {} bytes and {} s behind.", request.max_lag_bytes, request.max_lag_seconds),
        "Compare the tables of both sides.".to_owned(),
    ];
    if let Some(route) = &plan.reads {
        let (name, minutes) = (route.name(), request.bake_minutes);
        steps.push(if route.is_divisible() {
            format!(
                "Move {} % of the reads of {name} to green, watching the alarms for {minutes} min each time.",
                ramp.join(", ")
            )
        } else {
            format!(
                "Move the reads of {name} to green at the last step of the ramp, all at once: one value leads all of them. Watch the alarms for {minutes} min after each of its {} steps.",
                ramp.len()
            )
        });
    }
    if request.approval == Approval::BeforeSwitchover {
        steps.push("Ask a person whether the writes may move, for a day at most.".to_owned());
    }
    steps.push(format!(
        "Close green to {}, switch over, prove that everything arrived, and open it again.",
        plan.application_roles.join(", ")
    ));
    steps.push(format!("Watch the alarms for {} h.", request.watch_hours));
    steps.push(match request.retire {
        Retire::Keep => "Keep the old instances, closed to the application.".to_owned(),
        Retire::SnapshotAndDelete => format!(
            "Take the final snapshot {} and delete the old instances.",
            plan.snapshot("final")
        ),
    });
    steps
}
