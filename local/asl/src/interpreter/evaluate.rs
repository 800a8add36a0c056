//! Evaluating a state's fields.

use super::execution::Doing;
use super::turn::{Extra, Outcomes, Turn};
use crate::expression::{QueryError, Scope, States, Template};
use crate::history::{Fact, Failure};
use crate::moment::Moment;
use serde_json::{Value, json};

impl Turn<'_> {
    /// Evaluates a field of the current state.
    pub(super) fn evaluate(
        &mut self,
        template: &Template,
        field: &str,
        extra: Extra,
    ) -> Outcomes<Value> {
        if let Template::Literal(value) = template {
            return Ok(value.clone());
        }
        let evaluated = template.evaluate(field, &self.scope(extra));
        evaluated.map_err(|error| self.query_error(error))
    }

    fn scope<'s>(&'s self, extra: Extra<'s>) -> Scope<'s> {
        let moment = Moment {
            now: self.now,
            seed: self.roll(),
        };
        let current = self.execution.current.as_ref();
        let input = current.map(|current| &current.input);
        let states = States {
            members: [input.map(|input| ("input", input)), extra],
            context: Box::new(|| self.context()),
        };
        Scope::new(states, &self.execution.variables, moment)
    }

    /// Records that an expression has no value, and makes it the state's error.
    pub(super) fn query_error(&mut self, error: QueryError) -> Failure {
        let (state, id) = self
            .execution
            .current
            .as_ref()
            .map_or_else(Default::default, |current| {
                (current.name.clone(), current.entered_id)
            });
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{id}). {}",
            error.cause
        );
        let failure = Failure::new("States.QueryEvaluationError", cause);
        self.record(Fact::EvaluationFailed {
            state,
            location: error.location,
            failure: failure.clone(),
        });
        failure
    }

    pub(super) fn wrong_type(
        &mut self,
        template: &Template,
        field: &str,
        expected: &str,
        found: &Value,
    ) -> Failure {
        let what = format!(
            "returned an unexpected result type. Expected '{expected}', but was '{}' for value: {found}",
            type_name(found)
        );
        let error = match template {
            Template::Expression(expression) => expression.error(field, &what),
            _ => QueryError {
                location: field.to_owned(),
                cause: format!("The field '{field}' {what}"),
            },
        };
        self.query_error(error)
    }

    pub(super) fn seconds(&mut self, seconds: &Template, field: &str, low: u64) -> Outcomes<u64> {
        let value = self.evaluate(seconds, field, None)?;
        match value.as_u64().filter(|n| (low..=99_999_999).contains(n)) {
            Some(number) => Ok(number),
            None => Err(self.wrong_type(seconds, field, "integer", &value)),
        }
    }

    /// The context object, `$states.context`.
    fn context(&self) -> Value {
        let execution = &self.execution;
        let who = &execution.identity;
        let mut context = json!({
            "Execution": {
                "Id": who.arn, "Input": execution.input, "Name": who.name, "RoleArn": who.role_arn,
                "StartTime": iso(execution.started_at), "RedriveCount": 0,
            },
            "StateMachine": { "Id": who.machine_arn, "Name": who.machine_name },
        });
        if let Some(current) = &execution.current {
            context["State"] = json!({
                "EnteredTime": iso(current.entered_at), "Name": current.name, "RetryCount": current.retries,
            });
            if let Doing::Calling(attempt) = &current.doing
                && let Some(token) = &attempt.token
            {
                context["Task"] = json!({ "Token": token });
            }
        }
        context
    }
}

/// A time as the service writes it, `2026-11-22T07:15:00.000Z`.
fn iso(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map_or_else(|_| at.to_string(), |time| format!("{time:.3}"))
}

const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
