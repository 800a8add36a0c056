//! From JSON to a [`Definition`].

use super::fields::{Fault, Faults, Fields};
use super::parts::MAX_SECONDS;
use super::{Definition, State, reach, states};
use serde_json::Value;
use std::collections::BTreeMap;

impl Definition {
    /// Parses the text of a definition.
    ///
    /// # Errors
    /// All faults at once, each with its path.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        match serde_json::from_str::<Value>(text) {
            Ok(value) => definition(&value),
            Err(error) => Err(vec![Fault::new("", format!("this is no JSON: {error}"))]),
        }
    }
}

fn definition(value: &Value) -> Result<Definition, Vec<Fault>> {
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
            let message = "a state's name has 80 characters at most";
            fields.faults.add(&path, message);
        }
        if let Some(state) = states::state(value, path, fields.faults) {
            found.insert(name.clone(), state);
        }
    }
    found
}
