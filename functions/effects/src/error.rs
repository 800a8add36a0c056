//! What went wrong outside, and the one place that decides what the state machine is told about it.
//!
//! Effects say whether a call only looked or could have acted, and what they were doing:
//!
//! ```ignore
//! client.describe_db_instances().send().await.map_err(looked("describing the instances"))?;
//! client.delete_db_instance().send().await.map_err(acted("deleting green's instance"))?;
//! ```

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

/// Whether the call that failed could have changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It only looked.
    Looked,
    /// It may have changed something, also if its answer was lost.
    Acted,
}

/// How a call failed, whoever answered.
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
            (Self::Denied | Self::Unfit, _) => ErrorName::Refused,
            (Self::Unknown, Nature::Acted) => ErrorName::Failed,
        }
    }

    /// Reads a service's error code and HTTP status.
    #[must_use]
    pub fn of_service(code: Option<&str>, status: u16) -> Self {
        match code.unwrap_or_default() {
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "ProvisionedThroughputExceededException"
            | "PriorRequestNotComplete" => Self::Throttled,
            "InvalidDBInstanceState"
            | "InvalidDBInstanceStateFault"
            | "InvalidBlueGreenDeploymentStateFault"
            | "TransactionConflictException"
            | "InternalFailure"
            | "ServiceUnavailable" => Self::Unavailable,
            "RequestTimeout" | "RequestTimeoutException" => Self::NoAnswer,
            "AccessDenied"
            | "AccessDeniedException"
            | "AuthorizationError"
            | "UnauthorizedOperation"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "KMSAccessDeniedException"
            | "KMSAccessDenied" => Self::Denied,
            code if is_unfit(code) => Self::Unfit,
            _ => match status {
                429 => Self::Throttled,
                500.. => Self::Unavailable,
                401 | 403 => Self::Denied,
                _ => Self::Unknown,
            },
        }
    }

    /// Reads PostgreSQL's SQLSTATE.
    #[must_use]
    pub fn of_sqlstate(code: &str) -> Self {
        match code {
            // A connection that broke or was ended, after the statement may have been done.
            code if code.starts_with("08") || code.starts_with("57P") => Self::NoAnswer,
            // Resources used up, serialization and deadlock, locks and statements that took too long, read-only.
            code if code.starts_with("53") || code.starts_with("40") => Self::Unavailable,
            "55P03" | "55006" | "57014" | "25006" => Self::Unavailable,
            // Authentication and privileges.
            code if code.starts_with("28") || code == "42501" => Self::Denied,
            // A database, role, table or column that isn't there.
            "3D000" | "42704" | "42P01" | "42703" => Self::Unfit,
            _ => Self::Unknown,
        }
    }
}

/// Codes with which a service says that something is missing or used up.
fn is_unfit(code: &str) -> bool {
    code.contains("NotFound")
        || code.contains("QuotaExceeded")
        || code.contains("DoesNotExist")
        || code.contains("NotSupported")
        || code.starts_with("NoSuch")
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
        let said = error.as_db_error().map_or_else(
            || error.to_string(),
            |answered| answered.message().to_owned(),
        );
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

#[cfg(test)]
mod tests {
    use super::{Failure, Nature};
    use domain::error::ErrorName;

    #[test]
    fn an_unknown_error_is_retried_only_if_the_call_only_looked() {
        let unknown = Failure::of_service(Some("SomethingNew"), 400);
        assert_eq!(unknown.name(Nature::Looked), ErrorName::Transient);
        assert_eq!(unknown.name(Nature::Acted), ErrorName::Failed);
    }

    #[test]
    fn what_passes_by_itself_is_retried_whatever_the_call_did() {
        for failure in [
            Failure::of_service(Some("PriorRequestNotComplete"), 400),
            Failure::of_service(None, 503),
            Failure::of_service(Some("Throttling"), 400),
            Failure::of_sqlstate("57P01"),
            Failure::of_sqlstate("40001"),
        ] {
            assert_eq!(failure.name(Nature::Acted), ErrorName::Transient);
            assert_eq!(failure.name(Nature::Looked), ErrorName::Transient);
        }
    }

    #[test]
    fn what_waiting_does_not_change_is_refused() {
        for failure in [
            Failure::of_service(Some("AccessDenied"), 403),
            Failure::of_service(Some("DBInstanceNotFound"), 404),
            Failure::of_service(Some("InstanceQuotaExceeded"), 400),
            Failure::of_sqlstate("28P01"),
            Failure::of_sqlstate("42501"),
        ] {
            assert_eq!(failure.name(Nature::Looked), ErrorName::Refused);
        }
    }
}
