use super::*;
use crate::samples::{self, deployment, greens, instance, plan};
use proptest::prelude::*;
use serde_json::json;

fn opted_in() -> Plan {
    plan(&json!({"retire": "snapshot_and_delete"}))
}

fn snapshot(status: &str) -> Snapshot {
    samples::snapshot(opted_in().snapshot("final"), status)
}

fn old(member: &Member) -> Instance {
    let name = format!("{}-old1", member.instance);
    Instance {
        resource_id: member.resource_id.clone(),
        ..instance(&name, None)
    }
}

/// After the watch, nothing done yet: names are swapped, resource ids are not.
fn watched() -> Seen {
    let plan = opted_in();
    let standing = |member: &Member| (member.clone(), Some(old(member)));
    let serving = greens(&plan).into_iter().next();
    Seen {
        deployment: Some(Deployment {
            status: DeploymentStatus::SwitchoverCompleted,
            ..deployment(&plan)
        }),
        old: plan.members.iter().map(standing).collect(),
        serving: serving.map(|green| Instance {
            id: "orders".into(),
            ..green
        }),
        snapshot: None,
        doubt: None,
    }
}

fn at(change: impl FnOnce(&mut Seen)) -> Act {
    let mut seen = watched();
    change(&mut seen);
    next(&opted_in(), &seen)
}

#[test]
fn without_an_opt_in_everything_is_kept_and_named() {
    let act = next(&plan(&json!({})), &watched());
    let Act::Keep(how) = act else {
        panic!("{act:?}")
    };
    assert!(how.contains("orders-old1 (db-orders)"), "{how}");
}

#[test]
fn deletion_goes_by_snapshot_then_record_then_replica_then_writer() {
    let (plan, mut seen, mut done) = (opted_in(), watched(), vec![]);
    for _ in 0..20 {
        let act = next(&plan, &seen);
        match &act {
            Act::Snapshot(name) => {
                done.push(format!("snapshot {name}"));
                seen.snapshot = Some(snapshot("creating"));
            }
            Act::DeleteRecord(_) => {
                done.push("record".into());
                seen.deployment = None;
            }
            Act::Delete {
                instance,
                resource_id,
            } => {
                done.push(format!("delete {instance}"));
                let mut old = seen.old.iter_mut();
                let gone = old.find(|(member, _)| member.resource_id == *resource_id);
                gone.expect("old").1 = None;
            }
            _ => seen.snapshot = Some(snapshot("available")),
        }
    }
    let order = "snapshot orders-old1, record, delete orders-replica-old1, delete orders-old1";
    assert_eq!(done.join(", "), order);
    assert!(matches!(next(&plan, &seen), Act::Finish(_)));
}

#[test]
fn nothing_is_deleted_while_the_new_writer_does_not_serve() {
    let unserved: [fn(&mut Seen); 4] = [
        |seen| seen.serving = None,
        |seen| seen.serving.as_mut().expect("there").id = "orders-green-abc123".into(),
        |seen| seen.serving.as_mut().expect("there").status = "failed".into(),
        |seen| seen.serving.as_mut().expect("there").resource_id = "db-orders".into(),
    ];
    for unserved in unserved {
        assert!(matches!(at(unserved), Act::Refuse(_)));
    }
}

#[test]
fn deletion_protection_keeps_everything() {
    let act = at(|seen| seen.old[1].1.as_mut().expect("there").deletion_protection = true);
    assert!(matches!(act, Act::Keep(how) if how.contains("deletion protection")));
}

#[test]
fn a_snapshot_of_something_else_or_a_failed_one_deletes_nothing() {
    let foreign = at(|seen| {
        seen.snapshot = Some(Snapshot {
            resource_id: "db-other".into(),
            ..snapshot("available")
        });
    });
    assert!(matches!(foreign, Act::Refuse(_)));
    let failed = at(|seen| seen.snapshot = Some(snapshot("failed")));
    assert!(matches!(failed, Act::Refuse(_)));
}

#[test]
fn what_was_deleted_outside_of_the_upgrade_is_reported() {
    let act = at(|seen| {
        seen.deployment = None;
        for (_, instance) in &mut seen.old {
            *instance = None;
        }
    });
    assert!(matches!(act, Act::Finish(how) if how.contains("deleted outside of Viridian")));
    let replicas_left = at(|seen| seen.old[0].1 = None);
    assert!(matches!(replicas_left, Act::Refuse(_)));
}

proptest! {
    #[test]
    fn a_deletion_has_an_opt_in_a_snapshot_and_an_old_resource_id(
        keep in any::<bool>(), standing in any::<[bool; 2]>(), record in any::<bool>(),
        taken in prop_oneof!["available", "creating", "failed", "none"], status in prop_oneof!["available", "deleting"],
    ) {
        let plan = if keep { plan(&json!({})) } else { opted_in() };
        let mut seen = watched();
        seen.snapshot = (taken != "none").then(|| snapshot(&taken));
        seen.deployment = seen.deployment.filter(|_| record);
        for ((_, instance), stands) in seen.old.iter_mut().zip(standing) {
            *instance = instance.take().filter(|_| stands).map(|found| Instance { status: status.as_str().into(), ..found });
        }
        if let Act::Delete { resource_id, .. } = next(&plan, &seen) {
            prop_assert!(!keep && !record && taken == "available" && status != "deleting");
            prop_assert!(plan.members.iter().any(|member| member.resource_id == resource_id));
        }
    }
}

#[test]
fn old_blue_stays_while_it_is_not_proven_that_green_holds_what_it_held() {
    let act = at(|seen| seen.doubt = Some("`orders` was not compared with it".to_owned()));
    assert!(matches!(act, Act::Keep(_)));
}
