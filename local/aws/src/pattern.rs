//! Event patterns: exact values, `prefix`, `suffix`, `anything-but`, `exists` and `numeric`.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

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
    let known = |name: &String| {
        matches!(
            name.as_str(),
            "prefix" | "suffix" | "exists" | "numeric" | "anything-but"
        )
    };
    ensure!(
        operator.len() == 1 && operator.keys().all(known),
        "{choice} is not implemented in patterns"
    );
    let excluded = &choice["anything-but"];
    ensure!(
        !excluded.is_object() || excluded["prefix"].is_string(),
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
        ("prefix", Value::String(prefix)) => {
            text.is_some_and(|text| text.starts_with(prefix.as_str()))
        }
        ("suffix", Value::String(suffix)) => {
            text.is_some_and(|text| text.ends_with(suffix.as_str()))
        }
        ("anything-but", Value::Array(excluded)) => !excluded.contains(value),
        ("anything-but", Value::Object(_)) => !fits_one(operand, value),
        ("anything-but", excluded) => excluded != value,
        ("numeric", Value::Array(conditions)) => value
            .as_f64()
            .is_some_and(|number| holds(conditions, number)),
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
        let order = number.partial_cmp(&operand);
        match operator {
            "=" => order.is_some_and(std::cmp::Ordering::is_eq),
            "<" => order.is_some_and(std::cmp::Ordering::is_lt),
            "<=" => order.is_some_and(std::cmp::Ordering::is_le),
            ">" => order.is_some_and(std::cmp::Ordering::is_gt),
            ">=" => order.is_some_and(std::cmp::Ordering::is_ge),
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
        for (pattern, wanted) in [
            (
                json!({"source": ["aws.states"], "detail": {"status": ["FAILED", "ABORTED"]}}),
                true,
            ),
            (json!({"source": ["aws.rds"]}), false),
            (json!({"detail": {"status": [{"prefix": "FA"}]}}), true),
            (json!({"detail": {"status": [{"suffix": "ED"}]}}), true),
            (
                json!({"detail": {"status": [{"anything-but": "FAILED"}]}}),
                false,
            ),
            (
                json!({"detail": {"status": [{"anything-but": ["RUNNING"]}]}}),
                true,
            ),
            (
                json!({"detail": {"status": [{"anything-but": {"prefix": "FA"}}]}}),
                false,
            ),
            (json!({"detail": {"other": [{"exists": false}]}}), true),
            (json!({"detail": {"status": [{"exists": false}]}}), false),
            (
                json!({"detail": {"n": [{"numeric": [">", 4, "<=", 5]}]}}),
                true,
            ),
            (json!({"detail": {"n": [{"numeric": [">", 5]}]}}), false),
            (json!({"detail": {"tags": ["b"]}}), true),
            (json!({"nothing": {"here": ["b"]}}), false),
        ] {
            assert!(check(&pattern).is_ok());
            assert_eq!(matches(&pattern, &event), wanted, "{pattern}");
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
