//! A rollback's decisions, in every situation.

mod back;

use super::*;
use crate::rds::{Pair, PairStatus};
use crate::record::Back;
use crate::reverse::Health;
use crate::samples::{
    PHASES, at, deployment_at, fence, followed, opened, pointer, record, unavailable,
};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
use proptest::strategy::Strategy as Generator;

fn input(owner: Option<&str>) -> Input {
    Input {
        database: "orders".into(),
        owner: owner.map(Owner::from),
        reason: None,
        cause: Cause::Stopped,
        execution: None,
    }
}

fn deployment(status: &str) -> Deployment {
    deployment_at(status, &[status])
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
        let order = order(&input(Some("arn:other")), &at(phase));
        assert!(matches!(order, Order::Nothing(Rest::Unclaimed, _)));
    }
}

#[test]
fn after_the_switchover_a_person_is_refused_and_the_upgrade_is_marked() {
    let after = at(Phase::After);
    let served = Record {
        receipt: Some(opened()),
        ..after.clone()
    };
    assert_eq!(by_person(&served), Order::NoFailback);
    let fenced = Record {
        fences: vec![fence(Side::Green)],
        ..after.clone()
    };
    let still = Order::TakeOver(Phase::After);
    assert_eq!(by_person(&fenced), still, "green was not opened yet");
    assert_eq!(ordered(Cause::Stopped, &after), still);
}

#[test]
fn a_person_may_try_again_what_an_event_may_not() {
    let stuck = at(Phase::NeedsOperator);
    let by_event = ordered(Cause::Stopped, &stuck);
    assert!(matches!(by_event, Order::Nothing(Rest::Person, _)));
    assert_eq!(by_person(&stuck), Order::TakeOver(Phase::RollingBack));
}

#[test]
fn a_rollback_whose_last_answer_was_lost_gives_it_again() {
    let again = |phase, by: &str| {
        let record = Record {
            rollback: Some("arn:rollback".into()),
            note: Some("Rolled back: it went to ALARM.".into()),
            ..at(phase)
        };
        let input = Input {
            execution: Some(by.into()),
            ..input(Some(record.ticket.owner.as_str()))
        };
        order(&input, &record)
    };
    assert_eq!(again(Phase::Ended, "arn:rollback"), Order::Again);
    let asked = Order::Refuse("Rolled back: it went to ALARM.".into());
    assert_eq!(again(Phase::NeedsOperator, "arn:rollback"), asked);
    let over = again(Phase::Ended, "arn:another");
    assert!(matches!(over, Order::Nothing(Rest::Over, _)), "{over:?}");
    let asked = again(Phase::NeedsOperator, "arn:another");
    assert!(matches!(asked, Order::Nothing(Rest::Person, _)));
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
fn once_the_record_goes_the_writers_name_tells_who_serves() {
    let record = record();
    let named = |id: &str| Instance {
        resource_id: id.into(),
        ..crate::samples::instance("orders", None)
    };
    let (blue, green) = (named("db-orders"), named("db-orders-green"));
    let going = deployment("DELETING");
    for deployment in [Some(&going), None] {
        assert_eq!(serving(&record, deployment, Some(&green)), Serving::Green);
        assert_eq!(serving(&record, deployment, Some(&blue)), Serving::Blue);
    }
    let standing = deployment("SWITCHOVER_FAILED");
    let seen = serving(&record, Some(&standing), Some(&green));
    assert_eq!(seen, Serving::Undecided);
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

/// What a person's order means, who names no upgrade.
fn by_person(record: &Record) -> Order {
    order(&input(None), record)
}

fn ordered(cause: Cause, record: &Record) -> Order {
    let owner = record.ticket.owner.0.clone();
    let input = Input {
        cause,
        ..input(Some(&owner))
    };
    order(&input, record)
}

#[test]
fn after_the_switchover_only_an_alarm_or_a_person_moves_the_writes() {
    let (record, back) = (followed(), Order::TakeOver(Phase::Returning));
    assert_eq!(ordered(Cause::Alarm, &record), back);
    assert_eq!(by_person(&record), back);
    let stopped = ordered(Cause::Stopped, &record);
    assert_eq!(stopped, Order::TakeOver(Phase::After));
}

#[test]
fn a_way_back_that_is_closed_is_refused_with_what_to_type() {
    let mut record = followed();
    if let Some(reverse) = &mut record.reverse {
        reverse.unavailable = Some(unavailable());
    }
    assert_eq!(ordered(Cause::Alarm, &record), Order::NoFailback);
    let told = no_failback(&record, &["to look: STATUS".to_owned()]);
    for part in ["a table is new", "STATUS", r#"{"database": "orders"}"#] {
        assert!(told.contains(part), "{told}");
    }
    let mended = "a person may have mended it, which is looked at first";
    assert_eq!(
        by_person(&record),
        Order::TakeOver(Phase::Returning),
        "{mended}"
    );
}

#[test]
fn a_failback_that_has_arrived_only_goes_forward() {
    let mut record = followed();
    record.phase = Phase::NeedsOperator;
    record.back = Some(Back {
        arrived: true,
        ..Back::default()
    });
    assert_eq!(by_person(&record), Order::TakeOver(Phase::Returning));
    assert!(!record.green_serves());
}
