//! From JSON to a [`State`].

use super::fields::{Faults, Fields};
use super::parts::{MAX_SECONDS, leaving, next, seconds, template, template_at};
use super::{Catcher, Choice, Leaving, Pass, Resource, Retrier, Rule, State, Task, Until, Wait};
use crate::expression::Template;
use serde_json::Value;

pub(super) fn state(value: &Value, path: String, faults: &Faults) -> Option<State> {
    let fields = Fields::of(value, path, faults)?;
    let language = fields.optional_text("QueryLanguage");
    if language.is_some_and(|language| language != "JSONata") {
        fields.fault("QueryLanguage", "only `JSONata` is implemented here");
    }
    let kind = fields.text("Type")?;
    let state = match kind.as_str() {
        "Task" => task(&fields).map(|task| State::Task(Box::new(task))),
        "Choice" => choice(&fields).map(State::Choice),
        "Wait" => wait(&fields).map(State::Wait),
        "Pass" => pass(&fields).map(State::Pass),
        "Succeed" => Some(State::Succeed(Leaving {
            output: template(&fields, "Output"),
            assign: Vec::new(),
        })),
        "Fail" => Some(State::Fail {
            error: words(&fields, "Error"),
            cause: words(&fields, "Cause"),
        }),
        other => {
            let message = format!("the state type `{other}` is not implemented here");
            fields.fault("Type", message);
            return None;
        }
    };
    fields.finish();
    state
}

/// A string, given or computed.
fn words(fields: &Fields, name: &'static str) -> Option<Template> {
    fields.optional_text(name)?;
    template(fields, name)
}

fn pass(fields: &Fields) -> Option<Pass> {
    let leaving = leaving(fields);
    let next = next(fields)?;
    Some(Pass { leaving, next })
}

fn wait(fields: &Fields) -> Option<Wait> {
    let leaving = leaving(fields);
    let next = next(fields);
    let until = match (fields.take("Seconds"), fields.take("Timestamp")) {
        (Some(_), None) => Until::Seconds(seconds(fields, "Seconds", 0)?),
        (None, Some(_)) => Until::Timestamp(timestamp(fields)?),
        _ => {
            let message = "either `Seconds` or `Timestamp` is required, and not both";
            fields.faults.add(&fields.path, message);
            return None;
        }
    };
    Some(Wait {
        until,
        leaving,
        next: next?,
    })
}

fn timestamp(fields: &Fields) -> Option<Template> {
    let found = words(fields, "Timestamp")?;
    if let Template::Literal(Value::String(text)) = &found
        && text.parse::<jiff::Timestamp>().is_err()
    {
        fields.fault("Timestamp", "an RFC 3339 timestamp is expected");
        return None;
    }
    Some(found)
}

fn choice(fields: &Fields) -> Option<Choice> {
    let leaving = leaving(fields);
    let default = fields.optional_text("Default");
    let given = fields.required("Choices")?.as_array();
    let rules = fields.each("Choices", |fields, _| rule(fields));
    if given.is_none_or(Vec::is_empty) {
        fields.fault("Choices", "at least one choice is required");
    }
    Some(Choice {
        rules,
        default,
        leaving,
    })
}

fn rule(fields: &Fields) -> Option<Rule> {
    let leaving = leaving(fields);
    let next = fields.text("Next");
    let condition = fields.required("Condition").and_then(|value| {
        let condition = template_at(value, &fields.at("Condition"), fields.faults)?;
        if let Template::Expression(_) | Template::Literal(Value::Bool(_)) = condition {
            return Some(condition);
        }
        fields.fault("Condition", "a boolean or a JSONata expression is expected");
        None
    });
    Some(Rule {
        condition: condition?,
        leaving,
        next: next?,
    })
}

fn task(fields: &Fields) -> Option<Task> {
    let leaving = leaving(fields);
    let next = next(fields);
    let timeout = seconds(fields, "TimeoutSeconds", 1);
    let heartbeat = seconds(fields, "HeartbeatSeconds", 1);
    let arguments = template(fields, "Arguments");
    let retry = fields.each("Retry", |fields, last| Some(retrier(fields, last)));
    let catch = fields.each("Catch", catcher);
    let resource = resource(fields)?;
    check_arguments(fields, resource, arguments.as_ref());
    if heartbeat.is_some() && !resource.waits_for_token() {
        let message = "only a task that waits for a token sends heartbeats";
        fields.fault("HeartbeatSeconds", message);
    }
    Some(Task {
        resource,
        arguments,
        leaving,
        next: next?,
        timeout,
        heartbeat,
        retry,
        catch,
    })
}

fn resource(fields: &Fields) -> Option<Resource> {
    let text = fields.text("Resource")?;
    let known = Resource::ALL.into_iter().find(|resource| {
        let tail = format!(":states:::{}:{}", resource.service(), resource.action());
        let head = text.strip_suffix(&tail);
        let partition = head.and_then(|head| head.strip_prefix("arn:"));
        matches!(partition, Some("aws" | "aws-cn" | "aws-us-gov"))
    });
    if known.is_none() {
        let message = format!("the resource `{text}` is not implemented here");
        fields.fault("Resource", message);
    }
    known
}

/// What the service would refuse at the call, said before anything runs.
fn check_arguments(fields: &Fields, resource: Resource, arguments: Option<&Template>) {
    let Some(Template::Object(given)) = arguments else {
        return;
    };
    let (required, optional) = resource.arguments();
    for name in required {
        if !given.iter().any(|(key, _)| key == name) {
            fields.fault("Arguments", format!("`{name}` is required"));
        }
    }
    for (key, _) in given {
        if !required.contains(&key.as_str()) && !optional.contains(&key.as_str()) {
            let path = format!("{}/{key}", fields.at("Arguments"));
            let message = "this argument is not implemented here";
            fields.faults.add(path, message);
        }
    }
}

fn retrier(fields: &Fields, last: bool) -> Retrier {
    let errors = errors(fields, last);
    let interval = fields.whole("IntervalSeconds", 1, MAX_SECONDS);
    let interval_seconds = interval.unwrap_or(1);
    let max_delay_seconds = fields.whole("MaxDelaySeconds", 1, 31_622_399);
    if max_delay_seconds.is_some_and(|max| max <= interval_seconds) {
        let message = "this must be more than `IntervalSeconds`";
        fields.fault("MaxDelaySeconds", message);
    }
    let attempts = fields.whole("MaxAttempts", 0, MAX_SECONDS);
    Retrier {
        errors,
        interval_seconds,
        backoff_rate: backoff_rate(fields),
        max_attempts: attempts.unwrap_or(3),
        max_delay_seconds,
        full_jitter: full_jitter(fields),
    }
}

fn backoff_rate(fields: &Fields) -> f64 {
    let Some(value) = fields.take("BackoffRate") else {
        return 2.0;
    };
    let rate = value.as_f64().filter(|rate| *rate >= 1.0);
    rate.unwrap_or_else(|| {
        fields.fault("BackoffRate", "a number of 1.0 or more is expected");
        2.0
    })
}

fn full_jitter(fields: &Fields) -> bool {
    let strategy = fields.optional_text("JitterStrategy");
    if !matches!(strategy.as_deref(), None | Some("FULL" | "NONE")) {
        fields.fault("JitterStrategy", "`FULL` or `NONE` is expected");
    }
    strategy.as_deref() == Some("FULL")
}

fn catcher(fields: &Fields, last: bool) -> Option<Catcher> {
    let errors = errors(fields, last);
    let leaving = leaving(fields);
    let next = fields.text("Next")?;
    Some(Catcher {
        errors,
        leaving,
        next,
    })
}

/// `ErrorEquals`, in which `States.ALL` stands alone and last.
fn errors(fields: &Fields, last: bool) -> Vec<String> {
    fields.required("ErrorEquals");
    let mut names = Vec::new();
    for (path, value) in fields.items("ErrorEquals") {
        match value {
            Value::String(name) => names.push(name.clone()),
            _ => fields.faults.add(path, "a string is expected"),
        }
    }
    if names.is_empty() {
        fields.fault("ErrorEquals", "at least one error name is required");
    }
    if names.iter().any(|name| name == "States.ALL") && (names.len() > 1 || !last) {
        let message = "`States.ALL` stands alone, in the last entry";
        fields.fault("ErrorEquals", message);
    }
    names
}
