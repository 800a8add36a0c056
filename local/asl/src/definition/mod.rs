//! Amazon States Language, as far as this interpreter goes.
//!
//! A definition that parses is one that runs: every field that is not understood, every target that does not exist and
//! every expression that does not compile is a [`Fault`] with its path, and all of them are reported at once.

mod fields;
mod parse;
mod parts;
mod reach;
mod states;
mod substitute;

pub use fields::Fault;
pub use substitute::substitute;

use crate::expression::Template;
use std::collections::BTreeMap;

/// A state machine.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Where an execution begins.
    pub start_at: String,
    /// How long an execution may take, in seconds.
    pub timeout_seconds: Option<u64>,
    /// All states by name.
    pub states: BTreeMap<String, State>,
}

/// One state.
#[derive(Debug, Clone)]
pub enum State {
    /// Calls something and waits for it.
    Task(Box<Task>),
    /// Goes on where the first true condition points.
    Choice(Choice),
    /// Lets time pass.
    Wait(Wait),
    /// Rearranges data.
    Pass(Pass),
    /// Ends the execution well, which returns the output. It has no `Assign`.
    Succeed(Leaving),
    /// Ends the execution badly.
    Fail {
        /// The error's name.
        error: Option<Template>,
        /// What happened.
        cause: Option<Template>,
    },
}

impl State {
    /// The type's name in the language and in the history's event types.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Task(_) => "Task",
            Self::Choice(_) => "Choice",
            Self::Wait(_) => "Wait",
            Self::Pass(_) => "Pass",
            Self::Succeed(_) => "Succeed",
            Self::Fail { .. } => "Fail",
        }
    }
}

/// What a state hands on when it is left: `Output` and `Assign`, both evaluated with the variables as they were.
#[derive(Debug, Clone, Default)]
pub struct Leaving {
    /// The next state's input.
    pub output: Option<Template>,
    /// New values of variables.
    pub assign: Vec<(String, Template)>,
}

/// Where a state leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// To another state.
    State(String),
    /// To the end of the execution.
    End,
}

/// A `Task` state.
#[derive(Debug, Clone)]
pub struct Task {
    /// What is called.
    pub resource: Resource,
    /// What it is called with; the state's input if absent.
    pub arguments: Option<Template>,
    /// What is handed on after a success.
    pub leaving: Leaving,
    /// Where a success leads.
    pub next: Next,
    /// How long one attempt may take, in seconds; an expression is computed on each.
    pub timeout: Option<Template>,
    /// How long a token may stay silent, likewise.
    pub heartbeat: Option<Template>,
    /// What is tried again.
    pub retry: Vec<Retrier>,
    /// Where errors lead.
    pub catch: Vec<Catcher>,
}

/// What a `Task` can call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// `lambda:invoke`
    Lambda,
    /// `lambda:invoke.waitForTaskToken`
    LambdaToken,
    /// `states:startExecution.sync:2`
    Child,
    /// `sns:publish`
    Sns,
    /// `sns:publish.waitForTaskToken`
    SnsToken,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Lambda,
        Self::LambdaToken,
        Self::Child,
        Self::Sns,
        Self::SnsToken,
    ];

    /// The service's name, the history's `resourceType`.
    #[must_use]
    pub const fn service(self) -> &'static str {
        match self {
            Self::Lambda | Self::LambdaToken => "lambda",
            Self::Child => "states",
            Self::Sns | Self::SnsToken => "sns",
        }
    }

    /// The action with its pattern, the history's `resource`.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::Lambda => "invoke",
            Self::LambdaToken => "invoke.waitForTaskToken",
            Self::Child => "startExecution.sync:2",
            Self::Sns => "publish",
            Self::SnsToken => "publish.waitForTaskToken",
        }
    }

    /// Whether the task ends when a caller returns its token.
    #[must_use]
    pub const fn waits_for_token(self) -> bool {
        matches!(self, Self::LambdaToken | Self::SnsToken)
    }

    /// The arguments that are understood, the required ones first.
    const fn arguments(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Lambda | Self::LambdaToken => (&["FunctionName"], &["Payload", "Qualifier"]),
            Self::Child => (&["StateMachineArn"], &["Input", "Name"]),
            Self::Sns | Self::SnsToken => (
                &["TopicArn", "Message"],
                &["Subject", "MessageAttributes", "MessageStructure"],
            ),
        }
    }
}

/// One entry of `Retry`.
#[derive(Debug, Clone)]
pub struct Retrier {
    /// The errors that it is for.
    pub errors: Vec<String>,
    /// The first delay in seconds.
    pub interval_seconds: u64,
    /// What each further delay is multiplied by.
    pub backoff_rate: f64,
    /// How often.
    pub max_attempts: u64,
    /// No delay is longer.
    pub max_delay_seconds: Option<u64>,
    /// Whether a delay is drawn between zero and its length (`FULL`).
    pub full_jitter: bool,
}

/// One entry of `Catch`.
#[derive(Debug, Clone)]
pub struct Catcher {
    /// The errors that it is for.
    pub errors: Vec<String>,
    /// What is handed on; the error itself if there is no `Output`.
    pub leaving: Leaving,
    /// Where it leads.
    pub next: String,
}

/// A `Choice` state.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Tried in order.
    pub rules: Vec<Rule>,
    /// Taken when no rule is true.
    pub default: Option<String>,
    /// What is handed on with the default.
    pub leaving: Leaving,
}

/// One entry of `Choices`.
#[derive(Debug, Clone)]
pub struct Rule {
    /// A boolean, given or computed.
    pub condition: Template,
    /// What is handed on.
    pub leaving: Leaving,
    /// Where it leads.
    pub next: String,
}

/// A `Wait` state.
#[derive(Debug, Clone)]
pub struct Wait {
    /// How long.
    pub until: Until,
    /// What is handed on.
    pub leaving: Leaving,
    /// Where it leads.
    pub next: Next,
}

/// When a `Wait` is over.
#[derive(Debug, Clone)]
pub enum Until {
    /// After so many seconds.
    Seconds(Template),
    /// At a time.
    Timestamp(Template),
}

/// A `Pass` state.
#[derive(Debug, Clone)]
pub struct Pass {
    /// What is handed on.
    pub leaving: Leaving,
    /// Where it leads.
    pub next: Next,
}
