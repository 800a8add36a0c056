use super::*;
use crate::rds::Task;
use crate::samples::{OWNER, deployment, greens, plan};
use proptest::prelude::*;
use serde_json::json;

fn at(change: impl FnOnce(&mut Seen)) -> Act {
    let plan = plan(&json!({}));
    let mut seen = Seen {
        deployment: Some(deployment(&plan)),
        instances: greens(&plan),
        recorded: None,
    };
    change(&mut seen);
    next(&plan, &OWNER.into(), &seen)
}

fn made(seen: &mut Seen) -> &mut Deployment {
    seen.deployment.as_mut().expect("there")
}

#[test]
fn nothing_there_means_ask_rds() {
    assert_eq!(at(|seen| seen.deployment = None), Act::Create);
}

#[test]
fn available_once_is_not_enough() {
    let Act::Record(green) = at(|_| {}) else {
        panic!("not recorded");
    };
    assert_eq!(green.members[0].instance.as_str(), "orders-green-abc123");
    assert_eq!(green.members[1].blue.as_str(), "orders-replica");
    let recorded = green.clone();
    assert_eq!(at(|seen| seen.recorded = Some(recorded)), Act::Done(green));
}

#[test]
fn available_with_a_member_that_is_not_is_waited_for() {
    let busy: [fn(&mut Seen); 5] = [
        |seen| made(seen).pairs[1].status = PairStatus::Provisioning,
        |seen| made(seen).pairs.truncate(1),
        |seen| seen.instances[1].status = "storage-initialization".into(),
        |seen| seen.instances[0].storage_status = "optimizing".into(),
        |seen| seen.instances.truncate(1),
    ];
    for busy in busy {
        assert!(matches!(at(busy), Act::Wait { .. }));
    }
}

#[test]
fn a_deployment_with_our_name_and_another_owner_is_refused() {
    for foreign in [(|seen| made(seen).tags.clear()) as fn(&mut Seen), |seen| {
        made(seen).source = "arn:aws:rds:eu-west-1:123456789012:db:other".into();
    }] {
        assert!(matches!(at(foreign), Act::Refuse { .. }));
    }
}

#[test]
fn a_refusal_says_what_rds_said() {
    let act = at(|seen| {
        made(seen).status = DeploymentStatus::InvalidConfiguration;
        made(seen).status_details = "max_replication_slots is too low".into();
    });
    let Act::Refuse { why } = act else {
        panic!("not refused");
    };
    assert!(why.contains("max_replication_slots is too low"), "{why}");
}

fn statuses() -> impl Strategy<Value = String> {
    prop_oneof!["PENDING", "IN_PROGRESS", "COMPLETED", "NEW"]
}

proptest! {
    #[test]
    fn percent_is_below_100_until_it_is_done(statuses in proptest::collection::vec(statuses(), 0..9)) {
        let plan = plan(&json!({}));
        let mut made = deployment(&plan);
        made.status = DeploymentStatus::Provisioning;
        let task = |status| Task { name: "T".into(), status };
        made.tasks = statuses.into_iter().map(task).collect();
        let seen = Seen { deployment: Some(made), instances: vec![], recorded: None };
        match next(&plan, &OWNER.into(), &seen) {
            Act::Wait { percent, .. } => prop_assert!(percent < 100),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn only_what_is_seen_twice_is_done(status in "[A-Z_]{0,20}", stale in any::<bool>()) {
        let act = at(|seen| {
            made(seen).status = status.as_str().into();
            if stale {
                seen.recorded = Some(Green { deployment: "bgd-0".into(), members: vec![] });
            }
        });
        prop_assert!(!matches!(act, Act::Done(_) | Act::Create));
    }
}
