//! All machines and executions of this platform.

use super::arn::{self, Place};
use super::change::StatusChange;
use super::core::{Event, Execution, Identity, MAX_BYTES, Outcome, Token};
use super::error::Refusal;
use super::history::{Failure, HistoryEvent};
use super::machines::StateMachine;
use super::running::{Running, lock};
use crate::clock::Clock;
use crate::gateway::Gateway;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

/// How many events a slow watcher may be behind before it loses some.
const WATCHED: usize = 8_192;

/// Step Functions. Cheap to clone; all clones are the same service.
#[derive(Clone)]
pub struct States {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) place: Place,
    gateway: Gateway,
    clock: Clock,
    pub(super) machines: Mutex<BTreeMap<String, StateMachine>>,
    /// In the order in which they began.
    executions: Mutex<Vec<Arc<Running>>>,
    watchers: broadcast::Sender<Observed>,
    listeners: Mutex<Vec<Listener>>,
    observers: Mutex<Vec<EventListener>>,
}

type EventListener = Arc<dyn Fn(&Observed) + Send + Sync>;
type Listener = Arc<dyn Fn(&StatusChange) + Send + Sync>;

/// An event in some execution's history.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The execution.
    pub execution_arn: String,
    /// The name of its machine.
    pub machine: String,
    /// The event.
    pub event: HistoryEvent,
}

impl States {
    /// A service without machines. Tasks are called through `gateway`; waits and tokens go by `clock`.
    #[must_use]
    pub fn new(gateway: Gateway, clock: Clock, region: &str, account: &str) -> Self {
        Self {
            inner: Arc::new(Inner {
                place: Place {
                    region: region.to_owned(),
                    account: account.to_owned(),
                },
                gateway,
                clock,
                machines: Mutex::default(),
                executions: Mutex::default(),
                watchers: broadcast::channel(WATCHED).0,
                listeners: Mutex::default(),
                observers: Mutex::default(),
            }),
        }
    }

    /// Starts an execution and returns its ARN. The same name and input while it runs is the same execution; a name that was
    /// used otherwise is refused. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// `StateMachineDoesNotExist`, `ExecutionAlreadyExists`, `InvalidName`, `InvalidArn`, `InvalidExecutionInput`.
    pub fn start(
        &self,
        machine_arn: &str,
        name: Option<&str>,
        input: Value,
    ) -> Result<String, Refusal> {
        let machine = self.machine(machine_arn)?;
        if input.to_string().len() > MAX_BYTES {
            let message =
                "Invalid State Machine Execution Input: 'The input is larger than 262144 bytes.'";
            return Err(Refusal::new("InvalidExecutionInput", message));
        }
        let name = name.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
        arn::check_name(&name)?;
        let arn = self.inner.place.execution(&machine.name, &name);
        let running = {
            let mut executions = lock(&self.inner.executions);
            if let Some(known) = find(&executions, &arn) {
                return same_execution(&known, &input).map(|()| arn);
            }
            let execution = execution(&machine, &arn, name, input);
            let running = Running::new(self.clone(), machine, execution);
            executions.push(Arc::clone(&running));
            running
        };
        running.deliver(Event::Started);
        let change = running.look(StatusChange::of);
        if change.status == "RUNNING" {
            self.changed(&change);
        }
        Ok(arn)
    }

    /// Stops an execution, and its child. A Lambda that is running goes on to its end. One that has ended stays as it is.
    ///
    /// # Errors
    /// `ExecutionDoesNotExist`, `InvalidArn`.
    pub fn stop(&self, execution_arn: &str, why: Failure) -> Result<(), Refusal> {
        self.execution(execution_arn)?.deliver(Event::Stopped(why));
        Ok(())
    }

    /// Time passes for an execution at once, as far as its state lets it: a wait ends, a retry is due, a task times out.
    /// Tells whether there was anything to pass.
    ///
    /// # Errors
    /// `ExecutionDoesNotExist`, `InvalidArn`.
    pub fn hurry(&self, execution_arn: &str) -> Result<bool, Refusal> {
        let running = self.execution(execution_arn)?;
        let timer = running.look(Execution::timer);
        if let Some(timer) = timer {
            running.deliver(Event::TimerFired(timer));
        }
        Ok(timer.is_some())
    }

    /// Waits for the end of an execution.
    ///
    /// # Errors
    /// `ExecutionDoesNotExist`, `InvalidArn`.
    pub async fn wait(&self, execution_arn: &str) -> Result<Outcome, Refusal> {
        Ok(self.execution(execution_arn)?.ended().await)
    }

    /// An execution as it is now: its status, its state, its history.
    ///
    /// # Errors
    /// `ExecutionDoesNotExist`, `InvalidArn`.
    pub fn look(&self, execution_arn: &str) -> Result<Execution, Refusal> {
        Ok(self.execution(execution_arn)?.look(Clone::clone))
    }

    /// All executions, the newest first.
    #[must_use]
    pub fn executions(&self) -> Vec<Execution> {
        let executions = lock(&self.inner.executions).clone();
        executions
            .iter()
            .rev()
            .map(|running| running.look(Clone::clone))
            .collect()
    }

    /// Every event of every execution from now on, as it happens.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Observed> {
        self.inner.watchers.subscribe()
    }

    /// Calls `listener` whenever an execution begins or ends. It must not block.
    pub fn on_change(&self, listener: impl Fn(&StatusChange) + Send + Sync + 'static) {
        lock(&self.inner.listeners).push(Arc::new(listener));
    }

    /// Calls `listener` with every event of every execution, before anything follows from it. It must not block.
    pub fn on_event(&self, listener: impl Fn(&Observed) + Send + Sync + 'static) {
        lock(&self.inner.observers).push(Arc::new(listener));
    }

    pub(super) fn execution(&self, execution_arn: &str) -> Result<Arc<Running>, Refusal> {
        arn::check_execution(execution_arn)?;
        self.running(execution_arn).ok_or_else(|| {
            let message = format!("Execution Does Not Exist: '{execution_arn}'");
            Refusal::new("ExecutionDoesNotExist", message)
        })
    }

    pub(super) fn running(&self, execution_arn: &str) -> Option<Arc<Running>> {
        find(&lock(&self.inner.executions), execution_arn)
    }

    /// The execution that gave out a token, and whether it still waits for it.
    pub(super) fn holder(&self, token: &str) -> Option<(Arc<Running>, Token)> {
        let executions = lock(&self.inner.executions).clone();
        executions.into_iter().rev().find_map(|running| {
            let known = running.look(|execution| execution.token(token));
            (known != Token::Unknown).then_some((running, known))
        })
    }

    /// The ARN of the machine of which an execution gave out a token.
    #[must_use]
    pub fn machine_of(&self, token: &str) -> Option<String> {
        let (running, _) = self.holder(token)?;
        Some(running.look(|execution| execution.identity().machine_arn.clone()))
    }

    pub(super) fn observed(&self, observed: Observed) {
        let observers = lock(&self.inner.observers).clone();
        for observer in observers {
            observer(&observed);
        }
        // Nobody may be watching.
        let _ = self.inner.watchers.send(observed);
    }

    pub(super) fn changed(&self, change: &StatusChange) {
        let listeners = lock(&self.inner.listeners).clone();
        for listener in listeners {
            listener(change);
        }
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.inner.gateway
    }

    pub(super) fn clock(&self) -> Clock {
        self.inner.clock
    }

    pub(super) fn region(&self) -> &str {
        &self.inner.place.region
    }
}

fn find(executions: &[Arc<Running>], arn: &str) -> Option<Arc<Running>> {
    let mut newest_first = executions.iter().rev();
    newest_first
        .find(|running| running.look(|execution| execution.identity().arn == arn))
        .cloned()
}

fn execution(machine: &StateMachine, arn: &str, name: String, input: Value) -> Execution {
    let identity = Identity {
        arn: arn.to_owned(),
        name,
        role_arn: machine.role_arn.clone(),
        machine_arn: machine.arn.clone(),
        machine_name: machine.name.clone(),
    };
    Execution::new(Arc::clone(&machine.definition), identity, input)
}

fn same_execution(known: &Running, input: &Value) -> Result<(), Refusal> {
    let same = known.look(|execution| execution.outcome().is_none() && execution.input() == input);
    if same {
        return Ok(());
    }
    let arn = known.look(|execution| execution.identity().arn.clone());
    Err(Refusal::new(
        "ExecutionAlreadyExists",
        format!("Execution Already Exists: '{arn}'"),
    ))
}
