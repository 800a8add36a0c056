//! Schedules, wherever a template writes them down: `ScheduleV2` under a function's or a machine's `Events`, or by themselves.

use super::rules::{Input, RETRIES, RuleTarget};
use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// What stands in an input for the moment for which a call was scheduled.
pub const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

/// Something that happens again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// How long it is from one time to the next.
    pub every: Duration,
    /// Who is called, and with what.
    pub target: RuleTarget,
}

/// The properties of an event that are understood; any other is refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Event {
    schedule_expression: String,
    name: Option<String>,
    #[serde(rename = "OmitName")]
    _unnamed: Option<bool>,
    #[serde(rename = "Description")]
    _description: Option<String>,
    #[serde(default)]
    state: State,
    retry_policy: Option<RetryPolicy>,
    #[serde(rename = "FlexibleTimeWindow")]
    _window: Option<Window>,
    #[serde(rename = "DeadLetterConfig")]
    _dead_letters: Option<DeadLetters>,
    role_arn: Option<String>,
    input: Option<String>,
}

/// The properties of a schedule by itself that are understood.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    schedule_expression: String,
    // A rate is the same in every one.
    #[serde(rename = "ScheduleExpressionTimezone")]
    _timezone: Option<String>,
    #[serde(rename = "Description")]
    _description: Option<String>,
    #[serde(default)]
    state: State,
    #[serde(rename = "FlexibleTimeWindow")]
    _window: Window,
    target: Target,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Target {
    arn: String,
    role_arn: String,
    input: Option<String>,
    retry_policy: Option<RetryPolicy>,
    #[serde(rename = "DeadLetterConfig")]
    _dead_letters: Option<DeadLetters>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    #[default]
    Enabled,
    Disabled,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RetryPolicy {
    maximum_retry_attempts: Option<u32>,
    #[serde(rename = "MaximumEventAgeInSeconds")]
    _age: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Window {
    #[serde(rename = "Mode")]
    _mode: Mode,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Off,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeadLetters {
    #[serde(rename = "Arn")]
    _arn: String,
}

/// The schedule that an entry under `Events` describes, unless it is switched off.
pub(super) fn event(name: &str, target: &str, properties: &Value) -> Result<Option<Schedule>> {
    let event: Event = serde_json::from_value(properties.clone())?;
    let role = event.role_arn.as_deref();
    let schedule = Schedule {
        target: target_of(name, target, role, event.input, event.retry_policy)?,
        name: event.name.unwrap_or_else(|| name.to_owned()),
        every: rate(&event.schedule_expression)?,
    };
    Ok((event.state == State::Enabled).then_some(schedule))
}

/// The schedule that an `AWS::Scheduler::Schedule` describes, unless it is switched off.
pub(super) fn schedule(id: &str, properties: &Value) -> Result<Option<Schedule>> {
    let properties: Properties = serde_json::from_value(properties.clone())?;
    let given = properties.target;
    let role = Some(given.role_arn.as_str());
    let schedule = Schedule {
        name: id.to_owned(),
        every: rate(&properties.schedule_expression)?,
        target: target_of(id, &given.arn, role, given.input, given.retry_policy)?,
    };
    Ok((properties.state == State::Enabled).then_some(schedule))
}

fn target_of(
    id: &str,
    arn: &str,
    role: Option<&str>,
    input: Option<String>,
    retries: Option<RetryPolicy>,
) -> Result<RuleTarget> {
    let input = input.unwrap_or_else(|| "{}".to_owned());
    ensure!(
        serde_json::from_str::<Value>(&input).is_ok(),
        "the input is no JSON: {input}"
    );
    ensure!(
        !input
            .replace(SCHEDULED_TIME, "")
            .contains("<aws.scheduler."),
        "of the scheduler's words the local platform knows {SCHEDULED_TIME} only: {input}"
    );
    Ok(RuleTarget {
        id: id.to_owned(),
        arn: arn.to_owned(),
        role: super::roles::named(role)?,
        input: Input::Constant(input),
        retries: retries
            .and_then(|policy| policy.maximum_retry_attempts)
            .unwrap_or(RETRIES),
    })
}

/// `rate(1 minute)` or `rate(5 minutes)`: one of something is no plural, as the scheduler has it.
fn rate(expression: &str) -> Result<Duration> {
    let inner = expression
        .strip_prefix("rate(")
        .and_then(|rest| rest.strip_suffix(')'))
        .with_context(|| format!("the local platform has no schedule {expression}"))?;
    let (number, unit) = inner.split_once(' ').context("a rate without a unit")?;
    let number: u64 = number.parse().context("a rate's number")?;
    match (number, unit) {
        (1, "minute") | (2.., "minutes") => Ok(Duration::from_mins(number)),
        _ => bail!("the local platform has no schedule {expression}"),
    }
}
