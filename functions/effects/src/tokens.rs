//! Waits of Step Functions, ended by their task token.

use crate::error::{Cause, Error, acted};
use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use domain::error::StepError;

/// What Step Functions answers where nobody waits any more.
const OVER: [&str; 3] = ["TaskDoesNotExist", "TaskTimedOut", "InvalidToken"];

/// What became of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// We ended it.
    Now,
    /// It had ended before, by its timeout, by somebody else, or with its execution.
    Before,
}

/// The waits of the account's executions.
#[derive(Debug, Clone)]
pub struct Tokens {
    client: Client,
}

impl Tokens {
    /// The waits of the account's executions.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// Ends a wait well. The token is a secret and is never logged.
    ///
    /// # Errors
    ///
    /// As [`Self::fail`].
    pub async fn succeed(&self, token: &str) -> Result<Ended, Error> {
        let sent = self
            .client
            .send_task_success()
            .task_token(token)
            .output("{}")
            .send()
            .await;
        ended(sent)
    }

    /// Ends a wait with a failure. The token is a secret and is never logged.
    ///
    /// # Errors
    ///
    /// If Step Functions can't be reached; a wait that is over already is no error.
    pub async fn fail(&self, token: &str, why: &StepError) -> Result<Ended, Error> {
        let sent = self
            .client
            .send_task_failure()
            .task_token(token)
            .error(why.name.as_str())
            .cause(&why.message)
            .send()
            .await;
        ended(sent)
    }
}

/// What Step Functions says to a token.
fn ended<T, E, R>(sent: Result<T, SdkError<E, R>>) -> Result<Ended, Error>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
    Cause: From<SdkError<E, R>>,
{
    match sent {
        Ok(_) => Ok(Ended::Now),
        Err(failed) if failed.code().is_some_and(|code| OVER.contains(&code)) => Ok(Ended::Before),
        Err(failed) => Err(acted("ending the wait")(failed)),
    }
}
