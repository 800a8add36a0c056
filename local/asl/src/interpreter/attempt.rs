//! Calling what a `Task` names, and what can come back.

use super::execution::{Attempt, Current, Doing};
use super::protocol::{CallId, Effect, Purpose, TimerId};
use super::turn::{Outcomes, Turn};
use crate::definition::{Resource, State, Task};
use crate::expression::hex;
use crate::history::{Fact, Failure};
use serde_json::{Value, json};
use sha2::Digest;

impl Turn<'_> {
    /// Makes an attempt: the first one, or one more.
    pub(super) fn attempt(&mut self) {
        self.in_task(|turn, task| {
            let call = CallId(turn.number());
            let token = task.resource.waits_for_token().then(|| turn.new_token());
            turn.doing(Doing::Calling(Attempt {
                call,
                resource: task.resource,
                token,
                submitted: false,
                timeout: None,
                heartbeat: None,
            }));
            turn.call(task, call)
        });
    }

    fn call(&mut self, task: &Task, call: CallId) -> Outcomes<()> {
        let arguments = if let Some(template) = &task.arguments {
            self.evaluate(template, "Arguments", None)?
        } else {
            let current = self.execution.current.as_ref();
            current.map(|it| it.input.clone()).unwrap_or_default()
        };
        self.fits(&arguments)?;
        let mut limit = |given: &Option<_>, field| {
            let given = given.as_ref();
            given.map(|it| self.seconds(it, field, 1)).transpose()
        };
        let timeout = limit(&task.timeout, "TimeoutSeconds")?;
        let heartbeat = limit(&task.heartbeat, "HeartbeatSeconds")?;
        self.record(Fact::TaskScheduled {
            resource: task.resource,
            parameters: arguments.clone(),
            timeout,
            heartbeat,
        });
        self.record(Fact::TaskStarted(task.resource));
        self.start_timers(task.resource, timeout, heartbeat);
        self.effect(Effect::Call {
            call,
            resource: task.resource,
            arguments,
        });
        Ok(())
    }

    fn start_timers(&mut self, resource: Resource, timeout: Option<u64>, heartbeat: Option<u64>) {
        let purpose = if resource.waits_for_token() {
            Purpose::Token
        } else {
            Purpose::Task
        };
        let timeout = timeout.map(|seconds| self.timer(purpose, seconds * 1000));
        let heartbeat = heartbeat.map(|seconds| {
            let after = seconds * 1000;
            (self.timer(Purpose::Heartbeat, after), after)
        });
        if let Some(attempt) = self.calling() {
            attempt.timeout = timeout;
            attempt.heartbeat = heartbeat;
        }
    }

    /// A token that can't be guessed and that two attempts never share.
    fn new_token(&mut self) -> String {
        let number = self.number();
        let secret = [self.roll(), self.roll()].map(u64::to_be_bytes).concat();
        let mut hash = sha2::Sha256::new();
        hash.update(&self.execution.identity.arn);
        hash.update(number.to_be_bytes());
        hash.update(secret);
        format!("AQCEAAAAKgAAAAMAAAAA{}", hex(&hash.finalize()))
    }

    /// The call returned. That is the result, or the acknowledgement if a token or a child is awaited.
    pub(super) fn returned(&mut self, call: CallId, result: Value) {
        let Some(attempt) = self.calling().filter(|attempt| attempt.call == call) else {
            return;
        };
        let resource = attempt.resource;
        if matches!(resource, Resource::Lambda | Resource::Sns) {
            self.succeeded(resource, &result);
        } else if !std::mem::replace(&mut attempt.submitted, true) {
            self.record(Fact::TaskSubmitted(resource, result));
        }
    }

    /// What was awaited has come, from the call, from its child or with the token, if it is this attempt's.
    pub(super) fn ended(&mut self, ours: impl Fn(&Attempt) -> bool, result: Outcomes<Value>) {
        let Some(attempt) = self.calling().filter(|attempt| ours(attempt)) else {
            return;
        };
        let resource = attempt.resource;
        match result {
            Ok(result) => self.succeeded(resource, &result),
            Err(failure) => self.failed(resource, failure),
        }
    }

    pub(super) fn token_heartbeat(&mut self, token: &str) {
        let attempt = self.calling().filter(|attempt| attempt.holds(token));
        let Some((_, after)) = attempt.and_then(|attempt| attempt.heartbeat) else {
            return;
        };
        let timer = self.timer(Purpose::Heartbeat, after);
        if let Some(attempt) = self.calling() {
            attempt.heartbeat = Some((timer, after));
        }
    }

    pub(super) fn task_timer_fired(&mut self, timer: TimerId) {
        let Some(attempt) = self.calling() else {
            return;
        };
        let error = if attempt.timeout == Some(timer) {
            "States.Timeout"
        } else if attempt.heartbeat.is_some_and(|(beat, _)| beat == timer) {
            "States.HeartbeatTimeout"
        } else {
            return;
        };
        let resource = attempt.resource;
        let failure = Failure::named(error);
        self.close_token();
        self.record(Fact::TaskTimedOut(resource, failure.clone()));
        self.recover(failure);
    }

    fn succeeded(&mut self, resource: Resource, result: &Value) {
        self.close_token();
        if self.fits(result).is_err() {
            let service = resource.service();
            let cause = format!(
                "The state/task '{service}' returned a result with a size exceeding the maximum number of bytes service limit."
            );
            return self.failed(resource, Failure::new("States.DataLimitExceeded", cause));
        }
        self.record(Fact::TaskSucceeded(resource, result.clone()));
        self.doing(Doing::Moving);
        self.in_task(|turn, task| turn.leave(&task.leaving, Some(("result", result)), &task.next));
    }

    fn failed(&mut self, resource: Resource, failure: Failure) {
        self.close_token();
        let failure = failure.cut();
        self.record(Fact::TaskFailed(resource, failure.clone()));
        self.recover(failure);
    }

    /// Does something in the task that runs; an error goes to its `Retry` and `Catch`.
    pub(super) fn in_task(&mut self, work: impl FnOnce(&mut Self, &Task) -> Outcomes<()>) {
        if let Some(State::Task(task)) = self.state()
            && let Err(failure) = work(self, task)
        {
            self.close_token();
            self.recover(failure);
        }
    }

    /// The execution no longer waits for the token of this attempt.
    pub(super) fn close_token(&mut self) {
        if let Some(token) = self.calling().and_then(|attempt| attempt.token.clone()) {
            self.execution.closed_tokens.insert(token);
        }
    }

    /// A child goes down with its parent.
    pub(super) fn stop_child(&mut self) {
        if let Some(attempt) = self.calling().filter(|a| a.resource == Resource::Child) {
            let call = attempt.call;
            self.effect(Effect::StopChild(call));
        }
    }

    fn calling(&mut self) -> Option<&mut Attempt> {
        match &mut self.execution.current {
            Some(Current {
                doing: Doing::Calling(attempt),
                ..
            }) => Some(attempt),
            _ => None,
        }
    }
}

/// What `$states.errorOutput` holds.
pub(super) fn error_output(failure: &Failure) -> Value {
    json!({
        "Error": failure.error.as_deref().unwrap_or_default(),
        "Cause": failure.cause.as_deref().unwrap_or_default(),
    })
}
