//! Conditions on tags, of the resource and of the request. Any other condition is refused when it is read.

use super::{Tags, pattern};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::fmt;

/// A condition of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    operator: Operator,
    key: Key,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    StringEquals,
    StringLike,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    ResourceTag(String),
    RequestTag(String),
}

const RESOURCE_TAG: &str = "aws:ResourceTag/";
const REQUEST_TAG: &str = "aws:RequestTag/";

impl Condition {
    /// Reads a statement's `Condition`.
    ///
    /// # Errors
    /// When an operator or a key is not one of those known here.
    pub fn read(block: &Value) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        let operators = block.as_object().context("a Condition is a map")?;
        for (operator, keys) in operators {
            let operator = Operator::read(operator)?;
            let keys = keys.as_object().context("an operator has keys")?;
            for (key, values) in keys {
                let values = super::statement::texts(values)
                    .with_context(|| format!("the values of {key}"))?;
                ensure!(
                    !values.iter().any(|value| value.contains("${")),
                    "{key}: policy variables are not known here"
                );
                let key = Key::read(key)?;
                all.push(Self {
                    operator,
                    key,
                    values,
                });
            }
        }
        Ok(all)
    }

    /// Whether it holds for a resource with these tags, and a request that sets these. A tag that isn't there fulfils nothing.
    #[must_use]
    pub fn holds(&self, resource: Option<&Tags>, request: &Tags) -> bool {
        let found = match &self.key {
            Key::ResourceTag(tag) => resource.and_then(|tags| tags.get(tag)),
            Key::RequestTag(tag) => request.get(tag),
        };
        found.is_some_and(|found| {
            self.values.iter().any(|wanted| match self.operator {
                Operator::StringEquals => wanted == found,
                Operator::StringLike => pattern::text(wanted, found),
            })
        })
    }
}

impl Operator {
    fn read(name: &str) -> Result<Self> {
        Ok(match name {
            "StringEquals" => Self::StringEquals,
            "StringLike" => Self::StringLike,
            _ => bail!("the condition operator {name} is not known here"),
        })
    }
}

impl Key {
    fn read(key: &str) -> Result<Self> {
        if let Some(tag) = key.strip_prefix(RESOURCE_TAG) {
            return Ok(Self::ResourceTag(tag.to_owned()));
        }
        let tag = key.strip_prefix(REQUEST_TAG);
        let tag = tag.with_context(|| format!("the condition key {key} is not known here"))?;
        Ok(Self::RequestTag(tag.to_owned()))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, tag) = match &self.key {
            Key::ResourceTag(tag) => (RESOURCE_TAG, tag),
            Key::RequestTag(tag) => (REQUEST_TAG, tag),
        };
        let sign = match self.operator {
            Operator::StringEquals => "=",
            Operator::StringLike => "like",
        };
        write!(f, "{prefix}{tag} {sign} {}", self.values.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(block: &Value) -> Condition {
        let [condition] = Condition::read(block).unwrap().try_into().unwrap();
        condition
    }

    fn tags(key: &str, value: &str) -> Tags {
        [(key.to_owned(), value.to_owned())].into()
    }

    #[test]
    fn a_tag_is_looked_for_where_the_key_says() {
        let ours = one(&json!({"StringEquals": {"aws:ResourceTag/viridian:upgrade": "a"}}));
        let on = tags("viridian:upgrade", "a");
        assert!(ours.holds(Some(&on), &Tags::new()));
        assert!(!ours.holds(None, &on) && !ours.holds(Some(&Tags::new()), &on));
        assert!(!ours.holds(Some(&tags("viridian:upgrade", "b")), &on));
        let asked =
            one(&json!({"StringLike": {"aws:RequestTag/viridian:upgrade": ["b", "arn:*"]}}));
        assert!(asked.holds(None, &tags("viridian:upgrade", "arn:x")));
        assert!(!asked.holds(Some(&on), &Tags::new()));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for block in [
            json!({"StringNotEquals": {"aws:ResourceTag/a": "b"}}),
            json!({"StringEquals": {"aws:SourceIp": "b"}}),
            json!({"StringEquals": {"aws:ResourceTag/a": "${aws:username}"}}),
            json!({"StringEquals": {"aws:ResourceTag/a": 1}}),
            json!([]),
        ] {
            assert!(Condition::read(&block).is_err(), "{block}");
        }
    }

    #[test]
    fn it_reads_like_a_sentence() {
        let ours = one(&json!({"StringLike": {"aws:ResourceTag/viridian:upgrade": ["a", "b*"]}}));
        assert_eq!(
            ours.to_string(),
            "aws:ResourceTag/viridian:upgrade like a or b*"
        );
    }
}
