//! Conditions on tags, of the resource and of the request, and on what else a request tells. Any other is refused when it
//! is read, but for what a service does on our behalf: no call of ours ever fulfils that.

use super::{Tags, pattern};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What a request tells beside its resources, by condition key; a key may have several values.
pub type Keys = BTreeMap<&'static str, Vec<String>>;

/// What conditions are about.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The tags of the resource.
    pub resource: Option<&'a Tags>,
    /// The tags that the request sets.
    pub asked: &'a Tags,
    /// What else the request tells.
    pub keys: &'a Keys,
}

/// A condition of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
    /// Nothing if only a service's own call could fulfil it.
    test: Option<Test>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Test {
    of: Of,
    pattern: bool,
}

/// Which of a key's values have to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    One,
    Any,
    All,
}

const RESOURCE_TAG: &str = "aws:ResourceTag/";
const REQUEST_TAG: &str = "aws:RequestTag/";
/// The keys that requests tell here.
pub(super) const RECORD_TYPES: &str = "route53:ChangeResourceRecordSetsRecordTypes";
pub(super) const RECORD_ACTIONS: &str = "route53:ChangeResourceRecordSetsActions";
pub(super) const QUALIFIER: &str = "states:StateMachineQualifier";
pub(super) const OVERWRITE: &str = "ssm:Overwrite";
pub(super) const CREATE_ACTION: &str = "elasticloadbalancing:CreateAction";

const KEYS: [&str; 5] = [
    RECORD_TYPES,
    RECORD_ACTIONS,
    QUALIFIER,
    OVERWRITE,
    CREATE_ACTION,
];

impl Condition {
    /// Reads a statement's `Condition`; `foreign` takes what only a service's own call could fulfil.
    ///
    /// # Errors
    /// When an operator or a key is not one of those known here.
    pub fn read(block: &Value, foreign: bool) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        let operators = block.as_object().context("a Condition is a map")?;
        for (operator, keys) in operators {
            let keys = keys.as_object().context("an operator has keys")?;
            for (key, values) in keys {
                let values = super::statement::texts(values)
                    .with_context(|| format!("the values of {key}"))?;
                ensure!(
                    !values.iter().any(|value| value.contains("${")),
                    "{key}: policy variables are not known here"
                );
                let test = match test(operator, key) {
                    Ok(test) => Some(test),
                    Err(_) if foreign => None,
                    Err(unknown) => return Err(unknown),
                };
                all.push(Self {
                    operator: operator.clone(),
                    key: key.clone(),
                    values,
                    test,
                });
            }
        }
        Ok(all)
    }

    /// Whether it is about the tags of the resource, which one that is gone has none of.
    #[must_use]
    pub fn is_about_tags_of_the_resource(&self) -> bool {
        self.key.starts_with(RESOURCE_TAG)
    }

    /// Whether it holds. A tag or a key that isn't there fulfils nothing but a condition on all of its values.
    #[must_use]
    pub fn holds(&self, context: Context<'_>) -> bool {
        let Some(test) = self.test else {
            return false;
        };
        let found = self.found(context);
        let fits = |found: &&String| {
            self.values.iter().any(|wanted| {
                if test.pattern {
                    pattern::text(wanted, found)
                } else {
                    wanted == *found
                }
            })
        };
        match test.of {
            Of::One => found.len() == 1 && found.iter().all(fits),
            Of::Any => found.iter().any(fits),
            Of::All => found.iter().all(fits),
        }
    }

    fn found<'a>(&self, context: Context<'a>) -> Vec<&'a String> {
        if let Some(tag) = self.key.strip_prefix(RESOURCE_TAG) {
            let tags = context.resource;
            return tags.and_then(|tags| tags.get(tag)).into_iter().collect();
        }
        if let Some(tag) = self.key.strip_prefix(REQUEST_TAG) {
            return context.asked.get(tag).into_iter().collect();
        }
        let values = context.keys.get(self.key.as_str());
        values.into_iter().flatten().collect()
    }
}

fn test(operator: &str, key: &str) -> Result<Test> {
    let (of, plain) = match operator.split_once(':') {
        None => (Of::One, operator),
        Some(("ForAnyValue", plain)) => (Of::Any, plain),
        Some(("ForAllValues", plain)) => (Of::All, plain),
        Some(_) => bail!("the condition operator {operator} is not known here"),
    };
    let pattern = match plain {
        "StringEquals" => false,
        "StringLike" => true,
        _ => bail!("the condition operator {operator} is not known here"),
    };
    let tag = key.starts_with(RESOURCE_TAG) || key.starts_with(REQUEST_TAG);
    ensure!(
        tag || KEYS.contains(&key),
        "the condition key {key} is not known here"
    );
    Ok(Test { of, pattern })
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(" or "));
        match self.operator.as_str() {
            "StringEquals" => write!(f, "{key} = {values}"),
            "StringLike" => write!(f, "{key} like {values}"),
            "ForAnyValue:StringEquals" => write!(f, "any {key} = {values}"),
            "ForAllValues:StringEquals" => write!(f, "all {key} = {values}"),
            other => write!(f, "{other} {key} {values}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(block: &Value) -> Condition {
        let all = Condition::read(block, false).unwrap();
        all.into_iter().next().unwrap()
    }

    fn tags(key: &str, value: &str) -> Tags {
        [(key.to_owned(), value.to_owned())].into()
    }

    fn holds(condition: &Condition, resource: Option<&Tags>, asked: &Tags, keys: &Keys) -> bool {
        condition.holds(Context {
            resource,
            asked,
            keys,
        })
    }

    #[test]
    fn a_tag_is_looked_for_where_the_key_says() {
        let (none, keys) = (Tags::new(), Keys::new());
        let ours = one(&json!({"StringEquals": {"aws:ResourceTag/viridian:owner": "a"}}));
        let on = tags("viridian:owner", "a");
        assert!(holds(&ours, Some(&on), &none, &keys));
        assert!(!holds(&ours, None, &on, &keys) && !holds(&ours, Some(&none), &on, &keys));
        assert!(!holds(
            &ours,
            Some(&tags("viridian:owner", "b")),
            &none,
            &keys
        ));
        let asked = one(&json!({"StringLike": {"aws:RequestTag/viridian:owner": ["b", "arn:*"]}}));
        assert!(holds(&asked, None, &tags("viridian:owner", "arn:x"), &keys));
        assert!(!holds(&asked, Some(&on), &none, &keys));
    }

    #[test]
    fn of_several_values_any_or_all_have_to_fit() {
        let holds = |condition: &Condition, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            let keys = Keys::from([(RECORD_ACTIONS, values)]);
            holds(condition, None, &Tags::new(), &keys)
        };
        let wanted = json!({RECORD_ACTIONS: ["UPSERT", "DELETE"]});
        let all = one(&json!({"ForAllValues:StringEquals": wanted}));
        assert!(holds(&all, &["UPSERT", "DELETE", "UPSERT"]) && holds(&all, &[]));
        assert!(!holds(&all, &["UPSERT", "CREATE"]));
        let any = one(&json!({"ForAnyValue:StringEquals": wanted}));
        assert!(holds(&any, &["UPSERT", "CREATE"]));
        assert!(!holds(&any, &["CREATE"]) && !holds(&any, &[]));
    }

    #[test]
    fn what_is_not_known_is_refused_unless_only_a_service_could_fulfil_it() {
        for block in [
            json!({"StringNotEquals": {"aws:ResourceTag/a": "b"}}),
            json!({"StringEquals": {"kms:ViaService": "b"}}),
            json!({"Null": {"lambda:SourceFunctionArn": "false"}}),
        ] {
            assert!(Condition::read(&block, false).is_err(), "{block}");
            let [foreign] = Condition::read(&block, true).unwrap().try_into().unwrap();
            assert!(!holds(
                &foreign,
                Some(&tags("a", "c")),
                &Tags::new(),
                &Keys::new()
            ));
        }
        for block in [
            json!({"StringEquals": {"aws:ResourceTag/a": "${aws:username}"}}),
            json!({"StringEquals": {"aws:ResourceTag/a": 1}}),
            json!([]),
        ] {
            assert!(Condition::read(&block, true).is_err(), "{block}");
        }
    }

    #[test]
    fn it_reads_like_a_sentence() {
        let ours = one(&json!({"StringLike": {"aws:ResourceTag/viridian:owner": ["a", "b*"]}}));
        assert_eq!(
            ours.to_string(),
            "aws:ResourceTag/viridian:owner like a or b*"
        );
    }
}
