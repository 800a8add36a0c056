//! An execution in the real world: what its core asks for is done, and what comes back is told to it.

use super::calls;
use super::change::StatusChange;
use super::description::describe;
use super::machine::StateMachine;
use crate::clock::Clock;
use crate::gateway::Gateway;
use asl::definition::Resource;
use asl::history::{Failure, HistoryEvent};
use asl::interpreter::{CallId, Effect, Event, Execution, Moment, Outcome, Purpose, TimerId};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;

/// An execution that runs, or ran.
pub(super) struct Running {
    all: Arc<Executions>,
    /// As it was when the execution began.
    pub(super) machine: StateMachine,
    execution: Mutex<Execution>,
    over: watch::Sender<bool>,
    children: Mutex<HashMap<CallId, String>>,
    timers: Mutex<Vec<AbortHandle>>,
}

/// How many events a slow watcher may be behind before it loses some.
const WATCHED: usize = 8_192;

pub(super) type EventListener = Arc<dyn Fn(&Observed) + Send + Sync>;
pub(super) type Listener = Arc<dyn Fn(&StatusChange) + Send + Sync>;

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

/// All executions, and what they share.
pub(super) struct Executions {
    pub(super) gateway: Gateway,
    pub(super) clock: Clock,
    /// In the order in which they began.
    pub(super) begun: Mutex<Vec<Arc<Running>>>,
    pub(super) watchers: broadcast::Sender<Observed>,
    pub(super) listeners: Mutex<Vec<Listener>>,
    pub(super) observers: Mutex<Vec<EventListener>>,
}

impl Executions {
    pub(super) fn new(gateway: Gateway, clock: Clock) -> Self {
        Self {
            gateway,
            clock,
            begun: Mutex::default(),
            watchers: broadcast::channel(WATCHED).0,
            listeners: Mutex::default(),
            observers: Mutex::default(),
        }
    }

    pub(super) fn find(&self, arn: &str) -> Option<Arc<Running>> {
        find(&self.begun.lock(), arn)
    }

    pub(super) fn changed(&self, change: &StatusChange) {
        let listeners = self.listeners.lock().clone();
        for listener in listeners {
            listener(change);
        }
    }

    fn observed(&self, observed: Observed) {
        let observers = self.observers.lock().clone();
        for observer in observers {
            observer(&observed);
        }
        // No one may be watching.
        let _ = self.watchers.send(observed);
    }
}

pub(super) fn find(executions: &[Arc<Running>], arn: &str) -> Option<Arc<Running>> {
    let mut newest_first = executions.iter().rev();
    newest_first
        .find(|running| running.look(|execution| execution.identity().arn == arn))
        .cloned()
}

impl Running {
    pub(super) fn new(
        all: Arc<Executions>,
        machine: StateMachine,
        execution: Execution,
    ) -> Arc<Self> {
        Arc::new(Self {
            all,
            machine,
            execution: Mutex::new(execution),
            over: watch::channel(false).0,
            children: Mutex::default(),
            timers: Mutex::default(),
        })
    }

    /// The execution as it is now.
    pub(super) fn look<T>(&self, at: impl FnOnce(&Execution) -> T) -> T {
        at(&self.execution.lock())
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
        let mut execution = self.execution.lock();
        let known = execution.history().len();
        let effects = execution.step(moment, event);
        for event in &execution.history()[known..] {
            self.observe(&execution, event);
        }
        effects
    }

    fn observe(&self, execution: &Execution, event: &HistoryEvent) {
        self.all.observed(Observed {
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
            let (gateway, machine) = (&this.all.gateway, &this.machine.name);
            match calls::call(gateway, machine, resource, &arguments, call).await {
                Err(failure) => this.deliver(Event::Failed { call, failure }),
                Ok(result) if resource == Resource::Child => this.follow(call, result).await,
                Ok(result) => this.deliver(Event::Returned { call, result }),
            }
        });
    }

    /// Waits for a child, which is stopped at once if its parent no longer waits.
    async fn follow(self: Arc<Self>, call: CallId, started: Value) {
        let arn = started["ExecutionArn"].as_str().unwrap_or_default();
        let arn = arn.to_owned();
        self.children.lock().insert(call, arn.clone());
        let result = started;
        self.deliver(Event::Returned { call, result });
        if !self.look(|execution| execution.awaits(call)) {
            self.stop_child(call);
        }
        let Some(child) = self.all.find(&arn) else {
            return;
        };
        child.ended().await;
        let event = child.look(|child| child_event(call, child));
        self.deliver(event);
    }

    fn stop_child(&self, call: CallId) {
        let arn = self.children.lock().get(&call).cloned();
        let child = arn.and_then(|arn| self.all.find(&arn));
        if let Some(child) = child {
            child.deliver(Event::Stopped(Failure::default()));
        }
    }

    fn start_timer(self: &Arc<Self>, timer: TimerId, purpose: Purpose, after: u64) {
        let nominal = Duration::from_millis(after);
        let real = match purpose {
            Purpose::Wait | Purpose::Token | Purpose::Heartbeat => self.all.clock.real(nominal),
            Purpose::Retry | Purpose::Task | Purpose::Machine => nominal,
        };
        let this = Arc::downgrade(self);
        let task = tokio::spawn(async move {
            tokio::time::sleep(real).await;
            if let Some(this) = this.upgrade() {
                this.deliver(Event::TimerFired(timer));
            }
        });
        self.timers.lock().push(task.abort_handle());
    }

    fn finish(&self) {
        let change = self.look(StatusChange::of);
        self.over.send_replace(true);
        self.all.changed(&change);
        // Last, since a timer may be what brought the end.
        self.timers.lock().drain(..).for_each(|timer| timer.abort());
    }
}

/// What a parent hears when its child has ended: the child's description, in which a success has input and output as JSON.
fn child_event(call: CallId, child: &Execution) -> Event {
    let mut description = describe(child);
    if let Some(Outcome::Succeeded(output)) = child.outcome() {
        description["input"] = child.input().clone();
        description["output"] = output.clone();
        let result = pascal(description);
        return Event::ChildSucceeded { call, result };
    }
    let failure = Failure::new("States.TaskFailed", pascal(description).to_string());
    Event::Failed { call, failure }
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
