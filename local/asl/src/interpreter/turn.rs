//! One step of an execution: entering states, leaving them, ending.

use super::execution::{Current, Doing, Execution};
use super::protocol::{Effect, Event, Purpose, TimerId};
use crate::definition::{Definition, Next, State};
use crate::history::{Fact, Failure, HistoryEvent, Outcome};
use crate::moment::{Moment, next_random};
use serde_json::Value;
use std::cell::Cell;
use std::sync::Arc;

/// What a state's error is made of while it travels to `Retry` and `Catch`.
pub(super) type Outcomes<T> = Result<T, Failure>;

/// What a state hands on besides its input: `$states.result` or `$states.errorOutput`.
pub(super) type Extra<'a> = Option<(&'static str, &'a Value)>;

pub(super) struct Turn<'a> {
    pub(super) execution: &'a mut Execution,
    pub(super) now: i64,
    pub(super) definition: &'a Definition,
    dice: Cell<u64>,
    effects: Vec<Effect>,
    /// The state to enter next and its input.
    ahead: Option<(String, Value)>,
}

impl Execution {
    /// Takes in what happened and says what to do. What comes too late, or twice, changes nothing.
    pub fn step(&mut self, moment: Moment, event: Event) -> Vec<Effect> {
        let begins = event == Event::Started;
        if self.outcome.is_some() || begins != self.history.is_empty() {
            return Vec::new();
        }
        let definition = Arc::clone(&self.definition);
        let turn = Turn {
            execution: self,
            now: moment.now,
            definition: &definition,
            dice: Cell::new(moment.seed),
            effects: Vec::new(),
            ahead: None,
        };
        turn.take(event)
    }
}

impl<'a> Turn<'a> {
    fn take(mut self, event: Event) -> Vec<Effect> {
        self.handle(event);
        while self.execution.outcome.is_none()
            && let Some((name, input)) = self.ahead.take()
        {
            self.enter(name, input);
        }
        self.effects
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Started => self.begin(),
            Event::Stopped(failure) => {
                self.stop_child();
                self.end(Outcome::Aborted(failure));
            }
            Event::TimerFired(timer) => self.timer_fired(timer),
            Event::Returned { call, result } => self.returned(call, result),
            Event::Failed { call, failure } => self.ended(|it| it.call == call, Err(failure)),
            Event::ChildSucceeded { call, result } => self.ended(|it| it.call == call, Ok(result)),
            Event::TokenSucceeded { token, output } => {
                self.ended(|it| it.holds(&token), Ok(output));
            }
            Event::TokenFailed { token, failure } => {
                self.ended(|it| it.holds(&token), Err(failure));
            }
            Event::TokenHeartbeat { token } => self.token_heartbeat(&token),
        }
    }

    fn begin(&mut self) {
        self.execution.started_at = self.now;
        let input = self.execution.input.clone();
        self.record(Fact::ExecutionStarted {
            input: input.clone(),
            role_arn: self.execution.identity.role_arn.clone(),
        });
        if let Some(seconds) = self.definition.timeout_seconds {
            self.execution.machine_timer = Some(self.timer(Purpose::Machine, seconds * 1000));
        }
        self.ahead = Some((self.definition.start_at.clone(), input));
    }

    fn timer_fired(&mut self, timer: TimerId) {
        if self.execution.machine_timer == Some(timer) {
            self.stop_child();
            return self.end(Outcome::TimedOut(Failure::default()));
        }
        let current = self.execution.current.as_ref();
        match current.map(|current| &current.doing) {
            Some(Doing::Waiting(waiting)) if *waiting == timer => self.wait_over(),
            Some(Doing::Pausing(pausing)) if *pausing == timer => self.attempt(),
            Some(Doing::Calling(_)) => self.task_timer_fired(timer),
            _ => {}
        }
    }

    /// Enters a state. Only this begins one; only [`Turn::go`] makes another follow.
    fn enter(&mut self, name: String, input: Value) {
        let Some(state) = self.definition.states.get(&name) else {
            let cause = format!("there is no state '{name}'");
            return self.fail(Failure::new("States.Runtime", cause));
        };
        let entered = self.record(Fact::StateEntered {
            kind: state.type_name(),
            name: name.clone(),
            input: input.clone(),
        });
        self.execution.current = Some(Current {
            name,
            input,
            entered_at: self.now,
            entered_id: entered,
            retries: 0,
            used: Vec::new(),
            doing: Doing::Moving,
        });
        match state {
            State::Task(_) => self.attempt(),
            State::Wait(wait) => self.or_fail(|turn| turn.wait(wait)),
            State::Choice(choice) => self.or_fail(|turn| turn.choose(choice)),
            State::Pass(pass) => self.or_fail(|turn| turn.leave(&pass.leaving, None, &pass.next)),
            State::Succeed(leaving) => self.or_fail(|turn| turn.leave(leaving, None, &Next::End)),
            State::Fail { error, cause } => {
                self.or_fail(|turn| turn.give_up(error.as_ref(), cause.as_ref()));
            }
        }
    }

    /// For states without `Catch`: an error ends the execution.
    pub(super) fn or_fail(&mut self, work: impl FnOnce(&mut Self) -> Outcomes<()>) {
        if let Err(failure) = work(self) {
            self.fail(failure);
        }
    }

    /// Ends the execution with the state's error.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.end(Outcome::Failed(failure));
    }

    /// Ends the execution.
    pub(super) fn end(&mut self, outcome: Outcome) {
        if self.execution.outcome.is_some() {
            return;
        }
        self.close_token();
        self.ahead = None;
        self.record(Fact::ExecutionEnded(outcome.clone()));
        self.effect(Effect::Finish(outcome.clone()));
        self.execution.outcome = Some(outcome);
    }

    /// Adds an event to the history and returns its id. The last event that fits is the execution's failure.
    pub(super) fn record(&mut self, fact: Fact) -> u64 {
        let history = &mut self.execution.history;
        let last = history.last().map_or(0, |event| event.id);
        if self.execution.outcome.is_some() {
            return last;
        }
        let first = matches!(
            fact,
            Fact::ExecutionStarted { .. }
                | Fact::ExecutionEnded(Outcome::Aborted(_) | Outcome::TimedOut(_))
        );
        let is_end = fact.is_end();
        history.push(HistoryEvent {
            id: last + 1,
            previous_id: if first || last == 1 { 0 } else { last },
            at: self.now,
            fact,
        });
        if !is_end && self.execution.is_full() {
            let cause = "The execution reached the maximum number of history events (25000).";
            self.fail(Failure::new("States.Runtime", cause));
        }
        last + 1
    }

    /// Asks for something, unless the execution is over.
    pub(super) fn effect(&mut self, effect: Effect) {
        if self.execution.outcome.is_none() {
            self.effects.push(effect);
        }
    }

    pub(super) fn timer(&mut self, purpose: Purpose, after: u64) -> TimerId {
        let timer = TimerId(self.number());
        self.effect(Effect::StartTimer {
            timer,
            purpose,
            after,
        });
        timer
    }

    /// A number that this execution has not used before.
    pub(super) fn number(&mut self) -> u64 {
        self.execution.last_number += 1;
        self.execution.last_number
    }

    /// Rolls the dice.
    pub(super) fn roll(&self) -> u64 {
        next_random(&self.dice)
    }

    pub(super) fn doing(&mut self, doing: Doing) {
        if let Some(current) = &mut self.execution.current {
            current.doing = doing;
        }
    }

    /// The definition of the state that runs.
    pub(super) fn state(&self) -> Option<&'a State> {
        self.definition.states.get(self.execution.state()?)
    }

    /// Makes another state follow.
    pub(super) fn go(&mut self, next: &Next, output: Value) {
        match next {
            Next::State(name) => self.ahead = Some((name.clone(), output)),
            Next::End => self.end(Outcome::Succeeded(output)),
        }
    }
}
