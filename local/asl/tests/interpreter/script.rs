//! Plays a case: an execution in virtual time, and what the world does to it.

use super::lines;
use asl::definition::Definition;
use asl::history::Failure;
use asl::interpreter::{
    CallId, Effect, Event, Execution, Identity, Moment, Outcome, Purpose, TimerId,
};

use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// When every execution here begins: 2026-01-01T00:00:00Z.
pub const BEGINNING: i64 = 1_767_225_600_000;

/// One row of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub claim: String,
    pub machine: Value,
    #[serde(default = "empty")]
    pub input: Value,
    /// What the world does, one after the other.
    #[serde(default)]
    pub happens: Vec<Happening>,
    /// The whole history.
    pub history: Vec<String>,
    /// Every timer that was started: what for, and in how many milliseconds.
    #[serde(default)]
    pub timers: Vec<(String, u64)>,
}

fn empty() -> Value {
    json!({})
}

/// One thing that the world does.
#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// The latest call returns this.
    Returns(Value),
    /// The latest call returns so many bytes.
    ReturnsBytes(usize),
    /// The latest call fails.
    Fails(String, String),
    /// The latest call fails, with a cause of so many letters.
    FailsAtLength(String, usize),
    /// The child ends well and returns this.
    ChildSucceeds(Value),
    /// The timer that is due next runs out.
    TimePasses,
    /// So many seconds pass, and every timer that is due on the way runs out.
    SecondsPass(i64),
    /// The holder of the token is done.
    TokenSucceeds(Value),
    /// The holder of the token fails.
    TokenFails(String, String),
    /// The holder of the token is alive.
    TokenBeats,
    /// The holder of the first token that was ever given out comes late.
    FirstTokenSucceeds(Value),
    /// A caller stops the execution.
    Stops(String, String),
}

/// An execution, its virtual time, and everything that it asked for.
pub struct World {
    pub execution: Execution,
    pub now: i64,
    pub asked: Vec<Effect>,
    timers: Vec<(i64, TimerId)>,
    seed: u64,
}

impl World {
    pub fn begin(machine: &Value, input: Value) -> Self {
        let definition = match Definition::parse(&in_jsonata(machine).to_string()) {
            Ok(definition) => definition,
            Err(faults) => panic!("the machine of this case is refused: {faults:?}"),
        };
        Self::of(Arc::new(definition), input)
    }

    pub fn of(definition: Arc<Definition>, input: Value) -> Self {
        let identity = Identity {
            arn: "arn:aws:states:eu-west-1:123456789012:execution:machine:run".to_owned(),
            name: "run".to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/machine".to_owned(),
            machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:machine".to_owned(),
            machine_name: "machine".to_owned(),
        };
        let mut world = Self {
            execution: Execution::new(definition, identity, input),
            now: BEGINNING,
            asked: Vec::new(),
            timers: Vec::new(),
            seed: 7,
        };
        world.tell(Event::Started);
        world
    }

    pub fn tell(&mut self, event: Event) {
        self.seed += 1;
        let moment = Moment {
            now: self.now,
            seed: self.seed,
        };
        for effect in self.execution.step(moment, event) {
            if let Effect::StartTimer { timer, after, .. } = effect {
                let due = self.now + i64::try_from(after).unwrap_or(i64::MAX / 2);
                self.timers.push((due, timer));
            }
            self.asked.push(effect);
        }
    }

    /// Lets the timer run out that is due next. `false` if there is none.
    pub fn pass_time(&mut self) -> bool {
        let Some(next) = self.timers.iter().min().copied() else {
            return false;
        };
        self.timers.retain(|timer| *timer != next);
        self.now = self.now.max(next.0);
        self.tell(Event::TimerFired(next.1));
        true
    }

    pub fn calls(&self) -> Vec<(CallId, &Value)> {
        let calls = self.asked.iter().filter_map(|effect| match effect {
            Effect::Call {
                call, arguments, ..
            } => Some((*call, arguments)),
            _ => None,
        });
        calls.collect()
    }

    fn latest_call(&self) -> CallId {
        match self.calls().last() {
            Some((call, _)) => *call,
            None => panic!("nothing was called yet"),
        }
    }

    /// The tokens that were given out, as they stand in the calls' payloads.
    pub fn tokens(&self) -> Vec<String> {
        let calls = self.calls().into_iter();
        calls
            .filter_map(|(_, arguments)| token_in(arguments))
            .collect()
    }

    pub fn play(&mut self, happening: Happening) {
        let returned = |result| Event::Returned {
            call: self.latest_call(),
            result,
        };
        let failed = |error: String, cause: String| Event::Failed {
            call: self.latest_call(),
            failure: Failure::new(error, cause),
        };
        let tokens = self.tokens();
        let first = tokens.first().cloned().unwrap_or_default();
        let token = tokens.last().cloned().unwrap_or_default();
        let event = match happening {
            Happening::Returns(result) => returned(result),
            Happening::ReturnsBytes(size) => returned(Value::from("x".repeat(size))),
            Happening::Fails(error, cause) => failed(error, cause),
            Happening::FailsAtLength(error, letters) => failed(error, "ü".repeat(letters)),
            Happening::ChildSucceeds(result) => Event::ChildSucceeded {
                call: self.latest_call(),
                result,
            },
            Happening::TokenSucceeds(output) => Event::TokenSucceeded { token, output },
            Happening::FirstTokenSucceeds(output) => Event::TokenSucceeded {
                token: first,
                output,
            },
            Happening::TokenFails(error, cause) => {
                let failure = Failure::new(error, cause);
                Event::TokenFailed { token, failure }
            }
            Happening::TokenBeats => Event::TokenHeartbeat { token },
            Happening::Stops(error, cause) => Event::Stopped(Failure::new(error, cause)),
            Happening::SecondsPass(seconds) => {
                let then = self.now + seconds * 1000;
                while self.timers.iter().any(|(due, _)| *due <= then) {
                    self.pass_time();
                }
                self.now = then;
                return;
            }
            Happening::TimePasses => {
                assert!(self.pass_time(), "no timer runs");
                return;
            }
        };
        self.tell(event);
    }

    pub fn timers(&self) -> Vec<(String, u64)> {
        let timers = self.asked.iter().filter_map(|effect| match effect {
            Effect::StartTimer { purpose, after, .. } => Some((word(*purpose), *after)),
            _ => None,
        });
        timers.collect()
    }

    pub fn outcome(&self) -> Option<&Outcome> {
        self.execution.outcome()
    }

    /// The history, one line per event.
    pub fn lines(&self) -> Vec<String> {
        self.execution.history().iter().map(lines::line).collect()
    }
}

/// The machine, said to be in JSONata if it doesn't say so.
pub fn in_jsonata(machine: &Value) -> Value {
    let mut machine = machine.clone();
    if let Some(map) = machine.as_object_mut() {
        map.entry("QueryLanguage")
            .or_insert_with(|| json!("JSONata"));
    }
    machine
}

fn word(purpose: Purpose) -> String {
    format!("{purpose:?}").to_lowercase()
}

pub fn token_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.starts_with("AQCE") => Some(text.clone()),
        Value::Object(map) => map.values().find_map(token_in),
        _ => None,
    }
}

/// What holds for every history: ids count from 1, each event has its cause, time goes on, only the last one ends it.
pub fn check_history(execution: &Execution) {
    let history = execution.history();
    for (i, event) in history.iter().enumerate() {
        assert_eq!(event.id, i as u64 + 1);
        assert!(event.previous_id < event.id);
        assert_eq!(
            event.fact.is_end(),
            i + 1 == history.len() && execution.outcome().is_some()
        );
        assert!(i == 0 || history[i - 1].at <= event.at);
        assert!(event.at >= BEGINNING);
    }
}
