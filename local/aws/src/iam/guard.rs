//! The guard at the gateway: every call of a function or a machine is held against its role's policies.

use super::Roles;
use super::decision::{Denial, decide};
use super::request::{Facts, Request};
use super::statement::Statement;
use super::used::{Line, Used};
use crate::ACCOUNT;
use crate::gateway::call::{self as gateway, Call, Caller};
use std::sync::Arc;

/// All roles, what they may do and what they have used of it.
pub struct Guard {
    roles: Roles,
    facts: Arc<dyn Facts>,
    used: Used,
}

impl Guard {
    /// A guard of these roles.
    #[must_use]
    pub const fn new(roles: Roles, facts: Arc<dyn Facts>, used: Used) -> Self {
        Self { roles, facts, used }
    }

    /// Whose policies hold for a caller. People and the platform itself may do all, and so may a machine that a person has
    /// made: its role is theirs.
    fn role<'a>(&'a self, caller: &'a Caller) -> Option<(&'a str, &'a [Statement])> {
        match caller {
            Caller::Function(name) => {
                let policies = self.roles.get(name);
                Some((name.as_str(), policies.map_or(&[], Vec::as_slice)))
            }
            Caller::Machine(name) | Caller::Deliverer(name) => {
                Some((name.as_str(), self.roles.get(name)?.as_slice()))
            }
            Caller::Service(_) | Caller::Person => None,
        }
    }
}

impl gateway::Guard for Guard {
    fn check(&self, call: &Call) -> Result<(), String> {
        let Some((role, statements)) = self.role(&call.caller) else {
            return Ok(());
        };
        let request = Request::of(call, self.facts.as_ref());
        match decide(statements, &request, self.facts.as_ref()) {
            Ok(grants) => {
                for grant in grants {
                    self.used.note(Line::new(role, Some(grant.sid), grant.need));
                }
                Ok(())
            }
            Err(denial) => {
                let message = message(role, &denial);
                tracing::warn!(why = message, gone = denial.gone, "call not allowed");
                if !denial.gone {
                    self.used.note(Line::new(role, None, denial.need));
                }
                Err(message)
            }
        }
    }
}

fn message(role: &str, denial: &Denial) -> String {
    let (action, resource) = (&denial.need.action, &denial.need.resource);
    let why = if denial.explicit {
        "with an explicit deny in an identity-based policy".to_owned()
    } else {
        format!("because no identity-based policy allows the {action} action")
    };
    format!(
        "User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{role} is not authorized to perform: {action} on resource: {resource} {why}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Guard as _;
    use crate::iam::request::tests::{World, rds};
    use crate::iam::union;
    use serde_json::json;

    const DELETE: &str = "Action=DeleteDBInstance&DBInstanceIdentifier=orders";

    fn guard(used: Used) -> Guard {
        let look = json!({"Sid": "Look", "Effect": "Allow", "Action": "rds:DescribeDBInstances", "Resource": "*"});
        let policies = json!([{"Version": "2012-10-17", "Statement": [look]}]);
        Guard {
            roles: [("plan".to_owned(), super::super::read(&policies).unwrap())].into(),
            facts: Arc::new(World::default()),
            used,
        }
    }

    #[test]
    fn a_function_may_do_what_its_policies_allow_and_a_person_all() {
        let folder = tempfile::tempdir().unwrap();
        let guard = guard(Used::new(folder.path()));
        assert_eq!(guard.check(&rds("Action=DescribeDBInstances")), Ok(()));
        let refused = guard.check(&rds(DELETE)).unwrap_err();
        assert_eq!(
            refused,
            "User: arn:aws:sts::123456789012:assumed-role/plan/plan is not authorized to perform: rds:DeleteDBInstance \
             on resource: arn:aws:rds:eu-west-1:123456789012:db:orders \
             because no identity-based policy allows the rds:DeleteDBInstance action"
        );
        let by = |caller: Caller| {
            guard.check(&Call {
                caller,
                ..rds(DELETE)
            })
        };
        assert!(by(Caller::Function("unknown".to_owned())).is_err());
        assert!(by(Caller::Machine("plan".to_owned())).is_err());
        assert_eq!(by(Caller::Machine("Mine".to_owned())), Ok(()));
        assert_eq!(by(Caller::Person), Ok(()));
        assert_eq!(by(Caller::Service("events")), Ok(()));
    }

    #[test]
    fn what_was_used_and_what_was_missing_outlasts_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let guard = guard(Used::new(folder.path()));
        for _ in 0..2 {
            guard.check(&rds("Action=DescribeDBInstances")).unwrap();
            guard.check(&rds(DELETE)).unwrap_err();
        }
        drop(guard);
        let lines = union(folder.path()).unwrap();
        let brief: Vec<_> = lines
            .iter()
            .map(|line| (line.statement.as_deref(), line.action.as_str()))
            .collect();
        let wanted = [
            (None, "rds:DeleteDBInstance"),
            (Some("Look"), "rds:DescribeDBInstances"),
        ];
        assert_eq!(brief, wanted);
    }
}
