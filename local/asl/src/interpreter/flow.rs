//! Waiting, choosing, giving up, and leaving a state.

use super::execution::Doing;
use super::protocol::{MAX_BYTES, Purpose};
use super::turn::{Extra, Outcomes, Turn};
use crate::definition::{Choice, Leaving, Next, State, Until, Wait};
use crate::expression::{QueryError, Template};
use crate::history::{Fact, Failure};
use serde_json::{Map, Value};
use std::fmt::Write;

/// The largest sum of all variables, in bytes of JSON.
const MAX_VARIABLES: usize = 10 * 1024 * 1024;

impl Turn<'_> {
    pub(super) fn wait(&mut self, wait: &Wait) -> Outcomes<()> {
        let after = match &wait.until {
            Until::Seconds(seconds) => self.seconds(seconds, "Seconds", 0)? * 1000,
            Until::Timestamp(template) => self.until(template)?,
        };
        let timer = self.timer(Purpose::Wait, after);
        self.doing(Doing::Waiting(timer));
        Ok(())
    }

    fn until(&mut self, template: &Template) -> Outcomes<u64> {
        let value = self.evaluate(template, "Timestamp", None)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let with_time = value.is_string() && text.contains('T');
        let parsed = text.parse::<jiff::Timestamp>().ok();
        let Some(timestamp) = parsed.filter(|_| with_time) else {
            let cause = format!(
                "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}"
            );
            return Err(self.query_error(QueryError {
                location: "Timestamp".to_owned(),
                cause,
            }));
        };
        let left = timestamp.as_millisecond().saturating_sub(self.now);
        Ok(u64::try_from(left).unwrap_or(0))
    }

    pub(super) fn wait_over(&mut self) {
        if let Some(State::Wait(wait)) = self.state() {
            self.doing(Doing::Moving);
            self.or_fail(|turn| turn.leave(&wait.leaving, None, &wait.next));
        }
    }

    pub(super) fn choose(&mut self, choice: &Choice) -> Outcomes<()> {
        for (i, rule) in choice.rules.iter().enumerate() {
            let field = format!("Choices[{i}]/Condition");
            match self.evaluate(&rule.condition, &field, None)? {
                Value::Bool(true) => {
                    return self.leave(&rule.leaving, None, &Next::State(rule.next.clone()));
                }
                Value::Bool(false) => {}
                other => return Err(self.wrong_type(&rule.condition, &field, "boolean", &other)),
            }
        }
        match &choice.default {
            Some(next) => self.leave(&choice.leaving, None, &Next::State(next.clone())),
            None => Err(Failure::new(
                "States.NoChoiceMatched",
                "No Choice rule was true, and there is no Default",
            )),
        }
    }

    pub(super) fn give_up(
        &mut self,
        error: Option<&Template>,
        cause: Option<&Template>,
    ) -> Outcomes<()> {
        let error = self.words(error, "Error")?;
        let cause = self.words(cause, "Cause")?;
        Err(Failure { error, cause })
    }

    fn words(&mut self, template: Option<&Template>, field: &str) -> Outcomes<Option<String>> {
        let Some(template) = template else {
            return Ok(None);
        };
        match self.evaluate(template, field, None)? {
            Value::String(text) => Ok(Some(text)),
            other => Err(self.wrong_type(template, field, "string", &other)),
        }
    }

    /// Leaves the state: output and variables are evaluated with the variables as they were.
    pub(super) fn leave(&mut self, leaving: &Leaving, extra: Extra, next: &Next) -> Outcomes<()> {
        let Some(current) = &self.execution.current else {
            return Ok(());
        };
        let untouched = extra.map_or(&current.input, |(_, value)| value).clone();
        let output = match &leaving.output {
            Some(template) => self.evaluate(template, "Output", extra)?,
            None => untouched,
        };
        let mut assigned = Map::new();
        for (name, template) in &leaving.assign {
            let value = self.evaluate(template, &format!("Assign/{name}"), extra)?;
            assigned.insert(name.clone(), value);
        }
        self.fits(&output)?;
        self.assign(&assigned)?;
        self.exited(output.clone(), assigned);
        self.go(next, output);
        Ok(())
    }

    fn exited(&mut self, output: Value, assigned: Map<String, Value>) {
        if let (Some(state), Some(current)) = (self.state(), self.execution.current.take()) {
            self.record(Fact::StateExited {
                kind: state.type_name(),
                name: current.name,
                output,
                assigned,
            });
        }
    }

    fn assign(&mut self, assigned: &Map<String, Value>) -> Outcomes<()> {
        let sizes = assigned
            .iter()
            .map(|(name, value)| (name.clone(), size_of(value)));
        let sizes: Vec<(String, usize)> = sizes.collect();
        let new: usize = sizes.iter().map(|(_, size)| size).sum();
        // What is kept was measured when it was assigned.
        let kept = self.execution.sizes.iter();
        let kept = kept.filter(|(name, _)| !assigned.contains_key(*name));
        let kept: usize = kept.map(|(_, size)| size).sum();
        if new > MAX_BYTES || new + kept > MAX_VARIABLES {
            return Err(self.too_large("assigned variables"));
        }
        self.execution.sizes.extend(sizes);
        self.execution.variables.extend(assigned.clone());
        Ok(())
    }

    pub(super) fn fits(&self, value: &Value) -> Outcomes<()> {
        if size_of(value) <= MAX_BYTES {
            return Ok(());
        }
        Err(self.too_large("returned a result"))
    }

    fn too_large(&self, what: &str) -> Failure {
        let state = self.execution.state().unwrap_or_default();
        let cause = format!(
            "The state/task '{state}' {what} with a size exceeding the maximum number of bytes service limit."
        );
        Failure::new("States.DataLimitExceeded", cause)
    }
}

/// The length of a value's JSON.
fn size_of(value: &Value) -> usize {
    let mut counter = Counter(0);
    // Counting does not fail.
    let _ = write!(counter, "{value}");
    counter.0
}

/// Counts what is written to it.
struct Counter(usize);

impl Write for Counter {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
