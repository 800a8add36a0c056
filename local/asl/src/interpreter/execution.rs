//! An execution and where it stands.

use super::protocol::{CallId, TimerId};
use crate::definition::{Definition, Resource};
use crate::history::{HistoryEvent, MAX_EVENTS, Outcome};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who an execution is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The execution's ARN.
    pub arn: String,
    /// The execution's name.
    pub name: String,
    /// The role that it runs as.
    pub role_arn: String,
    /// The state machine's ARN.
    pub machine_arn: String,
    /// The state machine's name.
    pub machine_name: String,
}

/// An execution. It changes by [`Execution::step`] only.
#[derive(Debug, Clone)]
pub struct Execution {
    pub(super) definition: Arc<Definition>,
    pub(super) identity: Identity,
    pub(super) input: Value,
    pub(super) started_at: i64,
    pub(super) variables: Map<String, Value>,
    /// The lengths of the variables' JSON.
    pub(super) sizes: BTreeMap<String, usize>,
    pub(super) current: Option<Current>,
    pub(super) outcome: Option<Outcome>,
    pub(super) history: Vec<HistoryEvent>,
    pub(super) machine_timer: Option<TimerId>,
    pub(super) closed_tokens: BTreeSet<String>,
    pub(super) last_number: u64,
}

/// The state that runs.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) name: String,
    pub(super) input: Value,
    pub(super) entered_at: i64,
    pub(super) entered_id: u64,
    /// Retries of this state so far.
    pub(super) retries: u64,
    /// Retries so far for each entry of `Retry`.
    pub(super) used: Vec<u64>,
    pub(super) doing: Doing,
}

/// What the state that runs is doing.
#[derive(Debug, Clone)]
pub(super) enum Doing {
    /// Nothing yet, or nothing any more.
    Moving,
    /// A `Wait`.
    Waiting(TimerId),
    /// A retry that is due later.
    Pausing(TimerId),
    /// A call.
    Calling(Attempt),
}

/// One attempt of a task.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) call: CallId,
    pub(super) resource: Resource,
    pub(super) token: Option<String>,
    /// The call returned, but not the result.
    pub(super) submitted: bool,
    pub(super) timeout: Option<TimerId>,
    /// The timer that runs and its length in milliseconds.
    pub(super) heartbeat: Option<(TimerId, u64)>,
}

impl Attempt {
    pub(super) fn holds(&self, token: &str) -> bool {
        self.token.as_deref() == Some(token)
    }
}

/// What is known of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// A task waits for it.
    Awaited,
    /// Its task is over.
    Closed,
    /// It was never given out here.
    Unknown,
}

impl Execution {
    /// An execution that has not begun; [`Event::Started`] begins it.
    #[must_use]
    pub fn new(definition: Arc<Definition>, identity: Identity, input: Value) -> Self {
        Self {
            definition,
            identity,
            input,
            started_at: 0,
            variables: Map::new(),
            sizes: BTreeMap::new(),
            current: None,
            outcome: None,
            history: Vec::new(),
            machine_timer: None,
            closed_tokens: BTreeSet::new(),
            last_number: 0,
        }
    }

    /// How it ended, if it did.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// `RUNNING`, or how it ended.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.outcome.as_ref().map_or("RUNNING", Outcome::status)
    }

    /// Everything that happened, oldest first.
    #[must_use]
    pub fn history(&self) -> &[HistoryEvent] {
        &self.history
    }

    /// Who it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it was started with.
    #[must_use]
    pub const fn input(&self) -> &Value {
        &self.input
    }

    /// The state that runs, or in which the execution failed.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.current.as_ref().map(|current| current.name.as_str())
    }

    /// When it began.
    #[must_use]
    pub const fn started_at(&self) -> i64 {
        self.started_at
    }

    /// When it ended.
    #[must_use]
    pub fn ended_at(&self) -> Option<i64> {
        self.outcome.as_ref()?;
        self.history.last().map(|event| event.at)
    }

    /// Whether the answer to a call is still awaited.
    #[must_use]
    pub fn awaits(&self, call: CallId) -> bool {
        self.outcome.is_none() && self.attempt().is_some_and(|attempt| attempt.call == call)
    }

    /// What is known of a token.
    #[must_use]
    pub fn token(&self, token: &str) -> Token {
        let awaited = self.attempt().is_some_and(|attempt| attempt.holds(token));
        if awaited && self.outcome.is_none() {
            Token::Awaited
        } else if awaited || self.closed_tokens.contains(token) {
            Token::Closed
        } else {
            Token::Unknown
        }
    }

    /// The timer at which the state that runs goes on by itself: the end of a wait, a retry, or a task's timeout.
    #[must_use]
    pub fn timer(&self) -> Option<TimerId> {
        match &self.current.as_ref()?.doing {
            Doing::Waiting(timer) | Doing::Pausing(timer) => Some(*timer),
            Doing::Calling(attempt) => attempt.timeout,
            Doing::Moving => None,
        }
    }

    fn attempt(&self) -> Option<&Attempt> {
        match &self.current.as_ref()?.doing {
            Doing::Calling(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// Whether there is room for the last event only.
    pub(super) const fn is_full(&self) -> bool {
        self.history.len() + 1 >= MAX_EVENTS
    }
}
