//! An execution in the real world: what its core asks for is done, and what comes back is told to it.

use super::api;
use super::calls;
use super::change::StatusChange;
use super::core::{CallId, Effect, Event, Execution, Moment, Outcome, Purpose, TimerId};
use super::definition::Resource;
use super::history::{Failure, HistoryEvent};
use super::machines::StateMachine;
use super::service::{Observed, States};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// An execution that runs, or ran.
pub(super) struct Running {
    states: States,
    /// As it was when the execution began.
    pub(super) machine: StateMachine,
    execution: Mutex<Execution>,
    over: watch::Sender<bool>,
    children: Mutex<HashMap<CallId, String>>,
    timers: Mutex<Vec<AbortHandle>>,
}

/// The lock of a mutex whose holders never panic midway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    pub(super) fn new(states: States, machine: StateMachine, execution: Execution) -> Arc<Self> {
        Arc::new(Self {
            states,
            machine,
            execution: Mutex::new(execution),
            over: watch::channel(false).0,
            children: Mutex::default(),
            timers: Mutex::default(),
        })
    }

    /// The execution as it is now.
    pub(super) fn look<T>(&self, at: impl FnOnce(&Execution) -> T) -> T {
        at(&lock(&self.execution))
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) -> Outcome {
        let mut over = self.over.subscribe();
        loop {
            if let Some(outcome) = self.look(|execution| execution.outcome().cloned()) {
                return outcome;
            }
            if over.changed().await.is_err() {
                return Outcome::Aborted(Failure::default());
            }
        }
    }

    /// Tells the execution what happened, and does what it asks for.
    pub(super) fn deliver(self: &Arc<Self>, event: Event) {
        for effect in self.step(event) {
            self.perform(effect);
        }
    }

    fn step(&self, event: Event) -> Vec<Effect> {
        let moment = Moment {
            now: jiff::Timestamp::now().as_millisecond(),
            seed: rand::random(),
        };
        let mut execution = lock(&self.execution);
        let known = execution.history().len();
        let effects = execution.step(moment, event);
        for event in &execution.history()[known..] {
            self.observe(&execution, event);
        }
        effects
    }

    fn observe(&self, execution: &Execution, event: &HistoryEvent) {
        self.states.observed(Observed {
            execution_arn: execution.identity().arn.clone(),
            machine: execution.identity().machine_name.clone(),
            event: event.clone(),
        });
    }

    fn perform(self: &Arc<Self>, effect: Effect) {
        match effect {
            Effect::Call {
                call,
                resource,
                arguments,
            } => self.call(call, resource, arguments),
            Effect::StopChild(call) => self.stop_child(call),
            Effect::StartTimer {
                timer,
                purpose,
                after,
            } => self.start_timer(timer, purpose, after),
            Effect::Finish(_) => self.finish(),
        }
    }

    fn call(self: &Arc<Self>, call: CallId, resource: Resource, arguments: Value) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let (gateway, machine) = (this.states.gateway(), &this.machine.name);
            match calls::call(gateway, machine, resource, &arguments, call).await {
                Err(failure) => this.deliver(Event::Failed { call, failure }),
                Ok(result) if resource == Resource::Child => this.follow(call, result).await,
                Ok(result) => this.deliver(Event::Returned { call, result }),
            }
        });
    }

    /// Waits for a child, which is stopped at once if its parent no longer waits.
    async fn follow(self: Arc<Self>, call: CallId, started: Value) {
        let arn = started["ExecutionArn"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        lock(&self.children).insert(call, arn.clone());
        self.deliver(Event::Returned {
            call,
            result: started,
        });
        if !self.look(|execution| execution.awaits(call)) {
            self.stop_child(call);
        }
        let Some(child) = self.states.running(&arn) else {
            return;
        };
        child.ended().await;
        let event = child.look(|child| child_event(call, child));
        self.deliver(event);
    }

    fn stop_child(&self, call: CallId) {
        let child = lock(&self.children)
            .get(&call)
            .and_then(|arn| self.states.running(arn));
        if let Some(child) = child {
            child.deliver(Event::Stopped(Failure::default()));
        }
    }

    fn start_timer(self: &Arc<Self>, timer: TimerId, purpose: Purpose, after: u64) {
        let nominal = Duration::from_millis(after);
        let real = match purpose {
            Purpose::Wait | Purpose::Token | Purpose::Heartbeat => {
                self.states.clock().real(nominal)
            }
            Purpose::Retry | Purpose::Task | Purpose::Machine => nominal,
        };
        let this = Arc::downgrade(self);
        let task = tokio::spawn(async move {
            tokio::time::sleep(real).await;
            if let Some(this) = this.upgrade() {
                this.deliver(Event::TimerFired(timer));
            }
        });
        lock(&self.timers).push(task.abort_handle());
    }

    fn finish(&self) {
        let change = self.look(StatusChange::of);
        self.over.send_replace(true);
        self.states.changed(&change);
        // Last, since a timer may be what brought the end.
        lock(&self.timers).drain(..).for_each(|timer| timer.abort());
    }
}

/// What a parent hears when its child has ended: the child's description, in which a success has input and output as JSON.
fn child_event(call: CallId, child: &Execution) -> Event {
    let mut description = api::describe(child);
    if let Some(Outcome::Succeeded(output)) = child.outcome() {
        description["input"] = child.input().clone();
        description["output"] = output.clone();
        return Event::ChildSucceeded {
            call,
            result: pascal(description),
        };
    }
    let cause = pascal(description).to_string();
    Event::Failed {
        call,
        failure: Failure::new("States.TaskFailed", cause),
    }
}

/// `executionArn` → `ExecutionArn`, as the results of tasks have it.
fn pascal(description: Value) -> Value {
    let Value::Object(members) = description else {
        return description;
    };
    let renamed = members.into_iter().map(|(key, value)| {
        let (first, rest) = key.split_at(1);
        (format!("{}{rest}", first.to_uppercase()), value)
    });
    Value::Object(renamed.collect())
}
