//! Failback after the switchover.

use super::*;

fn ready() -> BackSeen {
    BackSeen {
        link: Health::Well,
        deployment: None,
        old_read_only: Some(false),
        writes_away: false,
        reads_away: false,
        instances: vec![],
    }
}

fn returning(arrived: bool, tries: u32) -> Record {
    Record {
        phase: Phase::Returning,
        back: Some(Back {
            arrived,
            tries,
            ..Back::default()
        }),
        ..followed()
    }
}

/// What is seen where something is not as it is when all is ready.
fn but(change: impl FnOnce(&mut BackSeen)) -> BackSeen {
    let mut seen = ready();
    change(&mut seen);
    seen
}

#[test]
fn green_is_fenced_only_when_nothing_else_has_to_be_waited_for() {
    let record = returning(false, 1);
    assert_eq!(back(&record, &ready()), BackAct::Cross);
    let not_yet = [
        but(|seen| seen.link = Health::Resting("a restart".into())),
        but(|seen| seen.deployment = Some(deployment("SWITCHOVER_COMPLETED"))),
        but(|seen| seen.old_read_only = Some(true)),
        but(|seen| seen.old_read_only = None),
    ];
    for seen in not_yet {
        assert_ne!(back(&record, &seen), BackAct::Cross, "{seen:?}");
    }
    let mut routed = record;
    routed.plan.writes = Some(pointer("orders.rds.test", 5));
    let away = but(|seen| seen.writes_away = true);
    assert_eq!(back(&routed, &away), BackAct::PointWrites);
}

#[test]
fn an_impossible_failback_is_given_up_and_one_that_has_arrived_never() {
    let broken = but(|seen| seen.link = Health::Broken(unavailable()));
    let impossible = back(&returning(false, 1), &broken);
    assert!(matches!(impossible, BackAct::GiveUp(_)));
    let in_vain = back(&returning(false, TRIES), &ready());
    assert!(matches!(in_vain, BackAct::GiveUp(_)));
    let mut made = returning(true, TRIES);
    made.fences = vec![fence(Side::Blue)];
    assert_eq!(back(&made, &broken), BackAct::OpenOld);
    made.fences.clear();
    let away = BackSeen {
        reads_away: true,
        ..broken.clone()
    };
    assert_eq!(back(&made, &away), BackAct::RestoreReads);
    assert_eq!(back(&made, &broken), BackAct::End);
}

#[test]
fn without_a_record_of_the_writes_names_go_back_one_by_one_before_blue_is_opened() {
    let mut record = returning(true, 1);
    record.fences = vec![fence(Side::Blue)];
    let mut instances = vec![
        crate::samples::instance("orders-old1", None),
        crate::samples::instance("orders", None),
    ];
    instances[0].resource_id = "db-orders".into();
    instances[1].resource_id = "db-orders-green".into();
    let act =
        |instances: &[Instance]| back(&record, &but(|seen| seen.instances = instances.to_vec()));
    let rename = |resource_id: &str, from: &str, to: &str| BackAct::Rename {
        resource_id: resource_id.into(),
        from: from.into(),
        to: to.into(),
    };
    let aside = rename("db-orders-green", "orders", "orders-new-green");
    assert_eq!(act(&instances), aside);
    instances[1].status = "renaming".into();
    assert!(matches!(act(&instances), BackAct::Wait(_)));
    instances[1].id = "orders-new-green".into();
    let again = rename("db-orders", "orders-old1", "orders");
    assert_eq!(act(&instances), again);
    instances[0].id = "orders".into();
    assert_eq!(act(&instances), BackAct::OpenOld);
    instances[0].id = "orders-old1".into();
    instances[1].id = "orders".into();
    instances[1].resource_id = "db-stranger".into();
    assert!(matches!(act(&instances), BackAct::AskPerson(_)));
}

#[test]
fn one_foreign_commit_is_not_quiet() {
    assert!(is_quiet(10, 2, 12));
    assert!(!is_quiet(10, 2, 13));
}
