//! The role as which old blue follows green.

use crate::facts::{Follower, Server};
use domain::inspection::Case;
use domain::plan::Check;
use domain::request::WayBack;

/// No fence closes the role, so that it is looked at whether it is needed or not. Where it is ours, and has a password,
/// [`super::way_back`] looks at its rights.
pub(super) fn check(case: &Case<'_>, server: &Server) -> Option<Check> {
    const NAME: &str = "replication role";
    let Some(follower) = &server.follower else {
        let needed = case.seen.by_iam && case.request.way_back != WayBack::None;
        return needed.then(|| {
            let found = format!(
                "{} logs in by IAM, and old blue could not follow green so: its subscription lasts for days, a token for minutes",
                server.us.name
            );
            let remedy = "CREATE ROLE … LOGIN PASSWORD …, GRANT rds_replication TO it, and put it into the secret: \
                \"replication\": {\"username\", \"password\"}; or write `way_back`: `none`";
            Check::blocker(NAME, found, remedy)
        });
    };
    Some(match fault(follower) {
        None => {
            let found = format!("old blue can follow green as {}", follower.name);
            Check::pass(NAME, found)
        }
        Some((found, remedy)) => Check::blocker(NAME, found, &remedy),
    })
}

/// What keeps it from following green, with the remedy.
fn fault(follower: &Follower) -> Option<(String, String)> {
    let name = follower.name.as_str();
    let fault = |found: String, remedy: String| Some((found, remedy));
    if !follower.exists {
        fault(
            format!("there is no role {name}, which the secret has for replication"),
            format!("CREATE ROLE {name} LOGIN PASSWORD …, and GRANT rds_replication TO {name}"),
        )
    } else if !follower.can_login {
        fault(
            format!("{name} can't log in"),
            format!("ALTER ROLE {name} LOGIN"),
        )
    } else if follower.is_by_iam {
        fault(
            format!("{name} is a member of rds_iam, so that no password lets it in"),
            format!("REVOKE rds_iam FROM {name}, or give replication a role of its own"),
        )
    } else if let Some(table) = follower.writes.first() {
        fault(
            format!("{name} may write {table}, and no fence closes it"),
            "give replication a role of its own, which may write nothing".to_owned(),
        )
    } else if !follower.replicates {
        fault(
            format!("{name} may not read from replication slots"),
            format!("GRANT rds_replication TO {name}"),
        )
    } else {
        let why = follower.refused.as_ref()?;
        fault(
            format!("{name} is not let in as old blue would be: {why}"),
            format!(
                "put the password of {name} into the secret's `replication`, and GRANT CONNECT ON DATABASE … TO {name}"
            ),
        )
    }
}
