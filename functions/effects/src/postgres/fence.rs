//! A fence: application roles that can't log in, each with a comment that says whose fence it is and until when.
//!
//! `default_transaction_read_only` is no wall, since any session can set it aside. A role that can't log in is one.

use super::roles::Role;
use super::{Session, identifier, literal};
use crate::error::Error;
use domain::ids::Owner;
use domain::record::{Fence, FencedRole};
use std::fmt::Write;

/// How the comment begins on a role that a fence closed.
pub const NOTICE: &str = "viridian: fenced by ";

/// The comment that a fence leaves on each role.
#[must_use]
pub fn notice(fence: &Fence) -> String {
    let deadline = jiff::Timestamp::from_millisecond(fence.deadline.0).unwrap_or_default();
    format!("{NOTICE}{} until {deadline}", fence.owner)
}

/// Whether a role carries a fence's notice.
#[must_use]
pub fn is_ours(role: &Role) -> bool {
    matches!(&role.comment, Some(text) if text.starts_with(NOTICE))
}

/// Whether it is the notice of an upgrade's fence.
#[must_use]
pub fn is_of(role: &Role, owner: &Owner) -> bool {
    let rest = role
        .comment
        .as_ref()
        .and_then(|text| text.strip_prefix(NOTICE));
    rest.and_then(|rest| rest.strip_prefix(owner.as_str()))
        .is_some_and(|rest| rest.starts_with(" until "))
}

/// What a fence has to restore: the roles that can log in now, or that an earlier fence of ours closed. That one's
/// record, if there is one, knows the comments that its notice took the place of.
#[must_use]
pub fn restoring(seen: Vec<Role>, earlier: Option<&Fence>) -> Vec<FencedRole> {
    let recorded = |name: &str| earlier?.roles.iter().find(|role| role.name == name);
    let fenced = seen
        .into_iter()
        .filter(|role| role.can_login || is_ours(role));
    fenced
        .map(|role| match recorded(&role.name) {
            Some(known) => known.clone(),
            None => FencedRole {
                comment: if is_ours(&role) { None } else { role.comment },
                name: role.name,
            },
        })
        .collect()
}

/// Closes the fence's roles, all in one transaction. Sessions that are connected stay: see [`super::sessions::drain`].
///
/// # Errors
///
/// If a role can't be altered; none is then.
pub async fn raise(session: &Session, fence: &Fence) -> Result<(), Error> {
    transact(session, "closing the application's roles", &closing(fence)).await
}

/// Opens the fence's roles and restores their comments, all in one transaction.
///
/// # Errors
///
/// If a role can't be altered; none is then.
pub async fn lift(session: &Session, fence: &Fence) -> Result<(), Error> {
    transact(session, "opening the application's roles", &opening(fence)).await
}

/// One transaction in one round trip, which writes whatever the server's default is: the session may be one that sees it.
async fn transact(session: &Session, doing: &'static str, statements: &str) -> Result<(), Error> {
    let whole = format!("begin read write; {statements} commit");
    let done = session.change(doing, &whole).await;
    if done.is_err() {
        // A statement that fails leaves the transaction open, and the session would be of no use any more.
        session.batch_execute("rollback").await.ok();
    }
    done
}

/// Closes the roles and takes that back at once, in one transaction that nobody else sees.
///
/// # Errors
///
/// If a role can't be altered by us.
pub async fn rehearse(session: &Session, fence: &Fence) -> Result<(), Error> {
    let closing = closing(fence);
    // Not in one message: a failure in it would leave the transaction open.
    let doing = "rehearsing the fence";
    session.change(doing, "begin read write").await?;
    let closed = session.change(doing, &closing).await;
    session.change(doing, "rollback").await?;
    closed
}

fn closing(fence: &Fence) -> String {
    let notice = literal(&notice(fence));
    fence.roles.iter().fold(String::new(), |mut sql, role| {
        let name = identifier(&role.name);
        let _ = write!(
            sql,
            "alter role {name} nologin; comment on role {name} is {notice};"
        );
        sql
    })
}

fn opening(fence: &Fence) -> String {
    fence.roles.iter().fold(String::new(), |mut sql, role| {
        let name = identifier(&role.name);
        let comment = match &role.comment {
            Some(text) => literal(text),
            None => "null".to_owned(),
        };
        let _ = write!(
            sql,
            "alter role {name} login; comment on role {name} is {comment};"
        );
        sql
    })
}

#[cfg(test)]
mod tests {
    use super::{closing, opening, restoring};
    use crate::postgres::roles::Role;
    use domain::ids::Millis;
    use domain::record::{Fence, FencedRole, Side};

    fn role(name: &str, can_login: bool, comment: Option<&str>) -> Role {
        Role {
            name: name.to_owned(),
            can_login,
            comment: comment.map(str::to_owned),
        }
    }

    fn fence(roles: Vec<FencedRole>) -> Fence {
        Fence {
            side: Side::Green,
            resource_id: "db-GREEN".into(),
            owner: "arn:upgrade".into(),
            deadline: Millis(1_700_000_000_000),
            roles,
        }
    }

    #[test]
    fn a_second_fence_knows_what_the_first_one_found() {
        let first = fence(restoring(vec![role("app", true, Some("the shop"))], None));
        let closed = vec![role("app", false, Some(&super::notice(&first)))];
        assert_eq!(restoring(closed, Some(&first)), first.roles);
    }

    #[test]
    fn a_role_that_could_not_log_in_before_is_not_opened() {
        assert_eq!(restoring(vec![role("batch", false, None)], None), vec![]);
    }

    #[test]
    fn a_notice_is_one_upgrades_and_nobody_elses() {
        let mut closed = fence(vec![]);
        let of = |closed: &Fence| role("app", false, Some(&super::notice(closed)));
        assert!(super::is_of(&of(&closed), &"arn:upgrade".into()));
        closed.owner = "arn:upgrade-2".into();
        assert!(!super::is_of(&of(&closed), &"arn:upgrade".into()));
        assert!(!super::is_of(
            &role("app", false, None),
            &"arn:upgrade".into()
        ));
    }

    #[test]
    fn the_notice_names_owner_and_deadline_and_goes_with_the_fence() {
        let stands = fence(restoring(vec![role("app", true, Some("it's"))], None));
        assert!(closing(&stands).contains("fenced by arn:upgrade until 2023-11-14T22:13:20Z"));
        let for_good = Fence {
            deadline: Fence::FOR_GOOD,
            ..stands.clone()
        };
        assert!(closing(&for_good).contains("until 9998-12-31"));
        assert_eq!(
            opening(&stands),
            r#"alter role "app" login; comment on role "app" is E'it''s';"#
        );
    }
}
