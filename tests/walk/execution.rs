//! What a walk does with executions: it tells them what happens, and does what they ask for.

use super::agenda::{Caller, Due};
use super::faults::Fault;
use super::functions;
use super::machines::{Machine, Run, description, named, status_change};
use super::walk::Walk;
use asl::definition::Resource;
use asl::history::{Fact, Failure, MAX_EVENTS};
use asl::interpreter::{CallId, Effect, Event, Moment, Outcome, TimerId, Token};
use domain::error::StepError;
use serde_json::{Value, json};

impl Walk<'_> {
    /// Starts an execution.
    pub fn start(&mut self, machine: Machine, input: Value, parent: Option<Caller>) -> usize {
        let number = self.runs.len();
        let execution = self.shipped.execution(machine, number, input);
        {
            let mut world = self.world();
            world.note(|| format!("{machine:?} {number} starts with {}", execution.input()));
            let arn = execution.identity().arn.clone();
            world.executions.insert(arn, None);
        }
        self.running += 1;
        self.runs.push(Run {
            execution,
            machine,
            parent,
            seen: 0,
            token: None,
        });
        self.tell(number, Event::Started);
        number
    }

    /// Tells an execution what happened, and does what it asks for.
    pub fn tell(&mut self, run: usize, event: Event) {
        let moment = {
            let mut world = self.world();
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

    /// Counts the states that were entered, and notices a wait that is over.
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
                    "ReadAlarmsAfter" => world.memory.watched_until = Some(world.now),
                    "Retire" => world.watch_ends(),
                    _ => {}
                }
                world.state = state.into();
            }
        }
        run.seen = run.execution.history().len();
        if run.seen + 1_000 >= MAX_EVENTS {
            world.violate(format!("the history has {} events", run.seen));
        }
        let over = |token: &mut String| run.execution.token(token) != Token::Awaited;
        if let Some(token) = run.token.take_if(over) {
            world.awaited.remove(&token);
        }
    }

    fn perform(&mut self, run: usize, effect: Effect) {
        match effect {
            Effect::Call {
                call,
                resource,
                arguments,
            } => self.call((run, call), resource, arguments),
            Effect::StopChild(call) => self.stop_child((run, call)),
            Effect::StartTimer { timer, after, .. } => {
                let after = i64::try_from(after).unwrap_or(i64::MAX / 4);
                self.due(after, Due::Timer(run, timer));
            }
            Effect::Finish(outcome) => self.finished(run, &outcome),
        }
    }

    fn call(&mut self, caller: Caller, resource: Resource, mut arguments: Value) {
        match resource {
            Resource::Lambda | Resource::LambdaToken => {
                let name = arguments["FunctionName"].as_str().unwrap_or_default();
                let step = functions::named(name);
                let payload = arguments["Payload"].take();
                if resource == Resource::LambdaToken {
                    let token = payload["token"].as_str().unwrap_or_default();
                    self.world().awaited.insert(token.to_owned());
                    self.runs[caller.0].token = Some(token.to_owned());
                }
                let mut world = self.world();
                let after = world.dice.between(1, 50);
                world.due(after, Due::Invoke(Some(caller), step, Box::new(payload)));
            }
            Resource::Sns | Resource::SnsToken => panic!("no shipped machine publishes by itself"),
            Resource::Child => {
                let input = arguments["Input"].take();
                let child = self.start(Machine::Rollback, input, Some(caller));
                let arn = self.runs[child].execution.identity().arn.clone();
                let started = Ok(json!({"ExecutionArn": arn}));
                self.due(1, Due::Answer(caller, Box::new(started)));
            }
        }
    }

    /// A person is asked, and may answer.
    pub fn ask_person(&self, token: String) {
        let mut world = self.world();
        let no = world.dice.chance(6_000);
        if no {
            world.strike(Fault::NotApproved);
        }
        let silent = no && world.dice.chance(7_000);
        let after = world.dice.between(5_000, 3_600_000);
        if !silent {
            world.due(after, Due::Approval(token, !no));
        }
    }

    fn stop_child(&mut self, caller: Caller) {
        let mut runs = self.runs.iter();
        if let Some(child) = runs.position(|child| child.parent == Some(caller)) {
            self.tell(child, Event::Stopped(Failure::default()));
        }
    }

    fn finished(&mut self, number: usize, outcome: &Outcome) {
        self.running -= 1;
        let run = &self.runs[number];
        let parent = run.parent;
        let change = status_change(&run.execution);
        {
            let mut world = self.world();
            let now = world.now;
            let arn = run.execution.identity().arn.clone();
            world.executions.insert(arn, Some(now));
            world.note(|| format!("{:?} {number} ends: {outcome:?}", run.machine));
            let error = outcome.failure().and_then(|failure| failure.error.clone());
            let error = error.unwrap_or_default();
            let how = format!("{:?} {} {error}", run.machine, outcome.status());
            world.coverage.ended(how);
        }
        let told = parent.map(|_| description(&run.execution));
        if self.shipped.starts_rollback(&change) {
            self.deliver(&|| Due::Start(Box::new(change.clone())));
        }
        if self.shipped.sweeps(&change) {
            self.deliver_call("Sweep", &change);
        }
        let (Some((parent, call)), Some(told)) = (parent, told) else {
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
    fn deliver(&self, due: &dyn Fn() -> Due) {
        let mut world = self.world();
        if world.strikes(Fault::EventLost) {
            return;
        }
        let twice = world.strikes(Fault::EventTwice);
        let late = world.strikes(Fault::EventLate);
        let longest = if late { 7_200_000 } else { 5_000 };
        for _ in 0..=u32::from(twice) {
            let after = world.dice.between(50, longest);
            world.due(after, due());
        }
    }

    /// An event for a function is on its way.
    fn deliver_call(&self, step: &'static str, event: &Value) {
        self.deliver(&|| Due::Invoke(None, step, Box::new(event.clone())));
    }

    /// The alarm went to `ALARM`: EventBridge calls `on_alarm`.
    pub fn alarm_event(&self, at: i64) {
        let state = json!({"value": "ALARM", "reason": "too many errors", "timestamp": iso(at)});
        let detail = json!({"alarmName": super::world::alarms::ALARM, "state": state});
        let event = json!({"id": format!("alarm-{at}"), "detail": detail});
        self.deliver_call("OnAlarm", &event);
    }

    /// RDS tells of a deployment: EventBridge calls `on_green`.
    pub fn green_event(&self, deployment: &str) {
        let detail = json!({"SourceIdentifier": deployment, "Message": "tasks completed"});
        let event = json!({"id": "green", "detail": detail});
        self.deliver_call("OnGreen", &event);
    }

    /// A timer runs out.
    pub fn timer(&mut self, run: usize, timer: TimerId) {
        self.tell(run, Event::TimerFired(timer));
    }

    /// A call is answered.
    pub fn answer(&mut self, (run, call): (usize, CallId), answer: Result<Value, Failure>) {
        let event = match answer {
            Ok(result) => Event::Returned { call, result },
            Err(failure) => Event::Failed { call, failure },
        };
        self.tell(run, event);
    }

    /// A person approves, or says no.
    pub fn approval(&mut self, token: String, yes: bool) {
        let no = || Err(StepError::refused("not approved"));
        self.end_wait(token, if yes { Ok(()) } else { no() });
    }

    /// A wait is ended by its token, if it lasts.
    pub fn end_wait(&mut self, token: String, how: Result<(), StepError>) {
        let waits = |run: &Run| run.execution.token(&token) == Token::Awaited;
        let Some(run) = self.runs.iter().position(waits) else {
            return;
        };
        let event = match how {
            Ok(()) => Event::TokenSucceeded {
                token,
                output: json!({}),
            },
            Err(why) => Event::TokenFailed {
                token,
                failure: Failure::new(why.name.as_ref(), why.message),
            },
        };
        self.tell(run, event);
    }
}

/// A moment as CloudWatch writes it, such as `2026-01-01T00:00:00.000+0000`.
fn iso(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}
