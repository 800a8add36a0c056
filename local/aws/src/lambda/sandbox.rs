//! One process of a function, from its start to its end, one invocation at a time.

use super::function::{Function, SECRET_KEY, access_key};
use super::meter::{self, Measured};
use super::outcome::Outcome;
use crate::keeper::Keeper;
use crate::process::{Child, Command};
use anyhow::Result;
use axum::body::Bytes;
use parking_lot::Mutex;
use rustix::process::Signal;
use std::process::ExitStatus;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, oneshot, watch};

/// Lambda's own limit for a function's start.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// Where the session token stands in a call; a function's is the id of its process.
pub const TOKEN_HEADER: &str = "x-amz-security-token";

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
    child: OnceLock<Child>,
    slot: Mutex<Slot>,
    has_work: Notify,
    polled: watch::Sender<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Slot {
    reserved: bool,
    init_error: Option<Bytes>,
    work: Option<Work>,
    invocations: u32,
    running: Option<(String, oneshot::Sender<Outcome>)>,
}

impl Sandbox {
    /// A place for a process that will poll under `id`, reserved for its first invocation.
    pub fn new(id: String, function: Arc<Function>) -> Self {
        Self {
            id,
            function,
            child: OnceLock::new(),
            slot: Mutex::new(Slot {
                reserved: true,
                ..Slot::default()
            }),
            has_work: Notify::new(),
            polled: watch::Sender::new(None),
        }
    }

    /// Starts the process, which may poll before this returns.
    ///
    /// # Errors
    /// When the binary can't be started.
    pub async fn start(&self, endpoint: &str, keeper: &Keeper) -> Result<()> {
        let command = command(&self.function, endpoint, &self.id);
        let child = keeper.spawn(command).await?;
        self.child.get_or_init(|| child);
        Ok(())
    }

    /// The id under which the process polls.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is a process of this function.
    pub fn serves(&self, name: &str) -> bool {
        self.function.name == super::names::name_of(name)
    }

    /// The function's ARN.
    pub fn arn(&self) -> String {
        self.function.arn()
    }

    /// Whether the process works on an invocation now.
    pub fn is_busy(&self) -> bool {
        self.slot.lock().running.is_some()
    }

    /// Takes the process for one invocation, if it is idle.
    pub fn reserve(&self) -> bool {
        let mut slot = self.slot.lock();
        let free = !slot.reserved && self.living().is_some();
        slot.reserved |= free;
        free
    }

    /// Runs one invocation in this process, which must have been reserved. One that is answered is measured.
    pub async fn run(&self, request_id: &str, payload: Bytes) -> (Outcome, Option<Measured>) {
        let timeout = self.function.timeout;
        if let Err(outcome) = self.wait_until_started(request_id).await {
            self.kill();
            return (outcome, None);
        }
        let handed = Instant::now();
        let answer = self.hand_over(request_id, payload);
        let outcome = tokio::select! {
            // An answer that arrived just before the end of the process counts.
            biased;
            Ok(outcome) = answer => {
                let measured = self.measured(handed.elapsed());
                self.slot.lock().reserved = false;
                return (outcome, measured);
            }
            status = self.ended() => Outcome::exited(request_id, status),
            () = tokio::time::sleep(timeout) => {
                self.kill();
                Outcome::timed_out(request_id, timeout)
            }
        };
        // The process is not used again: it ended, or is about to.
        self.slot.lock().running = None;
        (outcome, None)
    }

    /// The process's next work; waits for it.
    pub async fn next(&self) -> Work {
        self.polled.send_if_modified(|first| {
            let now = first.is_none().then(Instant::now);
            *first = first.or(now);
            now.is_some()
        });
        loop {
            if let Some(work) = self.slot.lock().work.take() {
                return work;
            }
            self.has_work.notified().await;
        }
    }

    /// The process's answer to an invocation. Tells whether it was waited for.
    pub fn finish(&self, request_id: &str, outcome: Outcome) -> bool {
        let mut slot = self.slot.lock();
        let awaited = slot.running.take_if(|(running, _)| running == request_id);
        awaited.is_some_and(|(_, done)| done.send(outcome).is_ok())
    }

    /// The process says that it can't start.
    pub fn fail_init(&self, payload: Bytes) {
        self.slot.lock().init_error = Some(payload);
    }

    /// Kills the process. Tells whether it was there.
    pub fn kill(&self) -> bool {
        self.living()
            .is_some_and(|child| child.signal(Signal::KILL).is_ok())
    }

    /// Waits for the end of the process.
    pub async fn ended(&self) -> Option<ExitStatus> {
        self.child.get()?.end().await.ok()
    }

    fn living(&self) -> Option<&Child> {
        self.child.get().filter(|child| child.ended().is_none())
    }

    fn measured(&self, took: Duration) -> Option<Measured> {
        let child = self.child.get()?;
        let polled = (*self.polled.borrow())?;
        let is_first = self.slot.lock().invocations == 1;
        Some(Measured {
            function: self.function.name.clone(),
            memory_mb: self.function.memory_mb,
            init: is_first.then(|| polled.saturating_duration_since(child.started())),
            took,
            peak_kb: meter::peak_kb(child.pid()),
        })
    }

    fn hand_over(&self, request_id: &str, payload: Bytes) -> oneshot::Receiver<Outcome> {
        let (done, outcome) = oneshot::channel();
        let deadline = SystemTime::now() + self.function.timeout;
        let mut slot = self.slot.lock();
        slot.invocations += 1;
        slot.running = Some((request_id.to_owned(), done));
        slot.work = Some(Work {
            request_id: request_id.to_owned(),
            payload,
            deadline_ms: deadline
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis(),
        });
        self.has_work.notify_one();
        outcome
    }

    async fn wait_until_started(&self, request_id: &str) -> Result<(), Outcome> {
        let mut polled = self.polled.subscribe();
        tokio::select! {
            _sender_lives = polled.wait_for(Option::is_some) => Ok(()),
            status = self.ended() => Err(self.init_outcome(request_id, status)),
            () = tokio::time::sleep(INIT_LIMIT) => Err(Outcome::timed_out(request_id, INIT_LIMIT)),
        }
    }

    fn init_outcome(&self, request_id: &str, status: Option<ExitStatus>) -> Outcome {
        let told = self.slot.lock().init_error.take();
        told.map_or_else(|| Outcome::exited(request_id, status), Outcome::Failed)
    }
}

/// The process keeps nothing of the platform's own environment but where programs are found.
fn command(function: &Function, endpoint: &str, id: &str) -> Command {
    let command = Command::new(&function.binary)
        .named(&function.name)
        .clean_environment()
        .env("AWS_LAMBDA_RUNTIME_API", format!("{endpoint}/runtime/{id}"))
        .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            function.memory_mb.to_string(),
        )
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .env("AWS_REGION", crate::REGION)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", access_key(&function.name))
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_SESSION_TOKEN", id);
    let environment = function.environment.iter();
    environment.fold(command, |command, (name, value)| command.env(name, value))
}
