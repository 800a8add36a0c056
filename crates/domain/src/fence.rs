//! Fences: the application's roles that are closed on one side, so that nothing can write there.

use crate::ids::{Millis, Owner, ResourceId};
use serde::{Deserialize, Serialize};

/// Which side a fence stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The old version.
    Blue,
    /// The new version.
    Green,
}

/// A fence: application roles that can't log in. After its deadline any step may lift it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Where the roles were closed.
    pub side: Side,
    /// The server's identity for good.
    pub resource_id: ResourceId,
    /// Who put it up.
    pub owner: Owner,
    /// After this moment no running step owns it.
    pub deadline: Millis,
    /// The roles that were closed, and could log in before.
    pub roles: Vec<FencedRole>,
}

impl Fence {
    /// The deadline of a fence that only a person lifts: the end of the year 9998.
    pub const FOR_GOOD: Millis = Millis(253_370_764_799_000);

    /// The names of its roles.
    #[must_use]
    pub fn role_names(&self) -> Vec<String> {
        self.roles.iter().map(|role| role.name.clone()).collect()
    }
}

/// A role that a fence closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FencedRole {
    /// Its name.
    pub name: String,
    /// Its comment before the fence's notice took the place.
    pub comment: Option<String>,
}

/// A role of the application, as a server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether it can log in.
    pub can_login: bool,
    /// Whose fence closed it, by the notice that a fence leaves; empty where the notice can't be read.
    pub fenced_by: Option<Owner>,
    /// Its own comment; `None` where a fence's notice took the place.
    pub comment: Option<String>,
}

/// The roles that a fence has to restore: those that can log in now, or that an earlier fence of ours closed. The record of
/// that one, if there is one, knows the comments that its notice took the place of.
#[must_use]
pub fn restoring(seen: Vec<Role>, earlier: Option<&Fence>) -> Vec<FencedRole> {
    let recorded = |name: &str| earlier?.roles.iter().find(|role| role.name == name);
    let fenced = seen
        .into_iter()
        .filter(|role| role.can_login || role.fenced_by.is_some());
    fenced
        .map(|role| match recorded(&role.name) {
            Some(known) => known.clone(),
            None => FencedRole {
                name: role.name,
                comment: role.comment,
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(can_login: bool, fenced_by: Option<&str>, comment: Option<&str>) -> Role {
        Role {
            name: "app".to_owned(),
            can_login,
            fenced_by: fenced_by.map(Into::into),
            comment: comment.map(str::to_owned),
        }
    }

    #[test]
    fn a_second_fence_knows_what_the_first_one_found() {
        let first = Fence {
            side: Side::Green,
            resource_id: "db-GREEN".into(),
            owner: "arn:upgrade".into(),
            deadline: Millis(1_700_000_000_000),
            roles: restoring(vec![role(true, None, Some("the shop"))], None),
        };
        let closed = vec![role(false, Some("arn:upgrade"), None)];
        assert_eq!(restoring(closed, Some(&first)), first.roles);
    }

    #[test]
    fn a_role_that_could_not_log_in_before_is_not_opened() {
        assert_eq!(restoring(vec![role(false, None, None)], None), vec![]);
    }
}
