//! What a walk does with executions: it tells them what happens, and does what they ask for.

use super::faults::Fault;
use super::machines::{Machine, Run, description, named, status_change};
use super::steps::FUNCTIONS;
use super::walk::{Due, Walk};
use asl::definition::Resource;
use asl::history::{Fact, Failure, MAX_EVENTS};
use asl::interpreter::{CallId, Effect, Event, Moment, Outcome, TimerId, Token};
use domain::error::StepError;
use serde_json::{Value, json};

impl Run {
    /// The state that it is in, as it is counted.
    pub fn state(&self) -> String {
        named(self.machine, self.execution.state().unwrap_or_default())
    }
}

impl Walk<'_> {
    /// Starts an execution.
    pub fn start(
        &mut self,
        machine: Machine,
        input: Value,
        parent: Option<(usize, CallId)>,
    ) -> usize {
        let number = self.runs.len();
        let execution = self.shipped.execution(machine, number, input);
        {
            let mut world = self.world.borrow_mut();
            world.note(|| format!("{machine:?} {number} starts with {}", execution.input()));
            world
                .executions
                .insert(execution.identity().arn.clone(), None);
        }
        self.runs.push(Run {
            execution,
            machine,
            parent,
            seen: 0,
        });
        self.tell(number, Event::Started);
        number
    }

    /// Tells an execution what happened, and does what it asks for.
    pub fn tell(&mut self, run: usize, event: Event) {
        let moment = {
            let mut world = self.world.borrow_mut();
            Moment {
                now: world.now,
                seed: world.dice.roll(),
            }
        };
        let effects = self.runs[run].execution.step(moment, event);
        self.observe(run);
        for effect in effects {
            self.perform(run, effect);
        }
    }

    /// Counts the states that were entered.
    fn observe(&mut self, number: usize) {
        let run = &mut self.runs[number];
        let mut world = self.world.borrow_mut();
        for event in &run.execution.history()[run.seen..] {
            if let Fact::StateEntered { name, .. } = &event.fact {
                let state = named(run.machine, name);
                world.note(|| format!("{:?} {number} enters {name}", run.machine));
                world.coverage.entered(&state);
                world.weather.entered(&state);
                match state.as_str() {
                    "WatchAfter" => world.watch_begins(),
                    "Retire" => world.watch_ends(),
                    _ => {}
                }
                world.state = state;
            }
        }
        run.seen = run.execution.history().len();
        if run.seen + 1_000 >= MAX_EVENTS {
            world.violate(format!("the history has {} events", run.seen));
        }
    }

    fn perform(&mut self, run: usize, effect: Effect) {
        match effect {
            Effect::Call {
                call,
                resource,
                arguments,
            } => self.call(run, call, resource, &arguments),
            Effect::StopChild(call) => self.stop_child(run, call),
            Effect::StartTimer { timer, after, .. } => {
                self.due(
                    i64::try_from(after).unwrap_or(i64::MAX / 4),
                    Due::Timer(run, timer),
                );
            }
            Effect::Finish(outcome) => self.finished(run, &outcome),
        }
    }

    fn call(&mut self, run: usize, call: CallId, resource: Resource, arguments: &Value) {
        match resource {
            Resource::Lambda | Resource::LambdaToken => {
                let name = arguments["FunctionName"].as_str().unwrap_or_default();
                let step = FUNCTIONS
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map_or("?", |(known, _)| known);
                let after = self.world.borrow_mut().dice.between(1, 50);
                self.due(
                    after,
                    Due::Invoke(Some((run, call)), step, arguments["Payload"].clone()),
                );
            }
            Resource::Sns | Resource::SnsToken => panic!("no shipped machine publishes by itself"),
            Resource::Child => {
                let child = self.start(
                    Machine::Rollback,
                    arguments["Input"].clone(),
                    Some((run, call)),
                );
                let arn = self.runs[child].execution.identity().arn.clone();
                self.due(1, Due::Answer(run, call, Ok(json!({"ExecutionArn": arn}))));
            }
        }
    }

    /// A person is asked, and may answer.
    pub fn ask_person(&mut self, token: String) {
        let mut world = self.world.borrow_mut();
        let no = world.dice.chance(6_000);
        if no {
            world.strike(Fault::NotApproved);
        }
        let silent = no && world.dice.chance(7_000);
        let after = world.dice.between(5_000, 3_600_000);
        drop(world);
        if !silent {
            self.due(after, Due::Approval(token, !no));
        }
    }

    fn stop_child(&mut self, run: usize, call: CallId) {
        let child = self
            .runs
            .iter()
            .position(|child| child.parent == Some((run, call)));
        if let Some(child) = child {
            self.tell(child, Event::Stopped(Failure::default()));
        }
    }

    fn finished(&mut self, number: usize, outcome: &Outcome) {
        let run = &self.runs[number];
        let (arn, parent) = (run.execution.identity().arn.clone(), run.parent);
        let change = status_change(&run.execution);
        let told = description(&run.execution);
        {
            let mut world = self.world.borrow_mut();
            let now = world.now;
            world.executions.insert(arn, Some(now));
            world.note(|| format!("{:?} {number} ends: {outcome:?}", run.machine));
            let error = outcome
                .failure()
                .and_then(|failure| failure.error.clone())
                .unwrap_or_default();
            world
                .coverage
                .ended(format!("{:?} {} {error}", run.machine, outcome.status()));
        }
        if self.shipped.starts_rollback(&change) {
            self.deliver(Due::Start(change.clone()));
        }
        if self.shipped.sweeps(&change) {
            self.deliver(Due::Invoke(None, "Sweep", change));
        }
        let Some((parent, call)) = parent else {
            return;
        };
        let event = match outcome {
            Outcome::Succeeded(_) => Event::ChildSucceeded { call, result: told },
            _ => Event::Failed {
                call,
                failure: Failure::new("States.TaskFailed", told.to_string()),
            },
        };
        self.tell(parent, event);
    }

    /// An event is on its way: once, twice, late or never.
    pub fn deliver(&mut self, due: Due) {
        let mut world = self.world.borrow_mut();
        if world.strikes(Fault::EventLost) {
            return;
        }
        let twice = world.strikes(Fault::EventTwice);
        let late = world.strikes(Fault::EventLate);
        let longest = if late { 7_200_000 } else { 5_000 };
        let (first, second) = (
            world.dice.between(50, longest),
            world.dice.between(50, longest),
        );
        drop(world);
        match &due {
            Due::Start(input) if twice => self.due(second, Due::Start(input.clone())),
            Due::Invoke(_, step, payload) if twice => {
                self.due(second, Due::Invoke(None, step, payload.clone()));
            }
            _ => {}
        }
        self.due(first, due);
    }

    /// An alarm rang: EventBridge calls `on_alarm`.
    pub fn alarm_event(&mut self, at: i64) {
        let state =
            json!({"value": "ALARM", "reason": "too many errors", "timestamp": at.to_string()});
        let detail = json!({"alarmName": super::world::alarms::ALARM, "state": state});
        let event = json!({"id": format!("alarm-{at}"), "detail": detail});
        self.deliver(Due::Invoke(None, "OnAlarm", event));
    }

    /// RDS tells of a deployment: EventBridge calls `on_green`.
    pub fn green_event(&mut self, deployment: &str) {
        let detail = json!({"SourceIdentifier": deployment, "Message": "tasks completed"});
        let event = json!({"id": "green", "detail": detail});
        self.deliver(Due::Invoke(None, "OnGreen", event));
    }

    /// A timer runs out.
    pub fn timer(&mut self, run: usize, timer: TimerId) {
        self.tell(run, Event::TimerFired(timer));
    }

    /// A call is answered.
    pub fn answer(&mut self, run: usize, call: CallId, answer: Result<Value, Failure>) {
        self.tell(
            run,
            match answer {
                Ok(result) => Event::Returned { call, result },
                Err(failure) => Event::Failed { call, failure },
            },
        );
    }

    /// A person approves, or says no.
    pub fn approval(&mut self, token: String, yes: bool) {
        let run = self
            .runs
            .iter()
            .position(|run| run.execution.token(&token) == Token::Awaited);
        let Some(run) = run else {
            return;
        };
        self.tell(
            run,
            match yes {
                true => Event::TokenSucceeded {
                    token,
                    output: json!({}),
                },
                false => Event::TokenFailed {
                    token,
                    failure: Failure::new("Upgrade.Refused", "not approved"),
                },
            },
        );
    }

    /// A wait is ended by its token, if somebody still waits.
    pub fn end_wait(&mut self, token: String, how: Result<(), StepError>) {
        let run = self
            .runs
            .iter()
            .position(|run| run.execution.token(&token) == Token::Awaited);
        let Some(run) = run else {
            return;
        };
        self.tell(
            run,
            match how {
                Ok(()) => Event::TokenSucceeded {
                    token,
                    output: json!({}),
                },
                Err(why) => Event::TokenFailed {
                    token,
                    failure: Failure::new(why.name.as_str(), why.message),
                },
            },
        );
    }
}
