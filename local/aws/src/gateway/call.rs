//! A call of an operation of a service, and its answer.

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Response, Uri};
use std::fmt;

/// What a service answers.
pub type Answer = Response<Bytes>;

/// Who calls, as the access key says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The Lambda function of this name; the platform gives each its own access key, `function-<name>`.
    Function(String),
    /// Step Functions, for an execution of the state machine of this name.
    Machine(String),
    /// EventBridge or its scheduler, in the name of the role with this logical id.
    Deliverer(String),
    /// Another service of the platform, such as `states` or `events`.
    Service(&'static str),
    /// Any other caller: a person, a test, the application.
    Person,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(name) => f.write_str(name),
            Self::Machine(_) => f.write_str("states"),
            Self::Deliverer(_) => f.write_str("events"),
            Self::Service(name) => f.write_str(name),
            Self::Person => f.write_str("person"),
        }
    }
}

/// One call of an operation of a service.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who calls.
    pub caller: Caller,
    /// The service's signing name: `rds`, `monitoring`, `lambda`, `states`, `events`, …
    pub service: String,
    /// The operation, such as `DescribeDBInstances`.
    pub operation: String,
    /// The request's method.
    pub method: Method,
    /// The request's path and query.
    pub uri: Uri,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's body, whole.
    pub body: Bytes,
}

/// A service of AWS, played on this machine. Errors are answers in the service's own shape.
#[async_trait]
pub trait Service: Send + Sync {
    /// Carries a call out.
    async fn call(&self, call: Call) -> Answer;
}

/// What decides whether a caller may make a call.
pub trait Guard: Send + Sync {
    /// Lets a call pass, or tells in IAM's words why not.
    ///
    /// # Errors
    /// When the caller's policies don't allow the call.
    fn check(&self, call: &Call) -> Result<(), String>;
}

/// The processes of functions, one of which a fault may end in the middle of a call.
#[async_trait]
pub trait Processes: Send + Sync {
    /// Kills the process that makes this call, and waits for its end. Tells whether there was one.
    async fn kill_caller(&self, call: &Call) -> bool;
}

/// The connection ends without an answer: the caller can't know whether the work was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was dropped by a fault that a test asked for")]
pub struct Hangup;
