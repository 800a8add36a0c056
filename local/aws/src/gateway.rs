//! One HTTP endpoint for all of AWS: it finds the service by the request's signature, as the services' own front doors do,
//! records every call and plays the faults that a test asked for.

pub mod call;
pub mod client;
pub mod protocol;
pub mod server;

pub use call::{Answer, Call, Caller, Guard, Hangup, Processes, Service};

use crate::calls::{CallLog, Outcome};
use crate::faults::{Fault, Faults};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Dispatches calls to services. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    wired: Arc<RwLock<Wired>>,
    /// Every call that was made.
    pub calls: CallLog,
    /// The faults that are played.
    pub faults: Faults,
}

/// What calls come to.
#[derive(Default)]
struct Wired {
    services: HashMap<String, Arc<dyn Service>>,
    processes: Option<Arc<dyn Processes>>,
    guard: Option<Arc<dyn Guard>>,
}

impl Gateway {
    /// A gateway without services.
    #[must_use]
    pub fn new(calls: CallLog, faults: Faults) -> Self {
        Self {
            wired: Arc::default(),
            calls,
            faults,
        }
    }

    /// From now on `service` plays the AWS service with this signing name.
    pub fn route(&self, name: &str, service: Arc<dyn Service>) {
        let services = &mut self.wired.write().services;
        services.insert(name.to_owned(), service);
    }

    /// From now on faults that kill find their processes here.
    pub fn kill_among(&self, processes: Arc<dyn Processes>) {
        self.wired.write().processes = Some(processes);
    }

    /// From now on functions and machines may call only what their policies allow.
    pub fn guard_by(&self, guard: Arc<dyn Guard>) {
        self.wired.write().guard = Some(guard);
    }

    /// From now on no service answers; whatever the services and the guard hold is let go.
    pub fn close(&self) {
        *self.wired.write() = Wired::default();
    }

    /// Carries out a call, recorded and subject to faults, wherever it came from.
    ///
    /// # Errors
    /// When a fault drops the connection.
    pub async fn send(&self, call: Call) -> Result<Answer, Hangup> {
        let started = jiff::Timestamp::now();
        let clock = Instant::now();
        let caller = call.caller.to_string();
        let (service, operation) = (call.service.clone(), call.operation.clone());
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

    /// Kills the caller's process, so that no client is left to receive an answer.
    async fn kill_caller(&self, call: &Call) -> Result<Answer, Hangup> {
        let processes = self.wired.read().processes.clone();
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
        let guard = self.wired.read().guard.clone();
        if let Some(Err(why)) = guard.map(|guard| guard.check(&call)) {
            return protocol::not_authorized(&call, &why);
        }
        let service = self.wired.read().services.get(&call.service).cloned();
        match service {
            Some(service) => service.call(call).await,
            None => protocol::unknown_service(&call),
        }
    }
}
