use super::*;
use crate::alarms::State;
use crate::fence::Side;
use crate::record::Wait;
use crate::samples::{at, fence, followed, lease, reading, record, unavailable};

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

fn linked(link: Health) -> Seen {
    Seen {
        link: Some(link),
        ..seen()
    }
}

fn ended(upgrade: Option<Execution>) -> Seen {
    Seen { upgrade, ..seen() }
}

#[test]
fn an_upgrade_that_runs_is_left_alone() {
    for phase in [Phase::Before, Phase::Switching, Phase::After] {
        assert_eq!(acts(&at(phase), &seen()), []);
    }
}

#[test]
fn an_upgrade_whose_execution_is_gone_is_rolled_back_unless_it_has_ended() {
    use Phase::{After, Before, RollingBack, Switching};
    let gone = ended(Some(Execution::Ended(Millis(0))));
    for phase in [Before, Switching, After, RollingBack] {
        let acts = acts(&at(phase), &gone);
        assert!(matches!(acts[..], [Act::Restart(_)]), "{phase:?}");
    }
    for phase in [Phase::Ended, Phase::NeedsOperator] {
        assert_eq!(acts(&at(phase), &gone), []);
    }
    let just_now = ended(Some(Execution::Ended(LATER)));
    assert_eq!(acts(&at(Before), &just_now), [], "the rules come first");
    assert_eq!(acts(&at(Before), &ended(None)), []);
}

#[test]
fn a_rollback_that_runs_is_left_alone_although_its_parent_is_gone() {
    let mut rolling = at(Phase::Returning);
    rolling.rollback = Some("arn:rollback".into());
    let runs = Seen {
        rollback: Some(Execution::Running),
        ..ended(Some(Execution::Ended(Millis(0))))
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
        readings: Some(vec![reading(State::Alarm)]),
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
fn an_orphaned_fence_is_lifted_before_the_switchover_only() {
    let fence = fence(Side::Green);
    let mut fenced = at(Phase::Before);
    fenced.fences = vec![fence.clone()];
    assert_eq!(acts(&fenced, &seen()), [Act::LiftFence(fence)]);
    fenced.phase = Phase::Switching;
    assert_eq!(acts(&fenced, &seen()), []);
    fenced.phase = Phase::Before;
    assert_eq!(acts(&leased(fenced, LATER), &seen()), []);
}

/// A record under a lease that ends at this moment.
fn leased(record: Record, until: Millis) -> Record {
    Record {
        lease: Some(lease(until)),
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
    let mut record = followed();
    if let Some(reverse) = &mut record.reverse {
        reverse.subscribed = false;
    }
    assert_eq!(acts(&record, &linked(Health::Broken(unavailable()))), []);
    let full = linked(Health::Overflowing(unavailable()));
    assert_eq!(acts(&record, &full), [Act::DropSlots(unavailable())]);
}

#[test]
fn no_notice_of_the_failback_is_sent_while_it_cannot_be_noted() {
    let broken = linked(Health::Broken(unavailable()));
    assert_eq!(acts(&leased(followed(), LATER), &broken), []);
    let free = leased(followed(), Millis(0));
    assert_eq!(acts(&free, &broken), [Act::GiveUpFailback(unavailable())]);
}

#[test]
fn a_way_back_that_is_broken_is_told_once_and_its_slots_go_when_they_hold_too_much() {
    let broken = linked(Health::Broken(unavailable()));
    let mut record = followed();
    assert_eq!(acts(&record, &broken), [Act::GiveUpFailback(unavailable())]);
    if let Some(reverse) = &mut record.reverse {
        reverse.unavailable = Some(unavailable());
    }
    assert_eq!(acts(&record, &seen()), [Act::GiveUpFailback(unavailable())]);
    if let Some(reverse) = &mut record.reverse {
        reverse.told = true;
    }
    assert_eq!(acts(&record, &broken), []);
    let full = linked(Health::Overflowing(unavailable()));
    assert_eq!(acts(&record, &full), [Act::DropSlots(unavailable())]);
}
