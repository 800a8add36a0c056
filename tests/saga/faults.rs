//! What goes wrong in a state.

use crate::machines::{Called, Task};
use local_aws::calls::Record;
use local_aws::faults::{Fault, Target};
use std::fmt;
use std::time::Duration;

/// How late the answer of a call is in whose middle the state is ended.
const LATE: Duration = Duration::from_millis(400);

/// A call that a function makes while it works in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner {
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// Its number among the function's calls of this operation, from 1.
    pub number: u32,
}

impl Inner {
    /// The function's `number`th call of an operation.
    pub fn new(service: &str, operation: &str, number: u32) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            number,
        }
    }

    /// Whether it changes something.
    pub fn acts(&self) -> bool {
        let looks = ["Describe", "Get", "List", "Scan", "Query"];
        !looks.iter().any(|look| self.operation.starts_with(look))
    }

    /// Whether it is about the upgrade's record.
    pub fn is_record(&self) -> bool {
        self.service == "dynamodb"
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operation, self.number)
    }
}

/// The calls of a function, numbered.
pub fn numbered(calls: &[Record]) -> Vec<Inner> {
    let mut all: Vec<Inner> = Vec::new();
    for call in calls {
        let same = |it: &&Inner| it.service == call.service && it.operation == call.operation;
        let before = all.iter().filter(same).count();
        let number = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
        all.push(Inner::new(&call.service, &call.operation, number));
    }
    all
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The state's call fails before it did anything, for good.
    Deny,
    /// The state's call fails once before it did anything, so that it is made again.
    Fail,
    /// The state's call does its work, and the answer is lost, so that it is made again.
    Lose,
    /// The state's call does its work, and the answer is a failure for good.
    DenyAfter,
    /// The state's call is made twice at the same time.
    Twice,
    /// The function is killed just before a call of its own.
    KillBefore(Inner),
    /// The function is killed just after a call of its own is done.
    KillAfter(Inner),
    /// The execution or its state is ended in the middle of a call, which is answered so late: the state's own, or one of its
    /// function.
    Ended(End, Option<Inner>, Duration),
}

/// What happens to the execution while a call is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A person stops it.
    Stop,
    /// Its state takes too long.
    TimeOut,
}

impl Kind {
    /// Stopped in the middle of this call.
    pub fn abort(at: Option<&Inner>) -> Self {
        Self::Ended(End::Stop, at.cloned(), LATE)
    }

    /// Timed out in the middle of this call.
    pub fn time_out(at: Option<&Inner>) -> Self {
        Self::Ended(End::TimeOut, at.cloned(), LATE)
    }

    /// The column of the table.
    pub const fn column(&self) -> &'static str {
        match self {
            Self::Deny => "fails before",
            Self::Fail => "fails once",
            Self::Lose => "answer lost",
            Self::DenyAfter => "fails after",
            Self::Twice => "twice",
            Self::KillBefore(_) | Self::KillAfter(_) => "killed",
            Self::Ended(End::Stop, ..) => "aborted",
            Self::Ended(End::TimeOut, ..) => "timed out",
        }
    }

    /// What to plant when the state is entered, and what follows when it fires.
    pub fn trap(&self, task: &Task) -> (Target, Fault, Option<End>) {
        let own = |number| task.called.calls(number);
        match self {
            Self::Deny => (own(task.stubborn + 1), Fault::Deny, None),
            Self::Fail => (own(1), Fault::FailBefore, None),
            Self::Lose => (own(1), Fault::LoseAnswer, None),
            Self::DenyAfter => (own(task.stubborn + 1), Fault::DenyAfter, None),
            Self::Twice => (own(1), Fault::Twice, None),
            Self::KillBefore(at) => (within(task, Some(at)), Fault::KillBefore, None),
            Self::KillAfter(at) => (within(task, Some(at)), Fault::KillAfter, None),
            Self::Ended(end, at, late) => {
                (within(task, at.as_ref()), Fault::Delay(*late), Some(*end))
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillBefore(at) => write!(f, "killed before {at}"),
            Self::KillAfter(at) => write!(f, "killed after {at}"),
            Self::Ended(_, Some(at), _) => write!(f, "{} in {at}", self.column()),
            _ => f.write_str(self.column()),
        }
    }
}

/// A call that the task's function makes, or the task's own.
fn within(task: &Task, at: Option<&Inner>) -> Target {
    match (at, &task.called) {
        (Some(at), Called::Function(name)) => {
            Target::nth(&at.service, &at.operation, at.number..=at.number).by(name)
        }
        _ => task.called.calls(1),
    }
}

/// The function that tells people.
const ANNOUNCE: &str = "announce";

/// Every fault that a task can meet, given what its function called when nothing went wrong.
pub fn of(task: &Task, calls: &[Inner]) -> Vec<Kind> {
    match &task.called {
        // To a machine, a message that was sent twice is one that was sent, and a failure after it one before it.
        Called::Function(name) if name == ANNOUNCE => vec![
            Kind::Deny,
            Kind::Lose,
            Kind::abort(None),
            Kind::time_out(None),
        ],
        Called::Function(_) => of_function(calls),
        Called::Machine => vec![
            Kind::Deny,
            Kind::Lose,
            Kind::DenyAfter,
            Kind::abort(None),
            Kind::time_out(None),
        ],
    }
}

fn of_function(calls: &[Inner]) -> Vec<Kind> {
    let mut all = vec![
        Kind::Deny,
        Kind::Fail,
        Kind::Lose,
        Kind::DenyAfter,
        Kind::Twice,
    ];
    let acting: Vec<&Inner> = calls.iter().filter(|call| call.acts()).collect();
    for call in &acting {
        // The record is written before and after whatever else is done: lease, notes, lease.
        let before = !call.is_record() || Some(call) == acting.last();
        all.extend(before.then(|| Kind::KillBefore((*call).clone())));
        all.push(Kind::KillAfter((*call).clone()));
    }
    if acting.is_empty() {
        all.extend(calls.first().cloned().map(Kind::KillBefore));
    }
    let world = acting.iter().find(|call| !call.is_record());
    let middle = world.or(acting.first()).copied().or(calls.first());
    all.push(Kind::abort(middle));
    all.push(Kind::time_out(middle));
    all
}
