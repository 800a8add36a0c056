//! From JSON to a [`Definition`].

use super::fields::{Fault, Faults, Fields};
use super::{Definition, Leaving, Next, Seconds, State, reach, states};
use crate::states::expression::{Expression, Template};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest time that the service takes, in seconds.
pub(super) const MAX_SECONDS: u64 = 99_999_999;

pub(super) fn definition(value: &Value) -> Result<Definition, Vec<Fault>> {
    let faults = Faults::default();
    let parsed = top(value, &faults);
    match (parsed, faults.into_inner()) {
        (Some(definition), faults) if faults.is_empty() => Ok(definition),
        (_, faults) => Err(faults),
    }
}

fn top(value: &Value, faults: &Faults) -> Option<Definition> {
    let fields = Fields::of(value, String::new(), faults)?;
    if fields.optional_text("QueryLanguage").as_deref() != Some("JSONata") {
        fields.fault("QueryLanguage", "only `JSONata` is implemented here");
    }
    if fields.optional_text("Version").is_some_and(|v| v != "1.0") {
        fields.fault("Version", "only `1.0` is known");
    }
    let start_at = fields.text("StartAt");
    let timeout_seconds = fields.whole("TimeoutSeconds", 1, MAX_SECONDS);
    let states = all_states(&fields);
    let definition = Definition {
        start_at: start_at?,
        timeout_seconds,
        states,
    };
    fields.finish();
    // What is broken already would look unreachable as well.
    if faults.is_empty() {
        reach::check(&definition, faults);
    }
    Some(definition)
}

fn all_states(fields: &Fields) -> BTreeMap<String, State> {
    if fields.required("States").is_none() {
        return BTreeMap::new();
    }
    let mut found = BTreeMap::new();
    let entries = fields.entries("States");
    if entries.is_empty() {
        fields.fault("States", "a machine has at least one state");
    }
    for (name, path, value) in entries {
        if name.chars().count() > 80 {
            fields
                .faults
                .add(&path, "a state's name has 80 characters at most");
        }
        if let Some(state) = states::state(value, path, fields.faults) {
            found.insert(name.clone(), state);
        }
    }
    found
}

/// A value with expressions in it.
pub(super) fn template(fields: &Fields, name: &'static str) -> Option<Template> {
    template_at(fields.take(name)?, &fields.at(name), fields.faults)
}

pub(super) fn template_at(value: &Value, path: &str, faults: &Faults) -> Option<Template> {
    let mut wrong = Vec::new();
    let template = Template::compile(value, path, &mut wrong);
    let sound = wrong.is_empty();
    for (path, message) in wrong {
        faults.add(path, message);
    }
    sound.then_some(template)
}

/// `Output` and `Assign`.
pub(super) fn leaving(fields: &Fields) -> Leaving {
    let mut assign = Vec::new();
    for (name, path, value) in fields.entries("Assign") {
        if let Err(message) = variable_name(name) {
            fields.faults.add(&path, message);
        }
        if let Some(template) = template_at(value, &path, fields.faults) {
            assign.push((name.clone(), template));
        }
    }
    Leaving {
        output: template(fields, "Output"),
        assign,
    }
}

fn variable_name(name: &str) -> Result<(), &'static str> {
    let mut letters = name.chars();
    let starts = letters
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_');
    if name == "states" {
        Err("`states` is reserved")
    } else if !starts || !letters.all(|c| c.is_alphanumeric() || c == '_') {
        Err("a variable's name has letters, digits and `_`, and begins with no digit")
    } else if name.chars().count() > 80 {
        Err("a variable's name has 80 characters at most")
    } else {
        Ok(())
    }
}

/// `Next` or `End`.
pub(super) fn next(fields: &Fields) -> Option<Next> {
    match (fields.optional_text("Next"), fields.flag("End")) {
        (Some(next), None) => Some(Next::State(next)),
        (None, Some(true)) => Some(Next::End),
        _ => {
            let message = "either `Next` or `\"End\": true` is required, and not both";
            fields.faults.add(&fields.path, message);
            None
        }
    }
}

/// Seconds, given or computed. `low` is the least that may be given.
pub(super) fn seconds(fields: &Fields, name: &'static str, low: u64) -> Option<Seconds> {
    match fields.take(name)? {
        Value::String(text) => match Expression::of(text) {
            Some(Ok(expression)) => Some(Seconds::Expression(expression)),
            Some(Err(message)) => {
                fields.fault(name, message);
                None
            }
            None => {
                fields.fault(name, "a number or a JSONata expression is expected");
                None
            }
        },
        _ => fields.whole(name, low, MAX_SECONDS).map(Seconds::Literal),
    }
}
