//! The template's permissions as a page of the documentation.

use super::dependent::{DEPENDENT, Dependent};
use super::statement::{Effect, Statement};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEAD: &str = "# What each function and state machine may do

Written by `make iam-table` from `infra/template.yaml`. The local platform refuses every call that is not allowed here, and
`make test` fails for a permission that no test needs. Statements marked with † are for what a service does on our behalf,
which no test can see: see the sources below. SAM adds what Lambda itself needs: to write logs, and in a VPC network interfaces.

| who | statement | may | on | if |
|---|---|---|---|---|
";

const SOURCES: &str = "
## Sources of what is marked with †

| statement | is for | by |
|---|---|---|
";

/// The page, in markdown.
///
/// # Errors
/// Never: writing to a text doesn't fail.
pub fn table<'a>(
    roles: impl IntoIterator<Item = (&'a str, &'a [Statement])>,
) -> Result<String, std::fmt::Error> {
    let mut page = HEAD.to_owned();
    for (caller, statements) in roles {
        for statement in statements {
            writeln!(page, "{}", row(caller, statement))?;
        }
    }
    page.push_str(SOURCES);
    let used = |it: &Dependent| page.contains(&format!("| {} † |", it.sid));
    let used: Vec<Dependent> = DEPENDENT.into_iter().filter(used).collect();
    for Dependent { sid, what, source } in used {
        writeln!(page, "| {sid} | {what} | <{source}> |")?;
    }
    Ok(page)
}

fn row(caller: &str, statement: &Statement) -> String {
    let mark = if statement.is_dependent() { " †" } else { "" };
    let never = match statement.effect {
        Effect::Allow => "",
        Effect::Deny => "**never** ",
    };
    let resources: Vec<&str> = statement.resources.iter().map(|arn| brief(arn)).collect();
    let conditions: Vec<String> = statement
        .conditions
        .iter()
        .map(|condition| format!("`{condition}`"))
        .collect();
    format!(
        "| `{caller}` | {}{mark} | {never}{} | `{}` | {} |",
        statement.sid,
        actions(&statement.actions),
        resources.join("`, `"),
        conditions.join(" and ")
    )
}

/// The actions of each service together.
fn actions(all: &[String]) -> String {
    let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for action in all {
        let (service, name) = action.split_once(':').unwrap_or(("", action));
        services.entry(service).or_default().push(name);
    }
    let services = services
        .into_iter()
        .map(|(service, names)| format!("{service}: {}", names.join(", ")));
    services.collect::<Vec<_>>().join("; ")
}

/// An ARN without partition, service, Region and account, which are the stack's own.
fn brief(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_statement_is_one_row() {
        let policies = json!([{"Version": "2012-10-17", "Statement": [
            {
                "Sid": "Act", "Effect": "Allow", "Action": ["rds:DeleteDBInstance", "sns:Publish", "rds:ModifyDBInstance"],
                "Resource": ["arn:aws:rds:eu-west-1:123456789012:db:*", "*"],
                "Condition": {"StringLike": {"aws:ResourceTag/a": "*"}},
            },
            {"Sid": "DependentOfAct", "Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*"},
        ]}]);
        let all = super::super::read(&policies).unwrap();
        let page = table([("retire", all.as_slice())]).unwrap();
        let act = "| `retire` | Act | rds: DeleteDBInstance, ModifyDBInstance; sns: Publish | `db:*`, `*` | `aws:ResourceTag/a like *` |\n";
        let dependent = "| `retire` | DependentOfAct † | kms: CreateGrant | `*` |  |\n";
        assert!(page.contains(&format!("{act}{dependent}")), "{page}");
    }
}
