//! Statements, read strictly: what isn't understood could allow more than is seen here.

use super::Condition;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It forbids, whatever others allow.
    Deny,
}

/// A statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name, unique among the statements of one role.
    pub sid: String,
    /// What it does.
    pub effect: Effect,
    /// Patterns of actions, such as `rds:DescribeDBInstances`.
    pub actions: Vec<String>,
    /// Patterns of ARNs.
    pub resources: Vec<String>,
    /// All of them have to hold.
    pub conditions: Vec<Condition>,
}

/// How the names begin of statements that a service uses on our behalf, so that no call of ours is ever seen.
const DEPENDENT: &str = "Dependent";

/// Whether a statement of this name allows what a service does on our behalf.
pub(super) fn is_dependent(sid: &str) -> bool {
    sid.starts_with(DEPENDENT)
}

impl Statement {
    /// Whether it allows what a service does on our behalf.
    #[must_use]
    pub fn is_dependent(&self) -> bool {
        is_dependent(&self.sid)
    }

    fn read(value: &Value) -> Result<Self> {
        let fields = value.as_object().context("a statement is a map")?;
        let sid = fields.get("Sid").and_then(Value::as_str);
        let sid = sid.context("a statement without a Sid")?;
        Self::with_name(sid, fields).with_context(|| format!("the statement {sid}"))
    }

    fn with_name(sid: &str, fields: &Map<String, Value>) -> Result<Self> {
        only(
            fields,
            &["Sid", "Effect", "Action", "Resource", "Condition"],
        )?;
        let field = |name: &str| fields.get(name).with_context(|| format!("no {name}"));
        let effect = match field("Effect")?.as_str() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => bail!("Effect is Allow or Deny"),
        };
        let actions = texts(field("Action")?).context("Action")?;
        for action in &actions {
            ensure!(
                action == "*" || action.contains(':'),
                "`{action}` is no action: it names no service"
            );
        }
        let resources = texts(field("Resource")?).context("Resource")?;
        for resource in &resources {
            ensure!(
                resource == "*" || resource.splitn(6, ':').count() == 6,
                "`{resource}` is no ARN"
            );
        }
        let foreign = is_dependent(sid);
        let conditions = fields.get("Condition");
        let conditions = conditions
            .map(|block| Condition::read(block, foreign))
            .transpose()?;
        Ok(Self {
            sid: sid.to_owned(),
            effect,
            actions,
            resources,
            conditions: conditions.unwrap_or_default(),
        })
    }
}

/// The statements of all `Policies` of a function or a machine, resolved.
///
/// # Errors
/// When there is anything but policy documents with named statements.
pub fn read(policies: &Value) -> Result<Vec<Statement>> {
    let documents = match policies {
        Value::Null => &[],
        Value::Array(documents) => documents.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut all = Vec::new();
    for document in documents {
        let fields = document
            .as_object()
            .context("a policy is written out here, not named")?;
        only(fields, &["Version", "Statement"])?;
        ensure!(
            fields.get("Version").is_some_and(|it| it == "2012-10-17"),
            "a policy's Version is 2012-10-17"
        );
        let statements = fields.get("Statement").and_then(Value::as_array);
        for statement in statements.context("a policy without a list of statements")? {
            all.push(Statement::read(statement)?);
        }
    }
    let mut names = BTreeSet::new();
    for statement in &all {
        ensure!(
            names.insert(&statement.sid),
            "two statements are called {}",
            statement.sid
        );
    }
    Ok(all)
}

fn only(fields: &Map<String, Value>, known: &[&str]) -> Result<()> {
    let unknown = fields.keys().find(|name| !known.contains(&name.as_str()));
    unknown.map_or(Ok(()), |name| bail!("{name} is not known here"))
}

/// A text, or a list of them that isn't empty.
pub(super) fn texts(value: &Value) -> Result<Vec<String>> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    ensure!(!items.is_empty(), "an empty list");
    let text = |item: &Value| Ok(item.as_str().context("expected a text")?.to_owned());
    items.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(statement: &Value) -> Value {
        json!([{"Version": "2012-10-17", "Statement": [statement]}])
    }

    #[test]
    fn a_statement_takes_a_text_or_a_list() {
        let look = json!({"Sid": "Look", "Effect": "Allow", "Action": "rds:DescribeEvents", "Resource": ["*"]});
        let [statement] = read(&document(&look)).unwrap().try_into().unwrap();
        assert_eq!(statement.actions, ["rds:DescribeEvents"]);
        assert_eq!(statement.resources, ["*"]);
        assert!(!statement.is_dependent());
        assert_eq!(read(&Value::Null).unwrap(), []);
    }

    #[test]
    fn what_could_allow_more_than_is_seen_is_refused() {
        let good = json!({"Sid": "S", "Effect": "Allow", "Action": "rds:A", "Resource": "*"});
        assert!(read(&document(&good)).is_ok());
        for (name, value) in [
            ("Sid", Value::Null),
            ("Effect", json!("allow")),
            ("Action", json!("DescribeEvents")),
            ("Action", json!([])),
            ("Resource", json!("orders")),
            ("NotAction", json!("rds:B")),
            ("Principal", json!("*")),
            (
                "Condition",
                json!({"Bool": {"aws:SecureTransport": "true"}}),
            ),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(read(&document(&bad)).is_err(), "{bad}");
        }
        for policies in [
            json!("AmazonRDSFullAccess"),
            json!([{"DynamoDBCrudPolicy": {"TableName": "Upgrades"}}]),
            json!([{"Version": "2008-10-17", "Statement": [good]}]),
            json!([{"Version": "2012-10-17", "Statement": [good, good]}]),
        ] {
            assert!(read(&policies).is_err(), "{policies}");
        }
    }
}
