//! Blue serves again, whatever the world looks like now.
//!
//! A rollback takes the database over first ([`order`]), then looks and does the next thing ([`next`]) until blue serves
//! as before. It can stop anywhere and begin again. Reads go back to blue before anything slower, and without the lease:
//! blue's names always lead to a side that serves.

use crate::ids::{Database, Millis, Owner, ResourceId};
use crate::plan::Plan;
use crate::rds::{Deployment, DeploymentStatus, Instance};
use crate::record::{Fence, Green, Phase, Record, Side};
use crate::request::Strategy;
use serde::{Deserialize, Serialize};

/// What applications get to end their connections to green themselves once no answer leads there, in milliseconds.
const GRACE: i64 = 1_000;

/// What the state machine gives to `rollback`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The database to bring back.
    pub database: Database,
    /// The execution whose upgrade shall be undone; absent when a person gives the order for whatever is there.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// Why, in a sentence, for the messages.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What `rollback` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
    /// What was found and done, a line each.
    pub actions: Vec<String>,
}

/// What an order to roll back means for the record that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Nothing is left to do, and why.
    Nothing(String),
    /// It can't be done; nothing is touched.
    Refuse(String),
    /// Raise the epoch and enter this phase, then go on.
    TakeOver(Phase),
    /// A rollback owns the database already: go on.
    GoOn,
}

/// Reads an order. One that names an upgrade is meant for that upgrade only; one that names none is a person's, and a
/// person may try again what waits for them.
#[must_use]
pub fn order(input: &Input, record: &Record) -> Order {
    let database = &input.database;
    let other = input
        .owner
        .as_ref()
        .is_some_and(|owner| *owner != record.ticket.owner);
    match (record.phase, &input.owner) {
        _ if other => Order::Nothing(format!(
            "`{database}` is claimed by another upgrade, {}.",
            record.ticket.owner
        )),
        (Phase::Ended, _) => Order::Nothing(format!("The upgrade of `{database}` has ended.")),
        (Phase::NeedsOperator, Some(_)) => Order::Nothing(format!(
            "`{database}` waits for a person: {}",
            record.note.as_deref().unwrap_or("no reason was recorded.")
        )),
        (Phase::Before | Phase::Switching, _) | (Phase::NeedsOperator, None) => {
            Order::TakeOver(Phase::RollingBack)
        }
        (Phase::RollingBack, _) => Order::GoOn,
        (Phase::After, Some(_)) => Order::TakeOver(Phase::After),
        (Phase::After, None) => Order::Refuse(NO_WAY_BACK.to_owned()),
    }
}

/// Whether reads may go back at once, without looking which side serves: before the switchover it is blue.
#[must_use]
pub fn reads_first(found: &Record) -> bool {
    found.phase == Phase::Before && found.plan.strategy == Strategy::BlueGreen
}

/// What a person is told where green has the writes.
pub const NO_WAY_BACK: &str =
    "green serves; an automatic way back after the switchover isn't there: ask a person";

/// Which side serves writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// Blue, as before the upgrade.
    Blue,
    /// RDS is not through, or does not tell yet.
    Undecided,
    /// Green, for good.
    Green,
}

/// Which side serves, from the deployment and from who has the writer's name: RDS swaps names, never identities.
#[must_use]
pub fn serving(
    record: &Record,
    deployment: Option<&Deployment>,
    named: Option<&Instance>,
) -> Serving {
    match deployment {
        Some(deployment) if deployment.is_switched() => return Serving::Green,
        Some(deployment) if under_way(&deployment.status) => return Serving::Undecided,
        _ => {}
    }
    let Some(named) = named.map(|named| &named.resource_id) else {
        return Serving::Undecided;
    };
    let blue = record.plan.writer().map(|writer| &writer.resource_id);
    let is_green = identities(record.green.as_ref()).contains(named);
    match deployment {
        _ if blue == Some(named) => Serving::Blue,
        // Without a deployment nothing is under way any more, so green has the name for good.
        None if is_green => Serving::Green,
        _ => Serving::Undecided,
    }
}

fn under_way(status: &DeploymentStatus) -> bool {
    matches!(
        status,
        DeploymentStatus::SwitchoverInProgress | DeploymentStatus::SwitchoverCompleted
    )
}

/// What was seen of green.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The deployment stands, and green with it.
    Deployed,
    /// The deployment is being deleted, or it is gone and instances of green are.
    Going,
    /// The deployment is gone and instances of green are left.
    Left,
    /// Nothing of green is there.
    Gone,
}

/// What is left of green, from the deployment and those of its instances that still exist.
#[must_use]
pub fn standing(deployment: Option<&Deployment>, left: &[Instance]) -> Standing {
    let deleting = |instance: &Instance| instance.status == "deleting";
    match deployment {
        Some(deployment) if deployment.status == DeploymentStatus::Deleting => Standing::Going,
        Some(_) => Standing::Deployed,
        None if left.is_empty() => Standing::Gone,
        None if left.iter().all(deleting) => Standing::Going,
        None => Standing::Left,
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// This machine's clock.
    pub now: Millis,
    /// Which side serves.
    pub serving: Serving,
    /// Whether weighted records differ from the originals.
    pub reads_away: bool,
    /// What is left of green.
    pub green: Standing,
    /// Whether a member of green has the identity of one of blue's, which must never be.
    pub confused: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Mark the claim: a person has to look.
    AskPerson(String),
    /// Let green serve: it has the writes, and a fence may still keep the application out.
    OpenGreen,
    /// Look again later.
    Wait(String),
    /// Open blue's roles.
    LiftFence(Fence),
    /// Put the weighted records back.
    RestoreReads,
    /// Write down that reads are back, from which moment clients' old answers run out.
    NoteReadsBack,
    /// Give clients this long, in milliseconds, to forget answers that lead to green.
    Settle(i64),
    /// End what is still connected to green, then delete deployment and green.
    TakeGreenDown,
    /// Delete the instances of green that outlived the deployment.
    DeleteLeft,
    /// See that blue takes writes and logins, remove what is ours there, and end the claim.
    End,
}

/// The next thing to do, from what is recorded and what was seen. `ttl` is the seconds for which clients may keep an
/// answer that leads to green.
#[must_use]
pub fn next(record: &Record, seen: &Seen, ttl: u32) -> Act {
    if record.plan.strategy == Strategy::InPlace {
        return Act::AskPerson(
            "an upgrade in place can't be rolled back; look at each member's version and at the snapshot".to_owned(),
        );
    }
    match seen.serving {
        _ if record.phase == Phase::After => Act::OpenGreen,
        Serving::Green => Act::OpenGreen,
        Serving::Undecided => Act::Wait("RDS has not decided yet which side serves".to_owned()),
        Serving::Blue => to_blue(record, seen, ttl),
    }
}

fn to_blue(record: &Record, seen: &Seen, ttl: u32) -> Act {
    if let Some(fence) = fences(record, Side::Blue).next() {
        return Act::LiftFence(fence.clone());
    }
    if seen.reads_away {
        return Act::RestoreReads;
    }
    let Some(back) = record.reads_back else {
        return Act::NoteReadsBack;
    };
    match seen.green {
        _ if seen.confused => Act::AskPerson(
            "the deployment's target has the identity of one of blue's members; nothing is deleted"
                .to_owned(),
        ),
        Standing::Deployed if record.plan.reads.is_none() => Act::TakeGreenDown,
        Standing::Deployed => {
            let settled = Millis(back.0 + i64::from(ttl) * 1_000 + GRACE);
            match settled.since(seen.now) {
                left if left > 0 => Act::Settle(left),
                _ => Act::TakeGreenDown,
            }
        }
        Standing::Going => Act::Wait("green is being deleted".to_owned()),
        Standing::Left => Act::DeleteLeft,
        Standing::Gone => Act::End,
    }
}

/// The recorded fences of one side.
pub fn fences(record: &Record, side: Side) -> impl Iterator<Item = &Fence> {
    record.fences.iter().filter(move |fence| fence.side == side)
}

/// Whether one of these instances is blue's: then they must not be deleted.
#[must_use]
pub fn confused(plan: &Plan, green: &[ResourceId]) -> bool {
    plan.members
        .iter()
        .any(|blue| green.contains(&blue.resource_id))
}

/// The identities of green's recorded members.
#[must_use]
pub fn identities(green: Option<&Green>) -> Vec<ResourceId> {
    let members = green.into_iter().flat_map(|green| &green.members);
    members.map(|member| member.resource_id.clone()).collect()
}

/// The sentence with which a rollback ends the claim.
#[must_use]
pub fn note(input: &Input) -> String {
    let reason = input.reason.as_deref();
    format!(
        "Rolled back: {}",
        reason.unwrap_or("a person gave the order.")
    )
}

/// What `rollback` answers where there is nothing to do.
#[must_use]
pub const fn nothing(summary: String) -> Output {
    Output {
        summary,
        done: true,
        actions: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::{Pair, PairStatus};
    use crate::record::{FencedRole, tests::record};
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
    use proptest::strategy::Strategy as Generator;
    use std::collections::BTreeMap;

    const PHASES: [Phase; 6] = [
        Phase::Before,
        Phase::Switching,
        Phase::After,
        Phase::RollingBack,
        Phase::NeedsOperator,
        Phase::Ended,
    ];

    fn input(owner: Option<&str>) -> Input {
        Input {
            database: "orders".into(),
            owner: owner.map(Owner::from),
            reason: None,
        }
    }

    fn fence(side: Side) -> Fence {
        Fence {
            side,
            resource_id: "db-orders".into(),
            owner: "arn:x".into(),
            deadline: Millis(0),
            roles: vec![FencedRole {
                name: "orders_app".into(),
                comment: None,
            }],
        }
    }

    fn deployment(status: &str) -> Deployment {
        Deployment {
            id: "bgd-1".into(),
            name: "orders-1".into(),
            source: "arn:orders".into(),
            target: None,
            status: status.into(),
            status_details: String::new(),
            pairs: vec![Pair {
                source: "arn:orders".into(),
                target: None,
                status: PairStatus::from(status),
            }],
            tasks: vec![],
            tags: BTreeMap::new(),
        }
    }

    fn any_seen() -> impl Generator<Value = Seen> {
        let serving = prop::sample::select(vec![Serving::Blue, Serving::Undecided, Serving::Green]);
        let green = prop::sample::select(vec![
            Standing::Deployed,
            Standing::Going,
            Standing::Left,
            Standing::Gone,
        ]);
        (serving, green, any::<(bool, bool)>(), 0_i64..20_000).prop_map(
            |(serving, green, (reads_away, confused), now)| Seen {
                now: Millis(now),
                serving,
                reads_away,
                green,
                confused,
            },
        )
    }

    fn any_record() -> impl Generator<Value = Record> {
        let sides = prop::sample::subsequence(vec![Side::Blue, Side::Green], 0..=2);
        (sides, prop::option::of(0_i64..20_000)).prop_map(|(sides, back)| Record {
            fences: sides.into_iter().map(fence).collect(),
            reads_back: back.map(Millis),
            ..record()
        })
    }

    proptest! {
        #[test]
        fn green_is_never_touched_unless_blue_serves_unfenced_with_all_reads(record in any_record(), seen in any_seen()) {
            if matches!(next(&record, &seen, 1), Act::TakeGreenDown | Act::DeleteLeft | Act::End) {
                prop_assert_eq!(seen.serving, Serving::Blue);
                prop_assert!(!seen.reads_away && !seen.confused);
                prop_assert!(fences(&record, Side::Blue).next().is_none());
            }
        }

        #[test]
        fn blue_is_never_opened_while_green_serves_or_may(record in any_record(), seen in any_seen()) {
            if seen.serving != Serving::Blue {
                prop_assert!(!matches!(next(&record, &seen, 1), Act::LiftFence(_) | Act::End));
            }
        }

        #[test]
        fn clients_forget_green_before_it_goes(record in any_record(), seen in any_seen(), ttl in 0_u32..10) {
            if next(&record, &seen, ttl) == Act::TakeGreenDown {
                let back = record.reads_back.expect("written down");
                prop_assert!(seen.now.since(back) >= i64::from(ttl) * 1_000);
            }
        }
    }

    #[test]
    fn an_order_for_another_upgrade_touches_nothing() {
        for phase in PHASES {
            let record = Record { phase, ..record() };
            let order = order(&input(Some("arn:other")), &record);
            assert!(matches!(order, Order::Nothing(_)));
        }
    }

    #[test]
    fn after_the_switchover_a_person_is_refused_and_the_upgrade_is_marked() {
        let after = Record {
            phase: Phase::After,
            ..record()
        };
        let owner = after.ticket.owner.0.clone();
        assert!(matches!(order(&input(None), &after), Order::Refuse(_)));
        let marked = order(&input(Some(&owner)), &after);
        assert_eq!(marked, Order::TakeOver(Phase::After));
    }

    #[test]
    fn a_person_may_try_again_what_an_event_may_not() {
        let stuck = Record {
            phase: Phase::NeedsOperator,
            ..record()
        };
        let owner = stuck.ticket.owner.0.clone();
        assert!(matches!(
            order(&input(Some(&owner)), &stuck),
            Order::Nothing(_)
        ));
        assert_eq!(
            order(&input(None), &stuck),
            Order::TakeOver(Phase::RollingBack)
        );
    }

    #[test]
    fn only_the_deployment_and_every_member_tell_that_green_serves() {
        let record = record();
        let switched = deployment("SWITCHOVER_COMPLETED");
        assert_eq!(serving(&record, Some(&switched), None), Serving::Green);
        let mut half = switched.clone();
        half.pairs.push(Pair {
            status: PairStatus::SwitchoverInProgress,
            ..half.pairs[0].clone()
        });
        assert_eq!(serving(&record, Some(&half), None), Serving::Undecided);
        let failed = deployment("SWITCHOVER_FAILED");
        assert_eq!(serving(&record, Some(&failed), None), Serving::Undecided);
    }

    #[test]
    fn an_upgrade_in_place_is_handed_to_a_person() {
        let mut record = record();
        record.plan.strategy = Strategy::InPlace;
        let seen = Seen {
            now: Millis(0),
            serving: Serving::Blue,
            reads_away: false,
            green: Standing::Gone,
            confused: false,
        };
        assert!(matches!(next(&record, &seen, 1), Act::AskPerson(_)));
    }
}
