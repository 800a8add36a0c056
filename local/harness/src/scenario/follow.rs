//! Follows the executions of the state machines as they go.

use super::observe::{Observer, Sight};
use asl::history::{Fact, HistoryEvent};
use local_aws::states::{Observed, States};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// States after which nothing follows.
const ENDS: [&str; 6] = [
    "Completed",
    "RolledBack",
    "Rejected",
    "Planned",
    "NeedsOperator",
    "Superseded",
];

/// One answer of a step.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The state's name.
    pub(super) state: String,
    /// When it was answered, by the wall clock.
    pub(super) at: SystemTime,
    /// The answer.
    pub(super) answer: Value,
}

/// Everything that the machines did.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Answers, in order.
    pub(super) steps: Vec<Step>,
    /// States that were entered, and when.
    pub(super) entered: Vec<(&'static str, String, SystemTime)>,
}

/// Follows until it is dropped.
pub(super) struct Follower {
    trace: Arc<Mutex<Trace>>,
    /// The state that was entered last, or answered: a task that waits for a moment in the run watches this.
    moments: watch::Receiver<String>,
    task: JoinHandle<()>,
}

impl Follower {
    pub(super) fn start(states: &States, observer: Arc<dyn Observer>) -> Self {
        let trace = Arc::new(Mutex::new(Trace::default()));
        let (tell, moments) = watch::channel(String::new());
        let mut events = states.watch();
        let mut following = Following {
            trace: Arc::clone(&trace),
            observer,
            tell,
            at: HashMap::new(),
        };
        let task = tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(observed) => following.take(&observed),
                    Err(RecvError::Lagged(lost)) => {
                        tracing::warn!(lost, "events of executions not followed");
                    }
                    Err(RecvError::Closed) => return,
                }
            }
        });
        Self {
            trace,
            moments,
            task,
        }
    }

    /// The state in which the upgrade is, or ended.
    pub(super) fn last_state(&self) -> Option<String> {
        self.trace.lock().last_state("upgrade").map(str::to_owned)
    }

    /// Everything that was seen, at the end.
    pub(super) fn end(self) -> Trace {
        std::mem::take(&mut *self.trace.lock())
    }

    /// Waits until the upgrade's last event is here, which comes a moment after its end.
    pub(super) async fn catch_up(&self) {
        let ended = |trace: &Trace| {
            trace
                .last_state("upgrade")
                .is_some_and(|state| ENDS.contains(&state))
        };
        // An upgrade that was aborted has no last state.
        timeout(Duration::from_secs(1), self.until(ended))
            .await
            .ok();
    }

    /// Waits until `seen` is true of the trace. Never returns if it never is.
    pub(super) async fn until(&self, seen: impl Fn(&Trace) -> bool) {
        let mut moments = self.moments.clone();
        while !seen(&self.trace.lock()) {
            if moments.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Trace {
    /// The last answer of a state.
    pub(super) fn last(&self, state: &str) -> Option<&Step> {
        self.steps.iter().rfind(|step| step.state == state)
    }

    /// The receipt that a state answered with last; both machines have a state that is called `RollBack`.
    pub(super) fn receipt_of(&self, state: &str) -> Option<Value> {
        let mut answers = self.steps.iter().rev().filter(|step| step.state == state);
        answers.find_map(|step| Some(step.answer["receipt"].clone()).filter(Value::is_object))
    }

    /// When a state was first entered.
    pub(super) fn first_entered(&self, state: &str) -> Option<SystemTime> {
        let found = self.entered.iter().find(|(_, name, _)| name == state);
        found.map(|(.., at)| *at)
    }

    /// The state in which a machine is, or ended.
    pub(super) fn last_state(&self, machine: &str) -> Option<&str> {
        let found = self.entered.iter().rfind(|(of, ..)| *of == machine);
        found.map(|(_, name, _)| name.as_str())
    }

    /// Whether any execution of a machine was in a state.
    pub(super) fn reached(&self, machine: &str, state: &str) -> bool {
        let mut entered = self.entered.iter();
        entered.any(|(of, name, _)| *of == machine && name == state)
    }
}

struct Following {
    trace: Arc<Mutex<Trace>>,
    observer: Arc<dyn Observer>,
    tell: watch::Sender<String>,
    /// The state in which each execution is.
    at: HashMap<String, String>,
}

impl Following {
    fn take(&mut self, observed: &Observed) {
        let machine = if observed.machine.ends_with("-rollback") {
            "rollback"
        } else {
            "upgrade"
        };
        match &observed.event.fact {
            Fact::StateEntered { kind, name, .. } => self.entered(observed, machine, kind, name),
            Fact::TaskSucceeded(_, answer) | Fact::TaskSubmitted(_, answer) => {
                if let Some(state) = self.at.get(&observed.execution_arn).cloned() {
                    self.answered(&state, &observed.event, answer);
                }
            }
            _ => {}
        }
    }

    fn entered(&mut self, observed: &Observed, machine: &'static str, kind: &str, name: &str) {
        self.at
            .insert(observed.execution_arn.clone(), name.to_owned());
        let at = wall(&observed.event);
        self.trace
            .lock()
            .entered
            .push((machine, name.to_owned(), at));
        if kind == "Task" {
            let state = name.to_owned();
            self.observer.see(&Sight::Entered { machine, state });
        }
        self.tell.send_replace(name.to_owned());
    }

    fn answered(&mut self, state: &str, event: &HistoryEvent, answer: &Value) {
        let answer = answer.get("Payload").unwrap_or(answer).clone();
        for sight in sights(state, &answer) {
            self.observer.see(&sight);
        }
        let step = Step {
            state: state.to_owned(),
            at: wall(event),
            answer,
        };
        self.trace.lock().steps.push(step);
        self.tell.send_replace(state.to_owned());
    }
}

/// What an answer shows to the observer.
fn sights(state: &str, answer: &Value) -> Vec<Sight> {
    let mut sights = Vec::new();
    let percent = answer["percent"]
        .as_u64()
        .and_then(|percent| u8::try_from(percent).ok());
    match (state, percent) {
        ("Provision" | "UpgradeInPlace", Some(percent)) => sights.push(Sight::Percent(percent)),
        ("ShiftWeight", Some(percent)) => sights.push(Sight::Asked(percent)),
        ("CheckLag", _) => sights.push(Sight::Lag {
            bytes: answer["lag_bytes"].as_u64(),
            ms: answer["lag_ms"].as_u64(),
        }),
        _ => {}
    }
    if let Some(summary) = answer["summary"].as_str() {
        let (state, summary) = (state.to_owned(), summary.to_owned());
        sights.push(Sight::Said { state, summary });
    }
    sights
}

fn wall(event: &HistoryEvent) -> SystemTime {
    let since = u64::try_from(event.at).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(since)
}
