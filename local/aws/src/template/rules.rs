//! Rules of EventBridge, wherever a template writes them down.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// A rule: events that match the pattern go to the targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Which events it wants.
    pub pattern: Value,
    /// Who gets them.
    pub targets: Vec<RuleTarget>,
}

/// Who gets an event.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleTarget {
    /// The target's id within the rule.
    pub id: String,
    /// A function's or a state machine's ARN.
    pub arn: String,
    /// The role in whose name it is called, by its logical id; without one the target itself lets its callers in.
    pub role: Option<String>,
    /// What it gets of the event.
    pub input: Input,
    /// How often a delivery is tried again.
    pub retries: u32,
}

/// What a target gets of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// All of it.
    Event,
    /// Nothing of it, but always this.
    Constant(String),
    /// What is at this path, `$.detail.input`.
    Path(String),
    /// A template, in which `<name>` stands for what is at the path of that name.
    Template {
        /// The paths, by name.
        paths: Vec<(String, String)>,
        /// The template.
        template: String,
    },
}

/// EventBridge's own default.
pub(super) const RETRIES: u32 = 185;

/// The rule that an `AWS::Events::Rule` describes.
pub(super) fn rule(id: &str, properties: &Value) -> Result<Rule> {
    let targets = properties["Targets"].as_array();
    let targets = targets.context("a rule without targets")?.iter();
    let targets = targets.map(|given| {
        let id = given["Id"].as_str().context("a target without an id")?;
        let arn = given["Arn"].as_str().context("a target without an ARN")?;
        target(id, arn, given)
    });
    Ok(Rule {
        name: id.to_owned(),
        pattern: pattern(&properties["EventPattern"])?,
        targets: targets.collect::<Result<_>>()?,
    })
}

/// The rule that an entry under a function's or a machine's `Events` describes.
pub(super) fn event(name: &str, arn: &str, event: &Value) -> Result<Rule> {
    match event["Type"].as_str() {
        Some("EventBridgeRule" | "CloudWatchEvent") => {}
        other => bail!("the local platform has no events of type {other:?}"),
    }
    let properties = &event["Properties"];
    let target = target(name, arn, properties)?;
    Ok(Rule {
        name: name.to_owned(),
        pattern: pattern(&properties["Pattern"])?,
        targets: vec![target],
    })
}

/// A target with this id and ARN; `given` has the rest.
fn target(id: &str, arn: &str, given: &Value) -> Result<RuleTarget> {
    Ok(RuleTarget {
        id: id.to_owned(),
        arn: arn.to_owned(),
        role: super::roles::named(given["RoleArn"].as_str())?,
        input: input(given)?,
        retries: retries(given)?,
    })
}

fn pattern(value: &Value) -> Result<Value> {
    ensure!(value.is_object(), "a rule without a pattern");
    crate::pattern::check(value)?;
    Ok(value.clone())
}

fn retries(value: &Value) -> Result<u32> {
    let given = value["RetryPolicy"]["MaximumRetryAttempts"].as_u64();
    Ok(given.map_or(Ok(RETRIES), u32::try_from)?)
}

fn input(value: &Value) -> Result<Input> {
    let transformer = &value["InputTransformer"];
    if let Some(template) = transformer["InputTemplate"].as_str() {
        let paths = transformer["InputPathsMap"]
            .as_object()
            .into_iter()
            .flatten();
        let path = |(name, path)| Ok((String::clone(name), super::intrinsics::text(path)?));
        return Ok(Input::Template {
            paths: paths.map(path).collect::<Result<_>>()?,
            template: template.to_owned(),
        });
    }
    ensure!(
        value["Input"].is_null(),
        "the local platform has no constant inputs"
    );
    let path = value["InputPath"].as_str();
    Ok(path.map_or(Input::Event, |path| Input::Path(path.to_owned())))
}
