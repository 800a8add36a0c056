//! A fence: application roles that can't log in, each with a comment that says whose fence it is and until when.
//!
//! `default_transaction_read_only` is no wall, since any session can set it aside. A role that can't log in is one.

use crate::{PgSession, identifier, literal};
use domain::fence::Fence;
use domain::ids::Owner;
use ports::Error;
use std::fmt::Write;

/// How the comment begins on a role that a fence closed.
pub const NOTICE: &str = "viridian: fenced by ";

/// The comment that a fence leaves on each role.
#[must_use]
pub fn notice(fence: &Fence) -> String {
    let deadline = jiff::Timestamp::from_millisecond(fence.deadline.0).unwrap_or_default();
    format!("{NOTICE}{} until {deadline}", fence.owner)
}

/// Reads a role's comment: whose fence closed it, with an empty owner where the notice can't be read, or else its own comment.
pub(crate) fn read_notice(comment: Option<String>) -> (Option<Owner>, Option<String>) {
    let Some(rest) = comment
        .as_deref()
        .and_then(|text| text.strip_prefix(NOTICE))
    else {
        return (None, comment);
    };
    let owner = rest.split_once(" until ").map_or("", |(owner, _)| owner);
    (Some(owner.into()), None)
}

/// Closes the fence's roles, all in one transaction. Sessions that are connected stay: see [`ports::Session::drain`].
pub(crate) async fn raise(session: &PgSession, fence: &Fence) -> Result<(), Error> {
    transact(session, "closing the application's roles", &closing(fence)).await
}

/// Opens the fence's roles and restores their comments, all in one transaction.
pub(crate) async fn lift(session: &PgSession, fence: &Fence) -> Result<(), Error> {
    transact(session, "opening the application's roles", &opening(fence)).await
}

/// One transaction in one round trip, which writes whatever the server's default is: the session may be one that sees it.
async fn transact(session: &PgSession, doing: &'static str, statements: &str) -> Result<(), Error> {
    let whole = format!("begin read write; {statements} commit");
    let done = session.change(doing, &whole).await;
    if done.is_err() {
        // A statement that fails leaves the transaction open, and the session would be of no use any more.
        session.batch_execute("rollback").await.ok();
    }
    done
}

/// Closes the roles and takes that back at once, in one transaction that no other session sees.
pub(crate) async fn rehearse(session: &PgSession, fence: &Fence) -> Result<(), Error> {
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
    use super::*;
    use domain::fence::{FencedRole, Role, Side, restoring};
    use domain::ids::Millis;

    fn fence(roles: Vec<FencedRole>) -> Fence {
        Fence {
            side: Side::Green,
            resource_id: "db-GREEN".into(),
            owner: "arn:upgrade".into(),
            deadline: Millis(1_700_000_000_000),
            roles,
        }
    }

    fn app(comment: Option<&str>) -> FencedRole {
        FencedRole {
            name: "app".to_owned(),
            comment: comment.map(str::to_owned),
        }
    }

    #[test]
    fn a_notice_names_one_upgrade_and_no_other() {
        let by = |owner: &str| {
            let mut closed = fence(vec![]);
            closed.owner = owner.into();
            read_notice(Some(notice(&closed)))
        };
        assert_eq!(by("arn:upgrade"), (Some("arn:upgrade".into()), None));
        assert_eq!(by("arn:upgrade-2"), (Some("arn:upgrade-2".into()), None));
        assert_eq!(read_notice(None), (None, None));
        let own = Some("the shop".to_owned());
        assert_eq!(read_notice(own.clone()), (None, own));
    }

    #[test]
    fn a_notice_that_cannot_be_read_is_a_fence_of_no_upgrade() {
        let cut = Some(format!("{NOTICE}arn:upgrade"));
        assert_eq!(read_notice(cut), (Some("".into()), None));
    }

    #[test]
    fn a_second_fence_knows_what_the_first_one_found() {
        let first = fence(vec![app(Some("the shop"))]);
        let (fenced_by, comment) = read_notice(Some(notice(&first)));
        let closed = Role {
            name: "app".to_owned(),
            can_login: false,
            fenced_by,
            comment,
        };
        assert_eq!(restoring(vec![closed], Some(&first)), first.roles);
    }

    #[test]
    fn the_notice_names_owner_and_deadline_and_goes_with_the_fence() {
        let stands = fence(vec![app(Some("it's"))]);
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
