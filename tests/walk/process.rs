//! A Lambda's process, as the walk drives it.

use super::agenda::Caller;
use super::call::Invocation;
use super::call::timer::Woken;
use super::functions::Running;
use serde_json::Value;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

/// A Lambda's process.
pub struct Process {
    pub future: Running,
    pub woken: Arc<Woken>,
    pub waker: Waker,
    pub invocation: Rc<Invocation>,
    pub caller: Option<Caller>,
    /// It stands still until then.
    pub still_until: i64,
    /// It comes back after its deadline, to hear of one last call.
    pub outlives: bool,
    /// The state in which it was called.
    pub state: Arc<str>,
    /// Whose claim it has to take, where it takes one.
    pub claims_for: Option<Value>,
}
