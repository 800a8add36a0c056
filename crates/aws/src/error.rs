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
use ports::{BoxError, Cause, Error, Failure, Nature};
use service::of_service;
use std::error::Error as StdError;

/// What can fail outside.
pub(crate) trait Failing {
    fn cause(self) -> Cause;
}

impl<E> Failing for SdkError<E, HttpResponse>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn cause(self) -> Cause {
        let code = self.code().map(str::to_owned);
        let status = self
            .raw_response()
            .map_or(0, |response| response.status().as_u16());
        let failure = match &self {
            Self::ServiceError(_) => of_service(code.as_deref(), status),
            Self::TimeoutError(_) | Self::DispatchFailure(_) | Self::ResponseError(_) => {
                Failure::NoAnswer
            }
            _ => Failure::Unknown,
        };
        Cause {
            failure,
            said: self
                .message()
                .map_or_else(|| self.to_string(), str::to_owned),
            code,
            source: Box::new(self),
        }
    }
}

impl Failing for std::io::Error {
    fn cause(self) -> Cause {
        Cause::without_code(Failure::NoAnswer, self)
    }
}

impl Failing for BoxError {
    fn cause(self) -> Cause {
        Cause::without_code(Failure::Unknown, self)
    }
}

impl Failing for BuildError {
    fn cause(self) -> Cause {
        Cause::without_code(Failure::Unknown, self)
    }
}

impl Failing for serde_json::Error {
    fn cause(self) -> Cause {
        Cause::without_code(Failure::Unfit, self)
    }
}

/// For a call that only looked. `doing` completes “… failed”: `describing the instances`.
pub(crate) fn looked<F: Failing>(doing: &'static str) -> impl FnOnce(F) -> Error {
    move |failed| Error::of(Nature::Looked, doing, failed.cause())
}

/// For a call that may have changed something.
pub(crate) fn acted<F: Failing>(doing: &'static str) -> impl FnOnce(F) -> Error {
    move |failed| Error::of(Nature::Acted, doing, failed.cause())
}
