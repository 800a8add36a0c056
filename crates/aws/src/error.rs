//! Reads what failed outside once, at the edge, so that [`ports::Failure::name`] can decide the error's name.
//!
//! A call says whether it only looked or could have acted, and what it was doing:
//!
//! ```ignore
//! client.describe_db_instances().send().await.map_err(looked("describing the instances"))?;
//! client.delete_db_instance().send().await.map_err(acted("deleting green's instance"))?;
//! ```

mod service;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::error::operation::BuildError;
use ports::{BoxError, Error, Failure, Nature};
use service::of_service;
use std::error::Error as StdError;

/// Something that failed outside.
#[derive(Debug)]
pub(crate) struct Cause {
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
            SdkError::ServiceError(_) => of_service(code.as_deref(), status),
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
pub(crate) fn looked<C: Into<Cause>>(doing: &'static str) -> impl FnOnce(C) -> Error {
    move |cause| of(Nature::Looked, doing, cause.into())
}

/// For a call that may have changed something.
pub(crate) fn acted<C: Into<Cause>>(doing: &'static str) -> impl FnOnce(C) -> Error {
    move |cause| of(Nature::Acted, doing, cause.into())
}

fn of(nature: Nature, doing: &str, cause: Cause) -> Error {
    let Cause {
        failure,
        code,
        said,
        source,
    } = cause;
    Error::of(nature, doing, failure, code, &said, source)
}
