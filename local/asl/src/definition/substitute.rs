//! `DefinitionSubstitutions`: `${Name}` in the text of a definition.

use super::fields::Fault;
use std::collections::BTreeMap;

/// Replaces each `${Name}` by its value, escaped as JSON text wants it.
///
/// # Errors
/// A fault for each name that has no value.
pub fn substitute(text: &str, values: &BTreeMap<String, String>) -> Result<String, Vec<Fault>> {
    let is_name =
        |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric());
    let mut faults = Vec::new();
    let mut parts = text.split("${");
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let Some((name, rest)) = part.split_once('}').filter(|(name, _)| is_name(name)) else {
            done.extend(["${", part]);
            continue;
        };
        match values.get(name) {
            Some(value) => done.push_str(&escaped(value)),
            None => faults.push(Fault::new(format!("${{{name}}}"), "no value is given")),
        }
        done.push_str(rest);
    }
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
