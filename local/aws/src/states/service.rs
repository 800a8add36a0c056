//! All machines and executions of this platform.

use super::arn;
use super::change::StatusChange;
use super::error::Refusal;
use super::machine::StateMachine;
use super::running::{Executions, Observed, Running, find};
use crate::clock::Clock;
use crate::gateway::Gateway;
use asl::definition::{Definition, substitute};
use asl::history::Failure;
use asl::interpreter::{Event, Execution, Identity, MAX_BYTES, Outcome, Token};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Step Functions. Cheap to clone; all clones are the same service.
#[derive(Clone)]
pub struct States {
    inner: Arc<Inner>,
}

struct Inner {
    machines: Mutex<BTreeMap<String, StateMachine>>,
    executions: Arc<Executions>,
}

impl States {
    /// A service without machines. Tasks are called through `gateway`; waits and tokens go by `clock`.
    #[must_use]
    pub fn new(gateway: Gateway, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                machines: Mutex::default(),
                executions: Arc::new(Executions::new(gateway, clock)),
            }),
        }
    }

    /// Makes a machine, or changes it, from the text of its definition. Returns its ARN.
    ///
    /// # Errors
    /// `InvalidDefinition` with all faults and their paths; `InvalidName`.
    pub fn register(
        &self,
        name: &str,
        text: &str,
        substitutions: &BTreeMap<String, String>,
    ) -> Result<String, Refusal> {
        let text =
            substitute(text, substitutions).map_err(|faults| Refusal::definition(&faults))?;
        let role_arn = arn::role(name);
        Ok(self.define(name, text, role_arn)?.arn)
    }

    pub(super) fn define(
        &self,
        name: &str,
        text: String,
        role_arn: String,
    ) -> Result<StateMachine, Refusal> {
        arn::check_name(name)?;
        let definition = Definition::parse(&text).map_err(|faults| Refusal::definition(&faults))?;
        let arn = arn::machine(name);
        let now = jiff::Timestamp::now().as_millisecond();
        let mut machines = self.inner.machines.lock();
        let machine = StateMachine {
            created_at: machines.get(&arn).map_or(now, |machine| machine.created_at),
            arn: arn.clone(),
            name: name.to_owned(),
            role_arn,
            text,
            definition: Arc::new(definition),
            updated_at: now,
        };
        machines.insert(arn, machine.clone());
        Ok(machine)
    }

    /// A machine by its ARN, which may name a version or an alias.
    ///
    /// # Errors
    /// `InvalidArn`, `StateMachineDoesNotExist`.
    pub fn machine(&self, machine_arn: &str) -> Result<StateMachine, Refusal> {
        let arn = arn::unqualified(machine_arn)?;
        let machines = self.inner.machines.lock();
        machines.get(&arn).cloned().ok_or_else(|| {
            let message = format!("State Machine Does Not Exist: '{machine_arn}'");
            Refusal::new("StateMachineDoesNotExist", message)
        })
    }

    /// All machines.
    #[must_use]
    pub fn machines(&self) -> Vec<StateMachine> {
        self.inner.machines.lock().values().cloned().collect()
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
        let arn = arn::execution(&machine.name, &name);
        let running = {
            let mut executions = self.inner.executions.begun.lock();
            if let Some(known) = find(&executions, &arn) {
                return same_execution(&known, &input).map(|()| arn);
            }
            let execution = execution(&machine, &arn, name, input);
            let running = Running::new(Arc::clone(&self.inner.executions), machine, execution);
            executions.push(Arc::clone(&running));
            running
        };
        running.deliver(Event::Started);
        let change = running.look(StatusChange::of);
        if change.status == "RUNNING" {
            self.inner.executions.changed(&change);
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
        let executions = self.inner.executions.begun.lock().clone();
        let newest_first = executions.iter().rev();
        newest_first.map(|it| it.look(Clone::clone)).collect()
    }

    /// Every event of every execution from now on, as it happens.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Observed> {
        self.inner.executions.watchers.subscribe()
    }

    /// Calls `listener` whenever an execution begins or ends. It must not block.
    pub fn on_change(&self, listener: impl Fn(&StatusChange) + Send + Sync + 'static) {
        self.inner
            .executions
            .listeners
            .lock()
            .push(Arc::new(listener));
    }

    /// Calls `listener` with every event of every execution, before anything follows from it. It must not block.
    pub fn on_event(&self, listener: impl Fn(&Observed) + Send + Sync + 'static) {
        self.inner
            .executions
            .observers
            .lock()
            .push(Arc::new(listener));
    }

    pub(super) fn execution(&self, execution_arn: &str) -> Result<Arc<Running>, Refusal> {
        arn::check_execution(execution_arn)?;
        self.inner.executions.find(execution_arn).ok_or_else(|| {
            let message = format!("Execution Does Not Exist: '{execution_arn}'");
            Refusal::new("ExecutionDoesNotExist", message)
        })
    }

    /// The execution that gave out a token, and whether it still waits for it.
    pub(super) fn holder(&self, token: &str) -> Option<(Arc<Running>, Token)> {
        let executions = self.inner.executions.begun.lock().clone();
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
    let message = format!("Execution Already Exists: '{arn}'");
    Err(Refusal::new("ExecutionAlreadyExists", message))
}
