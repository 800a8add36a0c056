//! What holds of the plan of any server, well or not.

use super::Asked;
use domain::plan::Verdict;
use domain::request::Strategy;
use domain::samples::blockers;
use domain::steps::plan::Outcome;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::strategy::Strategy as Generate;
use serde_json::json;

/// A server that is well but for some things.
fn asked() -> impl Generate<Value = Asked> {
    (
        any::<[bool; 4]>(),
        (0u32..5, 0u32..20),
        proptest::option::of(".{0,9}"),
    )
        .prop_map(|(flags, numbers, name)| {
            let mut asked = Asked::well();
            let server = &mut asked.server;
            (server.streaming, server.settings.replication_slots) = numbers;
            server.us.creates_roles = flags[0];
            server.roles[1].superuser = flags[1];
            server.roles[2].can_login = flags[2];
            server.roles[1].can_login = flags[3];
            server.databases[0].keyless = name.iter().cloned().collect();
            asked
        })
}

proptest! {
    #[test]
    fn a_plan_is_refused_exactly_if_something_is_in_the_way(asked in asked(), dry_run in any::<bool>()) {
        let output = asked.plan(&json!({"dry_run": dry_run}));
        prop_assert_eq!(output.outcome == Outcome::Refused, !blockers(&output).is_empty());
        prop_assert_eq!(output.outcome == Outcome::DryRun, dry_run && blockers(&output).is_empty());
    }

    #[test]
    fn whatever_is_not_well_has_a_remedy(asked in asked()) {
        for check in asked.plan(&json!({})).plan.checks {
            prop_assert!(!check.found.is_empty());
            prop_assert_eq!(check.verdict == Verdict::Pass, check.remedy.is_empty());
        }
    }

    #[test]
    fn a_plan_that_is_ready_knows_its_writer_roles_and_databases(asked in asked()) {
        let output = asked.plan(&json!({}));
        if output.outcome == Outcome::Ready {
            prop_assert!(output.plan.writer().is_ok() && !output.plan.databases.is_empty());
            prop_assert!(output.plan.strategy == Strategy::InPlace || !output.plan.application_roles.is_empty());
        }
    }
}
