use super::*;
use crate::samples::{greens, instance, plan};
use serde_json::json;

fn twins() -> Vec<Twins> {
    let blues = [
        instance("orders", None),
        instance("orders-replica", Some("orders")),
    ];
    let pairs = blues.into_iter().zip(greens(&plan(&json!({}))));
    let twins = pairs.map(|(blue, green)| Twins {
        blue,
        green,
        parameters: vec![],
    });
    twins.collect()
}

fn compared(change: impl FnOnce(&mut Vec<Twins>)) -> Parity {
    let mut twins = twins();
    change(&mut twins);
    parity(&plan(&json!({})), &twins)
}

#[test]
fn a_green_that_is_like_blue_is_fit() {
    let Parity::Fit(lines) = compared(|_| {}) else {
        panic!("unfit");
    };
    let alike = "orders-green-abc123 is like orders";
    assert!(lines[0].contains(alike), "{lines:?}");
}

#[test]
fn less_of_anything_is_unfit_and_more_storage_is_not() {
    let less: [fn(&mut Vec<Twins>); 8] = [
        |twins| twins[0].green.version = "16.14".into(),
        |twins| twins[0].green.class = "db.t4g.micro".into(),
        |twins| twins[0].blue.multi_az = true,
        |twins| twins[1].green.storage_gib = 20,
        |twins| twins[1].green.storage_type = "gp2".into(),
        |twins| twins[1].green.replica_of = None,
        |twins| twins[0].green.parameters_applied = "pending-reboot".into(),
        |twins| twins.truncate(1),
    ];
    for less in less {
        assert!(matches!(compared(less), Parity::Unfit(_)));
    }
    let more = compared(|twins| twins[0].green.storage_gib = 500);
    assert!(matches!(more, Parity::Fit(_)));
}

#[test]
fn a_busy_green_is_waited_for() {
    let act = compared(|twins| twins[1].green.status = "modifying".into());
    assert!(matches!(act, Parity::Wait(what) if what.contains("modifying")));
}

#[test]
fn parameters_that_green_lacks_are_named() {
    let set = |pairs: [(&str, &str); 2]| {
        BTreeMap::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
    };
    let blue = set([("work_mem", "64MB"), ("jit", "off")]);
    let green = set([("jit", "off"), ("extra", "1")]);
    assert_eq!(unlike(&blue, &green), ["work_mem"]);
    assert!(unlike(&blue, &blue).is_empty());
}

#[test]
fn a_rehearsal_counts_only_if_the_fence_held_and_came_down() {
    let roles = ["app", "reader"].map(str::to_owned);
    assert!(rehearsed(&roles, &[], &roles).is_ok());
    assert!(rehearsed(&roles, &roles[..1], &roles).is_err());
    assert!(rehearsed(&roles, &[], &roles[..1]).is_err());
    assert!(rehearsed(&[], &[], &[]).is_err());
}
