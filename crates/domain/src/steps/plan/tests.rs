mod properties;

use super::*;
use crate::alarms::State;
use crate::inspection::{Seen, Unreadable};
use crate::plan::{Check, Verdict};
use crate::rds::Instance;
use crate::request::Strategy;
use crate::samples::{WellServer, plan_of, well};
use serde_json::json;

fn blockers(output: &Output) -> Vec<&str> {
    let checks = output
        .plan
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Blocker);
    checks.map(|check| check.name.as_str()).collect()
}

fn writer(seen: &mut Seen) -> &mut Instance {
    seen.writer.as_mut().expect("there")
}

#[test]
fn a_database_that_is_well_goes_blue_green_to_a_major_version() {
    let output = plan_of(&json!({}), &well());
    assert_eq!(output.outcome, Outcome::Ready, "{}", output.text);
    assert_eq!(output.plan.strategy, Strategy::BlueGreen);
    assert_eq!(output.plan.databases, ["orders", "billing"]);
    assert_eq!(output.plan.application_roles, ["orders_app", "reader"]);
    assert_eq!(output.plan.alarms, ["errors"]);
    assert!(
        output
            .plan
            .checks
            .iter()
            .all(|check| check.verdict == Verdict::Pass),
        "{}",
        output.text
    );
    assert!(
        output
            .text
            .contains("orders-replica: reader, PostgreSQL 16.14"),
        "{}",
        output.text
    );
}

#[test]
fn a_dry_run_is_none_if_something_is_in_the_way() {
    assert_eq!(
        plan_of(&json!({"dry_run": true}), &well()).outcome,
        Outcome::DryRun
    );
    let mut seen = well();
    writer(&mut seen).backup_days = 0;
    assert_eq!(
        plan_of(&json!({"dry_run": true}), &seen).outcome,
        Outcome::Refused
    );
}

#[test]
fn each_ill_is_found_by_its_own_check() {
    type Ill = (&'static str, fn(&mut Seen));
    let ills: [Ill; 15] = [
        ("kind of database", |seen| {
            writer(seen).engine = "mysql".into();
        }),
        ("kind of database", |seen| {
            writer(seen).cluster = Some("c".into());
        }),
        ("kind of database", |seen| {
            writer(seen).replica_of = Some("other".into());
        }),
        ("kind of database", |seen| {
            seen.readers[0].replicas = vec!["more".into()];
        }),
        ("status available", |seen| {
            writer(seen).status = "modifying".into();
        }),
        ("status available", |seen| {
            seen.readers[0].storage_status = "optimizing".into();
        }),
        ("status available", |seen| {
            writer(seen).replicas.push("lost".into());
        }),
        ("parameters in sync", |seen| {
            seen.readers[0].parameters_applied = "pending-reboot".into();
        }),
        ("master password", |seen| {
            writer(seen).managed_password = true;
        }),
        ("source version", |seen| {
            writer(seen).version = "16.0".into();
        }),
        ("target version", |seen| seen.targets.clear()),
        ("our login", |seen| {
            seen.server = Err(Unreadable {
                why: "no".into(),
                remedy: "see to it".into(),
            });
        }),
        ("alarms quiet", |seen| seen.alarms = Err("denied".into())),
        ("alarms quiet", |seen| {
            seen.alarms.as_mut().expect("read")[0].state = State::Blind;
        }),
        ("reads", |seen| seen.reads = Ok(None)),
    ];
    for (name, ill) in ills {
        let mut seen = well();
        ill(&mut seen);
        let output = plan_of(&json!({}), &seen);
        assert_eq!(blockers(&output), [name], "{}", output.text);
    }
}

#[test]
fn what_a_person_should_know_does_not_stop_the_upgrade() {
    type Worry = (&'static str, fn(&mut Seen));
    let worries: [Worry; 3] = [
        ("alarms quiet", |seen| seen.alarms = Ok(vec![])),
        ("reads", |seen| seen.reads_name = None),
        ("green's parameters", |seen| {
            writer(seen).parameter_group = "orders16".into();
        }),
    ];
    for (name, worry) in worries {
        let mut seen = well();
        worry(&mut seen);
        let output = plan_of(&json!({}), &seen);
        let warned = output
            .plan
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Warning);
        assert_eq!(
            warned.map(|check| check.name.as_str()).collect::<Vec<_>>(),
            [name]
        );
        assert_eq!(output.outcome, Outcome::Ready);
    }
}

#[test]
fn a_forced_strategy_that_can_not_work_is_refused() {
    let in_place = plan_of(&json!({"strategy": "in_place"}), &well());
    assert_eq!(blockers(&in_place), ["strategy"]);
    let blue_green = plan_of(
        &json!({"strategy": "blue_green", "target_version": "16.15"}),
        &well(),
    );
    assert_eq!(blockers(&blue_green), ["strategy"]);
}

#[test]
fn green_needs_a_parameter_group_of_its_own_family() {
    let named = json!({"green": {"parameter_group": "orders18"}});
    let with = |family: Option<&str>| {
        let mut seen = well();
        seen.green_group_family = family.map(Into::into);
        plan_of(&named, &seen)
    };
    assert_eq!(blockers(&with(Some("postgres18"))), [""; 0]);
    assert_eq!(blockers(&with(Some("postgres16"))), ["green's parameters"]);
    assert_eq!(blockers(&with(None)), ["green's parameters"]);
}

#[test]
fn a_database_that_is_not_there_is_a_finding() {
    let seen = Seen {
        writer: None,
        ..well()
    };
    let output = plan_of(&json!({}), &seen);
    assert_eq!(
        (output.outcome, blockers(&output)),
        (Outcome::Refused, vec!["database"])
    );
}

#[test]
fn a_network_without_step_functions_is_a_blocker() {
    let seen = Seen {
        execution: Err("no answer".into()),
        ..well()
    };
    assert_eq!(blockers(&plan_of(&json!({}), &seen)), ["executions"]);
}

#[test]
fn a_topic_that_nobody_hears_is_a_warning_and_one_that_is_not_there_a_blocker() {
    let verdict = |subscribers: Result<u32, String>| {
        let seen = Seen {
            subscribers,
            ..well()
        };
        let checks = plan_of(&json!({}), &seen).plan.checks;
        let check = checks.iter().find(|check| check.name == "people");
        check.map(|check| check.verdict)
    };
    assert_eq!(verdict(Ok(1)), Some(Verdict::Pass));
    assert_eq!(verdict(Ok(0)), Some(Verdict::Warning));
    assert_eq!(verdict(Err("no answer".into())), Some(Verdict::Blocker));
}

#[test]
fn a_minor_version_goes_in_place_and_everything_in_the_way_is_said_at_once() {
    let minor = plan_of(&json!({"target_version": "16.15"}), &well());
    assert_eq!(
        (minor.outcome, minor.plan.strategy),
        (Outcome::Ready, Strategy::InPlace),
        "{}",
        minor.text
    );
    let mut seen = well();
    writer(&mut seen).backup_days = 0;
    let found = Check::blocker("replica identity", "billing.public.events", "add a key");
    seen.server = Ok(Box::new(WellServer(vec![found])));
    let output = plan_of(&json!({}), &seen);
    assert_eq!(blockers(&output), ["backups on", "replica identity"]);
    assert!(
        output.summary.contains("2 things are in the way")
            && output.summary.contains("billing.public.events"),
        "{}",
        output.summary
    );
}

#[test]
fn logging_in_by_iam_needs_every_instance() {
    let verdict = |seen: &Seen| {
        let checks = plan_of(&json!({}), seen).plan.checks;
        let check = checks.iter().find(|check| check.name == "IAM login");
        check.map(|check| check.verdict)
    };
    let mut seen = well();
    assert_eq!(verdict(&seen), None, "by a password");
    seen.by_iam = true;
    writer(&mut seen).iam_login = true;
    assert_eq!(verdict(&seen), Some(Verdict::Blocker));
    seen.readers[0].iam_login = true;
    assert_eq!(verdict(&seen), Some(Verdict::Pass));
}
