//! Everything that is due, in the order of virtual time.

use super::call::timer::Timer;
use super::world::turn::Turn;
use asl::history::Failure;
use asl::interpreter::{CallId, TimerId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A call of a task: its execution, and which call.
pub type Caller = (usize, CallId);

/// Something that is due.
#[derive(Debug)]
pub enum Due {
    /// A timer of an execution.
    Timer(usize, TimerId),
    /// A Lambda is called, by an execution or by an event.
    Invoke(Option<Caller>, &'static str, Box<Value>),
    /// A Lambda's process begins.
    Begin(usize),
    /// Something that a Lambda's process waits for.
    Wake(usize, Rc<Timer>),
    /// A Lambda's time is up.
    Ends(usize),
    /// Step Functions receives a call's answer.
    Answer(Caller, Box<Result<Value, Failure>>),
    /// A person answers.
    Approval(String, bool),
    /// The rollback machine is started, by an event or the sweep.
    Start(Box<Value>),
    /// The world does something.
    World(Turn),
    /// Time passes.
    Tick,
    /// The sweep runs.
    Sweep,
}

impl Due {
    /// Whether a walk may be at rest while this is due.
    const fn is_idle(&self) -> bool {
        matches!(
            self,
            Self::Tick | Self::Sweep | Self::Timer(..) | Self::Ends(_) | Self::Wake(..)
        )
    }
}

/// What is due.
#[derive(Debug, Default)]
pub struct Agenda {
    /// By its moment; what was put down first comes first in the same moment.
    all: BTreeMap<(i64, u64), Due>,
    /// How much was ever due.
    pub number: u64,
    /// How much of what is due keeps a walk from resting.
    pub busy: usize,
}

impl Agenda {
    /// Something is due at a moment.
    pub fn put(&mut self, at: i64, due: Due) {
        self.number += 1;
        self.busy += usize::from(!due.is_idle());
        self.all.insert((at, self.number), due);
    }

    /// What comes next, and when.
    pub fn next(&mut self) -> Option<(i64, Due)> {
        let ((at, _), due) = self.all.pop_first()?;
        self.busy -= usize::from(!due.is_idle());
        Some((at, due))
    }
}
