mod properties;

use super::*;
use crate::rds::Instance;
use crate::samples::{plan_of, well};
use crate::watch::State;
use serde_json::json;

mod login;

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

fn asked(seen: &mut Seen) -> &mut Server {
    seen.server.as_mut().expect("there")
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
fn a_minor_version_goes_in_place_and_needs_no_replication() {
    let mut seen = well();
    asked(&mut seen).settings.wal_level = "replica".into();
    asked(&mut seen).databases[0].keyless = vec!["public.log".into()];
    let output = plan_of(&json!({"target_version": "16.15"}), &seen);
    assert_eq!(
        (output.outcome, output.plan.strategy),
        (Outcome::Ready, Strategy::InPlace),
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
fn everything_in_the_way_is_said_at_once() {
    let mut seen = well();
    writer(&mut seen).backup_days = 0;
    asked(&mut seen).databases[1].keyless = vec!["public.events".into()];
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
fn each_ill_is_found_by_its_own_check() {
    type Ill = (&'static str, fn(&mut Seen));
    let ills: [Ill; 29] = [
        ("databases", |seen| {
            asked(seen).closed_databases = vec!["archive takes none".into()];
        }),
        ("databases", |seen| {
            let template = crate::samples::database("template1");
            asked(seen).databases.push(template);
        }),
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
        ("replicas follow", |seen| {
            seen.readers[0].replication = Some("error".into());
        }),
        ("replicas follow", |seen| asked(seen).streaming = 0),
        ("logical replication on", |seen| {
            asked(seen).settings.wal_level = "replica".into();
        }),
        ("no foreign replication", |seen| {
            asked(seen).slots[0].logical = true;
        }),
        ("no foreign replication", |seen| {
            asked(seen).subscriptions = vec!["cdc".into()];
        }),
        ("slots and workers", |seen| {
            asked(seen).settings.replication_slots = 3;
        }),
        ("slots and workers", |seen| {
            asked(seen).settings.worker_processes = 3;
        }),
        ("column types", |seen| {
            asked(seen).databases[0].unsupported_columns = vec!["t.c".into()];
        }),
        ("our role", |seen| asked(seen).us.signals_backends = false),
        ("our role", |seen| {
            asked(seen).databases[0].may_create = false;
        }),
        ("application roles", |seen| {
            asked(seen).roles[1].ours_to_administer = false;
        }),
        ("no way past the fence", |seen| {
            asked(seen).roles[1].superuser = true;
        }),
        ("our login", |seen| seen.server = Err("no".into())),
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
    let worries: [Worry; 8] = [
        ("left behind", |seen| {
            asked(seen).databases[0].unlogged = vec!["public.cache".into()];
        }),
        ("left behind", |seen| {
            asked(seen).databases[0].large_objects = 4;
        }),
        ("left behind", |seen| {
            asked(seen).databases[0].materialized_views = vec!["public.sums".into()];
        }),
        ("extensions", |seen| {
            asked(seen).databases[0].extensions = vec!["pg_cron".into()];
        }),
        ("transactions", |seen| {
            asked(seen).oldest_transaction_seconds = 4000;
        }),
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
fn roles_that_the_request_names_are_the_ones_that_are_fenced() {
    let named = plan_of(&json!({"application_roles": ["orders_app"]}), &well());
    assert_eq!(named.plan.application_roles, ["orders_app"]);
    assert!(
        named
            .plan
            .checks
            .iter()
            .any(|check| check.name == "other logins" && check.verdict == Verdict::Warning)
    );
    for unfit in ["nobody", "viridian"] {
        let output = plan_of(&json!({"application_roles": [unfit]}), &well());
        assert_eq!(blockers(&output), ["application roles"], "{unfit}");
    }
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
fn the_way_back_needs_rights_and_a_group_unless_none_is_wanted() {
    let verdict = |extra: &serde_json::Value, change: fn(&mut Seen)| {
        let mut seen = well();
        change(&mut seen);
        let checks = plan_of(extra, &seen).plan.checks;
        let check = checks.iter().find(|check| check.name == "way back");
        check.map(|check| check.verdict)
    };
    let plain = json!({});
    assert_eq!(verdict(&plain, |_| {}), Some(Verdict::Pass));
    let lacking: [fn(&mut Seen); 5] = [
        |seen| seen.green_group_is_logical = false,
        |seen| {
            if let Ok(server) = &mut seen.server {
                server.us.replicates = false;
            }
        },
        |seen| {
            if let Ok(server) = &mut seen.server {
                server.databases[0].foreign_owners = vec!["root".into()];
            }
        },
        |seen| {
            if let Ok(server) = &mut seen.server {
                server.us.creates_subscriptions = false;
            }
        },
        |seen| {
            if let Ok(server) = &mut seen.server {
                server.databases[0].may_publish = false;
            }
        },
    ];
    for change in lacking {
        assert_eq!(verdict(&plain, change), Some(Verdict::Blocker));
        let none = json!({"way_back": "none"});
        assert_eq!(verdict(&none, change), Some(Verdict::Warning));
    }
    assert_eq!(
        verdict(&plain, |seen| seen.green_group_bounds_slots = false),
        Some(Verdict::Warning)
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
