//! Everything that is due, in the order of virtual time.

use super::call::timer::Timer;
use super::world::turn::Turn;
use asl::history::Failure;
use asl::interpreter::{CallId, TimerId};
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
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

/// Something and its moment; what was put down first comes first in the same moment.
#[derive(Debug)]
struct Entry {
    at: i64,
    number: u64,
    due: Due,
}

impl Entry {
    const fn key(&self) -> (i64, u64) {
        (self.at, self.number)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// The heap gives out its greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// What is due.
#[derive(Debug, Default)]
pub struct Agenda {
    heap: BinaryHeap<Entry>,
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
        let number = self.number;
        self.heap.push(Entry { at, number, due });
    }

    /// What comes next, and when.
    pub fn next(&mut self) -> Option<(i64, Due)> {
        let Entry { at, due, .. } = self.heap.pop()?;
        self.busy -= usize::from(!due.is_idle());
        Some((at, due))
    }
}
