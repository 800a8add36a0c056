//! Event patterns: exact values, `prefix`, `suffix`, `anything-but`, `exists` and `numeric`.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::cmp::Ordering;

/// Whether the pattern wants the event.
#[must_use]
pub fn matches(pattern: &Value, event: &Value) -> bool {
    let Some(fields) = pattern.as_object() else {
        return false;
    };
    fields.iter().all(|(name, wanted)| match wanted {
        Value::Array(choices) => choices.iter().any(|choice| fits(choice, event.get(name))),
        nested => matches(nested, event.get(name).unwrap_or(&Value::Null)),
    })
}

/// Refuses a pattern that [`matches`] would misread.
///
/// # Errors
/// When it has anything that isn't implemented.
pub fn check(pattern: &Value) -> Result<()> {
    let fields = pattern.as_object().context("a pattern is an object")?;
    for (name, wanted) in fields {
        ensure!(
            !name.starts_with('$'),
            "`{name}` is not implemented in patterns"
        );
        match wanted {
            Value::Array(choices) => choices.iter().try_for_each(check_choice)?,
            Value::Object(_) => check(wanted)?,
            other => bail!("`{name}` must be a list of values, not {other}"),
        }
    }
    Ok(())
}

fn check_choice(choice: &Value) -> Result<()> {
    let Some(operator) = choice.as_object() else {
        return Ok(());
    };
    let known = ["prefix", "suffix", "exists", "numeric", "anything-but"];
    let excluded = &choice["anything-but"];
    ensure!(
        operator.len() == 1
            && operator.keys().all(|name| known.contains(&name.as_str()))
            && (!excluded.is_object() || excluded["prefix"].is_string()),
        "{choice} is not implemented in patterns"
    );
    Ok(())
}

/// Whether a field's value, or one of its values if it is a list, is the wanted one.
fn fits(choice: &Value, value: Option<&Value>) -> bool {
    if let Some(wanted) = choice["exists"].as_bool() {
        return value.is_some() == wanted;
    }
    match value {
        None => false,
        Some(Value::Array(values)) => values.iter().any(|value| fits_one(choice, value)),
        Some(value) => fits_one(choice, value),
    }
}

fn fits_one(choice: &Value, value: &Value) -> bool {
    let Some((operator, operand)) = choice.as_object().and_then(|choice| choice.iter().next())
    else {
        return choice == value;
    };
    let text = value.as_str();
    match (operator.as_str(), operand) {
        ("prefix", Value::String(prefix)) => text.is_some_and(|it| it.starts_with(prefix)),
        ("suffix", Value::String(suffix)) => text.is_some_and(|it| it.ends_with(suffix)),
        ("anything-but", Value::Array(excluded)) => !excluded.contains(value),
        ("anything-but", Value::Object(_)) => !fits_one(operand, value),
        ("anything-but", excluded) => excluded != value,
        ("numeric", Value::Array(bounds)) => value.as_f64().is_some_and(|it| holds(bounds, it)),
        _ => false,
    }
}

fn holds(conditions: &[Value], number: f64) -> bool {
    conditions.chunks(2).all(|condition| {
        let [operator, operand] = condition else {
            return false;
        };
        let (Some(operator), Some(operand)) = (operator.as_str(), operand.as_f64()) else {
            return false;
        };
        match operator {
            "=" => number.partial_cmp(&operand) == Some(Ordering::Equal),
            "<" => number < operand,
            "<=" => number <= operand,
            ">" => number > operand,
            ">=" => number >= operand,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pattern_wants_what_its_fields_say() {
        let event = json!({"source": "aws.states", "detail": {"status": "FAILED", "n": 5, "tags": ["a", "b"]}});
        let cases = json!([
            [true, {"source": ["aws.states"], "detail": {"status": ["FAILED", "ABORTED"]}}],
            [false, {"source": ["aws.rds"]}],
            [true, {"detail": {"status": [{"prefix": "FA"}]}}],
            [true, {"detail": {"status": [{"suffix": "ED"}]}}],
            [false, {"detail": {"status": [{"anything-but": "FAILED"}]}}],
            [true, {"detail": {"status": [{"anything-but": ["RUNNING"]}]}}],
            [false, {"detail": {"status": [{"anything-but": {"prefix": "FA"}}]}}],
            [true, {"detail": {"other": [{"exists": false}]}}],
            [false, {"detail": {"status": [{"exists": false}]}}],
            [true, {"detail": {"n": [{"numeric": [">", 4, "<=", 5]}]}}],
            [false, {"detail": {"n": [{"numeric": [">", 5]}]}}],
            [true, {"detail": {"tags": ["b"]}}],
            [false, {"nothing": {"here": ["b"]}}],
        ]);
        for case in cases.as_array().unwrap() {
            let (wanted, pattern) = (&case[0], &case[1]);
            assert!(check(pattern).is_ok());
            assert_eq!(matches(pattern, &event), *wanted, "{pattern}");
        }
    }

    #[test]
    fn what_would_be_misread_is_refused() {
        for pattern in [
            json!({"detail": "FAILED"}),
            json!({"$or": [{"a": ["b"]}]}),
            json!({"a": [{"wildcard": "*"}]}),
            json!({"a": [{"anything-but": {"suffix": "x"}}]}),
        ] {
            assert!(check(&pattern).is_err(), "{pattern}");
        }
    }
}
