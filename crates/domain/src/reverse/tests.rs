use super::*;

const LIMIT: u64 = 1000;

fn shape(tables: &[(&str, &str)]) -> Shape {
    let owned = |(name, columns): &(&str, &str)| ((*name).to_owned(), (*columns).to_owned());
    tables.iter().map(owned).collect()
}

fn link() -> Link {
    Link {
        name: name(0),
        position: "0/1".into(),
        tables: shape(&[("public.a", "x")]),
    }
}

/// A link as it is, but for a change.
fn judge(change: impl FnOnce(&mut LinkSeen)) -> Health {
    let mut seen = LinkSeen {
        slot: Some(SlotSeen {
            active: true,
            lost: false,
            held: 10,
        }),
        subscription: Some(subscribed(true, true, 1)),
        tables: Some(link().tables),
    };
    change(&mut seen);
    health("orders", &link(), &seen, LIMIT)
}

fn subscribed(enabled: bool, working: bool, tables: usize) -> SubscriptionSeen {
    SubscriptionSeen {
        enabled,
        working,
        tables: Some(tables),
    }
}

fn held(bytes: u64) -> Health {
    judge(|seen| {
        let slot = seen.slot.as_mut().expect("a slot");
        (slot.active, slot.held) = (false, bytes);
    })
}

#[test]
fn what_is_gone_lost_or_disabled_is_broken() {
    assert_eq!(judge(|_| {}), Health::Well);
    let broken = [
        judge(|seen| seen.slot = None),
        judge(|seen| seen.subscription = None),
        judge(|seen| seen.slot = seen.slot.map(|slot| SlotSeen { lost: true, ..slot })),
        judge(|seen| seen.subscription = Some(subscribed(false, false, 1))),
        judge(|seen| seen.subscription = Some(subscribed(true, true, 0))),
    ];
    for health in broken {
        assert!(matches!(health, Health::Broken(_)), "{health:?}");
    }
}

#[test]
fn a_table_that_is_new_or_changed_is_named() {
    let now = shape(&[("public.a", "y"), ("public.b", "x")]);
    let Health::Broken(broken) = judge(|seen| seen.tables = Some(now)) else {
        panic!("it is trusted")
    };
    let named = "public.a has other columns, public.b is new";
    assert!(broken.why.contains(named), "{}", broken.why);
}

#[test]
fn a_slot_is_told_at_half_of_what_it_may_hold_and_dropped_at_all_of_it() {
    assert_eq!(held(LIMIT / 2 - 1), Health::Well);
    assert!(matches!(held(LIMIT / 2), Health::Holding(_)));
    assert!(matches!(held(LIMIT), Health::Overflowing(_)));
}

#[test]
fn a_worker_that_rests_breaks_nothing() {
    let resting = judge(|seen| seen.subscription = Some(subscribed(true, false, 1)));
    assert!(matches!(resting, Health::Resting(_)));
    let broken = held(LIMIT);
    assert_eq!(worst(vec![Health::Well, broken.clone(), resting]), broken);
    assert_eq!(worst(vec![]), Health::Well);
}
