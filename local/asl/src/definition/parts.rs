//! What several kinds of states have: expressions, `Output` and `Assign`, `Next`, seconds.

use super::fields::{Faults, Fields};
use super::{Leaving, Next};
use crate::expression::Template;
use serde_json::Value;

/// The longest time that the service takes, in seconds.
pub(super) const MAX_SECONDS: u64 = 99_999_999;

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
    let first = letters.next();
    let starts = first.is_some_and(|c| c.is_alphabetic() || c == '_');
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
pub(super) fn seconds(fields: &Fields, name: &'static str, low: u64) -> Option<Template> {
    if !fields.take(name)?.is_string() {
        let given = fields.whole(name, low, MAX_SECONDS)?;
        return Some(Template::Literal(given.into()));
    }
    let computed = template(fields, name)?;
    if let Template::Literal(_) = computed {
        fields.fault(name, "a number or a JSONata expression is expected");
        return None;
    }
    Some(computed)
}
