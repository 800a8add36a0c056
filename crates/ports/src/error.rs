//! What went wrong outside, and what the state machine is told about it.

use domain::error::{ErrorName, StepError};
use std::error::Error as StdError;
use std::fmt;

/// Any error of a library.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Whether the call that failed could have changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It only looked.
    Looked,
    /// It may have changed something, also if its answer was lost.
    Acted,
}

/// How a call failed, whatever service or server it went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Too many calls at once.
    Throttled,
    /// The service or server can't answer now, or the resource is busy with something that ends by itself.
    Unavailable,
    /// No answer came. The call may have done its work.
    NoAnswer,
    /// We may not do this, and waiting doesn't change it.
    Denied,
    /// We were not let in.
    RefusedLogin,
    /// A quota is used up, or something that has to be there isn't.
    Unfit,
    /// Anything else.
    Unknown,
}

impl Failure {
    /// What the state machine is told. A lost answer is safe to ask for again since every step looks before it acts;
    /// an unknown error is not, unless the call only looked.
    #[must_use]
    pub const fn name(self, nature: Nature) -> ErrorName {
        match (self, nature) {
            (Self::Throttled | Self::Unavailable | Self::NoAnswer, _)
            | (Self::Unknown, Nature::Looked) => ErrorName::Transient,
            (Self::Denied | Self::RefusedLogin | Self::Unfit, _) => ErrorName::Refused,
            (Self::Unknown, Nature::Acted) => ErrorName::Failed,
        }
    }
}

/// What made a call fail, as it is read from a library's error.
#[derive(Debug)]
pub struct Cause {
    /// How it failed.
    pub failure: Failure,
    /// The service's or server's own code, as it was sent.
    pub code: Option<String>,
    /// The service's or server's words.
    pub said: String,
    /// The library's error.
    pub source: BoxError,
}

impl Cause {
    /// One to which the service or server gave no code.
    pub fn without_code(failure: Failure, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self {
            failure,
            code: None,
            said: source.to_string(),
            source,
        }
    }
}

/// A step's failure with what caused it. Its message may be read by a person; its sources go to the log only.
#[derive(Debug)]
pub struct Error {
    step: StepError,
    failure: Option<Failure>,
    code: Option<String>,
    source: Option<BoxError>,
}

impl Error {
    /// A call that failed. `doing` completes “… failed”.
    #[must_use]
    pub fn of(nature: Nature, doing: &str, cause: Cause) -> Self {
        let Cause {
            failure,
            code,
            said,
            source,
        } = cause;
        let coded = code
            .as_ref()
            .map_or_else(String::new, |code| format!(" ({code})"));
        Self {
            step: StepError {
                name: failure.name(nature),
                message: format!("{doing} failed{coded}: {said}"),
            },
            failure: Some(failure),
            code,
            source: Some(source),
        }
    }

    /// The name that the state machine matches.
    #[must_use]
    pub const fn name(&self) -> ErrorName {
        self.step.name
    }

    /// The service's or server's own code, as it was sent.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same call may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.name() == ErrorName::Transient
    }

    /// Whether a server did not let us in.
    #[must_use]
    pub fn is_refused_login(&self) -> bool {
        self.failure == Some(Failure::RefusedLogin)
    }

    /// Whether no answer came at all.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        self.code.is_none()
    }

    /// The same, of something that is known to pass.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.step.name = ErrorName::Transient;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<StepError> for Error {
    fn from(step: StepError) -> Self {
        Self {
            step,
            failure: None,
            code: None,
            source: None,
        }
    }
}

impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        error.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_error_is_retried_only_if_the_call_only_looked() {
        assert_eq!(Failure::Unknown.name(Nature::Looked), ErrorName::Transient);
        assert_eq!(Failure::Unknown.name(Nature::Acted), ErrorName::Failed);
    }

    #[test]
    fn what_passes_is_retried_and_what_does_not_is_refused_whatever_the_call_did() {
        for nature in [Nature::Looked, Nature::Acted] {
            for passing in [Failure::Throttled, Failure::Unavailable, Failure::NoAnswer] {
                assert_eq!(passing.name(nature), ErrorName::Transient);
            }
            for lasting in [Failure::Denied, Failure::RefusedLogin, Failure::Unfit] {
                assert_eq!(lasting.name(nature), ErrorName::Refused);
            }
        }
    }
}
