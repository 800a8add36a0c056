//! Lambda: real binaries that speak the real Runtime API, and the API that invokes them.
//!
//! Each process serves one invocation at a time. A function has as many processes as it has invocations at once; an
//! idle one is used again, so that a function usually has one.

mod api;
pub mod client;
mod function;
mod meter;
pub mod names;
mod outcome;
mod runtime_api;
mod sandbox;

pub use function::{Function, SECRET_KEY, access_key};
pub use meter::Measured;
pub use names::{arn, invoked, name_of};
pub use outcome::Outcome;

use crate::clock::Clock;
use crate::gateway::{Call, Processes};
use crate::keeper::Keeper;
use async_trait::async_trait;
use axum::body::Bytes;
use parking_lot::{Mutex, MutexGuard};
use sandbox::Sandbox;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// No such function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Function not found: {0}")]
pub struct NotFound(String);

/// All functions and their processes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lambda {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    functions: HashMap<String, Arc<Function>>,
    endpoint: String,
    clock: Clock,
    keeper: Keeper,
    sandboxes: Mutex<HashMap<String, Arc<Sandbox>>>,
    measured: Mutex<Vec<Measured>>,
    stopped: AtomicBool,
}

impl Lambda {
    /// Functions whose processes reach the platform at `endpoint`, such as `http://127.83.1.1:8383`.
    #[must_use]
    pub fn new(functions: Vec<Function>, endpoint: &str, clock: Clock, keeper: Keeper) -> Self {
        let named = |function: Function| (function.name.clone(), Arc::new(function));
        Self {
            inner: Arc::new(Inner {
                functions: functions.into_iter().map(named).collect(),
                endpoint: endpoint.to_owned(),
                clock,
                keeper,
                sandboxes: Mutex::default(),
                measured: Mutex::default(),
                stopped: AtomicBool::new(false),
            }),
        }
    }

    /// The function of this name or ARN.
    ///
    /// # Errors
    /// When there is none.
    pub fn function(&self, name: &str) -> Result<Arc<Function>, NotFound> {
        let found = self.inner.functions.get(name_of(name)).cloned();
        found.ok_or_else(|| NotFound(arn(name_of(name))))
    }

    /// Runs the function once and waits for its end.
    ///
    /// # Errors
    /// When there is no such function.
    pub async fn invoke(&self, name: &str, payload: Bytes) -> Result<Outcome, NotFound> {
        let function = self.function(name)?;
        let request_id = uuid::Uuid::new_v4().to_string();
        let idle = |it: &Arc<Sandbox>| it.serves(&function.name) && it.reserve();
        let sandbox = match self.find(idle) {
            Some(sandbox) => sandbox,
            None => match self.start(&function).await {
                Ok(sandbox) => sandbox,
                Err(error) => return Ok(Outcome::init_failed(&request_id, &error)),
            },
        };
        let (outcome, measured) = sandbox.run(&request_id, payload).await;
        self.inner.measured.lock().extend(measured);
        Ok(outcome)
    }

    /// What each invocation took that was answered, in the order of the answers.
    #[must_use]
    pub fn measured(&self) -> Vec<Measured> {
        self.inner.measured.lock().clone()
    }

    /// Ends the idle processes of a function, so that its next invocation starts a new one.
    pub async fn cool(&self, name: &str) {
        let idle: Vec<_> = self.sandboxes().values().cloned().collect();
        for sandbox in idle.iter().filter(|it| it.serves(name) && it.reserve()) {
            sandbox.kill();
            sandbox.ended().await;
        }
    }

    /// How many invocations of the function run now.
    #[must_use]
    pub fn running(&self, name: &str) -> usize {
        let sandboxes = self.sandboxes();
        let busy = |it: &&Arc<Sandbox>| it.serves(name) && it.is_busy();
        sandboxes.values().filter(busy).count()
    }

    /// Kills the process that serves the function now, with SIGKILL. Tells whether one was running.
    #[must_use]
    pub fn kill(&self, name: &str) -> bool {
        let busy = |it: &Arc<Sandbox>| it.serves(name) && it.is_busy();
        self.find(busy).is_some_and(|sandbox| sandbox.kill())
    }

    /// Ends all processes, and from now on each one that starts.
    pub async fn stop(&self) {
        self.inner.stopped.store(true, Ordering::SeqCst);
        let all: Vec<_> = self.sandboxes().values().cloned().collect();
        for sandbox in &all {
            sandbox.kill();
        }
        for sandbox in all {
            sandbox.ended().await;
        }
    }

    fn find(&self, wanted: impl Fn(&Arc<Sandbox>) -> bool) -> Option<Arc<Sandbox>> {
        self.sandboxes().values().find(|it| wanted(it)).cloned()
    }

    async fn start(&self, function: &Arc<Function>) -> anyhow::Result<Arc<Sandbox>> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let sandbox = Arc::new(Sandbox::new(id.clone(), function.clone()));
        self.sandboxes().insert(id.clone(), sandbox.clone());
        let started = sandbox.start(&self.inner.endpoint, &self.inner.keeper);
        if let Err(error) = started.await {
            self.sandboxes().remove(&id);
            return Err(error);
        }
        // `stop` can't kill a process that is only being started.
        if self.inner.stopped.load(Ordering::SeqCst) {
            sandbox.kill();
        }
        tokio::spawn(forget_when_ended(self.clone(), sandbox.clone()));
        Ok(sandbox)
    }

    fn sandbox(&self, id: &str) -> Option<Arc<Sandbox>> {
        self.sandboxes().get(id).cloned()
    }

    fn sandboxes(&self) -> MutexGuard<'_, HashMap<String, Arc<Sandbox>>> {
        self.inner.sandboxes.lock()
    }
}

#[async_trait]
impl Processes for Lambda {
    async fn kill_caller(&self, call: &Call) -> bool {
        let process = call.headers.get(sandbox::TOKEN_HEADER);
        let process = process.and_then(|id| self.sandbox(id.to_str().ok()?));
        let Some(process) = process else { return false };
        let killed = process.kill();
        process.ended().await;
        killed
    }
}

async fn forget_when_ended(lambda: Lambda, sandbox: Arc<Sandbox>) {
    sandbox.ended().await;
    lambda.sandboxes().remove(sandbox.id());
}
