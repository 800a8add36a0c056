//! Logging in by IAM, and the role as which old blue follows green.

use super::Asked;
use crate::facts::Follower;
use crate::samples::role;
use domain::inspection::Unreadable;
use domain::plan::Verdict;
use domain::samples::{blockers, plan_of, verdict, writer};
use domain::steps::plan::Outcome;
use serde_json::json;

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
fn by_iam() -> Asked {
    let mut asked = Asked::well();
    asked.seen.by_iam = true;
    writer(&mut asked.seen).iam_login = true;
    asked.seen.readers[0].iam_login = true;
    asked.server.follower = Some(follower());
    asked
}

#[test]
fn logging_in_by_iam_needs_every_instance_and_a_role_that_follows_by_password() {
    let output = by_iam().plan(&json!({}));
    assert_eq!(output.outcome, Outcome::Ready, "{}", output.text);
    for name in ["IAM login", "replication role"] {
        assert_eq!(verdict(&output, name), Some(Verdict::Pass), "{name}");
    }
    let mut off = by_iam();
    off.seen.readers[0].iam_login = false;
    assert!(blockers(&off.plan(&json!({}))).contains(&"IAM login"));
    // No login succeeds, so that the cause shows only in what RDS says.
    let mut seen = by_iam().seen;
    writer(&mut seen).iam_login = false;
    seen.server = Err(Unreadable {
        why: "PAM authentication failed".into(),
        remedy: crate::remedies::login(true).to_owned(),
    });
    assert!(blockers(&plan_of(&json!({}), &seen)).contains(&"IAM login"));
    let alone = || {
        let mut alone = by_iam();
        alone.server.follower = None;
        alone
    };
    assert_eq!(blockers(&alone().plan(&json!({}))), ["replication role"]);
    let no_failback = alone().plan(&json!({"way_back": "none"}));
    assert_eq!(no_failback.outcome, Outcome::Ready, "{}", no_failback.text);
}

#[test]
fn a_role_that_could_not_follow_green_is_refused() {
    let faults: [fn(&mut Follower); 6] = [
        |role| (role.exists, role.can_login) = (false, false),
        |role| role.can_login = false,
        |role| role.is_by_iam = true,
        |role| role.replicates = false,
        |role| role.refused = Some("wrong password".into()),
        |role| role.writes = vec!["orders.public.orders".into()],
    ];
    for fault in faults {
        let mut asked = Asked::well();
        let mut unfit = follower();
        fault(&mut unfit);
        asked.server.follower = Some(unfit);
        assert_eq!(blockers(&asked.plan(&json!({}))), ["replication role"]);
    }
}

#[test]
fn no_fence_closes_the_role_as_which_old_blue_follows() {
    let followed = || {
        let mut asked = Asked::well();
        asked.server.roles.push(role("follower"));
        asked.server.follower = Some(follower());
        asked
    };
    let output = followed().plan(&json!({}));
    assert_eq!(output.plan.application_roles, ["orders_app", "reader"]);
    assert_eq!(verdict(&output, "other logins"), Some(Verdict::Pass));
    let named = json!({"application_roles": ["orders_app", "reader", "follower"]});
    assert_eq!(blockers(&followed().plan(&named)), ["application roles"]);
}

#[test]
fn where_nothing_is_by_iam_nothing_is_said_of_it() {
    let output = Asked::well().plan(&json!({}));
    assert_eq!(verdict(&output, "IAM login"), None);
    assert_eq!(verdict(&output, "replication role"), None);
}
