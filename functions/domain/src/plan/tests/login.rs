//! Logging in by IAM, and the role as which old blue follows green.

use super::{asked, blockers, writer};
use crate::plan::{Follower, Outcome, Output, Seen, Verdict};
use crate::samples::{plan_of, role, well};
use serde_json::json;

/// The verdict on one check, if it was made.
fn verdict(output: &Output, name: &str) -> Option<Verdict> {
    let mut checks = output.plan.checks.iter();
    checks
        .find(|check| check.name == name)
        .map(|check| check.verdict)
}

fn follower() -> Follower {
    Follower {
        name: "follower".into(),
        exists: true,
        can_login: true,
        replicates: true,
        is_by_iam: false,
        refused: None,
        writes: vec![],
    }
}

/// A database that is well, and lets us in by IAM.
fn by_iam() -> Seen {
    let mut seen = well();
    seen.by_iam = true;
    writer(&mut seen).iam_login = true;
    seen.readers[0].iam_login = true;
    asked(&mut seen).follower = Some(follower());
    seen
}

#[test]
fn logging_in_by_iam_needs_every_instance_and_a_role_that_follows_by_password() {
    let output = plan_of(&json!({}), &by_iam());
    assert_eq!(output.outcome, Outcome::Ready, "{}", output.text);
    for name in ["IAM login", "replication role"] {
        assert_eq!(verdict(&output, name), Some(Verdict::Pass), "{name}");
    }
    for off in [true, false] {
        let mut seen = by_iam();
        if off {
            seen.readers[0].iam_login = false;
        } else {
            // Nobody is let in, so that the cause shows only in what RDS says.
            writer(&mut seen).iam_login = false;
            seen.server = Err("PAM authentication failed".into());
        }
        assert!(blockers(&plan_of(&json!({}), &seen)).contains(&"IAM login"));
    }
    let mut alone = by_iam();
    asked(&mut alone).follower = None;
    assert_eq!(blockers(&plan_of(&json!({}), &alone)), ["replication role"]);
    let no_way_back = plan_of(&json!({"way_back": "none"}), &alone);
    assert_eq!(no_way_back.outcome, Outcome::Ready, "{}", no_way_back.text);
}

#[test]
fn a_role_that_could_not_follow_green_is_refused() {
    let faults: [fn(&mut Follower); 6] = [
        |role| {
            (role.exists, role.can_login) = (false, false);
        },
        |role| role.can_login = false,
        |role| role.is_by_iam = true,
        |role| role.replicates = false,
        |role| role.refused = Some("wrong password".into()),
        |role| role.writes = vec!["orders.public.orders".into()],
    ];
    for fault in faults {
        let mut seen = well();
        let mut unfit = follower();
        fault(&mut unfit);
        asked(&mut seen).follower = Some(unfit);
        assert_eq!(blockers(&plan_of(&json!({}), &seen)), ["replication role"]);
    }
}

#[test]
fn no_fence_closes_the_role_as_which_old_blue_follows() {
    let mut seen = well();
    let server = asked(&mut seen);
    server.roles.push(role("follower"));
    server.follower = Some(follower());
    let output = plan_of(&json!({}), &seen);
    assert_eq!(output.plan.application_roles, ["orders_app", "reader"]);
    assert_eq!(verdict(&output, "other logins"), Some(Verdict::Pass));
    let named = json!({"application_roles": ["orders_app", "reader", "follower"]});
    assert_eq!(blockers(&plan_of(&named, &seen)), ["application roles"]);
}

#[test]
fn where_nothing_is_by_iam_nothing_is_said_of_it() {
    let output = plan_of(&json!({}), &well());
    assert_eq!(verdict(&output, "IAM login"), None);
    assert_eq!(verdict(&output, "replication role"), None);
}
