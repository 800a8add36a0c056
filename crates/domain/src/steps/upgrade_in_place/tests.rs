use super::*;
use crate::ids::InstanceId;
use crate::samples::{self, instance, plan};
use proptest::prelude::*;
use serde_json::json;

const TO: &str = "16.15";

fn minor() -> Plan {
    plan(&json!({"target_version": TO}))
}

fn snapshot(status: &str) -> Snapshot {
    samples::snapshot(minor().snapshot("before"), status)
}

fn begun() -> Seen {
    let member = |planned: &Member| MemberSeen {
        planned: planned.clone(),
        instance: Some(instance(planned.instance.as_str(), None)),
        attempts: 0,
        answer: None,
    };
    Seen {
        snapshot: Some(snapshot("available")),
        members: minor().members.iter().map(member).collect(),
    }
}

fn upgraded(member: &mut MemberSeen) {
    if let Some(instance) = &mut member.instance {
        instance.version = TO.into();
    }
    member.answer = Some(Answer::Serves(TO.into()));
}

fn at(change: impl FnOnce(&mut Seen)) -> Act {
    let mut seen = begun();
    change(&mut seen);
    next(&minor(), &seen)
}

fn upgrade(name: &str) -> Act {
    Act::Upgrade {
        instance: name.into(),
        resource_id: format!("db-{name}").into(),
    }
}

#[test]
fn the_snapshot_comes_first() {
    let with = |taken| at(|seen| seen.snapshot = taken);
    assert_eq!(with(None), Act::Snapshot("orders".into()));
    assert!(matches!(with(Some(snapshot("creating"))), Act::Wait(_)));
    assert!(matches!(with(Some(snapshot("failed"))), Act::Fail(_)));
}

#[test]
fn the_replica_comes_before_the_writer_and_answers_before_it() {
    assert_eq!(at(|_| {}), upgrade("orders-replica"));
    assert_eq!(at(|seen| upgraded(&mut seen.members[1])), upgrade("orders"));
    let silent = at(|seen| {
        upgraded(&mut seen.members[1]);
        seen.members[1].answer = Some(Answer::NotYet("it does not follow the writer".into()));
    });
    assert!(matches!(silent, Act::Wait(_)));
    let all = at(|seen| seen.members.iter_mut().for_each(upgraded));
    assert_eq!(all, Act::Finish);
}

#[test]
fn a_lost_answer_does_not_upgrade_twice() {
    for under_way in [
        (|instance| instance.status = "upgrading".into()) as fn(&mut Instance),
        |instance| instance.pending_version = Some(TO.into()),
    ] {
        let act = at(|seen| under_way(seen.members[1].instance.as_mut().expect("there")));
        assert!(matches!(act, Act::Wait(_)), "{act:?}");
    }
}

#[test]
fn an_upgrade_that_falls_back_again_and_again_stops_the_roll() {
    let act = at(|seen| seen.members[1].attempts = ATTEMPTS);
    assert!(matches!(act, Act::Fail(why) if why.contains("orders-replica still runs 16.14")));
}

#[test]
fn an_instance_that_says_another_version_than_rds_stops_the_roll() {
    let act = at(|seen| {
        upgraded(&mut seen.members[1]);
        seen.members[1].answer = Some(Answer::Serves("16.14".into()));
    });
    assert!(matches!(act, Act::Fail(_)));
}

#[test]
fn a_failure_says_what_is_in_service_and_where_the_snapshot_is() {
    let mut seen = begun();
    upgraded(&mut seen.members[1]);
    let said = failure(&seen, "orders is failed");
    for part in [
        "orders-replica runs 16.15 and answers",
        "orders runs 16.14",
        "-before, available",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_replica_serves_only_while_it_follows_and_a_writer_only_if_it_takes_writes() {
    let members = minor().members;
    for (member, read_only, streaming, serving) in [
        (&members[0], true, false, false),
        (&members[1], true, false, false),
        (&members[0], false, false, true),
        (&members[1], true, true, true),
    ] {
        let answer = serves(member, TO, read_only, streaming);
        assert_eq!(answer == Answer::Serves(TO.into()), serving, "{answer:?}");
    }
}

/// A world in which RDS does what it is asked, in its own time.
fn pass(seen: &mut Seen, act: &Act) {
    match act {
        Act::Snapshot(_) => seen.snapshot = Some(snapshot("creating")),
        Act::Upgrade { instance, .. } => {
            let member = find(seen, instance);
            member.attempts += 1;
            member.instance.as_mut().expect("there").status = "upgrading".into();
        }
        _ => {
            if let Some(taken) = &mut seen.snapshot {
                taken.status = "available".into();
            }
            for member in &mut seen.members {
                let instance = member.instance.as_mut().expect("there");
                if instance.status.as_str() == "upgrading" {
                    instance.status = "available".into();
                    upgraded(member);
                }
            }
        }
    }
}

fn find<'a>(seen: &'a mut Seen, name: &InstanceId) -> &'a mut MemberSeen {
    let mut members = seen.members.iter_mut();
    members
        .find(|member| member.planned.instance == *name)
        .expect("a member")
}

#[test]
fn a_roll_in_a_world_that_works_ends_with_every_member_upgraded_once() {
    let (plan, mut seen) = (minor(), begun());
    seen.snapshot = None;
    let mut upgrades = vec![];
    for _ in 0..20 {
        let act = next(&plan, &seen);
        if let Act::Upgrade { instance, .. } = &act {
            upgrades.push(instance.to_string());
        }
        pass(&mut seen, &act);
    }
    assert_eq!(next(&plan, &seen), Act::Finish);
    assert_eq!(upgrades, ["orders-replica", "orders"]);
    assert_eq!(percent(&plan, &seen), 100);
}

fn anything() -> impl Strategy<Value = Seen> {
    let status = prop_oneof![
        "available",
        "upgrading",
        "failed",
        "incompatible-parameters",
        "rebooting"
    ];
    let version = prop_oneof!["16.14", "16.15", "17.1"];
    let member = (status, version, 0u32..4, any::<[bool; 3]>());
    (
        proptest::collection::vec(member, 2),
        prop_oneof!["available", "creating", "failed", "none"],
    )
        .prop_map(|(states, taken)| {
            let mut seen = begun();
            seen.snapshot = (taken != "none").then(|| snapshot(&taken));
            for (member, (status, version, attempts, flags)) in seen.members.iter_mut().zip(states)
            {
                let found = member.instance.as_mut().expect("there");
                found.status = status.as_str().into();
                found.version.clone_from(&version);
                found.pending_version = flags[0].then(|| TO.into());
                member.attempts = attempts;
                member.answer = flags[1].then_some(Answer::Serves(version));
                if !flags[2] && attempts == 3 {
                    member.instance = None;
                }
            }
            seen
        })
}

proptest! {
    #[test]
    fn nothing_is_upgraded_without_a_snapshot_and_no_writer_before_its_replicas(seen in anything()) {
        if let Act::Upgrade { instance, .. } = next(&minor(), &seen) {
            prop_assert!(seen.snapshot.as_ref().is_some_and(Snapshot::is_available));
            let replica = &seen.members[1];
            let done = replica.instance.as_ref().is_some_and(|found| found.version == TO && found.is_available());
            prop_assert!(instance.as_str() == "orders-replica" || done);
        }
    }

    #[test]
    fn the_end_is_reached_only_with_everything_upgraded(seen in anything()) {
        if next(&minor(), &seen) == Act::Finish {
            for member in &seen.members {
                prop_assert!(member.instance.as_ref().is_some_and(|found| found.version == TO));
                prop_assert_eq!(&member.answer, &Some(Answer::Serves(TO.into())));
            }
        }
    }

    #[test]
    fn percent_is_never_more_than_100(seen in anything()) {
        prop_assert!(percent(&minor(), &seen) <= 100);
    }
}
