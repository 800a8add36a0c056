//! `DefinitionSubstitutions`: `${Name}` in the text of a definition.

use super::fields::Fault;
use std::collections::BTreeMap;

/// Replaces each `${Name}` by its value, escaped as JSON text wants it.
///
/// # Errors
/// A fault for each name that has no value.
pub fn substitute(text: &str, values: &BTreeMap<String, String>) -> Result<String, Vec<Fault>> {
    let mut done = String::with_capacity(text.len());
    let mut faults = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        done.push_str(&rest[..start]);
        let tail = &rest[start + 2..];
        let name: String = tail
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        if name.is_empty() || !tail[name.len()..].starts_with('}') {
            done.push_str("${");
            rest = tail;
            continue;
        }
        match values.get(&name) {
            Some(value) => done.push_str(&escaped(value)),
            None => faults.push(Fault::new(format!("${{{name}}}"), "no value is given")),
        }
        rest = &tail[name.len() + 1..];
    }
    done.push_str(rest);
    if faults.is_empty() {
        Ok(done)
    } else {
        Err(faults)
    }
}

fn escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, substitute};

    #[test]
    fn names_are_replaced_and_missing_ones_are_all_told() {
        let values = BTreeMap::from([("A".to_owned(), "say \"x\"".to_owned())]);
        let done = substitute(r#"{"a":"${A}","b":"{% $f(${"x": 1}) %}"}"#, &values);
        assert_eq!(
            done.unwrap(),
            r#"{"a":"say \"x\"","b":"{% $f(${"x": 1}) %}"}"#
        );
        let faults = substitute("${B} ${C}", &values).unwrap_err();
        assert_eq!(faults.len(), 2);
    }
}
