//! One HTTP endpoint for all of AWS: it finds the service by the request's signature, as the services' own front doors do,
//! records every call and plays the faults that a test asked for.

pub mod client;
pub mod protocol;
pub mod server;

use crate::calls::{CallLog, Outcome};
use crate::faults::{Fault, Faults};
use crate::iam::Guard;
use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Response, Uri};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

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
    /// Anybody else: a person, a test, the application.
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

/// Dispatches calls to services. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    services: Arc<RwLock<HashMap<String, Arc<dyn Service>>>>,
    processes: Arc<RwLock<Option<Arc<dyn Processes>>>>,
    guard: Arc<RwLock<Option<Arc<Guard>>>>,
    calls: CallLog,
    faults: Faults,
}

impl Gateway {
    /// A gateway without services.
    #[must_use]
    pub fn new(calls: CallLog, faults: Faults) -> Self {
        Self {
            services: Arc::default(),
            processes: Arc::default(),
            guard: Arc::default(),
            calls,
            faults,
        }
    }

    /// From now on `service` plays the AWS service with this signing name.
    pub fn route(&self, name: &str, service: Arc<dyn Service>) {
        let mut services = self
            .services
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        services.insert(name.to_owned(), service);
    }

    /// From now on faults that kill find their processes here.
    pub fn kill_among(&self, processes: Arc<dyn Processes>) {
        let mut known = self
            .processes
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *known = Some(processes);
    }

    /// From now on functions and machines may call only what their policies allow.
    pub fn guard_by(&self, guard: Guard) {
        let mut known = self.guard.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::new(guard));
    }

    /// From now on no service answers; whatever the services and the guard hold is let go.
    pub fn close(&self) {
        let services = &mut self
            .services
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        services.clear();
        let processes = &mut self
            .processes
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        processes.take();
        let guard = &mut self.guard.write().unwrap_or_else(PoisonError::into_inner);
        guard.take();
    }

    /// Every call that was made.
    #[must_use]
    pub fn calls(&self) -> &CallLog {
        &self.calls
    }

    /// The faults that are played.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Carries out a call, recorded and subject to faults, wherever it came from.
    ///
    /// # Errors
    /// When a fault drops the connection.
    pub async fn send(&self, call: Call) -> Result<Answer, Hangup> {
        let started = jiff::Timestamp::now();
        let clock = Instant::now();
        let (caller, service, operation) = (
            call.caller.to_string(),
            call.service.clone(),
            call.operation.clone(),
        );
        let answer = self.play(call).await;
        self.calls.record(crate::calls::Record {
            caller,
            service,
            operation,
            started,
            ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
            outcome: Outcome::of(answer.as_ref()),
        });
        answer
    }

    async fn play(&self, call: Call) -> Result<Answer, Hangup> {
        match self.faults.matching(&call) {
            None => Ok(self.dispatch(call).await),
            Some(Fault::Throttle) => Ok(protocol::throttled(&call)),
            Some(Fault::FailBefore) => Ok(protocol::failed(&call)),
            Some(Fault::Refuse) => Err(Hangup),
            Some(Fault::LoseAnswer) => {
                self.dispatch(call).await;
                Err(Hangup)
            }
            Some(Fault::Deny) => Ok(protocol::denied(&call)),
            Some(Fault::DenyAfter) => {
                self.dispatch(call.clone()).await;
                Ok(protocol::denied(&call))
            }
            Some(Fault::Twice) => {
                let both = (self.dispatch(call.clone()), self.dispatch(call));
                Ok(tokio::join!(both.0, both.1).0)
            }
            Some(Fault::Delay(late)) => {
                let answer = self.dispatch(call).await;
                tokio::time::sleep(late).await;
                Ok(answer)
            }
            Some(Fault::KillBefore) => self.kill_caller(&call).await,
            Some(Fault::KillAfter) => {
                self.dispatch(call.clone()).await;
                self.kill_caller(&call).await
            }
        }
    }

    /// Nobody is left who could hear an answer.
    async fn kill_caller(&self, call: &Call) -> Result<Answer, Hangup> {
        let processes = {
            let known = self.processes.read();
            known.unwrap_or_else(PoisonError::into_inner).clone()
        };
        let killed = match processes {
            Some(processes) => processes.kill_caller(call).await,
            None => false,
        };
        if !killed {
            tracing::error!(caller = %call.caller, "a fault found no process to kill");
        }
        Err(Hangup)
    }

    async fn dispatch(&self, call: Call) -> Answer {
        let guard = {
            let known = self.guard.read().unwrap_or_else(PoisonError::into_inner);
            known.clone()
        };
        if let Some(Err(why)) = guard.map(|guard| guard.check(&call)) {
            return protocol::not_authorized(&call, &why);
        }
        let service = {
            let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
            services.get(&call.service).cloned()
        };
        match service {
            Some(service) => service.call(call).await,
            None => protocol::unknown_service(&call),
        }
    }
}
