//! Whether a request is allowed: everything that it needs has to be allowed by some statement and forbidden by none.

use super::condition::{Condition, Context};
use super::pattern;
use super::request::{Facts, Need, Request};
use super::statement::{Effect, Statement};

/// What allowed a part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The statement.
    pub sid: String,
    /// What was needed, of the resources that the statement's matching pattern names.
    pub need: Need,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What was needed.
    pub need: Need,
    /// Whether a statement forbids it; otherwise none allows it.
    pub explicit: bool,
    /// Whether it would be allowed by the tags of a resource, which are unknown if it is gone. IAM refuses that too, but no
    /// permission is lacking.
    pub gone: bool,
}

/// What allows each part of a request.
///
/// # Errors
/// When a part of it is not allowed.
pub fn decide(
    statements: &[Statement],
    request: &Request,
    facts: &dyn Facts,
) -> Result<Vec<Grant>, Denial> {
    let needs = request.needs.iter();
    needs
        .map(|need| granted(statements, need, request, facts))
        .collect()
}

fn granted(
    statements: &[Statement],
    need: &Need,
    request: &Request,
    facts: &dyn Facts,
) -> Result<Grant, Denial> {
    let tags = facts.tags(&need.resource);
    let context = Context {
        resource: tags.as_ref(),
        asked: &request.tags,
        keys: &request.keys,
    };
    let holds = |statement: &Statement| {
        let mut conditions = statement.conditions.iter();
        conditions.all(|condition| condition.holds(context))
    };
    let matching: Vec<(&Statement, &str)> = statements
        .iter()
        .filter_map(|statement| Some((statement, matched(statement, need)?)))
        .filter(|(statement, _)| holds(statement))
        .collect();
    let by_tag = |statement: &Statement| {
        let mut conditions = statement.conditions.iter();
        let about_tags = conditions.any(Condition::is_about_tags_of_the_resource);
        about_tags && matched(statement, need).is_some()
    };
    let denial = |explicit| Denial {
        need: need.clone(),
        explicit,
        gone: !explicit && tags.is_none() && statements.iter().any(by_tag),
    };
    let denies = |(statement, _): &(&Statement, &str)| statement.effect == Effect::Deny;
    if matching.iter().any(denies) {
        return Err(denial(true));
    }
    // What is there for a service's sake is not what our own call is said to have used, unless nothing else allows it; and
    // the other way round.
    let fitting = matching
        .iter()
        .find(|(statement, _)| statement.is_dependent() == need.besides);
    let found = fitting.or(matching.first());
    let (statement, resource) = found.ok_or_else(|| denial(false))?;
    Ok(Grant {
        sid: statement.sid.clone(),
        need: Need {
            resource: (*resource).to_owned(),
            ..need.clone()
        },
    })
}

/// The statement's pattern that the resource matches, if the statement is about this action on it.
fn matched<'a>(statement: &'a Statement, need: &Need) -> Option<&'a str> {
    let mut actions = statement.actions.iter();
    if !actions.any(|action| pattern::action(action, &need.action)) {
        return None;
    }
    let mut resources = statement.resources.iter();
    let found = resources.find(|resource| pattern::arn(resource, &need.resource));
    found.map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::request::tests::World;
    use serde_json::{Value, json};

    const DB: &str = "arn:aws:rds:eu-west-1:123456789012:db:orders";

    fn statements(all: &[Value]) -> Vec<Statement> {
        super::super::read(&json!([{"Version": "2012-10-17", "Statement": all}])).unwrap()
    }

    fn request(action: &str, resources: &[&str]) -> Request {
        let resources = resources.iter().map(|it| (*it).to_owned());
        Request::new(action, resources.collect())
    }

    fn allow(sid: &str, action: &str, resource: &str) -> Value {
        json!({"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource})
    }

    #[test]
    fn nothing_is_allowed_that_no_statement_allows() {
        let all = statements(&[allow("Look", "rds:Describe*", "*")]);
        let world = World::default();
        let seen = decide(&all, &request("rds:DescribeDBInstances", &[DB]), &world).unwrap();
        let look = request("rds:DescribeDBInstances", &["*"]);
        let grant = Grant {
            sid: "Look".to_owned(),
            need: look.needs[0].clone(),
        };
        assert_eq!(seen, [grant]);
        let denial = decide(&all, &request("rds:DeleteDBInstance", &[DB]), &world).unwrap_err();
        assert!(!denial.explicit);
        assert_eq!(denial.need.resource, DB);
    }

    #[test]
    fn every_resource_has_to_be_allowed() {
        let all = statements(&[allow(
            "Snap",
            "rds:CreateDBSnapshot",
            "arn:aws:rds:*:*:db:*",
        )]);
        let snapshot = "arn:aws:rds:eu-west-1:123456789012:snapshot:before";
        let both = request("rds:CreateDBSnapshot", &[DB, snapshot]);
        let denial = decide(&all, &both, &World::default()).unwrap_err();
        assert_eq!(denial.need.resource, snapshot);
    }

    #[test]
    fn a_deny_is_stronger_than_any_allow() {
        let deny =
            json!({"Sid": "Never", "Effect": "Deny", "Action": "rds:Delete*", "Resource": DB});
        let all = statements(&[allow("All", "*", "*"), deny]);
        let world = World::default();
        let denial = decide(&all, &request("rds:DeleteDBInstance", &[DB]), &world).unwrap_err();
        assert!(denial.explicit);
        assert!(decide(&all, &request("rds:DescribeEvents", &["*"]), &world).is_ok());
    }

    #[test]
    fn a_condition_is_about_the_tags_of_the_resource_as_they_are_now() {
        let ours = json!({
            "Sid": "Ours", "Effect": "Allow", "Action": "rds:DeleteDBInstance", "Resource": "*",
            "Condition": {"StringLike": {"aws:ResourceTag/viridian:upgrade": "*"}},
        });
        let all = statements(&[ours]);
        let delete = request("rds:DeleteDBInstance", &[DB]);
        let world = World::tagged(DB, "viridian:upgrade", "first");
        assert!(decide(&all, &delete, &world).is_ok());
        let world = World::tagged(DB, "another", "first");
        assert!(!decide(&all, &delete, &world).unwrap_err().gone);
        let gone = decide(&all, &delete, &World::default());
        assert!(gone.unwrap_err().gone);
    }

    #[test]
    fn our_own_call_uses_what_is_there_for_it_and_a_service_what_is_there_for_that() {
        let dependent = allow("DependentSwitchover", "rds:ModifyDBInstance", "*");
        let own = allow("Rename", "rds:ModifyDBInstance", "*");
        let sid = |all: &[Value], besides| {
            let mut modify = request("rds:ModifyDBInstance", &[DB]);
            modify.needs[0].besides = besides;
            let grants = decide(&statements(all), &modify, &World::default());
            grants.unwrap()[0].sid.clone()
        };
        let both = [own.clone(), dependent.clone()];
        assert_eq!(sid(&both, false), "Rename");
        assert_eq!(sid(&both, true), "DependentSwitchover");
        assert_eq!(sid(&[dependent], false), "DependentSwitchover");
        assert_eq!(sid(&[own], true), "Rename");
    }
}
