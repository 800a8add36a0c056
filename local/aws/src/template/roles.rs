//! What a function, a machine, a rule or a schedule may do: by its own `Policies`, or by the role of this template that it names.

use super::Template;
use super::intrinsics::Scope;
use crate::iam::{self, Roles, Statement};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

/// The statements for a function or a machine with these properties.
pub(super) fn statements(scope: &Scope<'_>, properties: &Yaml) -> Result<Vec<Statement>> {
    let role = scope.value(&properties["Role"])?;
    if role.is_null() {
        let policies = scope.value(&properties["Policies"])?;
        return iam::read(&policies).context("Policies");
    }
    ensure!(
        properties["Policies"].is_null(),
        "SAM takes no Policies beside a Role"
    );
    let id = named(role.as_str())?.context("a Role is an ARN")?;
    of_role(scope, &id)
}

/// What the roles may do in whose names rules and schedules call, by the logical ids of these roles.
pub(super) fn deliverers(scope: &Scope<'_>, template: &Template) -> Result<Roles> {
    let of_rules = template.rules.iter().flat_map(|rule| &rule.targets);
    let of_schedules = template.schedules.iter().map(|schedule| &schedule.target);
    let targets = of_rules.chain(of_schedules);
    targets
        .filter_map(|target| target.role.as_ref())
        .map(|id| Ok((id.clone(), of_role(scope, id)?)))
        .collect()
}

/// The logical id of the role with this ARN.
pub(super) fn named(arn: Option<&str>) -> Result<Option<String>> {
    let id = |arn: &str| {
        let (_, id) = arn
            .split_once(":role/")
            .with_context(|| format!("{arn} is no role's ARN"))?;
        Ok(id.to_owned())
    };
    arn.map(id).transpose()
}

fn of_role(scope: &Scope<'_>, id: &str) -> Result<Vec<Statement>> {
    documents(scope, id).with_context(|| format!("the role {id}"))
}

fn documents(scope: &Scope<'_>, id: &str) -> Result<Vec<Statement>> {
    let properties = scope.properties(id, "AWS::IAM::Role")?;
    let mut documents = Vec::new();
    for policy in listed(scope.value(&properties["ManagedPolicyArns"])?) {
        let policy = policy.as_str().context("a managed policy is an ARN")?;
        let shared = scope.properties(policy, "AWS::IAM::ManagedPolicy")?;
        documents.push(scope.value(&shared["PolicyDocument"])?);
    }
    for policy in listed(scope.value(&properties["Policies"])?) {
        documents.push(policy["PolicyDocument"].clone());
    }
    iam::read(&Value::Array(documents))
}

fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}
