//! Every call of an AWS operation, with the function that made it: tests ask it, and it is kept with the run.

use crate::gateway::call::{Answer, Hangup};
use crate::gateway::protocol;
use parking_lot::Mutex;
use serde::Serialize;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// One call, when it was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The function's name, the platform's own service, or `person`.
    pub caller: String,
    /// The service's signing name.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// When it began.
    pub started: jiff::Timestamp,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How a call ended, as the caller saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It was carried out.
    Done,
    /// The service refused it, with this code.
    Refused {
        /// The service's own error code.
        code: String,
    },
    /// No answer arrived.
    Lost,
}

impl Outcome {
    /// Reads the outcome from what is sent back.
    #[must_use]
    pub fn of(answer: Result<&Answer, &Hangup>) -> Self {
        match answer {
            Err(Hangup) => Self::Lost,
            Ok(answer) if answer.status().as_u16() < 400 => Self::Done,
            Ok(answer) => Self::Refused {
                code: protocol::error_code(answer),
            },
        }
    }
}

/// All calls of a run, in the order in which they ended. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct CallLog {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    records: Vec<Record>,
    file: Option<File>,
}

impl CallLog {
    /// A log that is also written to `path`, a JSON object per line.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn kept_in(path: &Path) -> std::io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let (records, file) = (Vec::new(), Some(file));
        Ok(Self {
            inner: Arc::new(Mutex::new(Inner { records, file })),
        })
    }

    /// Adds a call.
    pub fn record(&self, record: Record) {
        let mut inner = self.inner.lock();
        if let (Some(file), Ok(mut line)) = (&mut inner.file, serde_json::to_vec(&record)) {
            line.push(b'\n');
            if let Err(error) = file.write_all(&line) {
                tracing::warn!(%error, "call not written to the run's folder");
            }
        }
        inner.records.push(record);
    }

    /// All calls so far.
    #[must_use]
    pub fn all(&self) -> Vec<Record> {
        self.inner.lock().records.clone()
    }

    /// The calls of an operation of a service, by whomever.
    #[must_use]
    pub fn of(&self, service: &str, operation: &str) -> Vec<Record> {
        self.matching(|record| record.service == service && record.operation == operation)
    }

    /// The calls that `wanted` accepts.
    #[must_use]
    pub fn matching(&self, wanted: impl Fn(&Record) -> bool) -> Vec<Record> {
        let inner = self.inner.lock();
        let records = inner.records.iter().filter(|record| wanted(record));
        records.cloned().collect()
    }
}
