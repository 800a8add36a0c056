//! What holds of the plan of any database, well or not.

use crate::inspection::Seen;
use crate::plan::{Check, Verdict};
use crate::request::Strategy;
use crate::samples::{WellServer, blockers, plan_of, unreadable, well, writer};
use crate::steps::plan::Outcome;
use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::{Just, Strategy as Generate};
use serde_json::json;

/// A database that is well but for some things.
fn seen() -> impl Generate<Value = Seen> {
    let instance_text = prop_oneof!["available", "modifying", "16.14", "18.4", "19.1", "x", ""];
    (
        proptest::option::weighted(0.95, Just(())),
        proptest::collection::vec(instance_text, 4),
        any::<[bool; 8]>(),
        0u32..5,
        proptest::option::of(".{0,9}"),
    )
        .prop_map(|(there, texts, flags, days, name)| {
            let mut seen = well();
            let us = writer(&mut seen);
            us.version.clone_from(&texts[0]);
            us.status = texts[1].as_str().into();
            us.parameters_applied = texts[2].as_str().into();
            us.backup_days = days;
            us.managed_password = flags[0];
            let found = name.map(|name| Check::blocker("tables", format!("`{name}`"), "see to it"));
            seen.server = Ok(Box::new(WellServer(found.into_iter().collect())));
            if flags[4] {
                seen.server = Err(unreadable());
            }
            if flags[5] {
                seen.alarms = Err("denied".into());
            }
            if flags[6] {
                seen.reads = Err("two of a kind".into());
            }
            seen.writer = seen.writer.filter(|_| there.is_some());
            seen
        })
}

proptest! {
    #[test]
    fn a_plan_is_refused_exactly_if_something_is_in_the_way(seen in seen(), dry_run in any::<bool>()) {
        let output = plan_of(&json!({"dry_run": dry_run}), &seen);
        prop_assert_eq!(output.outcome == Outcome::Refused, !blockers(&output).is_empty());
        prop_assert_eq!(output.outcome == Outcome::DryRun, dry_run && blockers(&output).is_empty());
    }

    #[test]
    fn whatever_is_not_well_has_a_remedy(seen in seen()) {
        for check in plan_of(&json!({}), &seen).plan.checks {
            prop_assert!(!check.found.is_empty());
            prop_assert_eq!(check.verdict == Verdict::Pass, check.remedy.is_empty());
        }
    }

    #[test]
    fn a_plan_that_is_ready_knows_its_writer_roles_and_databases(seen in seen()) {
        let output = plan_of(&json!({}), &seen);
        if output.outcome == Outcome::Ready {
            prop_assert!(output.plan.writer().is_ok());
            prop_assert!(output.plan.strategy == Strategy::InPlace || !output.plan.application_roles.is_empty());
        }
    }
}
