//! What can go wrong, as the state machine sees it.

use strum::{AsRefStr, Display, VariantArray};

/// The names that travel to the state machine as a Lambda's `errorType`. Retry and Catch match them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsRefStr, Display, VariantArray)]
#[strum(prefix = "Upgrade.")]
pub enum ErrorName {
    /// The same call may succeed a moment later. Retried with backoff.
    Transient,
    /// The request is malformed. Nothing was touched.
    InvalidInput,
    /// Something is in the way, or belongs to another upgrade. Nothing was touched by this call.
    Refused,
    /// An alarm that guards this upgrade went to ALARM, or could not be read.
    AlarmRaised,
    /// A rollback that this upgrade did not ask for has taken it back, or is about to.
    RolledBack,
    /// Anything else. Never retried blindly, since the call may have acted.
    Failed,
}

/// A step's failure: the name decides what the state machine does, the message tells a person what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// What the state machine matches.
    pub name: ErrorName,
    /// What happened and what to do about it, in a sentence or two.
    pub message: String,
}

impl StepError {
    fn new(name: ErrorName, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { name, message }
    }

    /// The same call may succeed a moment later.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(ErrorName::Transient, message)
    }

    /// The request is malformed; the message names the field and the remedy.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorName::InvalidInput, message)
    }

    /// Something is in the way, or belongs to another upgrade.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorName::Refused, message)
    }

    /// An alarm went to ALARM, or could not be read.
    pub fn alarm_raised(message: impl Into<String>) -> Self {
        Self::new(ErrorName::AlarmRaised, message)
    }

    /// A rollback that this upgrade did not ask for has taken it back, or is about to.
    pub fn rolled_back(message: impl Into<String>) -> Self {
        Self::new(ErrorName::RolledBack, message)
    }

    /// Something unforeseen, after which nothing may be repeated blindly.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorName::Failed, message)
    }
}
