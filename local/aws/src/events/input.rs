//! What a target gets of an event.

use crate::template::Input;
use serde_json::Value;

/// The text that a target gets.
#[must_use]
pub fn of(input: &Input, event: &Value) -> String {
    match input {
        Input::Event => event.to_string(),
        Input::Constant(text) => text.clone(),
        Input::Path(path) => at(event, path).to_string(),
        Input::Template { paths, template } => {
            let paths = paths.iter();
            let values = paths.map(|(name, path)| (name.as_str(), at(event, path)));
            fill(template, &values.collect::<Vec<_>>())
        }
    }
}

/// What is at `$.a.b`; null if nothing is.
fn at<'a>(event: &'a Value, path: &str) -> &'a Value {
    let steps = path.trim_start_matches('$').split('.');
    let steps = steps.filter(|step| !step.is_empty());
    steps.fold(event, |value, step| &value[step])
}

/// `<name>` is replaced by the value's JSON; within a string, by its text, as EventBridge does it.
fn fill(template: &str, values: &[(&str, &Value)]) -> String {
    let (mut out, mut rest, mut quoted) = (String::new(), template, false);
    while let Some(character) = rest.chars().next() {
        let placeholder = values.iter().find_map(|(name, value)| {
            let after = rest.strip_prefix('<')?.strip_prefix(name)?;
            Some((*value, after.strip_prefix('>')?))
        });
        if let Some((value, after)) = placeholder {
            let text = value.to_string();
            out.push_str(&if quoted { inner(value) } else { text });
            rest = after;
            continue;
        }
        quoted ^= character == '"' && !out.ends_with('\\');
        out.push(character);
        rest = &rest[character.len_utf8()..];
    }
    out
}

/// A value inside a string's quotes.
fn inner(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let json = Value::from(text).to_string();
    json[1..json.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;
    use serde_json::json;

    #[test]
    fn a_template_takes_values_bare_and_within_strings() {
        let event = json!({"detail": {"name": "say \"hi\"", "input": {"n": 1}}});
        let input = Input::Template {
            paths: vec![
                ("name".to_owned(), "$.detail.name".to_owned()),
                ("input".to_owned(), "$.detail.input".to_owned()),
            ],
            template: r#"{"reason": "it is <name>", "input": <input>, "x": <none>}"#.to_owned(),
        };
        assert_eq!(
            of(&input, &event),
            r#"{"reason": "it is say \"hi\"", "input": {"n":1}, "x": <none>}"#
        );
    }

    #[test]
    fn an_event_that_asks_for_an_upgrade_gives_the_request_its_id() {
        let path = crate::toolchain::workspace().join("infra/template.yaml");
        let template =
            Template::read(&path, &crate::iam::everything()).expect("the shipped template");
        let event = json!({
            "id": "e-1", "source": "com.example.releases", "detail-type": "viridian.upgrade.requested", "account": "1",
            "detail": {"database": "orders", "target_version": "17.4"},
        });
        let mut asked = template
            .rules
            .iter()
            .filter(|rule| crate::events::matches(&rule.pattern, &event));
        let rule = asked.next().expect("a rule that takes it");
        let input = of(&rule.targets[0].input, &event);
        let input: Value = serde_json::from_str(&input).expect("JSON");
        let request = domain::request::parse(&input).expect("a request");
        assert_eq!(request.request_id.as_deref(), Some("e-1"));
    }

    #[test]
    fn a_path_takes_a_part() {
        let detail = Input::Path("$.detail".to_owned());
        assert_eq!(of(&detail, &json!({"detail": {"a": 1}})), r#"{"a":1}"#);
    }
}
