use super::*;
use crate::alarms::State;
use crate::fence::Side;
use crate::receipt::Receipt;
use crate::record::{Lease, Wait, tests::record};
use crate::reverse::Reverse;

const LATER: Millis = Millis(1_000_000);

fn seen() -> Seen {
    Seen {
        now: LATER,
        upgrade: Some(Execution::Running),
        rollback: None,
        readings: None,
        link: None,
    }
}

fn at(phase: Phase) -> Record {
    Record { phase, ..record() }
}

fn guarded() -> Record {
    Record {
        reverse: Some(Reverse {
            links: [].into(),
            subscribed: true,
            unavailable: None,
            warned: false,
            told: false,
        }),
        receipt: Some(Receipt {
            opened_at: Some(Millis(1)),
            ..Receipt::default()
        }),
        ..at(Phase::After)
    }
}

fn unavailable() -> Unavailable {
    Unavailable {
        why: "a table is new".into(),
        remedy: "go on".into(),
    }
}

#[test]
fn an_upgrade_that_runs_is_left_alone() {
    for phase in [Phase::Before, Phase::Switching, Phase::After] {
        assert_eq!(acts(&at(phase), &seen()), []);
    }
}

#[test]
fn an_upgrade_whose_execution_is_gone_is_rolled_back_unless_it_has_ended() {
    let gone = Seen {
        upgrade: Some(Execution::Ended(Millis(0))),
        ..seen()
    };
    for phase in [
        Phase::Before,
        Phase::Switching,
        Phase::After,
        Phase::RollingBack,
    ] {
        assert!(
            matches!(acts(&at(phase), &gone)[..], [Act::Restart(_)]),
            "{phase:?}"
        );
    }
    for phase in [Phase::Ended, Phase::NeedsOperator] {
        assert_eq!(acts(&at(phase), &gone), []);
    }
    let just_now = Seen {
        upgrade: Some(Execution::Ended(LATER)),
        ..seen()
    };
    assert_eq!(
        acts(&at(Phase::Before), &just_now),
        [],
        "the rules come first"
    );
    let unseen = Seen {
        upgrade: None,
        ..seen()
    };
    assert_eq!(acts(&at(Phase::Before), &unseen), []);
}

#[test]
fn a_rollback_that_runs_is_left_alone_although_its_parent_is_gone() {
    let mut rolling = at(Phase::Returning);
    rolling.rollback = Some("arn:rollback".into());
    let runs = Seen {
        upgrade: Some(Execution::Ended(Millis(0))),
        rollback: Some(Execution::Running),
        ..seen()
    };
    assert_eq!(acts(&rolling, &runs), []);
    let gone = Seen {
        rollback: Some(Execution::Unknown),
        ..runs
    };
    assert!(matches!(acts(&rolling, &gone)[..], [Act::Restart(_)]));
}

#[test]
fn an_alarm_that_rings_ends_a_wait_that_lasts() {
    let rings = Seen {
        readings: Some(vec![Reading {
            alarm: "errors".into(),
            state: State::Ringing,
            rang: false,
            wavered: false,
        }]),
        ..seen()
    };
    let mut waits = at(Phase::Before);
    assert_eq!(acts(&waits, &rings), [], "no wait lasts");
    waits.wait = Some(Wait {
        token: Some("t".into()),
        since: Millis(0),
    });
    assert!(matches!(acts(&waits, &rings)[..], [Act::EndWait(_)]));
}

#[test]
fn a_fence_of_nobody_is_lifted_before_the_switchover_only() {
    let fence = Fence {
        side: Side::Green,
        resource_id: "db-green".into(),
        owner: "arn:x".into(),
        deadline: Millis(0),
        roles: vec![],
    };
    let mut fenced = at(Phase::Before);
    fenced.fences = vec![fence.clone()];
    assert_eq!(acts(&fenced, &seen()), [Act::LiftFence(fence)]);
    fenced.phase = Phase::Switching;
    assert_eq!(acts(&fenced, &seen()), []);
    fenced.phase = Phase::Before;
    fenced.lease = Some(Lease {
        holder: "call".into(),
        step: "switchover".into(),
        until: LATER,
    });
    assert_eq!(acts(&fenced, &seen()), []);
}

/// A record under a lease that ends at this moment.
fn leased(record: Record, until: Millis) -> Record {
    let lease = Lease {
        holder: "call".into(),
        step: "switchover".into(),
        until,
    };
    Record {
        lease: Some(lease),
        ..record
    }
}

#[test]
fn a_lease_that_has_run_out_holds_nothing() {
    for (until, held) in [
        (LATER, true),
        (Millis(LATER.0 - CLOCKS_DIFFER), true),
        (Millis(LATER.0 - CLOCKS_DIFFER - 1), false),
    ] {
        assert_eq!(is_held(&leased(record(), until), &seen()), held);
    }
}

#[test]
fn a_way_back_that_is_not_open_yet_is_not_broken_but_its_slots_may_fill_the_disk() {
    let linked = |link| Seen {
        link: Some(link),
        ..seen()
    };
    let mut record = guarded();
    if let Some(reverse) = &mut record.reverse {
        reverse.subscribed = false;
    }
    assert_eq!(acts(&record, &linked(Health::Broken(unavailable()))), []);
    let full = linked(Health::Overflowing(unavailable()));
    assert_eq!(acts(&record, &full), [Act::DropSlots(unavailable())]);
}

#[test]
fn nobody_is_told_of_the_way_back_while_it_cannot_be_noted() {
    let broken = Seen {
        link: Some(Health::Broken(unavailable())),
        ..seen()
    };
    assert_eq!(acts(&leased(guarded(), LATER), &broken), []);
    assert_eq!(
        acts(&leased(guarded(), Millis(0)), &broken),
        [Act::CloseWayBack(unavailable())]
    );
}

#[test]
fn a_way_back_that_is_broken_is_told_once_and_its_slots_go_when_they_hold_too_much() {
    let broken = Seen {
        link: Some(Health::Broken(unavailable())),
        ..seen()
    };
    let mut record = guarded();
    assert_eq!(acts(&record, &broken), [Act::CloseWayBack(unavailable())]);
    if let Some(reverse) = &mut record.reverse {
        reverse.unavailable = Some(unavailable());
    }
    assert_eq!(acts(&record, &seen()), [Act::CloseWayBack(unavailable())]);
    if let Some(reverse) = &mut record.reverse {
        reverse.told = true;
    }
    assert_eq!(acts(&record, &broken), []);
    let full = Seen {
        link: Some(Health::Overflowing(unavailable())),
        ..seen()
    };
    assert_eq!(acts(&record, &full), [Act::DropSlots(unavailable())]);
}
