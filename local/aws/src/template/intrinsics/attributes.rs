//! What is known of a resource: its attributes, its properties, and what a state machine and its alias are called.

use super::{Scope, function_name, text};
use crate::{ACCOUNT, arn, lambda};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

impl<'a> Scope<'a> {
    /// An attribute of a resource, as `!GetAtt` gives it.
    pub fn attribute(&self, id: &str, attribute: &str) -> Result<String> {
        let (kind, resource) = self.made(id, "resource")?;
        Ok(match (kind, attribute) {
            ("AWS::Serverless::Function", "Arn") => lambda::arn(function_name(id, resource)),
            ("AWS::Serverless::Function", "Version") => {
                format!("{}:1", lambda::arn(function_name(id, resource)))
            }
            ("AWS::Serverless::Function", "Alias") => {
                let alias = self.function_alias(resource)?;
                format!("{}:{alias}", lambda::arn(function_name(id, resource)))
            }
            ("AWS::Serverless::StateMachine", "Arn") => {
                let name = self.machine_name(id)?;
                arn("states", &format!("stateMachine:{name}"))
            }
            ("AWS::DynamoDB::Table", "Arn") => arn("dynamodb", &format!("table/{id}")),
            ("AWS::SNS::Topic", "Arn" | "TopicArn") => arn("sns", id),
            ("AWS::SQS::Queue", "Arn") => arn("sqs", id),
            ("AWS::KMS::Key", "Arn") => arn("kms", &format!("key/{id}")),
            ("AWS::Logs::LogGroup", "Arn") => arn("logs", &format!("log-group:{id}:*")),
            ("AWS::IAM::Role", "Arn") => format!("arn:aws:iam::{ACCOUNT}:role/{id}"),
            ("AWS::Serverless::StateMachine", "Name") => self.machine_name(id)?,
            (_, "Name" | "TopicName" | "QueueName") => id.to_owned(),
            _ => bail!("nothing is known here of the attribute {id}.{attribute} of a {kind}"),
        })
    }

    /// The properties of a resource of this type.
    pub fn properties(&self, id: &str, kind: &str) -> Result<&'a Yaml> {
        let resource = &self.document["Resources"][id];
        ensure!(resource["Type"] == kind, "there is no {kind} `{id}` here");
        Ok(&resource["Properties"])
    }

    /// What a state machine is called.
    pub fn machine_name(&self, id: &str) -> Result<String> {
        let name = &self.document["Resources"][id]["Properties"]["Name"];
        match self.resolve(name)? {
            Some(Value::Null) | None => Ok(id.to_owned()),
            Some(name) => text(&name),
        }
    }

    /// The alias that SAM publishes for a function: its own, or that of all functions.
    fn function_alias(&self, resource: &'a Yaml) -> Result<&'a str> {
        let globals = &self.document["Globals"]["Function"];
        let mut places = [&resource["Properties"], globals].into_iter();
        let alias = places.find_map(|place| place["AutoPublishAlias"].as_str());
        alias.context("a function without AutoPublishAlias has no alias")
    }

    /// The ARN of the alias that SAM publishes for a machine, whose id is made of the machine's and the alias's name.
    pub(super) fn machine_alias(&self, id: &str) -> Result<Option<String>> {
        for (machine, resource) in self.resources() {
            let alias = resource["Properties"]["AutoPublishAlias"].as_str();
            let Some(alias) = alias.filter(|_| resource["Type"] == "AWS::Serverless::StateMachine")
            else {
                continue;
            };
            if id == format!("{machine}Alias{alias}") {
                let arn = self.attribute(machine, "Arn")?;
                return Ok(Some(format!("{arn}:{alias}")));
            }
        }
        Ok(None)
    }
}
