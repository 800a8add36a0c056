//! One process of a function, from its start to its end, one invocation at a time.

use super::{Function, Outcome};
use anyhow::{Context as _, Result};
use axum::body::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, oneshot, watch};

/// Lambda's own limit for a function's start.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// One run of a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    request_id: String,
    payload: Bytes,
    timeout: Duration,
}

impl Invocation {
    /// A run with a fresh request id.
    pub fn new(payload: Bytes, timeout: Duration) -> Self {
        Self {
            request_id: uuid::Uuid::new_v4().to_string(),
            payload,
            timeout,
        }
    }

    /// Its request id.
    pub fn id(&self) -> &str {
        &self.request_id
    }
}

/// What the process fetches with `invocation/next`.
#[derive(Debug, Clone)]
pub struct Work {
    /// The request id to answer under.
    pub request_id: String,
    /// The event.
    pub payload: Bytes,
    /// When the process will be killed, in milliseconds since the epoch.
    pub deadline_ms: u128,
}

/// One process.
#[derive(Debug)]
pub struct Sandbox {
    id: String,
    function: Arc<Function>,
    pid: Pid,
    slot: Mutex<Slot>,
    has_work: Notify,
    life: watch::Sender<Life>,
}

/// How far the process is.
#[derive(Debug, Clone)]
enum Life {
    Starting,
    Polled,
    Ended(Option<ExitStatus>),
}

#[derive(Debug, Default)]
struct Slot {
    reserved: bool,
    init_error: Option<Bytes>,
    work: Option<Work>,
    running: Option<(String, oneshot::Sender<Outcome>)>,
}

impl Sandbox {
    /// Starts a process, reserved for its first invocation.
    ///
    /// # Errors
    /// When the binary can't be started.
    pub fn start(function: Arc<Function>, endpoint: &str) -> Result<Arc<Self>> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let child = spawn(&function, endpoint, &id)
            .with_context(|| format!("starting {}", function.binary.display()))?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        let sandbox = Arc::new(Self {
            id,
            function,
            pid: pid.context("the process was gone at once")?,
            slot: Mutex::new(Slot {
                reserved: true,
                ..Slot::default()
            }),
            has_work: Notify::new(),
            life: watch::Sender::new(Life::Starting),
        });
        tokio::spawn(watch_end(child, sandbox.clone()));
        Ok(sandbox)
    }

    /// The id under which the process polls.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is a process of this function.
    pub fn serves(&self, name: &str) -> bool {
        self.function.name == super::name_of(name)
    }

    /// The function's ARN.
    pub fn arn(&self) -> String {
        self.function.arn()
    }

    /// Whether the process works on an invocation now.
    pub fn is_busy(&self) -> bool {
        self.slot().running.is_some()
    }

    /// Takes the process for one invocation, if it is idle.
    pub fn reserve(&self) -> bool {
        let alive = matches!(*self.life.borrow(), Life::Polled);
        let mut slot = self.slot();
        let free = alive && !slot.reserved;
        slot.reserved |= free;
        free
    }

    /// Runs one invocation in this process, which must have been reserved.
    pub async fn run(&self, invocation: Invocation) -> Outcome {
        if let Err(outcome) = self.wait_until_started(&invocation.request_id).await {
            self.kill();
            return outcome;
        }
        let answer = self.hand_over(&invocation);
        let outcome = tokio::select! {
            // An answer that arrived just before the end of the process counts.
            biased;
            Ok(outcome) = answer => {
                self.slot().reserved = false;
                return outcome;
            }
            status = self.exit_status() => Outcome::exited(&invocation.request_id, status),
            () = tokio::time::sleep(invocation.timeout) => {
                self.kill();
                Outcome::timed_out(&invocation.request_id, invocation.timeout)
            }
        };
        // The process is not used again: it ended, or is about to.
        self.slot().running = None;
        outcome
    }

    /// The process's next work; waits for it. `None` when its end was seen.
    pub async fn next(&self) -> Option<Work> {
        self.life.send_if_modified(|life| {
            let starting = matches!(life, Life::Starting);
            if starting {
                *life = Life::Polled;
            }
            starting
        });
        loop {
            let notified = self.has_work.notified();
            if let Some(work) = self.slot().work.take() {
                return Some(work);
            }
            tokio::select! {
                () = notified => {}
                _status = self.exit_status() => return None,
            }
        }
    }

    /// The process's answer to an invocation. Tells whether it was waited for.
    pub fn finish(&self, request_id: &str, outcome: Outcome) -> bool {
        let mut slot = self.slot();
        let awaited = slot.running.take_if(|(running, _)| running == request_id);
        awaited.is_some_and(|(_, done)| done.send(outcome).is_ok())
    }

    /// The process says that it can't start.
    pub fn fail_init(&self, payload: Bytes) {
        self.slot().init_error = Some(payload);
    }

    /// Kills the process. Tells whether it was there.
    pub fn kill(&self) -> bool {
        let alive = !matches!(*self.life.borrow(), Life::Ended(_));
        alive && kill_process(self.pid, Signal::KILL).is_ok()
    }

    /// Waits for the end of the process.
    pub async fn ended(&self) {
        self.exit_status().await;
    }

    fn hand_over(&self, invocation: &Invocation) -> oneshot::Receiver<Outcome> {
        let (done, outcome) = oneshot::channel();
        let deadline = SystemTime::now() + invocation.timeout;
        let mut slot = self.slot();
        slot.running = Some((invocation.request_id.clone(), done));
        slot.work = Some(Work {
            request_id: invocation.request_id.clone(),
            payload: invocation.payload.clone(),
            deadline_ms: deadline
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis(),
        });
        self.has_work.notify_one();
        outcome
    }

    async fn wait_until_started(&self, request_id: &str) -> Result<(), Outcome> {
        let mut life = self.life.subscribe();
        let started = life.wait_for(|life| !matches!(life, Life::Starting));
        let seen = match tokio::time::timeout(INIT_LIMIT, started).await {
            Ok(Ok(life)) => life.clone(),
            Ok(Err(_)) => Life::Ended(None),
            Err(_) => Life::Starting,
        };
        match seen {
            Life::Polled => Ok(()),
            Life::Ended(status) => Err(self.init_outcome(request_id, status)),
            Life::Starting => Err(Outcome::timed_out(request_id, INIT_LIMIT)),
        }
    }

    fn init_outcome(&self, request_id: &str, status: Option<ExitStatus>) -> Outcome {
        let told = self.slot().init_error.take();
        told.map_or_else(|| Outcome::exited(request_id, status), Outcome::Failed)
    }

    async fn exit_status(&self) -> Option<ExitStatus> {
        let mut life = self.life.subscribe();
        let ended = life.wait_for(|life| matches!(life, Life::Ended(_))).await;
        match ended.map(|life| life.clone()) {
            Ok(Life::Ended(status)) => status,
            _ => None,
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process keeps nothing of the platform's own environment but where programs are found.
fn spawn(function: &Function, endpoint: &str, id: &str) -> Result<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(&function.log)?;
    let child = Command::new(&function.binary)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_LAMBDA_RUNTIME_API", format!("{endpoint}/runtime/{id}"))
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            function.memory_mb.to_string(),
        )
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .env("AWS_REGION", crate::REGION)
        .env("AWS_ACCESS_KEY_ID", format!("function-{}", function.name))
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .envs(
            function
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok(child)
}

async fn watch_end(mut child: Child, sandbox: Arc<Sandbox>) {
    let status = child.wait().await.ok();
    sandbox.life.send_replace(Life::Ended(status));
}
