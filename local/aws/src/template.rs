//! Reads `infra/template.yaml`, so that what runs here is what is deployed. Strict: what it doesn't understand, it refuses.

mod intrinsics;
mod roles;
mod rules;
mod schedules;

pub use rules::{Input, Rule, RuleTarget};
pub use schedules::{SCHEDULED_TIME, Schedule};

use crate::iam::{Roles, Statement};
use anyhow::{Context as _, Result, bail, ensure};
use intrinsics::Scope;
use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Resources without which everything runs here as it does there: permissions, logs and what only people look at.
const WITHOUT_EFFECT: [&str; 9] = [
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::Logs::LogGroup",
    "AWS::KMS::Key",
    "AWS::KMS::Alias",
    "AWS::CloudWatch::Dashboard",
    "AWS::CloudWatch::Alarm",
];

/// The stack, with everything resolved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template {
    /// The Lambda functions.
    pub functions: Vec<FunctionSpec>,
    /// The state machines.
    pub machines: Vec<MachineSpec>,
    /// The rules of EventBridge, those of functions and machines among them.
    pub rules: Vec<Rule>,
    /// The schedules that are switched on, those of functions among them.
    pub schedules: Vec<Schedule>,
    /// The tables of DynamoDB: `CreateTable`'s parameters.
    pub tables: Vec<Value>,
    /// The names of the SNS topics.
    pub topics: Vec<String>,
    /// The names of the SQS queues.
    pub queues: Vec<String>,
    /// What the roles of rules and schedules may do, by the logical ids of these roles.
    pub deliverers: Roles,
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSpec {
    /// The name of its compiled binary, which is the function's name on this platform.
    pub binary: String,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// In megabytes.
    pub memory: u32,
    /// Its environment, by name.
    pub environment: Vec<(String, String)>,
    /// What its role may do.
    pub policies: Vec<Statement>,
}

/// A state machine.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineSpec {
    /// Its logical id.
    pub logical_id: String,
    /// Its name: the template's, or else the logical id.
    pub name: String,
    /// Its ARN on this platform.
    pub arn: String,
    /// The file with the definition.
    pub definition: PathBuf,
    /// What `${…}` in the definition stands for.
    pub substitutions: BTreeMap<String, String>,
    /// What its role may do.
    pub policies: Vec<Statement>,
}

impl Template {
    /// Reads the template at `path`; `parameters` override its defaults.
    ///
    /// # Errors
    /// When the template has anything that is not understood; the message names the place.
    pub fn read(path: &Path, parameters: &BTreeMap<String, String>) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder, parameters).with_context(|| format!("in {}", path.display()))
    }

    /// The machine with this logical id.
    #[must_use]
    pub fn machine(&self, logical_id: &str) -> Option<&MachineSpec> {
        let mut machines = self.machines.iter();
        machines.find(|machine| machine.logical_id == logical_id)
    }

    /// The functions, the machines, and the roles of rules and schedules, by name; and what each may do.
    #[must_use]
    pub fn roles(&self) -> Roles {
        let mut roles = self.deliverers.clone();
        let functions = self.functions.iter();
        roles.extend(functions.map(|it| (it.binary.clone(), it.policies.clone())));
        let machines = self.machines.iter();
        roles.extend(machines.map(|it| (it.name.clone(), it.policies.clone())));
        roles
    }

    fn parse(text: &str, folder: &Path, parameters: &BTreeMap<String, String>) -> Result<Self> {
        let document: Yaml = serde_yaml_ng::from_str(text)?;
        let scope = Scope::new(&document, parameters)?;
        let mut template = Self::default();
        let reader = Reader {
            scope: &scope,
            globals: &document["Globals"]["Function"],
            folder,
        };
        for (id, resource) in scope.resources() {
            let added = reader.add(&mut template, id, resource);
            added.with_context(|| format!("Resources.{id}"))?;
        }
        template.deliverers = roles::deliverers(&scope, &template)?;
        Ok(template)
    }
}

struct Reader<'a> {
    scope: &'a Scope<'a>,
    globals: &'a Yaml,
    folder: &'a Path,
}

impl Reader<'_> {
    fn add(&self, template: &mut Template, id: &str, resource: &Yaml) -> Result<()> {
        if !self.scope.is_made(resource)? {
            return Ok(());
        }
        let properties = &resource["Properties"];
        let kind = resource["Type"].as_str();
        match kind.context("a resource without a type")? {
            "AWS::Serverless::Function" => {
                template.functions.push(self.function(resource)?);
                let published = self.setting(properties, "AutoPublishAlias").is_string();
                let attribute = if published { "Alias" } else { "Arn" };
                let target = self.scope.attribute(id, attribute)?;
                self.add_events(template, id, &target, properties)?;
            }
            "AWS::Serverless::StateMachine" => {
                let machine = self.machine(id, properties)?;
                self.add_events(template, id, &machine.arn, properties)?;
                template.machines.push(machine);
            }
            "AWS::Events::Rule" => {
                let rule = rules::rule(id, &self.scope.value(properties)?)?;
                template.rules.push(rule);
            }
            "AWS::Scheduler::Schedule" => {
                let schedule = schedules::schedule(id, &self.scope.value(properties)?)?;
                template.schedules.extend(schedule);
            }
            "AWS::DynamoDB::Table" => template.tables.push(self.table(id, properties)?),
            "AWS::SNS::Topic" => template.topics.push(id.to_owned()),
            "AWS::SQS::Queue" => template.queues.push(id.to_owned()),
            kind if WITHOUT_EFFECT.contains(&kind) => {}
            kind => bail!("the local platform has no {kind}"),
        }
        Ok(())
    }

    fn function(&self, resource: &Yaml) -> Result<FunctionSpec> {
        let properties = &resource["Properties"];
        let setting = |name: &str| self.setting(properties, name);
        let mut environment = BTreeMap::new();
        for place in [self.globals, properties] {
            environment.extend(self.texts(&place["Environment"]["Variables"])?);
        }
        let binary = resource["Metadata"]["BuildProperties"]["Binary"].as_str();
        let binary = binary.context("a function without Metadata.BuildProperties.Binary")?;
        let memory = setting("MemorySize").as_u64().unwrap_or(128);
        Ok(FunctionSpec {
            binary: binary.to_owned(),
            timeout: Duration::from_secs(setting("Timeout").as_u64().unwrap_or(3)),
            memory: u32::try_from(memory)?,
            environment: environment.into_iter().collect(),
            policies: roles::statements(self.scope, properties)?,
        })
    }

    /// A function's own property, or else that of all functions.
    fn setting<'y>(&'y self, properties: &'y Yaml, name: &str) -> &'y Yaml {
        let own = &properties[name];
        if own.is_null() {
            &self.globals[name]
        } else {
            own
        }
    }

    fn machine(&self, id: &str, properties: &Yaml) -> Result<MachineSpec> {
        let definition = properties["DefinitionUri"].as_str();
        let definition = definition.context("a machine without DefinitionUri")?;
        Ok(MachineSpec {
            logical_id: id.to_owned(),
            name: self.scope.machine_name(id)?,
            arn: self.scope.attribute(id, "Arn")?,
            definition: self.folder.join(definition),
            substitutions: self.texts(&properties["DefinitionSubstitutions"])?,
            policies: roles::statements(self.scope, properties)?,
        })
    }

    /// What calls a function or a machine.
    fn add_events(
        &self,
        template: &mut Template,
        id: &str,
        target: &str,
        properties: &Yaml,
    ) -> Result<()> {
        let Value::Object(events) = self.scope.value(&properties["Events"])? else {
            return Ok(());
        };
        for (name, event) in events {
            let name = format!("{id}{name}");
            let mut add = || {
                if event["Type"] == "ScheduleV2" {
                    let schedule = schedules::event(&name, target, &event["Properties"])?;
                    template.schedules.extend(schedule);
                } else {
                    template.rules.push(rules::event(&name, target, &event)?);
                }
                anyhow::Ok(())
            };
            add().with_context(|| format!("the event {name}"))?;
        }
        Ok(())
    }

    fn table(&self, id: &str, properties: &Yaml) -> Result<Value> {
        let mut table = Map::new();
        table.insert("TableName".to_owned(), Value::from(id));
        for name in [
            "AttributeDefinitions",
            "KeySchema",
            "BillingMode",
            "GlobalSecondaryIndexes",
        ] {
            if !properties[name].is_null() {
                table.insert(name.to_owned(), self.scope.value(&properties[name])?);
            }
        }
        ensure!(table.contains_key("KeySchema"), "a table without a key");
        Ok(Value::Object(table))
    }

    fn texts(&self, value: &Yaml) -> Result<BTreeMap<String, String>> {
        match self.scope.value(value)? {
            Value::Null => Ok(BTreeMap::new()),
            Value::Object(map) => map
                .into_iter()
                .map(|(name, value)| Ok((name, intrinsics::text(&value)?)))
                .collect(),
            other => bail!("expected names with values, found {other}"),
        }
    }
}

#[cfg(test)]
mod tests;
