//! What went wrong outside, and the one place that decides what the state machine is told about it.
//!
//! Effects say whether a call only looked or could have acted, and what they were doing:
//!
//! ```ignore
//! client.describe_db_instances().send().await.map_err(looked("describing the instances"))?;
//! client.delete_db_instance().send().await.map_err(acted("deleting green's instance"))?;
//! ```

mod failure;

pub use failure::{Failure, Nature};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::error::operation::BuildError;
use domain::error::{ErrorName, StepError};
use std::error::Error as StdError;
use std::fmt;

type BoxError = Box<dyn StdError + Send + Sync>;

/// A step's failure with what caused it. Its message may be read by a person; its sources go to the log only.
#[derive(Debug)]
pub struct Error {
    step: StepError,
    code: Option<String>,
    source: Option<BoxError>,
}

impl Error {
    /// The name that the state machine matches.
    #[must_use]
    pub const fn name(&self) -> ErrorName {
        self.step.name
    }

    /// The service's error code or PostgreSQL's SQLSTATE, as it was sent.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same call may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.name() == ErrorName::Transient
    }

    /// Whether a server did not let us in: SQLSTATE's class 28.
    #[must_use]
    pub fn is_refused_login(&self) -> bool {
        self.code().is_some_and(|code| code.starts_with("28"))
    }

    /// The same, of something that is known to pass.
    pub(crate) fn passing(mut self) -> Self {
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

/// Something that failed outside, read once at the edge.
#[derive(Debug)]
pub struct Cause {
    failure: Failure,
    code: Option<String>,
    said: String,
    source: BoxError,
}

impl<E> From<SdkError<E, HttpResponse>> for Cause
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let code = error.code().map(str::to_owned);
        let status = error
            .raw_response()
            .map_or(0, |response| response.status().as_u16());
        let failure = match &error {
            SdkError::ServiceError(_) => Failure::of_service(code.as_deref(), status),
            SdkError::TimeoutError(_)
            | SdkError::DispatchFailure(_)
            | SdkError::ResponseError(_) => Failure::NoAnswer,
            _ => Failure::Unknown,
        };
        let said = match error.message() {
            Some(message) => message.to_owned(),
            None => error.to_string(),
        };
        Self {
            failure,
            code,
            said,
            source: Box::new(error),
        }
    }
}

impl From<tokio_postgres::Error> for Cause {
    fn from(error: tokio_postgres::Error) -> Self {
        let code = error.code().map(|state| state.code().to_owned());
        let failure = code
            .as_deref()
            .map_or(Failure::NoAnswer, Failure::of_sqlstate);
        let said = match (error.as_db_error(), error.source()) {
            (Some(answered), _) => answered.message().to_owned(),
            (None, Some(cause)) => format!("{error}: {cause}"),
            (None, None) => error.to_string(),
        };
        Self {
            failure,
            code,
            said,
            source: Box::new(error),
        }
    }
}

impl Cause {
    fn without_code(failure: Failure, source: BoxError) -> Self {
        Self {
            failure,
            code: None,
            said: source.to_string(),
            source,
        }
    }
}

impl From<tokio::time::error::Elapsed> for Cause {
    fn from(error: tokio::time::error::Elapsed) -> Self {
        Self::without_code(Failure::NoAnswer, Box::new(error))
    }
}

impl From<std::io::Error> for Cause {
    fn from(error: std::io::Error) -> Self {
        Self::without_code(Failure::NoAnswer, Box::new(error))
    }
}

impl From<BoxError> for Cause {
    fn from(error: BoxError) -> Self {
        Self::without_code(Failure::Unknown, error)
    }
}

impl From<BuildError> for Cause {
    fn from(error: BuildError) -> Self {
        Self::without_code(Failure::Unknown, Box::new(error))
    }
}

impl From<serde_json::Error> for Cause {
    fn from(error: serde_json::Error) -> Self {
        Self::without_code(Failure::Unfit, Box::new(error))
    }
}

/// For a call that only looked. `doing` completes “… failed”: `describing the instances`.
pub fn looked<C: Into<Cause>>(doing: &'static str) -> impl FnOnce(C) -> Error {
    move |cause| of(Nature::Looked, doing, cause.into())
}

/// For a call that may have changed something.
pub fn acted<C: Into<Cause>>(doing: &'static str) -> impl FnOnce(C) -> Error {
    move |cause| of(Nature::Acted, doing, cause.into())
}

fn of(nature: Nature, doing: &str, cause: Cause) -> Error {
    let code = cause
        .code
        .as_ref()
        .map_or_else(String::new, |code| format!(" ({code})"));
    Error {
        step: StepError {
            name: cause.failure.name(nature),
            message: format!("{doing} failed{code}: {}", cause.said),
        },
        code: cause.code,
        source: Some(cause.source),
    }
}
