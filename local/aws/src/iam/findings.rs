//! The template's permissions against what runs have used of them.

use super::Roles;
use super::statement::{Effect, Statement};
use super::used::Line;
use std::collections::BTreeSet;
use std::fmt;

/// What is not as it must be. Each row: who, the statement, what.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Permissions that no run used.
    pub unused: Vec<[String; 3]>,
    /// Permissions that a run lacked.
    pub lacking: Vec<[String; 3]>,
    /// Calls of our own that only a permission for a service's sake allowed.
    pub leaning: Vec<[String; 3]>,
    /// Resources of used permissions that no run was about. They are shown, and are no failure: a service may ask for more than
    /// is seen here, such as for an instance's option group.
    pub idle: Vec<[String; 3]>,
}

impl Findings {
    /// Whether everything is as it must be, whatever is idle.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.unused.is_empty() && self.lacking.is_empty() && self.leaning.is_empty()
    }
}

/// Finds what is allowed and no caller used, and what was used and is not allowed. What a service does on our behalf is
/// not observed: statements for that are left out here, and held against a list of their own.
#[must_use]
pub fn compare(roles: &Roles, used: &BTreeSet<Line>) -> Findings {
    let mut findings = Findings::default();
    for (caller, statements) in roles {
        let own = statements
            .iter()
            .filter(|it| it.effect == Effect::Allow && !it.is_dependent());
        for statement in own {
            let row = |what: String| [caller.clone(), statement.sid.clone(), what];
            let lines = lines(caller, statement, used);
            findings
                .unused
                .extend(unused(statement, &lines).into_iter().map(row));
            if !lines.is_empty() {
                findings
                    .idle
                    .extend(idle(statement, &lines).into_iter().map(row));
            }
        }
    }
    let row = |line: &Line| {
        let statement = line.statement.as_deref().unwrap_or("none").to_owned();
        let what = format!("{} on {}", line.action, line.resource);
        [line.caller.clone(), statement, what]
    };
    let denied = used.iter().filter(|line| line.statement.is_none());
    findings.lacking = denied.map(row).collect();
    findings.leaning = used.iter().filter(|line| line.leans()).map(row).collect();
    findings
}

/// What was used by way of a statement.
fn lines<'a>(caller: &str, statement: &Statement, used: &'a BTreeSet<Line>) -> Vec<&'a Line> {
    let sid = Some(statement.sid.as_str());
    let of = |line: &&Line| line.caller == caller && line.statement.as_deref() == sid;
    used.iter().filter(of).collect()
}

/// The actions of a statement that no call used.
fn unused(statement: &Statement, lines: &[&Line]) -> Vec<String> {
    let actions = statement.actions.iter().filter_map(|action| {
        if action.contains(['*', '?']) {
            return Some(format!("{action}, which names no action"));
        }
        let was = lines.iter().any(|line| line.action == *action);
        (!was).then(|| action.clone())
    });
    actions.collect()
}

/// The resources of a statement that no call used.
fn idle(statement: &Statement, lines: &[&Line]) -> Vec<String> {
    let resources = statement.resources.iter().filter_map(|resource| {
        let was = lines.iter().any(|line| line.resource == *resource);
        (!was).then(|| format!("on {resource}"))
    });
    resources.collect()
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        section(f, "never used by any run:", &self.unused)?;
        section(f, "lacking in a run:", &self.lacking)?;
        section(
            f,
            "called by our code, but allowed for a service's sake only:",
            &self.leaning,
        )?;
        section(f, "used, but by no run on these:", &self.idle)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, rows: &[[String; 3]]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    writeln!(f, "{title}")?;
    for [caller, statement, what] in rows {
        writeln!(f, "  {caller:first$}  {statement:second$}  {what}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DB: &str = "arn:aws:rds:eu-west-1:123456789012:db:*";

    fn statements(action: &[&str]) -> Vec<Statement> {
        let policies = json!([{"Version": "2012-10-17", "Statement": [
            {"Sid": "Look", "Effect": "Allow", "Action": action, "Resource": "*"},
            {"Sid": "Change", "Effect": "Allow", "Action": "rds:ModifyDBInstance", "Resource": DB},
            {"Sid": "DependentOfChange", "Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*"},
            {"Sid": "Never", "Effect": "Deny", "Action": "rds:DeleteDBInstance", "Resource": "*"},
        ]}]);
        super::super::read(&policies).unwrap()
    }

    fn plan(statements: &[Statement]) -> Roles {
        [("plan".to_owned(), statements.to_vec())].into()
    }

    fn line(caller: &str, statement: Option<&str>, action: &str, resource: &str) -> Line {
        Line {
            caller: caller.to_owned(),
            statement: statement.map(str::to_owned),
            action: action.to_owned(),
            resource: resource.to_owned(),
            besides: false,
        }
    }

    fn used() -> BTreeSet<Line> {
        [
            line("plan", Some("Look"), "rds:DescribeEvents", "*"),
            line("plan", Some("Change"), "rds:ModifyDBInstance", DB),
        ]
        .into()
    }

    #[test]
    fn what_is_allowed_and_used_is_as_it_must_be() {
        let all = statements(&["rds:DescribeEvents"]);
        assert!(compare(&plan(&all), &used()).is_good());
    }

    #[test]
    fn an_unused_permission_is_found() {
        let all = statements(&["rds:DescribeEvents", "rds:DescribeDBClusters", "sns:*"]);
        let mut roles = plan(&all);
        roles.insert("validate".to_owned(), all[..1].to_vec());
        let findings = compare(&roles, &used()).to_string();
        let wanted = "never used by any run:
  plan      Look  rds:DescribeDBClusters
  plan      Look  sns:*, which names no action
  validate  Look  rds:DescribeEvents
  validate  Look  rds:DescribeDBClusters
  validate  Look  sns:*, which names no action
";
        assert_eq!(findings, wanted);
    }

    #[test]
    fn an_unused_resource_is_shown() {
        let mut all = statements(&["rds:DescribeEvents"]);
        all[1]
            .resources
            .push("arn:aws:rds:eu-west-1:123456789012:pg:*".to_owned());
        let findings = compare(&plan(&all), &used());
        assert_eq!(
            findings.idle[0][2],
            "on arn:aws:rds:eu-west-1:123456789012:pg:*"
        );
    }

    #[test]
    fn a_call_of_ours_that_only_a_service_s_permission_allows_is_found() {
        let all = statements(&["rds:DescribeEvents"]);
        let mut used = used();
        let mut grant = line("plan", Some("DependentOfChange"), "kms:CreateGrant", "*");
        grant.besides = true;
        used.insert(grant.clone());
        assert!(compare(&plan(&all), &used).is_good());
        grant.besides = false;
        used.insert(grant);
        let findings = compare(&plan(&all), &used);
        assert_eq!(
            findings.leaning,
            [["plan", "DependentOfChange", "kms:CreateGrant on *"]]
        );
        assert!(!findings.is_good());
    }

    #[test]
    fn a_permission_that_a_run_lacked_is_found_also_where_the_run_went_on() {
        let all = statements(&["rds:DescribeEvents"]);
        let mut used = used();
        used.insert(line("plan", None, "sns:Publish", "arn:topic"));
        let findings = compare(&plan(&all), &used);
        let wanted = "lacking in a run:\n  plan  none  sns:Publish on arn:topic\n";
        assert_eq!(findings.to_string(), wanted);
    }
}
