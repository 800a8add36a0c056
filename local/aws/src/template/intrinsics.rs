//! CloudFormation's functions, and what references stand for on this platform.

mod attributes;

use crate::{ACCOUNT, REGION};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;
use serde_yaml_ng::value::TaggedValue;
use std::collections::BTreeMap;

/// Everything that a reference can name.
#[derive(Debug)]
pub struct Scope<'a> {
    document: &'a Yaml,
    parameters: BTreeMap<String, Value>,
}

impl<'a> Scope<'a> {
    /// The names of a template; `overrides` replace the defaults of its parameters.
    ///
    /// # Errors
    /// When a parameter is unknown or has no value.
    pub fn new(document: &'a Yaml, overrides: &BTreeMap<String, String>) -> Result<Self> {
        let declared = entries(&document["Parameters"]);
        for name in overrides.keys() {
            ensure!(
                declared.iter().any(|(known, _)| known == name),
                "the template has no parameter `{name}`"
            );
        }
        let value = |(name, declaration): (&str, &Yaml)| {
            let value = match overrides.get(name) {
                Some(text) => Value::from(text.as_str()),
                None => scalar(&declaration["Default"])
                    .with_context(|| format!("the parameter `{name}` has no value"))?,
            };
            Ok((name.to_owned(), value))
        };
        let parameters = declared.into_iter().map(value).collect::<Result<_>>()?;
        Ok(Self {
            document,
            parameters,
        })
    }

    /// All resources.
    pub fn resources(&self) -> Vec<(&'a str, &'a Yaml)> {
        entries(&self.document["Resources"])
    }

    /// Whether a resource is made under these parameters.
    pub fn is_made(&self, resource: &Yaml) -> Result<bool> {
        match &resource["Condition"] {
            Yaml::Null => Ok(true),
            name => self.condition(name.as_str().context("a resource's condition is a name")?),
        }
    }

    /// A value with its functions carried out; `None` is `AWS::NoValue`.
    pub fn resolve(&self, value: &Yaml) -> Result<Option<Value>> {
        Ok(match value {
            Yaml::Tagged(tagged) => return self.function(tagged),
            Yaml::Sequence(items) => Some(Value::Array(self.all(items)?)),
            Yaml::Mapping(_) => Some(Value::Object(self.map(value)?)),
            other => Some(scalar(other)?),
        })
    }

    /// The same, where null is as good as no value.
    pub fn value(&self, value: &Yaml) -> Result<Value> {
        Ok(self.resolve(value)?.unwrap_or_default())
    }

    fn all(&self, items: &[Yaml]) -> Result<Vec<Value>> {
        let items = items.iter();
        items
            .filter_map(|it| self.resolve(it).transpose())
            .collect()
    }

    fn map(&self, value: &Yaml) -> Result<Map<String, Value>> {
        let mut map = Map::new();
        for (name, value) in entries(value) {
            ensure!(
                name != "Ref" && !name.starts_with("Fn::"),
                "functions are written in the short form here, `!Ref`, not `{name}:`"
            );
            if let Some(value) = self.resolve(value).with_context(|| name.to_owned())? {
                map.insert(name.to_owned(), value);
            }
        }
        Ok(map)
    }

    fn function(&self, tagged: &TaggedValue) -> Result<Option<Value>> {
        let argument = &tagged.value;
        Ok(Some(match tagged.tag.to_string().as_str() {
            "!Ref" => return self.reference(argument.as_str().context("!Ref takes a name")?),
            "!GetAtt" => {
                let name = argument.as_str();
                Value::from(self.dotted(name.context("!GetAtt takes `Resource.Attribute`")?)?)
            }
            "!Sub" => {
                let text = argument.as_str().context("!Sub takes a text here")?;
                Value::from(self.substitute(text)?)
            }
            "!Join" => Value::from(self.join(argument)?),
            "!If" => return self.choose(argument),
            "!Equals" | "!Not" | "!And" | "!Or" | "!Condition" => {
                Value::from(self.holds(&Yaml::Tagged(Box::new(tagged.clone())))?)
            }
            other => bail!("the local platform doesn't know {other}"),
        }))
    }

    /// What `!Ref` stands for.
    fn reference(&self, name: &str) -> Result<Option<Value>> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(Some(value.clone()));
        }
        Ok(Some(Value::from(match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => REGION.to_owned(),
            "AWS::AccountId" => ACCOUNT.to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            "AWS::StackName" => "viridian".to_owned(),
            _ if name.contains('.') => self.dotted(name)?,
            _ => self.resource(name)?,
        })))
    }

    fn resource(&self, id: &str) -> Result<String> {
        if let Some(alias) = self.machine_alias(id)? {
            return Ok(alias);
        }
        let (kind, resource) = self.made(id, "parameter or resource")?;
        match kind {
            "AWS::Serverless::Function" => Ok(function_name(id, resource).to_owned()),
            "AWS::Serverless::StateMachine" | "AWS::SNS::Topic" => self.attribute(id, "Arn"),
            "AWS::SQS::Queue" => Ok(format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{id}")),
            _ => Ok(id.to_owned()),
        }
    }

    /// A resource with its type; `what` it is said not to be if there is none.
    fn made(&self, id: &str, what: &str) -> Result<(&'a str, &'a Yaml)> {
        let resource = &self.document["Resources"][id];
        let kind = resource["Type"].as_str();
        let kind = kind.with_context(|| format!("there is no {what} `{id}`"))?;
        let made = self.is_made(resource)?;
        ensure!(made, "`{id}` is not made under these parameters");
        Ok((kind, resource))
    }

    fn dotted(&self, name: &str) -> Result<String> {
        let (id, attribute) = name
            .split_once('.')
            .with_context(|| format!("`{name}` names no attribute"))?;
        self.attribute(id, attribute)
    }

    fn substitute(&self, template: &str) -> Result<String> {
        let mut parts = template.split("${");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part
                .split_once('}')
                .with_context(|| format!("`{template}` has no end of `${{`"))?;
            let value = self.reference(name)?;
            let value = value.with_context(|| format!("`{name}` has no value"))?;
            out.push_str(&text(&value)?);
            out.push_str(rest);
        }
        Ok(out)
    }

    fn join(&self, argument: &Yaml) -> Result<String> {
        let Some(Value::Array(parts)) = self.resolve(argument)? else {
            bail!("!Join takes a delimiter and a list")
        };
        let [delimiter, items] = parts.as_slice() else {
            bail!("!Join takes a delimiter and a list")
        };
        let delimiter = text(delimiter)?;
        match items {
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(text).collect::<Result<_>>()?;
                Ok(items.join(&delimiter))
            }
            // A CommaDelimitedList without elements.
            other => Ok(text(other)?.replace(',', &delimiter)),
        }
    }

    fn choose(&self, argument: &Yaml) -> Result<Option<Value>> {
        let Some([condition, yes, no]) = argument.as_sequence().map(Vec::as_slice) else {
            bail!("!If takes a condition and two values")
        };
        let condition = condition.as_str().context("!If takes a condition's name")?;
        self.resolve(if self.condition(condition)? { yes } else { no })
    }

    fn condition(&self, name: &str) -> Result<bool> {
        let condition = &self.document["Conditions"][name];
        ensure!(!condition.is_null(), "there is no condition `{name}`");
        self.holds(condition)
    }

    fn holds(&self, condition: &Yaml) -> Result<bool> {
        let Yaml::Tagged(tagged) = condition else {
            bail!("a condition is a function")
        };
        let arguments = tagged.value.as_sequence();
        let arguments = arguments.map(Vec::as_slice).unwrap_or_default();
        match (tagged.tag.to_string().as_str(), arguments) {
            ("!Equals", [one, other]) => Ok(self.resolve(one)? == self.resolve(other)?),
            ("!Not", [inner]) => Ok(!self.holds(inner)?),
            ("!And", all) => all
                .iter()
                .try_fold(true, |so_far, one| Ok(self.holds(one)? && so_far)),
            ("!Or", all) => all
                .iter()
                .try_fold(false, |so_far, one| Ok(self.holds(one)? || so_far)),
            ("!Condition", _) => {
                self.condition(tagged.value.as_str().context("!Condition takes a name")?)
            }
            (other, _) => bail!("the local platform doesn't know the condition {other}"),
        }
    }
}

/// A scalar as CloudFormation hands it on.
pub fn text(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => bail!("expected a text, found {other}"),
    }
}

fn function_name<'a>(id: &'a str, resource: &'a Yaml) -> &'a str {
    resource["Metadata"]["BuildProperties"]["Binary"]
        .as_str()
        .unwrap_or(id)
}

fn entries(value: &Yaml) -> Vec<(&str, &Yaml)> {
    let mapping = value.as_mapping().into_iter().flatten();
    mapping
        .filter_map(|(name, value)| Some((name.as_str()?, value)))
        .collect()
}

fn scalar(value: &Yaml) -> Result<Value> {
    Ok(serde_json::to_value(value)?)
}
