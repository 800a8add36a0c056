mod properties;

use super::*;
use crate::alarms::State;
use crate::inspection::Seen;
use crate::plan::{Check, Verdict};
use crate::request::Strategy;
use crate::samples::{WellServer, blockers, plan_of, unreadable, verdict, well, with, writer};
use serde_json::json;

/// The plan of a database that is well but for a change.
fn but(change: impl FnOnce(&mut Seen)) -> Output {
    let mut seen = well();
    change(&mut seen);
    plan_of(&json!({}), &seen)
}

#[test]
fn a_database_that_is_well_goes_blue_green_to_a_major_version() {
    let output = plan_of(&json!({}), &well());
    assert_eq!(output.outcome, Outcome::Ready, "{}", output.text);
    assert_eq!(output.plan.strategy, Strategy::BlueGreen);
    assert_eq!(output.plan.databases, ["orders", "billing"]);
    assert_eq!(output.plan.application_roles, ["orders_app", "reader"]);
    assert_eq!(output.plan.alarms, ["errors"]);
    let passed = with(&output, Verdict::Pass).len();
    assert_eq!(passed, output.plan.checks.len(), "{}", output.text);
    let reader = "orders-replica: reader, PostgreSQL 16.14";
    assert!(output.text.contains(reader), "{}", output.text);
}

#[test]
fn a_dry_run_is_none_if_something_is_in_the_way() {
    let dry_run = json!({"dry_run": true});
    assert_eq!(plan_of(&dry_run, &well()).outcome, Outcome::DryRun);
    let mut seen = well();
    writer(&mut seen).backup_days = 0;
    assert_eq!(plan_of(&dry_run, &seen).outcome, Outcome::Refused);
}

#[test]
fn each_ill_is_found_by_its_own_check() {
    type Ills = (&'static str, &'static [fn(&mut Seen)]);
    let ills: [Ills; 8] = [
        (
            "kind of database",
            &[
                |seen| writer(seen).engine = "mysql".into(),
                |seen| writer(seen).cluster = Some("c".into()),
                |seen| writer(seen).replica_of = Some("other".into()),
                |seen| seen.readers[0].replicas = vec!["more".into()],
            ],
        ),
        (
            "status available",
            &[
                |seen| writer(seen).status = "modifying".into(),
                |seen| seen.readers[0].storage_status = "optimizing".into(),
                |seen| writer(seen).replicas.push("lost".into()),
            ],
        ),
        (
            "parameters in sync",
            &[|seen| seen.readers[0].parameters_applied = "pending-reboot".into()],
        ),
        (
            "master password",
            &[|seen| writer(seen).managed_password = true],
        ),
        (
            "source version",
            &[|seen| writer(seen).version = "16.0".into()],
        ),
        ("target version", &[|seen| seen.targets.clear()]),
        ("our login", &[|seen| seen.server = Err(unreadable())]),
        (
            "alarms quiet",
            &[
                |seen| seen.alarms = Err("denied".into()),
                |seen| seen.alarms.as_mut().expect("read")[0].state = State::InsufficientData,
            ],
        ),
    ];
    for (name, ills) in ills {
        for ill in ills {
            let output = but(ill);
            assert_eq!(blockers(&output), [name], "{}", output.text);
        }
    }
    assert_eq!(blockers(&but(|seen| seen.reads = Ok(None))), ["reads"]);
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
        let output = but(worry);
        assert_eq!(with(&output, Verdict::Warning), [name]);
        assert_eq!(output.outcome, Outcome::Ready);
    }
}

#[test]
fn a_forced_strategy_that_can_not_work_is_refused() {
    for forced in [
        json!({"strategy": "in_place"}),
        json!({"strategy": "blue_green", "target_version": "16.15"}),
    ] {
        let output = plan_of(&forced, &well());
        assert_eq!(blockers(&output), ["strategy"], "{forced}");
    }
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
    let output = but(|seen| seen.writer = None);
    let refused = (Outcome::Refused, vec!["database"]);
    assert_eq!((output.outcome, blockers(&output)), refused);
}

#[test]
fn a_network_without_step_functions_is_a_blocker() {
    let output = but(|seen| seen.execution = Err("no answer".into()));
    assert_eq!(blockers(&output), ["executions"]);
}

#[test]
fn a_topic_without_subscribers_is_a_warning_and_a_missing_one_a_blocker() {
    for (subscribers, expected) in [
        (Ok(1), Verdict::Pass),
        (Ok(0), Verdict::Warning),
        (Err("no answer".into()), Verdict::Blocker),
    ] {
        let output = but(|seen| seen.subscribers = subscribers);
        assert_eq!(verdict(&output, "people"), Some(expected));
    }
}

#[test]
fn a_minor_version_goes_in_place_and_everything_in_the_way_is_said_at_once() {
    let minor = plan_of(&json!({"target_version": "16.15"}), &well());
    let in_place = (Outcome::Ready, Strategy::InPlace);
    let planned = (minor.outcome, minor.plan.strategy);
    assert_eq!(planned, in_place, "{}", minor.text);
    let found = Check::blocker("replica identity", "billing.public.events", "add a key");
    let output = but(|seen| {
        writer(seen).backup_days = 0;
        seen.server = Ok(Box::new(WellServer(vec![found])));
    });
    assert_eq!(blockers(&output), ["backups on", "replica identity"]);
    for part in ["2 things are in the way", "billing.public.events"] {
        assert!(output.summary.contains(part), "{}", output.summary);
    }
}

#[test]
fn logging_in_by_iam_needs_every_instance() {
    let verdict = |seen: &Seen| verdict(&plan_of(&json!({}), seen), "IAM login");
    let mut seen = well();
    assert_eq!(verdict(&seen), None, "by a password");
    seen.by_iam = true;
    writer(&mut seen).iam_login = true;
    assert_eq!(verdict(&seen), Some(Verdict::Blocker));
    seen.readers[0].iam_login = true;
    assert_eq!(verdict(&seen), Some(Verdict::Pass));
}
