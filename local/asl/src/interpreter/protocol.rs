//! What goes into a step, and what comes out.

use crate::definition::Resource;
use crate::history::{Failure, Outcome};
use serde_json::Value;

/// The largest input, output or set of arguments, in bytes of JSON.
pub const MAX_BYTES: usize = 262_144;

/// One call of a task; each attempt has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u64);

/// What can happen to an execution.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It begins. Comes once, first.
    Started,
    /// A call returned. For a child or a token this is only the acknowledgement.
    Returned {
        /// Which call.
        call: CallId,
        /// The API's whole answer.
        result: Value,
    },
    /// A call failed.
    Failed {
        /// Which call.
        call: CallId,
        /// How.
        failure: Failure,
    },
    /// A child execution ended well; `result` describes it.
    ChildSucceeded {
        /// The call that started it.
        call: CallId,
        /// What `DescribeExecution` says, with input and output as JSON.
        result: Value,
    },
    /// A timer ran out.
    TimerFired(TimerId),
    /// A caller stops the execution.
    Stopped(Failure),
    /// The holder of a token is done.
    TokenSucceeded {
        /// The token.
        token: String,
        /// What the task returns.
        output: Value,
    },
    /// The holder of a token failed.
    TokenFailed {
        /// The token.
        token: String,
        /// How.
        failure: Failure,
    },
    /// The holder of a token is alive.
    TokenHeartbeat {
        /// The token.
        token: String,
    },
}

/// What an execution wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Call a service and send its answer back as [`Event::Returned`] or [`Event::Failed`].
    Call {
        /// Which call.
        call: CallId,
        /// What to call.
        resource: Resource,
        /// With what.
        arguments: Value,
    },
    /// Stop the child that was started by a call.
    StopChild(CallId),
    /// Send [`Event::TimerFired`] after a while.
    StartTimer {
        /// Which timer.
        timer: TimerId,
        /// What it is for.
        purpose: Purpose,
        /// In how many milliseconds.
        after: u64,
    },
    /// The execution is over. The last effect of all.
    Finish(Outcome),
}

/// What a timer is for. A local platform hurries some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A `Wait` state.
    Wait,
    /// The wait before a retry.
    Retry,
    /// `TimeoutSeconds` of a task that waits for an answer.
    Task,
    /// `TimeoutSeconds` of a task that waits for its token.
    Token,
    /// `HeartbeatSeconds`.
    Heartbeat,
    /// `TimeoutSeconds` of the machine.
    Machine,
}
