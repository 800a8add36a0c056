//! The template's permissions as a page of the documentation.

use super::dependent::{DEPENDENT, Dependent};
use super::statement::{Effect, Statement};
use super::{Condition, Roles};
use crate::{ACCOUNT, REGION};

const HEAD: &str = "# What each role may do

Written by `make iam-table` from `infra/template.yaml`: a table for each function, each state machine, and each role in whose name
EventBridge and its scheduler call. ARNs are shown without partition, Region and account, which are the stack's own.

The local platform refuses every call that is not allowed here, as IAM would, and `make test` fails for a permission that no test
uses. What is marked with † no code of ours calls: AWS demands it for what it does on our behalf, and
[each has its source](#what-aws-demands). What is marked with ‡ is there only in a stack that has subnets, a key, a schedule or a source of requests.
";

const SOURCES: &str = "
## What AWS demands

| why | may | for | by |
|---|---|---|---|
";

/// The page, in markdown: `all` is what roles may do in a stack that has everything which parameters can give it, `plain` in one
/// that has nothing of that.
#[must_use]
pub fn table(all: &Roles, plain: &Roles) -> String {
    let mut page = HEAD.to_owned();
    for (role, statements) in all {
        let head = "| why | may | on | if |\n|---|---|---|---|\n";
        page.extend([format!("\n## `{role}`\n\n"), head.to_owned()]);
        let usual = plain.get(role).map_or(&[][..], Vec::as_slice);
        let (dependent, own): (Vec<_>, Vec<_>) =
            statements.iter().partition(|it| it.is_dependent());
        page.extend(own.into_iter().chain(dependent).map(|statement| {
            let is_usual = usual.iter().any(|it| it.sid == statement.sid);
            row(statement, is_usual)
        }));
    }
    page.push_str(SOURCES);
    page.extend(DEPENDENT.iter().map(source));
    page
}

fn row(statement: &Statement, is_usual: bool) -> String {
    let dependent = if statement.is_dependent() { " †" } else { "" };
    let rare = if is_usual { "" } else { " ‡" };
    let never = match statement.effect {
        Effect::Allow => "",
        Effect::Deny => "**never** ",
    };
    let resources = statement.resources.iter().map(|arn| resource(arn));
    let conditions = statement.conditions.iter().map(condition);
    format!(
        "| {}{dependent}{rare} | {never}{} | {} | {} |\n",
        statement.sid,
        listed(statement.actions.iter().map(String::as_str)),
        joined(resources),
        joined(conditions),
    )
}

fn source(it: &Dependent) -> String {
    let actions = listed(it.actions.iter().copied());
    format!(
        "| {} | {actions} | {} | <{}> |\n",
        it.sid, it.what, it.source
    )
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    joined(names.map(str::to_owned))
}

/// Each in code, a line each.
fn joined(texts: impl Iterator<Item = String>) -> String {
    let quoted = texts.map(|text| format!("`{text}`"));
    quoted.collect::<Vec<_>>().join("<br>")
}

/// A resource's ARN after the account.
fn resource(arn: &str) -> String {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        [_, _, service, _, _, rest] => format!("{service} {rest}"),
        _ => arn.to_owned(),
    }
}

fn condition(condition: &Condition) -> String {
    let text = condition.to_string();
    let text = text.replace(&format!(":{REGION}:{ACCOUNT}:"), ":");
    text.replace("arn:aws:", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_statement_is_one_row() {
        let policies = json!([{"Version": "2012-10-17", "Statement": [
            {
                "Sid": "Act", "Effect": "Allow", "Action": ["rds:DeleteDBInstance", "rds:ModifyDBInstance"],
                "Resource": ["arn:aws:rds:eu-west-1:123456789012:db:*", "*"],
                "Condition": {"StringLike": {"aws:ResourceTag/a": "arn:aws:states:eu-west-1:123456789012:execution:*"}},
            },
            {"Sid": "DependentOfAct", "Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*"},
        ]}]);
        let all = super::super::read(&policies).unwrap();
        let plain = Roles::from([("retire".to_owned(), all[..1].to_vec())]);
        let page = table(&Roles::from([("retire".to_owned(), all)]), &plain);
        let act = "## `retire`\n\n| why | may | on | if |\n|---|---|---|---|\n\
            | Act | `rds:DeleteDBInstance`<br>`rds:ModifyDBInstance` | `rds db:*`<br>`*` | `aws:ResourceTag/a like states:execution:*` |\n";
        let dependent = "| DependentOfAct † ‡ | `kms:CreateGrant` | `*` |  |\n";
        assert!(page.contains(&format!("{act}{dependent}")), "{page}");
    }
}
